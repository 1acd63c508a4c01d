"""Makers' words that many show at once: how each try ended, and what is there then."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from django.conf import settings

from billing.packages.models import Attestation, Package, Terminal
from billing.packages.services.attestation.base import Evidence
from billing.packages.services.attestation.verify import verify_attestation
from billing.packages.services.terminals import issue_nonces
from protocol.attestation import challenge_digest
from tests.concurrency.racing import at_once
from tests.concurrency.spending import _holder, _now
from tests.platform.attesting import SAID, ApplePhone, AppStore, Authority
from tests.platform.ruling import ITEM, application, terminal_of
from tests.platform.world import Person

AT_ONCE = 8
APPLE = Authority("1.2.840.113635.100.6.2.1")
settings.APP_ATTEST_ROOT = settings.STOREKIT_ROOTS = APPLE.pem
settings.STOREKIT_ONLINE_CHECKS = False


def _application() -> Package:
    package = application(_person())
    settings.ATTESTATION_APPS = {package.public_id: SAID}
    return package


def _person() -> Person:
    return cast(Person, SimpleNamespace(holder=_holder()))


def _challenge(terminal: Terminal, package: Package) -> tuple[bytes, bytes]:
    (nonce,) = issue_nonces(terminal, 1, _now())
    uid = bytes(terminal.device.uid)
    return nonce, challenge_digest(package=bytes(package.uid), terminal=uid, nonce=nonce)


def _show(
    terminal: Terminal, package: Package, nonce: bytes, evidence: Evidence, **more: Any
) -> None:
    verify_attestation(
        terminal=terminal,
        package=package,
        evidence=evidence,
        nonce=nonce,
        now=_now(),
        **{"provider": "app_attest", **more},
    )


def nonce() -> dict[str, Any]:
    """One attestation is shown eight times at once."""
    package, terminal = _application(), terminal_of(_person())
    value, digest = _challenge(terminal, package)
    evidence = ApplePhone(APPLE).attest(digest)
    ends = at_once(lambda _: _show(terminal, package, value, evidence), AT_ONCE)
    return {"ends": ends, "rows": Attestation.objects.filter(terminal=terminal).count()}


def purchase() -> dict[str, Any]:
    """One purchase is shown by eight terminals at once, each with a signature of its own."""
    package, store = _application(), AppStore(APPLE)
    terminals = [terminal_of(_person()) for _ in range(AT_ONCE)]
    challenges = [_challenge(terminal, package) for terminal in terminals]
    evidence = [store.sell(digest) for _, digest in challenges]

    def show(number: int) -> None:
        value = challenges[number][0]
        more = {"provider": "storekit", "item": ITEM}
        _show(terminals[number], package, value, evidence[number], **more)

    ends = at_once(show, AT_ONCE)
    return {"ends": ends, "rows": Attestation.objects.filter(package=package).count()}


def counter() -> dict[str, Any]:
    """One key signs eight times with one counter, as a copy of it would."""
    package, terminal, phone = _application(), terminal_of(_person()), ApplePhone(APPLE)
    value, digest = _challenge(terminal, package)
    _show(terminal, package, value, phone.attest(digest))
    challenges = [_challenge(terminal, package) for _ in range(AT_ONCE)]
    evidence = [phone.sign(digest, counter=1) for _, digest in challenges]
    ends = at_once(
        lambda number: _show(terminal, package, challenges[number][0], evidence[number]),
        AT_ONCE,
    )
    return {"ends": ends, "rows": Attestation.objects.get(terminal=terminal).counter}


RACES: dict[str, Callable[[], Any]] = {race.__name__: race for race in (nonce, purchase, counter)}
