# Everything a person or CI does with this repository. `make` alone lists it.
# Variables: ARGS='-k name' (passed on to test, bench, screens, run, token and the demos), WHO=anna (whose token),
# SYSTEM=no (install nothing with apt),
# LAN=1 (serve the local network over HTTPS; or an address of this machine), FOLDER=var (where run keeps all),
# PYTHON=python3.12 (what the virtual environment is made with).
PYTHON ?= python3
VENV ?= .venv
FOLDER := var
LAN :=
BIN := $(VENV)/bin
ORACLE := .venv-oracle
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po authserver/locale/*/LC_MESSAGES/*.po))
export PYTHONPATH := .:platform

# Throw-away settings, for what must load Django's settings but serves nobody.
TEST_SETTINGS := set -a; . ./tests/test.env; set +a;

.DEFAULT_GOAL := help
.PHONY: help setup system demo demo-billing demo-app-billing demo-offline demos run token test sound check bench screens messages format lint types imports migrations

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.stamp node_modules/.stamp $(MESSAGES) ## Install what this needs in .venv and node_modules; compile translations

demo: setup ## Three people countersign one transaction on real services; receipts in var/demo/
	$(BIN)/python -m countersign demo $(ARGS)

demo-billing: setup ## Buy, use, copy, patch, steal and return a resource, with the real programs
	$(BIN)/python -m countersign demo-billing $(ARGS)

demo-app-billing: setup ## Bill inside an application, by network and by SMS; those that were changed are refused
	$(BIN)/python -m countersign demo-app-billing $(ARGS)

demo-offline: setup ## Open a gate and pay without a network, by QR codes and by sound; a device that lies
	$(BIN)/python -m countersign demo-offline $(ARGS)

demos: setup ## All of these, one after the other
	$(BIN)/python -m countersign demos $(ARGS)

run: setup ## Serve the site with demo people and a guide; LAN=1 for a phone in the same network
	@$(BIN)/python -m countersign run --folder '$(FOLDER)' --lan '$(LAN)' $(ARGS)

token: setup ## Answer with a demo person's token: WHO=anna, ben or chen, and LAN as for run
	@$(BIN)/python -m countersign token --folder '$(FOLDER)' --lan '$(LAN)' $(WHO) $(ARGS)

test: setup $(ORACLE)/.stamp system sound ## Run all tests; ARGS='-k name' narrows
	$(BIN)/python -m tests.run $(ARGS)

check: ## Everything CI runs: style first, then types, imports and migrations beside the tests
	@$(MAKE) --no-print-directory -j 2 setup $(ORACLE)/.stamp
	@$(MAKE) --no-print-directory system lint
	@$(MAKE) --no-print-directory types imports migrations >.checked 2>&1 & beside=$$!; \
	$(MAKE) --no-print-directory test; tests=$$?; \
	wait $$beside; beside=$$?; test $$beside -eq 0 || cat .checked; exit $$((tests + beside))

bench: setup system ## Measure reading, the log, the main job and billing; tables, and bench/results/latest.json
	$(BIN)/python bench/scan.py --quick
	$(BIN)/python -m bench.log --receipts 10000
	$(BIN)/python bench/main_job.py $(ARGS)

screens: setup system ## Shoot every page, e-mail and paper into var/screens/; ARGS='--only landing' narrows
	$(BIN)/python -m tests.browser.printed
	$(BIN)/python -m tests.browser.screens $(ARGS)

messages: setup ## Bring locale/*.po up to date with the sources; `make test` names what lacks a translation
	$(BIN)/python -m countersign.messages

format: setup ## Rewrite files into house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: setup ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types, for each Django project on a processor of its own
	@$(TEST_SETTINGS) DJANGO_SETTINGS_MODULE=authserver.settings \
		$(BIN)/mypy --cache-dir .mypy_cache/authserver authserver tests/authserver & authserver=$$!; \
	$(TEST_SETTINGS) DJANGO_SETTINGS_MODULE=countersign.settings \
		$(BIN)/mypy --exclude '^tests/authserver/' protocol tokens terminal platform tests bench manage.py; \
	site=$$?; wait $$authserver && exit $$site

imports: setup ## Check who imports whom
	$(BIN)/lint-imports --no-logo

migrations: setup ## Check that no model change lacks its migration
	$(TEST_SETTINGS) $(BIN)/python manage.py makemigrations --check --dry-run
	$(TEST_SETTINGS) $(BIN)/python -m authserver makemigrations --check --dry-run

system: ## Install missing system parts with apt, saying so first; SYSTEM=no forbids it
	@.ci/system $(SYSTEM)

sound: setup system ## Install what near-field links by sound need; left out where it cannot be compiled
	@$(MAKE) --no-print-directory --silent $(VENV)/.sound || echo 'Left out: sound. It needs g++ and python3-dev, and is then added by: make sound'

$(VENV)/.sound: requirements-sound.txt
	@command -v g++ >/dev/null
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-sound.txt
	@touch $@

$(VENV)/.stamp: requirements.txt requirements-hsm.txt requirements-dev.txt
	$(call make_venv,$(VENV),requirements-dev.txt)

$(ORACLE)/.stamp: requirements-oracle.txt
	$(call make_venv,$(ORACLE),requirements-oracle.txt)

# The npm of this machine, or else that of a Python package. Node.js itself is needed for nothing more.
node_modules/.stamp: package-lock.json package.json .npmrc requirements-npm.txt $(VENV)/.stamp
	@command -v npm >/dev/null \
		|| $(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-npm.txt
	PATH="$$PATH:$(abspath $(BIN))" npm ci
	$(BIN)/python -m whitenoise.compress --quiet node_modules
	@touch $@

%.mo: %.po $(VENV)/.stamp
	$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

# $(call make_venv,FOLDER,REQUIREMENTS)
define make_venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Python 3.11 or newer is needed; PYTHON=/path/to/python names one." >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	|| { echo "Python cannot make virtual environments here. On Debian: apt install python3-venv" >&2; exit 1; }
$(PYTHON) -m venv $(1)
$(1)/bin/pip install --quiet --disable-pip-version-check --requirement $(2)
@touch $(1)/.stamp
endef
