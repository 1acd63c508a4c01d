"""The layout's own rules: what would break imports, or slip past the import contracts."""

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SITE = ROOT / "platform"
PACKAGES = sorted({path.parent.name for path in SITE.glob("*/*.py")})
# Apps by their import names, such as billing.ledger.
APPS = sorted(".".join(path.parent.relative_to(SITE).parts) for path in SITE.rglob("apps.py"))
APPS_WITH_MODELS = sorted(
    ".".join(path.parent.relative_to(SITE).parts)
    for path in SITE.rglob("models*")
    if "__pycache__" not in path.parts
)
OUR_NAMES = [*PACKAGES, "authserver", "protocol", "tokens", "terminal"]
CONTRACTS = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}


def listed(modules: list[str]) -> set[str]:
    return {name.strip() for line in modules for name in line.split("|")}


def test_platform_is_a_source_root_and_never_a_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_import_platform_gives_the_standard_library_from_the_repository_root() -> None:
    code = "import platform; print(platform.python_version())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("3.")


@pytest.mark.parametrize("name", OUR_NAMES)
def test_no_package_takes_a_name_of_the_standard_library_or_a_dependency(name: str) -> None:
    assert name not in sys.stdlib_module_names
    assert name not in packages_distributions()


@pytest.mark.parametrize("app", APPS)
def test_every_app_is_listed_in_the_import_contracts(app: str) -> None:
    assert app in listed(CONTRACTS["site"]["layers"])


@pytest.mark.parametrize("package", PACKAGES)
def test_the_parts_are_kept_apart_from_every_package_of_the_site(package: str) -> None:
    assert package in CONTRACTS["authserver-apart"]["forbidden_modules"]
    assert package in CONTRACTS["terminal-apart"]["forbidden_modules"]
    assert package in CONTRACTS["platform-apart"]["source_modules"]


@pytest.mark.parametrize("app", sorted({*APPS, "authserver"} - {"countersign"}))
def test_every_app_is_layered_inside(app: str) -> None:
    assert app in CONTRACTS["inside"]["containers"]


@pytest.mark.parametrize("app", APPS_WITH_MODELS)
def test_the_models_of_every_app_are_its_own(app: str) -> None:
    assert CONTRACTS[f"models-{app}"]["allowed_importers"] == [app]
