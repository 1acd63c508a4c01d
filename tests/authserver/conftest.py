"""Fixtures: a host in this process, a platform let into it, and paired servers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from django.db import connections
from pytest_django import Settings

from authserver import services
from authserver.models import HostState
from tests.authserver.places import Place
from tests.authserver.world import NOON, Bank, LocalHost, Paired, new_key

# Whoever imports it takes the guards away, and pytest imports what may hold doctests.
collect_ignore = ["unguarded.py"]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock at noon; the tests move it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def kek_file(tmp_path: Path, settings: Settings) -> Path:
    """Let the host of this test have its key-encryption key in a file."""
    path = tmp_path / "kek"
    path.write_text(new_key() + "\n")
    path.chmod(0o640)
    settings.AUTHSERVER_KEK, settings.AUTHSERVER_KEK_FILE = "", path
    return path


@pytest.fixture
def host(db: None, tmp_path: Path) -> LocalHost:
    services.init_host(name="host-1", root_key_file=tmp_path / "root.key", now=datetime.now(UTC))
    return LocalHost()


def admitted(bank: Bank) -> Bank:
    """Let a platform into the host in this process."""
    key = services.add_platform(
        platform_id=bank.information.id,
        origin=bank.information.origin,
        root=bank.root.public,
    )
    return replace(bank, key=key)


@pytest.fixture
def bank(host: LocalHost) -> Bank:
    return admitted(Bank.make("bank", datetime.now(UTC)))


@pytest.fixture
def paired(host: LocalHost, bank: Bank) -> Paired:
    """A server whose token has not enrolled yet."""
    return Paired.make(host, bank)


@pytest.fixture
def active(paired: Paired) -> Paired:
    """A server whose token is active."""
    paired.activate()
    return paired


@pytest.fixture
def here(bank: Bank) -> Place:
    """The host of all other tests."""
    place = Place("http://localhost:8001", connections["default"], key=bank.key)
    with place.entered():
        place.root = HostState.objects.get().root
    return place


@pytest.fixture
def there(here: Place, bank: Bank, tmp_path: Path) -> Place:
    """Another one; both trust each other."""
    place = Place.made("there", tmp_path)
    place.admit(bank)
    place.trust(here)
    here.trust(place)
    return place
