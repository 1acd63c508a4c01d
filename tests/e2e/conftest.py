"""The order of the tests; and the demos, which share a folder as on a person's machine."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest

from countersign.local import ROOT, LocalServices
from tests.e2e.live import Live
from tests.e2e.offline import Air, Place
from tests.migrated import migrated
from tests.ports import free_port


@dataclass(frozen=True)
class Demos:
    """The demos, which have all ended.

    Attributes:
        services: Of which they are, below a folder of their own.
        ended: How the program ended that ran one after the other.
    """

    services: LocalServices
    ended: "subprocess.CompletedProcess[str]"

    def said(self, name: str) -> str:
        """Return what one of them said; nothing if one before it went wrong."""
        found = re.search(rf"^== {name}$(.*?)(?:^== |\Z)", self.ended.stdout, re.DOTALL | re.M)
        return found[1] if found else ""


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Demos:
    services = LocalServices(tmp_path_factory.mktemp("demos"), free_port(), free_port())
    # ``make run``, in test_run.py, makes its tables by itself.
    for service in ("platform", "authserver"):
        shutil.copyfile(migrated(service), services.folder / f"{service}.sqlite3")
    ports = ["--port", str(services.platform_port)]
    ports += ["--authserver-port", str(services.authserver_port)]
    ended = subprocess.run(
        [sys.executable, "-m", "countersign", "demos", "--folder", str(services.folder), *ports],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"},
        capture_output=True,
        check=False,
        text=True,
    )
    return Demos(services, ended)


@pytest.fixture(scope="session")
def place(on_sqlite: Live) -> Place:
    """An owner with a gate and a checkout, a device at each, and a holder with money."""
    return Place.open(on_sqlite)


@pytest.fixture(scope="module")
def air(tmp_path_factory: pytest.TempPathFactory) -> Air:
    """What lies between two ends in one process."""
    return Air("loopback", tmp_path_factory.mktemp("air"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Search for secrets when everything else has run, so that there is most to be found."""
    items.sort(key=lambda item: item.path.name == "test_secrets_stay.py")
