"""Fixtures: one real authentication server for all tests, and a platform paired with it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

from countersign.local import LocalServices, free_port
from enrolment import authserver_client
from enrolment.models import AuthserverHost
from enrolment.selectors import forget_policy
from enrolment.services import add_host
from notices.sms import backend
from protocol.ed25519 import SigningKey
from signing import services as signing
from tests.platform.hosts import registered, second_authserver
from tests.platform.operators import browser_of, operator
from tests.platform.policies import set_policy
from tests.platform.stock import Stock
from tests.platform.world import Authserver, Person, now, step_row
from transactions.models import Step

LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let exactly those tests reach the loopback address that talk to the authserver."""
    for item in items:
        if "authserver" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.fixture(scope="session")
def authserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authserver]:
    folder = tmp_path_factory.mktemp("authserver")
    services = LocalServices(folder, authserver_port=free_port())
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
def forget() -> Iterator[None]:
    """Forget what a process keeps between requests: keys, policy, rate limits of a test before."""
    signing._cache.clear()
    forget_policy()
    cache.clear()
    yield
    signing._cache.clear()


@pytest.fixture(scope="session", autouse=True)
def resource_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is uploaded out of the checkout."""
    with override_settings(RESOURCE_STORE=tmp_path_factory.mktemp("resources")):
        yield


@pytest.fixture
def keys(db: None, authserver: Authserver) -> None:
    """Signing keys of the platform, under the root that the authserver knows."""
    signing.create_keys(root=authserver.platform_root, now=now())


@pytest.fixture
def host(keys: None, authserver: Authserver) -> Iterator[AuthserverHost]:
    """The authserver, as the platform has registered it."""
    yield add_host(
        origin=authserver.origin,
        key=authserver.key,
        fingerprint=authserver.fingerprint,
        now=now(),
    )
    authserver_client._pool.cache_clear()


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
def eventful(anna: Person, ben: Person) -> str:
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
