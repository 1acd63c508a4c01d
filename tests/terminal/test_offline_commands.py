"""Setting up on-line, and the commands: what they send, print and refuse."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from protocol.ed25519 import SigningKey
from protocol.jwk import to_base64
from protocol.keys import Purpose
from protocol.offline import Money, Serial
from terminal.binding.phone import BoundPhone
from terminal.binding.platform import Platform
from terminal.cli import app
from terminal.client import API, Client
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.links.qr import QrLink
from terminal.offline import __main__ as phone
from terminal.offline import registering
from terminal.offline.client import OfflineClient
from terminal.offline.registering import Registrar
from terminal.offline.relay import Relay
from terminal.offline.store import MAX_ENTRIES, Entry, State, Store
from terminal.trust import Trust
from tests.terminal.loopback import HOSTS, Answer, answering
from tests.terminal.offline_site import (
    CLIENT,
    PRICE,
    ClientOfSite,
    Holder,
    Site,
    World,
    beginning,
    codes,
    ended,
)
from tests.terminal.shop import NOW, Shop, certificate

PAYMENT, PASSWORD = "green apples 7", "seven tall pines"


@pytest.fixture
def site() -> Site:
    site = Site()
    introduced: dict[str, Any] = {
        "client": CLIENT.hex(),
        "salt": to_base64(bytes(16)),
        "box_key": to_base64(bytes(32)),
        "root": to_base64(site.root.public),
        "certificates": {"offline": to_base64(site.certificate)},
        "code_limit": 300,
        "code_currency": "EUR",
        "has_password": False,
        "counter": 0,
    }
    site.answers = {
        "/offline/client": introduced,
        "/offline/client/password": introduced,
        "/offline/reconcile": {"state": "active", "entries": []},
    }
    return site


@pytest.fixture
def registrar(site: Site, world: World) -> Registrar:
    home = Home(world.folder)
    client = ClientOfSite(site)
    trust = Trust(site.pins, client)
    return Registrar(home, Platform(client, world.keys), trust, Store(home.folder))


@pytest.fixture
def world(site: Site, tmp_path: Path) -> World:
    return World(site, tmp_path)


@pytest.fixture
def run(registrar: Registrar, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(Registrar, "of", lambda home: registrar)
    monkeypatch.setenv("COUNTERSIGN_TERMINAL_FOLDER", str(registrar.home.folder))
    return lambda *words, said="": CliRunner().invoke(app, ["offline", *words], input=said)


def test_a_phone_is_registered_by_the_payment_password(
    run: Callable[..., Result], site: Site, registrar: Registrar
) -> None:
    done = run("register", said=f"{PAYMENT}\n")
    assert (done.exit_code, done.stdout.lstrip()) == (
        0,
        "client 636c6e74\noffline password not set\n",
    )
    assert site.asked == [("/offline/client", {"payment_password": PAYMENT}, {})]
    assert registrar.store.registration().certificates == (site.certificate,)


def test_a_permit_is_fetched_where_the_policy_asks_for_one(
    site: Site, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.refusals["/offline/client"] = TerminalError("permit_required", "No.")
    # A phone without a chip has none to give.
    assert codes(ended(lambda: registrar.register(PAYMENT))) == ["permit_required"]
    (registrar.home.folder / "chip.json").write_text("{}")

    class Bound:
        def permit(self, purpose: str) -> str:
            site.refusals.clear()
            return f"for {purpose}"

    monkeypatch.setattr(BoundPhone, "of", lambda home: Bound())
    registrar.register(PAYMENT)
    assert site.asked[-1][1] == {"payment_password": PAYMENT, "permit": "for offline"}


def test_the_password_is_asked_for_and_kept_nowhere(
    run: Callable[..., Result], site: Site, registrar: Registrar
) -> None:
    done = run("password", said=f"{PAYMENT}\n{PASSWORD}\n")
    assert done.stdout.lstrip() == "offline password set\n"
    assert PASSWORD not in done.stderr
    body = {"payment_password": PAYMENT, "password": PASSWORD}
    assert site.asked[0] == ("/offline/client/password", body, {})
    kept = b"".join(path.read_bytes() for path in registrar.home.folder.iterdir())
    assert PASSWORD.encode() not in kept


WRONG: dict[str, Callable[[dict[str, Any]], None]] = {
    "another root": lambda answer: answer.update(root=to_base64(bytes(32))),
    "no client": lambda answer: answer.update(client="zz"),
    "no certificates": lambda answer: answer.update(certificates=None),
    "a list": lambda answer: answer.update(certificates=["x"]),
    "a certificate of another root": lambda answer: answer.update(
        certificates={
            "offline": to_base64(
                certificate(SigningKey.generate(), SigningKey.generate(), Purpose.OFFLINE)
            )
        }
    ),
    "no counter": lambda answer: answer.update(counter=None),
    "nothing": lambda answer: answer.clear(),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_answer_that_is_not_the_platforms_is_not_kept(
    site: Site, registrar: Registrar, what: str
) -> None:
    before = registrar.store.registration()
    WRONG[what](site.answers["/offline/client"])
    assert codes(ended(registrar.refresh)) == ["answer_invalid"]
    assert registrar.store.registration() == before


def test_what_the_platform_knows_is_listed_no_more(
    run: Callable[..., Result], site: Site, world: World, registrar: Registrar
) -> None:
    store = registrar.store
    approved, waiting, lost, stale = (store.draw_serial() for _ in range(4))
    old = NOW - timedelta(hours=1)
    for serial, at in ((approved, old), (waiting, old), (lost, NOW), (stale, old)):
        store.mark_used(serial, bytes(32), State.COUNTERSIGNED, at)
    site.answers["/offline/reconcile"]["entries"] = [
        {"serial": bytes(serial).hex(), "state": state, "code": "", "receipt": None}
        for serial, state in (
            (approved, "approved"),
            (waiting, "countersigned"),
            (lost, "unknown"),
            (stale, "unknown"),
        )
    ]
    found = registrar.reconcile(NOW)
    assert [outcome for _, outcome in found] == ["approved", "countersigned", "unknown", "unknown"]
    path, body, _ = site.asked[-1]
    assert path == "/offline/reconcile"
    assert body["entries"][0] == {"serial": bytes(approved).hex(), "digest": bytes(32).hex()}
    # A code may yet be brought, as long as it lives; what waits is asked for again.
    assert [entry.serial for entry in store.entries()] == [bytes(waiting), bytes(lost)]
    done = run("sync")
    assert done.stdout.splitlines()[0] == f"{bytes(waiting).hex()} countersigned"


def test_the_counter_of_a_copy_is_told_on_and_not_taken_over(
    site: Site, registrar: Registrar
) -> None:
    store = registrar.store
    for _ in range(2):
        store.draw_serial()
    # Somebody else paid, and listed it, with a copy of the key.
    site.answers["/offline/client"]["counter"] = 50
    site.answers["/offline/reconcile"]["state"] = "suspended"
    registrar.register(PAYMENT)
    registrar.set_password(PAYMENT, PASSWORD)
    assert told(registrar, site) == 2
    assert store.draw_serial().counter == 3
    # An operator has looked at it.
    site.answers["/offline/reconcile"]["state"] = "active"
    assert told(registrar, site) == 3
    assert store.draw_serial().counter == 51
    assert told(registrar, site) == 51


def told(registrar: Registrar, site: Site) -> Any:
    """Return the counter that the platform is told."""
    site.asked.clear()
    registrar.reconcile(NOW)
    # What is taken over was there before the platform compared: none of a copy's in between.
    assert [path for path, *_ in site.asked] == ["/offline/client", "/offline/reconcile"]
    return site.asked[-1][1]["counter"]


@pytest.mark.allow_hosts(HOSTS)
def test_a_full_journal_can_be_told(site: Site, registrar: Registrar) -> None:
    used = [Serial.draw(CLIENT, counter) for counter in range(1, MAX_ENTRIES + 1)]
    at = int(NOW.timestamp())
    entries = [Entry(bytes(serial), State.COUNTERSIGNED, at, bytes(32)) for serial in used]
    journal = registrar.store.folder / "offline-journal.json"
    journal.write_text(json.dumps([entry.to_json() for entry in entries]))
    site.answers["/offline/reconcile"]["entries"] = [
        {
            "serial": bytes(serial).hex(),
            "state": "rejected",
            "code": "offline_password_not_set",
            "receipt": bytes(16).hex(),
        }
        for serial in used
    ]
    with answering(lambda asked: Answer.of(site.answers[asked.path[len(API) :]])) as origin:
        platform = Platform(Client(origin), registrar.platform.keys)
        found = replace(registrar, platform=platform).reconcile(NOW)
    assert len(found) == len(entries)
    assert registrar.store.entries() == []


def test_nothing_is_compared_while_an_exchange_is_under_way(
    site: Site, registrar: Registrar
) -> None:
    with ThreadPoolExecutor() as pool:
        with registrar.store.alone():
            comparing = pool.submit(registrar.reconcile, NOW)
            with pytest.raises(TimeoutError):
                comparing.result(0.2)
            assert "/offline/reconcile" not in [path for path, *_ in site.asked]
            # Approved meanwhile: what is compared has to know of it.
            serial = registrar.store.draw_serial()
            registrar.store.mark_used(serial, bytes(32), State.COUNTERSIGNED, NOW)
        comparing.result(120)
    (journal,) = [body for path, body, _ in site.asked if path == "/offline/reconcile"]
    assert [entry["serial"] for entry in journal["entries"]] == [bytes(serial).hex()]


@pytest.mark.parametrize("entries", [None, [7], [{}], [{"serial": 7, "state": "approved"}]])
def test_an_answer_without_outcomes_is_refused(
    site: Site, registrar: Registrar, entries: Any
) -> None:
    site.answers["/offline/reconcile"]["entries"] = entries
    assert codes(ended(lambda: registrar.reconcile(NOW))) == ["answer_invalid"]


# The phone itself, and the device, by their commands.


@pytest.fixture
def at_the_link(world: World, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """Have the commands' ends be those of a world; return folders and common words."""
    there, back = world.folder / "there", world.folder / "back"
    monkeypatch.setattr(OfflineClient, "of", lambda folder, link: world.client(link))
    monkeypatch.setattr(
        Relay, "of", classmethod(lambda cls, home, link: _device(cls, world, link))
    )
    ends = {"outgoing": there, "incoming": back}
    return {
        "far": QrLink(back, there),
        "words": [word for name, path in ends.items() for word in (f"--{name}", str(path))],
    }


def _device(kind: type[Relay], world: World, link: Any) -> Relay:
    return world.checkout(link) if kind.__name__ == "Checkout" else world.gate(link)


def test_a_code_is_shown_and_a_device_takes_it(
    at_the_link: Mapping[str, Any], world: World
) -> None:
    far = at_the_link["far"]
    begun = beginning(far)
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(lambda: world.checkout(far).take_code(Money(300, "EUR")))
        assert begun.wait(120)
        done = CliRunner().invoke(phone.app, ["code", "300", "EUR", *at_the_link["words"]])
        assert done.stdout.startswith("code 636c6e7400000001"), done.stderr
        result = taken.result()
    assert result.is_approved
    done = CliRunner().invoke(phone.app, ["journal", "--folder", str(world.folder)])
    assert done.stdout.split()[0] == bytes(result.serial).hex()
    assert done.stdout.split()[2] == "code"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["code", "300", "XYZ"], "currency_unknown"),
        (["code", "999", "EUR"], "limit_exceeded"),
        (["authorize", "--step", "xyz"], "step_unknown"),
        (["authorize", "--step", "00" * 7], "step_unknown"),
        (["authorize", "--step", "00" * 9], "step_unknown"),
    ],
)
def test_the_phone_refuses_in_one_line(
    at_the_link: Mapping[str, Any], words: list[str], code: str
) -> None:
    done = CliRunner().invoke(phone.app, [*words, *at_the_link["words"]])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"{code}: ")


def test_a_phone_that_was_never_registered_is_told_how(tmp_path: Path) -> None:
    words = ["authorize", "--folder", str(tmp_path), "--outgoing", str(tmp_path / "a")]
    done = CliRunner().invoke(phone.app, [*words, "--incoming", str(tmp_path / "b")])
    assert done.stderr.startswith("client_not_registered: ")


@pytest.mark.parametrize("amount", ["0", "450"])
def test_the_device_says_what_it_opened_for(
    run: Callable[..., Result], world: World, at_the_link: Mapping[str, Any], amount: str
) -> None:
    client = world.client(at_the_link["far"])
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: client.authorize(Holder()))
        done = run("relay", "--amount", amount, *at_the_link["words"])
        result = asked.result()
    paid = " 4.50 EUR" if result.money == PRICE else ""
    assert done.stdout == f"open {bytes(result.serial).hex()}{paid}\n", done.stderr


def test_at_a_gate_nothing_can_be_charged(
    run: Callable[..., Result],
    world: World,
    at_the_link: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    honest = world.checkout

    def gate(link: Any) -> Any:
        device = honest(link)
        device.post = replace(device.post, kind="gate", currency="")
        return device

    monkeypatch.setattr(world, "checkout", gate)
    done = run("relay", "--amount", "450", *at_the_link["words"])
    assert done.stderr.splitlines()[-1].startswith("service_denied: ")


def test_without_the_payment_password_nothing_is_asked(
    run: Callable[..., Result], site: Site
) -> None:
    done = run("register")
    assert done.exit_code == 1
    assert site.asked == []


def test_the_registrar_is_that_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(TerminalError) as refused:
        registering.Registrar.of(Home(tmp_path))
    assert refused.value.code == "device_not_added"


def test_the_directory_of_keys_is_kept_whenever_the_phone_is_on_line(
    site: Site, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [2, 3, 1]
    offered = [Shop(root=site.root).directory(number=number) for number in numbers]
    monkeypatch.setattr(ClientOfSite, "newer_directory", lambda *_: (offered.pop(0), ""))
    newest = offered[1]
    registrar.register(PAYMENT)
    registrar.reconcile(NOW)
    assert registrar.trust.pins.directory == newest
    assert codes(ended(lambda: registrar.reconcile(NOW))) == ["directory_outdated"]
    assert registrar.trust.pins.directory == newest
