"""The resource interface: what it asks by itself, and everything that it refuses to open for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.billing import BillingVerdict, Operation
from protocol.content import Kind, Release, decrypt, open_file
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.jwk import thumbprint
from terminal.errors import OperationProhibited, TerminalError
from terminal.resource import OPERATIONS, BillingRequest, ResourceInterface
from tests.terminal.shop import CONTENT, NOW, ClientOfShop, Shop, Terminal, changed


@pytest.fixture
def shop() -> Shop:
    return Shop(paid={"anna"})


@pytest.fixture
def anna(shop: Shop) -> Terminal:
    return shop.terminal("anna")


@pytest.fixture
def song(shop: Shop, tmp_path: Path) -> Path:
    return shop.pack(tmp_path / "song.csres")


@dataclass
class FakeManager:
    """Answers with a code of its own making."""

    code: str = "allowed"
    asked: list[BillingRequest] = field(default_factory=list)
    key: bytes = bytes(32)

    def authorize(self, request: BillingRequest) -> str:
        self.asked.append(request)
        return self.code

    def open_key(self, release: Release, sealed: bytes) -> bytes:
        return self.key


def played(interface: ResourceInterface, operation: Operation | None = None) -> bytes:
    with interface.operate(operation) as opened:
        return b"".join(opened.content)


def refusal(interface: ResourceInterface, operation: Operation | None = None) -> str:
    with pytest.raises(OperationProhibited) as refused:
        played(interface, operation)
    return refused.value.code


def test_who_has_paid_uses_the_resource(anna: Terminal, song: Path) -> None:
    assert played(anna.interface(song)) == CONTENT


def test_who_has_not_paid_reads_what_it_costs_and_where_to_order(shop: Shop, song: Path) -> None:
    with pytest.raises(OperationProhibited) as refused:
        played(shop.terminal("ben").interface(song))
    assert refused.value.code == "not_paid"
    assert refused.value.members["price"] == 499
    assert refused.value.members["order_url"] == "https://shop.example/shop/1"


def test_one_use_is_one_request_of_the_manager_and_nobody_is_asked(
    anna: Terminal, song: Path
) -> None:
    manager = FakeManager()
    interface = anna.interface(song, manager)
    assert refusal(interface) == "status_code_invalid"
    (request,) = manager.asked
    assert request.resource == anna.shop.resource
    assert request.resource_key == thumbprint(interface.key.public)


def test_every_use_draws_another_nonce(anna: Terminal, song: Path) -> None:
    interface = anna.interface(song)
    played(interface)
    played(interface)
    nonces = {body["rnonce"] for _, _, body, _ in anna.shop.asked}
    assert len(nonces) == 2


def test_every_copy_has_a_key_of_its_own(anna: Terminal, song: Path) -> None:
    assert anna.interface(song).key.public != anna.interface(song).key.public


def test_the_resource_and_not_the_manager_has_the_code_verified(
    anna: Terminal, song: Path
) -> None:
    interface = anna.interface(song)
    played(interface)
    asked = {path: key for path, key, _, _ in anna.shop.asked}
    assert asked["/billing/authorize"] == anna.keys.signing.public
    assert asked["/billing/verify"] == interface.key.public


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_asked_for_with_its_usual_operation(
    anna: Terminal, tmp_path: Path, kind: Kind
) -> None:
    played(anna.interface(anna.shop.pack(tmp_path / "some.csres", kind)))
    assert anna.shop.asked[-1][2]["operation"] == OPERATIONS[kind]


VERDICTS: dict[str, Callable[[BillingVerdict], BillingVerdict]] = {
    "another resource": changed(resource=bytes(8)),
    "another version": changed(version=2),
    "another operation": changed(operation="install"),
    "another request": changed(rnonce=bytes(16)),
    "another device": changed(device=bytes(32)),
    "another content key": changed(key_digest=bytes(32)),
    "a refusal": changed(code="not_paid", key_digest=None),
    "one that has expired": changed(issued=1, expires=int(NOW.timestamp())),
}


@pytest.mark.parametrize("wrong", VERDICTS)
def test_a_verdict_on_anything_else_is_refused(anna: Terminal, song: Path, wrong: str) -> None:
    anna.shop.spoil = VERDICTS[wrong]
    assert refusal(anna.interface(song)) == "verdict_invalid"


def test_a_verdict_of_a_fake_server_is_refused(anna: Terminal, song: Path) -> None:
    anna.shop.signer = SigningKey.generate()
    assert refusal(anna.interface(song)) == "signer_unknown"


def test_a_verdict_of_a_newer_key_is_good_when_the_root_vouches_for_it(
    anna: Terminal, song: Path
) -> None:
    anna.shop.signer = SigningKey.generate()
    interface = anna.interface(song)
    assert isinstance(interface._trust.client, ClientOfShop)
    interface._trust.client.published = anna.shop.directory(anna.shop.signer)
    assert played(interface) == CONTENT


def test_a_directory_of_another_root_vouches_for_nothing(anna: Terminal, song: Path) -> None:
    anna.shop.signer = SigningKey.generate()
    interface = anna.interface(song)
    assert isinstance(interface._trust.client, ClientOfShop)
    interface._trust.client.published = Shop().directory(anna.shop.signer)
    assert refusal(interface) == "signature_invalid"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"verdict": "*", "content_key": ""},
        {"verdict": 7, "content_key": 7},
        {"verdict": "", "content_key": ""},
        {"verdict": "0g", "content_key": "AA"},
    ],
)
def test_an_answer_that_is_no_verdict_is_refused(
    anna: Terminal, song: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setattr(anna.shop, "_verify", lambda *_: answer)
    assert refusal(anna.interface(song)) in {
        "verdict_invalid",
        "encoding_invalid",
    }


def test_a_manager_that_gives_another_key_opens_nothing(anna: Terminal, song: Path) -> None:
    class Liar(FakeManager):
        def authorize(self, request: BillingRequest) -> str:
            return anna.manager.authorize(request)

    assert refusal(anna.interface(song, Liar())) == "content_invalid"


def test_a_resource_without_its_check_yields_no_plaintext(anna: Terminal, song: Path) -> None:
    # Whoever takes the check out still lacks the key, which lies nowhere in the file.
    for key in (bytes(32), song.read_bytes()[-32:]):
        with song.open("rb") as file, pytest.raises(ProtocolError) as refused:
            next(decrypt(file, key))
        assert refused.value.code == "content_invalid"
    assert CONTENT[:16] not in song.read_bytes()


def test_a_copy_on_a_device_of_somebody_else_is_useless(shop: Shop, song: Path) -> None:
    assert refusal(shop.terminal("ben").interface(song)) == "not_paid"


def test_a_code_overheard_is_worth_nothing_to_another_copy(anna: Terminal, song: Path) -> None:
    code = anna.manager.authorize(_request_of(anna, song))
    assert refusal(anna.interface(song, FakeManager(code))) == "status_code_invalid"


def _request_of(anna: Terminal, song: Path) -> BillingRequest:
    manager = FakeManager()
    refusal(anna.interface(song, manager))
    return manager.asked[0]


def test_a_key_sealed_for_another_request_does_not_open(anna: Terminal) -> None:
    release = Release(anna.shop.resource, 1, anna.keys.thumbprint, bytes(16))
    sealed = release.seal(bytes(32), anna.keys.box_key)
    other = Release(anna.shop.resource, 1, anna.keys.thumbprint, b"1" * 16)
    with pytest.raises(TerminalError) as refused:
        anna.manager.open_key(other, sealed)
    assert refused.value.code == "sealed_invalid"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "size_wrong"),
        (b"a picture", "content_invalid"),
        (b"CSRES1\n\xff\xff\xff\xff", "too_large"),
    ],
)
def test_a_file_that_is_no_resource_is_refused(
    anna: Terminal, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "some.csres"
    path.write_bytes(content)
    assert refusal(anna.interface(path)) == code


def test_a_file_that_is_not_there_is_refused(anna: Terminal, tmp_path: Path) -> None:
    assert refusal(anna.interface(tmp_path / "none.csres")) == "file_unreadable"


def test_a_file_of_another_platform_is_refused_unasked(anna: Terminal, song: Path) -> None:
    other = song.read_bytes().replace(b"https://shop.example", b"https://shop.examplf")
    song.write_bytes(other)
    assert refusal(anna.interface(song)) == "wrong_platform"
    assert anna.shop.asked == []


def test_a_file_that_is_cut_short_is_noticed_before_its_end(anna: Terminal, song: Path) -> None:
    song.write_bytes(song.read_bytes()[:-1])
    interface = anna.interface(song)
    with pytest.raises(ProtocolError) as refused:
        played(interface)
    assert refused.value.code == "size_wrong"


def test_a_clock_that_stands_behind_the_verdict_by_less_than_its_life_opens(
    anna: Terminal, song: Path
) -> None:
    interface = anna.interface(song)
    interface._clock = lambda: NOW + timedelta(seconds=59)
    assert played(interface) == CONTENT
    with song.open("rb") as file:
        assert open_file(file).resource == anna.shop.resource
