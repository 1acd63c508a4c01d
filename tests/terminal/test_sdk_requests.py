"""The requests that the SDK makes: one-time numbers, evidence, and the two ways they travel."""

import ast
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from protocol import application, evidence, measuring
from protocol.application import BillingRequest, Channel
from protocol.errors import ProtocolError
from protocol.measuring import installed_files, read_ranges
from terminal.application.process import Running
from terminal.sdk import SealedRequest
from tests.terminal.apps import SDK, SWORD, Packer, Terminal
from tests.terminal.shop import NOW

EXPIRES = int((NOW + timedelta(days=30)).timestamp())


@pytest.fixture
def packer(tmp_path: Path) -> Packer:
    return Packer(tmp_path / "packer")


@pytest.fixture
def terminal(packer: Packer, tmp_path: Path) -> Terminal:
    terminal = Terminal(tmp_path / "terminal")
    terminal.install(packer.pack(terminal.keys))
    return terminal


@pytest.fixture
def running(terminal: Terminal) -> Running:
    return terminal.start()


def opened(request: SealedRequest, packer: Packer) -> BillingRequest:
    """Read a request as the platform does that has the keys of a package."""
    if request.channel is Channel.NETWORK:
        return application.open_network(request.sealed, packer.third, request.package)
    envelope = application.read_sms(request.text)
    assert envelope is not None
    return application.open_sms(envelope, packer.third, "EUR")


def billed(running: Running, channel: Channel, packer: Packer) -> BillingRequest:
    """Bill the sword, and read the request."""
    agreed = running.billing.consent(SWORD.number)
    request = running.billing.bill(SWORD.number, channel, agreed=agreed)
    assert bool(request.sealed) != bool(request.text)
    return opened(request, packer)


def test_a_request_says_what_is_bought_by_which_terminal_and_that_the_payer_agreed(
    running: Running, packer: Packer, terminal: Terminal
) -> None:
    request = billed(running, Channel.NETWORK, packer)
    assert (request.package, request.build) == (packer.package, packer.build)
    assert (request.item, request.amount, request.currency) == (7, 250, "EUR")
    assert request.terminal == terminal.uid
    assert request.is_consented
    assert (request.key_matches, request.files_match) == (True, True)


def test_network_and_sms_give_the_same_request(running: Running, packer: Packer) -> None:
    running.billing.add_nonces([bytes(8), bytes(8)], EXPIRES)
    network, sms = (billed(running, channel, packer) for channel in Channel)
    assert replace(sms, channel=network.channel, evidence=network.evidence) == network
    # The channel is backed too: the evidence of one is none on the other.
    assert network.evidence != sms.evidence


def test_the_text_is_one_sms_of_132_characters(running: Running) -> None:
    agreed = running.billing.consent(SWORD.number)
    text = running.billing.bill(SWORD.number, Channel.SMS, agreed=agreed).text
    assert len(text) == 132
    assert text.startswith("CS1.")


@pytest.mark.parametrize("channel", Channel)
def test_the_evidence_is_what_the_platform_computes(
    running: Running, packer: Packer, terminal: Terminal, channel: Channel
) -> None:
    request = billed(running, channel, packer)
    manifest, files = packer.manifest, packer.files
    ranges = evidence.sample_ranges(request.nonce, manifest.size)
    expected = evidence.evidence(
        packer.evidence_key(terminal.keys),
        request,
        first_key=packer.first.public,
        root=manifest.root,
        sample=read_ranges(manifest.files, lambda path: files[path].open("rb"), ranges),
    )
    assert request.evidence == expected


def test_what_does_not_match_is_said_and_not_backed(terminal: Terminal, packer: Packer) -> None:
    (terminal.app / "files" / "app" / "main.py").write_text("print('free')\n")
    request = billed(terminal.start(), Channel.NETWORK, packer)
    assert (request.key_matches, request.files_match) == (True, False)
    key = packer.evidence_key(terminal.keys)
    first = packer.first.public
    assert request.evidence == evidence.evidence(
        key, request, first_key=first, root=None, sample=None
    )


def test_a_request_for_another_package_does_not_open(
    running: Running, packer: Packer, tmp_path: Path
) -> None:
    agreed = running.billing.consent(SWORD.number)
    other = Packer(tmp_path / "other", package=bytes(4))
    for channel in Channel:
        request = running.billing.bill(SWORD.number, channel, agreed=agreed)
        with pytest.raises(ProtocolError) as refusal:
            opened(request, other)
        assert refusal.value.code == "sealed_invalid"


def test_billing_hashes_no_file_again(
    terminal: Terminal, packer: Packer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    measured = measuring._measured

    def counting(path: str, file: Path) -> measuring.MeasuredFile:
        hashed.append(path)
        return measured(path, file)

    monkeypatch.setattr(measuring, "_measured", counting)
    running = terminal.start()
    assert sorted(hashed) == sorted(installed_files(terminal.app / "files"))
    hashed.clear()
    for channel in (Channel.NETWORK, Channel.SMS, Channel.SMS):
        billed(running, channel, packer)
    assert hashed == []


def test_nothing_in_the_sdk_hashes_files_but_the_start() -> None:
    core = ast.parse((SDK / "security" / "core.py").read_text("utf-8"))
    calls = {
        method.name: {
            call.func.id
            for call in ast.walk(method)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        }
        for method in ast.walk(core)
        if isinstance(method, ast.FunctionDef)
    }
    assert [name for name, called in calls.items() if "measure" in called] == ["_measure"]


def test_nonces_are_used_once_each_and_the_newest_first(
    running: Running, packer: Packer, terminal: Terminal
) -> None:
    running.billing.add_nonces([b"older-01"], EXPIRES)
    running.billing.add_nonces([b"newer-01", b"newer-02"], EXPIRES)
    assert running.billing.count_nonces() == 3
    requests = [billed(running, Channel.SMS, packer), billed(running, Channel.NETWORK, packer)]
    # Another program, or the same one after it was started again, goes on where this one was.
    requests.append(billed(terminal.start(), Channel.SMS, packer))
    assert [request.nonce for request in requests] == [b"newer-01", b"newer-02", b"older-01"]
    assert not any(request.is_counted for request in requests)
    assert running.billing.count_nonces() == 0


def test_without_nonces_a_counter_rises_strictly(
    running: Running, packer: Packer, terminal: Terminal
) -> None:
    first = [billed(running, Channel.SMS, packer) for _ in range(3)]
    # A clock that was put back does not bring an old number back.
    early = terminal.start(clock=lambda: NOW - timedelta(days=9))
    later = terminal.start(clock=lambda: NOW + timedelta(seconds=1))
    requests = [*first, billed(early, Channel.SMS, packer), billed(later, Channel.SMS, packer)]
    counters = [request.counter for request in requests]
    assert all(request.is_counted for request in requests)
    assert counters == sorted({*counters})
    assert counters[0] == int(NOW.timestamp() * 1000)
    assert counters[-1] == counters[0] + 1000


def test_no_number_is_used_twice_when_several_bill_at_once(
    running: Running, packer: Packer
) -> None:
    running.billing.add_nonces([bytes([number]) * 8 for number in range(5)], EXPIRES)
    with ThreadPoolExecutor(8) as pool:
        bill = partial(billed, running, Channel.SMS, packer)
        requests = [done.result() for done in [pool.submit(bill) for _ in range(16)]]
    assert len({request.nonce for request in requests}) == 16
    assert sum(request.is_counted for request in requests) == 11


def test_nonces_that_are_over_are_not_used(terminal: Terminal, packer: Packer) -> None:
    running = terminal.start()
    running.billing.add_nonces([b"too-late"], EXPIRES)
    late = terminal.start(clock=lambda: NOW + timedelta(days=30))
    assert late.billing.count_nonces() == 0
    assert billed(late, Channel.SMS, packer).is_counted


@pytest.mark.parametrize("nonces", [[], [b"12345678"]])
def test_a_number_is_gone_from_the_disk_before_anything_is_made_with_it(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, packer: Packer, nonces: list[bytes]
) -> None:
    running = terminal.start()
    running.billing.add_nonces(nonces, EXPIRES)

    def cut_off(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(evidence, "evidence", cut_off)
        agreed = running.billing.consent(SWORD.number)
        with pytest.raises(KeyboardInterrupt):
            running.billing.bill(SWORD.number, Channel.SMS, agreed=agreed)
    request = billed(terminal.start(), Channel.SMS, packer)
    assert request.is_counted
    assert request.counter == int(NOW.timestamp() * 1000) + (not nonces)


@pytest.mark.parametrize("nonces", [[b"short"], [b"nine-byte"], ["text-aaa"]])
def test_what_is_no_nonce_is_not_kept(running: Running, nonces: list[Any]) -> None:
    with pytest.raises(ProtocolError):
        running.billing.add_nonces(nonces, EXPIRES)
    assert running.billing.count_nonces() == 0


def test_the_store_keeps_a_hundred_nonces_at_most(running: Running) -> None:
    for _ in range(3):
        running.billing.add_nonces([bytes(8)] * 50, EXPIRES)
    assert running.billing.count_nonces() == 100


def test_a_share_that_is_no_key_agrees_on_nothing(packer: Packer, terminal: Terminal) -> None:
    terminal.install(packer.pack(terminal.keys, replace(packer.content(), share=bytes(32))))
    billing = terminal.start().billing
    with pytest.raises(ProtocolError) as refusal:
        billing.bill(7, Channel.SMS, agreed=billing.consent(7))
    assert refusal.value.code == "key_invalid"


REFUSED: list[tuple[str, Callable[[Running], object]]] = [
    ("item_unknown", lambda running: running.billing.bill(8, Channel.SMS, agreed="")),
    ("consent_missing", lambda running: running.billing.bill(7, Channel.SMS, agreed="")),
    ("consent_missing", lambda running: running.billing.bill(7, Channel.SMS, agreed="yes")),
]


@pytest.mark.parametrize(("code", "call"), REFUSED)
def test_nothing_is_billed_without_consent_to_exactly_this(
    running: Running, code: str, call: Callable[[Running], object]
) -> None:
    running.billing.add_nonces([bytes(8)], EXPIRES)
    with pytest.raises(ProtocolError) as refusal:
        call(running)
    assert refusal.value.code == code
    assert running.billing.count_nonces() == 1


def test_the_consent_names_item_price_and_payee(running: Running) -> None:
    assert running.billing.consent(7) == "Pay 2.50 EUR to Ann's games for Golden sword?"


def test_nothing_is_billed_before_the_start(terminal: Terminal) -> None:
    running = terminal.start()
    fresh = type(running.billing)(running.billing._security._core._place)
    with pytest.raises(ProtocolError) as refusal:
        fresh.bill(7, Channel.SMS, agreed=fresh.consent(7))
    assert refusal.value.code == "not_started"


def test_a_file_that_vanished_since_the_start_backs_nothing(
    terminal: Terminal, running: Running
) -> None:
    for path in (terminal.app / "files" / "app").rglob("*.*"):
        path.unlink()
    (terminal.app / "files" / "billing.cbor").unlink()
    for path in (terminal.app / "files" / "sdk").rglob("*.py"):
        path.unlink()
    with pytest.raises(ProtocolError) as refusal:
        running.billing.bill(7, Channel.SMS, agreed=running.billing.consent(7))
    assert refusal.value.code == "package_changed"
