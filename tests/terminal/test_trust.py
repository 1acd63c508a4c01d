"""A terminal that is on-line learns by itself which keys of its platform ended."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.errors import ProtocolError
from protocol.keys import Purpose
from terminal.client import Client
from terminal.errors import TerminalError
from terminal.pins import Pins
from terminal.trust import REFRESH, Trust
from tests.terminal.loopback import HOSTS, Answer, Asked, answering
from tests.terminal.shop import NOW, Shop
from tests.terminal.unconnected import UnconnectedClient

LATER = NOW + REFRESH


class Publisher(UnconnectedClient):
    """Publishes what a test says, under the tag that it says.

    Attributes:
        asked: The tags that it was asked with.
    """

    def __init__(self, *published: bytes | TerminalError) -> None:
        super().__init__("https://shop.example")
        self.published = list(published)
        self.asked: list[str] = []

    def newer_directory(self, tag: str = "") -> tuple[bytes, str] | None:
        self.asked.append(tag)
        newest = self.published.pop(0) if len(self.published) > 1 else self.published[0]
        if isinstance(newest, TerminalError):
            raise newest
        own = f'"{hash(newest)}"'
        return None if tag == own else (newest, own)


@pytest.fixture
def shop() -> Shop:
    return Shop(now=NOW)


@pytest.fixture
def file(shop: Shop, tmp_path: Path) -> Path:
    path = tmp_path / "platform.json"
    shop.terminal("anna").pins.save(path)
    return path


def trusting(file: Path, client: Client) -> Trust:
    return Trust(Pins.load(file), client, file)


def signed(key: SigningKey) -> bytes:
    return cose.sign(key, Typ.BILLING_VERDICT, b"")


def compromised(key: SigningKey) -> tuple[EndedKey, ...]:
    return (EndedKey(key.kid, None, int(NOW.timestamp())),)


def refusal(trust: Trust, message: bytes) -> str:
    with pytest.raises(TerminalError) as refused:
        trust.signer(message, Purpose.BILLING, LATER)
    return refused.value.code


def test_a_key_that_ended_is_refused_at_the_next_use_after_some_hours(
    shop: Shop, file: Path
) -> None:
    before, after = (
        shop.directory(shop.billing),
        shop.directory(shop.billing, number=2, ended=compromised(shop.billing)),
    )
    trust = trusting(file, Publisher(before, after))
    message = signed(shop.billing)
    for late in (timedelta(), REFRESH - timedelta(seconds=1)):
        assert trust.signer(message, Purpose.BILLING, NOW + late).key == shop.billing.public
    assert refusal(trust, message) == "signer_unknown"


def test_the_platform_is_asked_once_in_some_hours_and_with_the_tag_of_what_is_known(
    shop: Shop, file: Path
) -> None:
    platform = Publisher(shop.directory(shop.billing))
    message = signed(shop.billing)
    for moment in (NOW, NOW, LATER, LATER):
        # As one program after another.
        trusting(file, platform).signer(message, Purpose.BILLING, moment)
    assert [bool(tag) for tag in platform.asked] == [False, True]
    assert Pins.load(file).directory == platform.published[0]


def test_a_clock_that_was_ahead_puts_nothing_off(shop: Shop, file: Path) -> None:
    platform = Publisher(shop.directory(shop.billing))
    for moment in (NOW + timedelta(days=400), NOW):
        trust = trusting(file, platform)
        if trust.is_due(moment):
            trust.refresh(moment)
    assert len(platform.asked) == 2


def test_a_newer_key_is_fetched_at_once_and_kept(shop: Shop, file: Path) -> None:
    newer = SigningKey.generate()
    platform = Publisher(shop.directory(shop.billing), shop.directory(newer, number=2))
    trust = trusting(file, platform)
    trust.refresh(NOW)
    assert trust.signer(signed(newer), Purpose.BILLING, NOW).key == newer.public
    assert Pins.load(file) == trust.pins


def test_without_an_answer_what_is_held_goes_on(shop: Shop, file: Path) -> None:
    away = TerminalError("server_unavailable", "no answer")
    held = shop.directory(
        shop.billing, SigningKey.generate(), ended=compromised(SigningKey.generate())
    )
    trust = trusting(file, Publisher(held, away))
    trust.refresh(NOW)
    assert trust.signer(signed(shop.billing), Purpose.BILLING, LATER).key == shop.billing.public
    assert refusal(trust, signed(SigningKey.generate())) == "server_unavailable"


@pytest.mark.parametrize(
    ("number", "code"), [(1, "directory_outdated"), (3, "value_out_of_range")]
)
def test_an_end_that_is_known_is_not_taken_back(
    shop: Shop, file: Path, number: int, code: str
) -> None:
    ended = shop.directory(shop.billing, number=2, ended=compromised(shop.billing))
    trust = trusting(file, Publisher(ended, shop.directory(shop.billing, number=number)))
    trust.refresh(NOW)
    with pytest.raises(ProtocolError) as refused:
        trust.signer(signed(shop.billing), Purpose.BILLING, LATER)
    assert refused.value.code == code
    assert Pins.load(file).directory == ended


def test_of_two_programs_the_older_directory_never_comes_last(shop: Shop, file: Path) -> None:
    older, newer = shop.directory(shop.billing), shop.directory(shop.billing, number=2)
    slow, quick = trusting(file, Publisher(older)), trusting(file, Publisher(newer))
    quick.refresh(NOW)
    with pytest.raises(ProtocolError) as refused:
        slow.refresh(NOW)
    assert refused.value.code == "directory_outdated"
    assert slow.pins == Pins.load(file) == quick.pins
    assert slow.pins.directory == newer


def test_pins_that_nobody_keeps_are_brought_up_to_date_as_well(shop: Shop) -> None:
    ended = shop.directory(shop.billing, ended=compromised(shop.billing))
    trust = Trust(shop.terminal("anna").pins, Publisher(ended))
    assert refusal(trust, signed(shop.billing)) == "signer_unknown"


def test_a_file_that_cannot_be_locked_is_named(shop: Shop, file: Path) -> None:
    trust = trusting(file, Publisher(shop.directory(shop.billing)))
    with pytest.raises(TerminalError) as refused:
        replace(trust, file=file / "nowhere").refresh(NOW)
    assert refused.value.code == "folder_unusable"


@pytest.mark.allow_hosts(HOSTS)
def test_a_directory_that_is_known_is_not_sent_again() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.headers.get("If-None-Match") == '"one"':
            return Answer(b"", 304)
        return Answer(b"directory", 200, {"ETag": '"one"'})

    with answering(answer) as origin:
        client = Client(origin)
        assert client.newer_directory() == (b"directory", '"one"')
        assert client.newer_directory('"one"') is None
