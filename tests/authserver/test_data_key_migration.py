"""A database of before there were data keys opens after the migration."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from authserver.models import DataKey, HostKey, Server
from authserver.services import datakeys, rotation, seals
from protocol.ed25519 import SigningKey
from protocol.sealing import Sealer
from tests.authserver.world import new_key

APP = "authserver"
SEED = bytes(range(32))

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(*targets: tuple[str, str]) -> Any:
    """Migrate to these, or as far as it goes; return the models as they are then."""
    executor = MigrationExecutor(connection)
    nodes = [*targets] or executor.loader.graph.leaf_nodes(APP)
    executor.migrate(nodes)
    return executor.loader.project_state(nodes).apps


@pytest.fixture
def before() -> Iterator[Any]:
    """The models of then; all migrations are there again at the end."""
    yield migrate((APP, "0002_token_life"))
    migrate()


def fill(apps: Any, kek: str) -> SigningKey:
    """Store a host key and a server as they were stored then; return the key of both."""
    sealer, key = Sealer.from_base64(kek), SigningKey.generate()
    sealed = sealer.seal(key.to_bytes(), b"certificate")
    apps.get_model(APP, "HostKey").objects.create(
        sealed_private=sealed, certificate=b"certificate", from_day=1, to_day=2
    )
    platform = apps.get_model(APP, "Platform").objects.create(
        id="bank", origin="https://bank.example", root=bytes(32), key_hash=bytes(32)
    )
    apps.get_model(APP, "Server").objects.create(
        vk=key.kid.hex(),
        serial="CS1",
        platform=platform,
        state="active",
        sight=2,
        certificate=b"",
        sealed_key=sealer.seal(key.to_bytes(), key.kid + b"signing"),
        sealed_seed=sealer.seal(SEED, key.kid + b"seed"),
        seq=0,
    )
    return key


def assert_opens(key: SigningKey) -> None:
    datakeys.forget()
    server = Server.objects.get()
    assert seals.seed_of(server) == SEED
    assert seals.server_key(server).to_bytes() == key.to_bytes()
    assert seals.host_signing_key(HostKey.objects.get()).to_bytes() == key.to_bytes()


def test_an_old_database_opens_and_can_be_rotated(before: Any, kek_file: Path) -> None:
    key = fill(before, kek_file.read_text().strip())
    migrate()
    assert_opens(key)
    rotation.rotate_kek(now=datetime.now(UTC), report=lambda done, total: None)
    assert_opens(key)


def test_an_old_database_is_not_migrated_without_its_key(before: Any, kek_file: Path) -> None:
    fill(before, new_key())
    key = kek_file.read_text()
    kek_file.write_text("")
    with pytest.raises(CommandError, match="The rows there are need their key"):
        migrate()
    kek_file.write_text(key)


def test_a_new_database_has_no_data_key_before_init(before: Any) -> None:
    migrate()
    assert not DataKey.objects.exists()
