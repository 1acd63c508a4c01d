"""Fixtures: one real authentication server for all tests, and a platform paired with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, timedelta
from typing import Any

import pytest
import time_machine
from argon2 import PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from whitenoise.middleware import WhiteNoiseMiddleware

from billing.ledger.services import wallets
from enrolment import authserver_client
from enrolment.models import AuthserverHost
from enrolment.selectors import forget_policy
from notices.sms import backend
from protocol.ed25519 import SigningKey
from receipts import witnesses
from signing import services as signing
from tests.local import MigratedServices
from tests.migrated import migrated
from tests.platform.applications import Application, Biller
from tests.platform.hosts import registered, second_authserver
from tests.platform.ledger import rich
from tests.platform.operators import browser_of, operator
from tests.platform.policies import set_policy
from tests.platform.stock import Stock
from tests.platform.world import Authserver, Person, now, step_row
from tests.ports import free_port
from transactions.models import Step

LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let exactly those tests reach the loopback address that talk to the authserver."""
    for item in items:
        if "authserver" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> Iterator[None]:
    """Let pytest-django find the tables made when it makes its database in memory."""
    if connection.vendor != "sqlite":
        yield
        return
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]  # Django's own
    with closing(sqlite3.connect(name, uri=True)) as ours:
        with closing(sqlite3.connect(migrated("platform"))) as made:
            made.backup(ours)
        yield


@pytest.fixture(scope="session")
def authserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authserver]:
    folder = tmp_path_factory.mktemp("authserver")
    services = MigratedServices(folder, authserver_port=free_port())
    root = SigningKey.generate()
    key_file = folder / "key"
    fingerprint = services.prepare_authserver(platform_root=root.public.hex(), key_file=key_file)
    with services.running("authserver"):
        yield Authserver(services, root, key_file.read_text("ascii").strip(), fingerprint)


@pytest.fixture(scope="session")
def filled_stock(authserver: Authserver) -> Stock:
    stock = Stock()
    stock.fill(authserver)
    return stock


@pytest.fixture
def stock(host: AuthserverHost, filled_stock: Stock) -> Stock:
    """Cards that wait for holders, who may take them by themselves."""
    set_policy(self_assignment=True)
    return filled_stock


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock at what it shows, which is the authserver's time; the tests move it.

    Else a second, minute or day that ends in the middle of a test would decide some of them.
    """
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def running_clock(clock: time_machine.Traveller) -> None:
    """Let it go on, as the authserver's does: what counts in such a test is what came first."""
    clock.move_to(time_machine.escape_hatch.datetime.datetime.now(UTC), tick=True)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Forget what a process keeps between requests: keys, policy, rate limits of a test before."""
    signing._cache.clear()
    forget_policy()
    witnesses.forget()
    cache.clear()
    yield
    signing._cache.clear()
    authserver_client._pool.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def static_files() -> Iterator[None]:
    """Look for static files once: each new client would look for all of them again."""
    files = WhiteNoiseMiddleware().files
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            WhiteNoiseMiddleware, "add_files_from_finders", lambda self: self.files.update(files)
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Hash payment passwords at no cost."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wallets, "_HASHER", cheap)
        yield


@pytest.fixture(scope="session", autouse=True)
def resource_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is uploaded out of the checkout."""
    folders = {
        f"{name}_STORE": tmp_path_factory.mktemp(name.lower()) for name in ("RESOURCE", "PACKAGE")
    }
    with override_settings(**folders):
        yield


@pytest.fixture
def keys(db: None, authserver: Authserver) -> None:
    """Signing keys of the platform, under the root that the authserver knows."""
    # Since yesterday: tests that go back some minutes run just after midnight, too.
    signing.create_keys(root=authserver.platform_root, now=now() - timedelta(days=1))


@pytest.fixture
def host(keys: None, authserver: Authserver) -> AuthserverHost:
    """The authserver, as the platform has registered it."""
    return registered(authserver)


@pytest.fixture(scope="session")
def second(
    authserver: Authserver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Authserver]:
    with second_authserver(authserver, tmp_path_factory.mktemp("second")) as other:
        yield other


@pytest.fixture
def other_host(host: AuthserverHost, second: Authserver) -> AuthserverHost:
    """A second one, which takes no new tokens by itself."""
    other = registered(second)
    AuthserverHost.objects.filter(pk=other.pk).update(weight=0)
    return other


@pytest.fixture
def anna(host: AuthserverHost) -> Person:
    """A holder with an active token."""
    return Person.enrolled("Anna")


@pytest.fixture
def ben(host: AuthserverHost) -> Person:
    """Another holder with an active token."""
    return Person.enrolled("Ben")


@pytest.fixture
def cora(host: AuthserverHost) -> Person:
    """A third holder with an active token."""
    return Person.enrolled("Cora")


@pytest.fixture
def mallory(host: AuthserverHost) -> Person:
    """A holder who is no party of anything, and has no token."""
    return Person.make("Mallory")


@pytest.fixture
def dora(db: None) -> Person:
    """A holder without a token, for tests that need no authentication server."""
    return Person.make("Dora")


@pytest.fixture
def olga(db: None) -> Person:
    """An operator, who has no token."""
    return operator("Olga")


@pytest.fixture
def otto(db: None) -> Person:
    """Another operator."""
    return operator("Otto")


@pytest.fixture
def console(olga: Person) -> Client:
    """Olga's browser."""
    return browser_of(olga)


@pytest.fixture
def signed(anna: Person) -> Step:
    """A signed step."""
    step = anna.open()
    anna.sign(step)
    return step_row(step)


@pytest.fixture
def eventful(anna: Person, ben: Person, running_clock: None) -> str:
    """A transaction in which much went wrong; its id."""
    first = anna.open(next={"email": ben.email})
    anna.answer(first, anna.wrong(first))
    receipt = anna.sign(first)
    declined = ben.follow(receipt)
    ben.post(f"/steps/{declined['id']}/decline", {"reason": "wrong colour"})
    assert ben.answer(declined).status == 409
    ben.sign(ben.follow(receipt))
    anna.post(f"/transactions/{first['transaction']}/close")
    return str(first["transaction"])


@pytest.fixture
def sms(settings: Any) -> Iterator[list[tuple[str, str]]]:
    """SMS that were sent, number and text: they stay in memory."""
    settings.SMS_URL = "memory:"
    sent = backend().sent  # type: ignore[attr-defined]  # the one in memory
    sent.clear()
    yield sent
    sent.clear()


@pytest.fixture
def phone_keys(db: None, sms: list[tuple[str, str]]) -> None:
    """Signing keys of the platform, and SMS: what phones need of it."""
    signing.create_keys(root=SigningKey.generate(), now=now())


@pytest.fixture
def payer() -> Person:
    return rich("Anna", 100_000)


@pytest.fixture
def dragons() -> Application:
    return Application.make()


@pytest.fixture
def biller(payer: Person) -> Biller:
    return Biller.of(payer)
