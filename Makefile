# Everything a person or CI does with this repository. `make` alone lists it.
# Variables: ARGS='-k name' (passed on to pytest, or to the bench), SYSTEM=no (install nothing with apt),
# PYTHON=python3.12 (what the virtual environment is made with).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ORACLE := .venv-oracle
export PYTHONPATH := .:platform

# Throw-away settings, for what must load Django's settings but serves nobody.
TEST_SETTINGS := set -a; . ./tests/test.env; set +a;

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup system demo run test check bench format lint types imports migrations

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.stamp ## Make the virtual environment .venv

demo: setup ## Three people countersign one transaction on real services; receipts in var/demo/
	$(BIN)/python -m countersign demo $(ARGS)

run: setup ## Serve the site and an authserver with demo people; prints where to go
	$(BIN)/python -m countersign run $(ARGS)

test: setup $(ORACLE)/.stamp system ## Run all tests; ARGS='-k name' narrows
	$(BIN)/python -m tests.run $(ARGS)

check: lint types imports migrations test ## Everything CI runs, in CI's order

bench: setup system ## Measure the main job on PostgreSQL; table, and bench/results/latest.json
	$(BIN)/python bench/main_job.py $(ARGS)

format: setup ## Rewrite files into house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: setup ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types, once for each Django project
	$(TEST_SETTINGS) DJANGO_SETTINGS_MODULE=countersign.settings \
		$(BIN)/mypy --exclude '^tests/authserver/' protocol tokens platform tests bench manage.py
	$(TEST_SETTINGS) DJANGO_SETTINGS_MODULE=authserver.settings \
		$(BIN)/mypy --cache-dir .mypy_cache/authserver authserver tests/authserver

imports: setup ## Check who imports whom
	$(BIN)/lint-imports --no-logo

migrations: setup ## Check that no model change lacks its migration
	$(TEST_SETTINGS) $(BIN)/python manage.py makemigrations --check --dry-run
	$(TEST_SETTINGS) $(BIN)/python -m authserver makemigrations --check --dry-run

system: ## Install missing system parts with apt, saying so first; SYSTEM=no forbids it
	@.ci/system $(SYSTEM)

$(VENV)/.stamp: requirements.txt requirements-dev.txt
	$(call make_venv,$(VENV),requirements-dev.txt)

$(ORACLE)/.stamp: requirements-oracle.txt
	$(call make_venv,$(ORACLE),requirements-oracle.txt)

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
