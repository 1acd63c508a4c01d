"""The encrypted file: it opens with its passphrase alone, and never loses what was saved."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from protocol.ended import Edition, EndedKey
from protocol.sealing import Sealer
from tests.tokens.world import COUNTER_SUITE, NOW, FakeHost, FakePlatform
from tokens import store
from tokens.display import Profile
from tokens.enrolment import Enrolment
from tokens.errors import RefusedError
from tokens.store import HEADER_BYTES, Contents, TokenFile
from tokens.suites import parse_suite
from tokens.token import Token

PLATFORM = FakePlatform()
TOKEN = FakeHost(PLATFORM).enrol(COUNTER_SUITE)
OTHER = FakeHost(PLATFORM, serial="T-0002").enrol()
PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def _cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SCRYPT_LOG_N", 4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "tokens.bin"


def open_file(path: Path, passphrase: str = PASSPHRASE) -> TokenFile:
    return TokenFile(path, lambda: passphrase)


def save(path: Path, contents: Contents) -> None:
    file = open_file(path)
    with file.locked():
        file.load()
        file.save(contents)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as refused:
        action()
    assert PASSPHRASE not in str(refused.value)
    return refused.value.code


def test_what_was_saved_is_loaded(path: Path) -> None:
    begun = Enrolment.begin(FakeHost(PLATFORM).invitation, NOW)
    token = replace(
        TOKEN,
        counter=7,
        edition=Edition(8, 9, (EndedKey(bytes(8), 5, None),)),
        profile=Profile(40, None),
    )
    save(path, Contents((token, OTHER), (begun,)))
    loaded = open_file(path).load()
    assert loaded.tokens == (token, OTHER)
    [again] = loaded.pending
    assert (again.invitation, again.share, again.begun) == (
        begun.invitation,
        begun.share,
        begun.begun,
    )


def test_cards_are_kept_beside_tokens_and_replaced_by_serial(path: Path) -> None:
    counting = Token(serial="CARD", suite=parse_suite("HOTP:SHA1-6"), seed=b"seed", counter=4)
    typed = Token(serial="PAD", suite=parse_suite("GMT0021:SM4-8:T60-Q8"), seed=bytes(16))
    save(path, Contents((TOKEN,)).with_token(counting).with_token(typed))
    loaded = open_file(path).load()
    assert (loaded.tokens, loaded.cards) == ((TOKEN,), (counting, typed))
    assert loaded.find_by_name("CARD") == loaded.present(counting) == counting
    assert loaded.find_for("12345678") == typed
    moved_on = loaded.with_token(counting.advanced())
    assert moved_on.cards == (typed, counting.advanced())
    assert moved_on.without(typed).cards == (counting.advanced(),)


def test_a_file_of_an_earlier_version_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    to_json = store._to_json

    def of_before(contents: Contents) -> bytes:
        document = json.loads(to_json(contents))
        del document["cards"]
        for token in document["tokens"]:
            for name in ("keys_number", "keys_ended"):
                del token[name]
        return json.dumps(document).encode()

    monkeypatch.setattr(store, "_to_json", of_before)
    save(path, Contents((TOKEN,)))
    assert open_file(path).load() == Contents((TOKEN,))


def test_a_token_that_another_process_removed_is_gone() -> None:
    gone = replace(TOKEN, vk=b"\x01" * 8)
    assert refusal(lambda: Contents((TOKEN,)).present(gone)) == "token_unknown"


def test_a_file_that_does_not_exist_holds_nothing_and_asks_for_nothing(path: Path) -> None:
    def ask() -> str:
        raise AssertionError

    assert TokenFile(path, ask).load() == Contents()


def test_the_passphrase_is_asked_for_once(path: Path) -> None:
    asked: list[None] = []

    def ask() -> str:
        asked.append(None)
        return PASSPHRASE

    file = TokenFile(path, ask)
    with file.locked():
        file.save(Contents((TOKEN,)))
        file.save(file.load().with_token(OTHER))
    assert len(asked) == 1


def test_a_wrong_passphrase_is_refused(path: Path) -> None:
    save(path, Contents((TOKEN,)))
    assert refusal(open_file(path, "wrong").load) == "passphrase_wrong"


def test_the_same_passphrase_typed_in_another_unicode_form_opens_the_file(path: Path) -> None:
    file = open_file(path, "caf\u00e9")
    with file.locked():
        file.save(Contents((TOKEN,)))
    assert open_file(path, "cafe\u0301").load().tokens == (TOKEN,)


def test_a_passphrase_that_is_no_utf8_is_taken_as_it_is(path: Path) -> None:
    file = open_file(path, "\udcff")
    with file.locked():
        file.save(Contents((TOKEN,)))
    assert open_file(path, "\udcff").load().tokens == (TOKEN,)


def test_nothing_in_the_file_is_readable(path: Path) -> None:
    save(path, Contents((TOKEN,)))
    data = path.read_bytes()
    for secret in (TOKEN.seed, TOKEN.seed.hex().encode(), TOKEN.serial.encode()):
        assert secret not in data


def test_any_changed_byte_is_refused(path: Path) -> None:
    save(path, Contents((TOKEN,)))
    data = path.read_bytes()
    for place in [*range(HEADER_BYTES + 12), len(data) - 1]:
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert refusal(open_file(path).load) in ("passphrase_wrong", "token_file_invalid")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"CSTOKEN1", id="cut in the header"),
        pytest.param(b"CSTOKEN2" + bytes(100), id="another version"),
        pytest.param(b"CSTOKEN1" + bytes([0, 8, 1]) + bytes(100), id="n of one"),
        pytest.param(b"CSTOKEN1" + bytes([15, 0, 1]) + bytes(100), id="r of zero"),
        pytest.param(b"CSTOKEN1" + bytes([15, 8, 0]) + bytes(100), id="p of zero"),
        pytest.param(b"CSTOKEN1" + bytes([255, 8, 1]) + bytes(100), id="endless work"),
        pytest.param(b"\x89PNG\r\n" + bytes(100), id="a picture"),
    ],
)
def test_a_file_of_another_kind_is_refused(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)
    assert refusal(open_file(path).load) == "token_file_invalid"


def test_a_file_that_is_too_large_is_refused_unread(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(path, Contents((TOKEN,)))
    monkeypatch.setattr(store, "MAX_FILE_BYTES", 100)
    assert refusal(open_file(path).load) == "token_file_invalid"


@pytest.mark.parametrize("plain", [b"", b"[]", b"{}", b'{"tokens": [{}], "pending": []}'])
def test_the_contents_of_another_version_are_refused(path: Path, plain: bytes) -> None:
    save(path, Contents())
    header = path.read_bytes()[:HEADER_BYTES]
    key = store._derive_sealer(header, PASSPHRASE.encode()).kek
    path.write_bytes(header + Sealer(key).seal(plain, header))
    assert refusal(open_file(path).load) == "token_file_invalid"


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert refusal(open_file(tmp_path).load) == "token_file_unusable"


def test_a_place_where_no_file_can_be_made_is_refused(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    assert refusal(open_file(blocked / "tokens.bin").locked().__enter__) == "token_file_unusable"


def test_file_lock_and_folder_belong_to_their_owner_alone(path: Path) -> None:
    save(path, Contents((TOKEN,)))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"tokens.bin": 0o600, "tokens.bin.lock": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_save_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    save(path, Contents((TOKEN,)))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(call, fail)
    assert refusal(lambda: save(path, Contents())) == "token_file_unusable"
    monkeypatch.undo()
    assert open_file(path).load().tokens == (TOKEN,)
    assert {file.name for file in path.parent.iterdir()} == {"tokens.bin", "tokens.bin.lock"}


def test_each_new_file_has_its_own_salt(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(tmp_path / name, Contents((TOKEN,)))
    first, second = (((tmp_path / name).read_bytes())[:HEADER_BYTES] for name in ("one", "two"))
    assert first != second


def count_on(path: Path, times: int) -> None:
    for _ in range(times):
        file = open_file(path)
        with file.locked():
            contents = file.load()
            token = contents.find(TOKEN.serial, TOKEN.vk)
            file.save(contents.with_token(token.advanced()))


def test_processes_that_change_the_file_at_once_lose_no_counter(path: Path) -> None:
    save(path, Contents((TOKEN,)))
    context = get_context("fork")
    processes = [context.Process(target=count_on, args=(path, 20)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert open_file(path).load().tokens[0].counter == 80


def test_a_token_is_found_by_serial_and_preferably_server() -> None:
    twin = replace(OTHER, serial=TOKEN.serial)
    contents = Contents((TOKEN, twin))
    assert contents.find(TOKEN.serial, twin.vk) is twin
    assert contents.find(TOKEN.serial, bytes(8)) is TOKEN
    assert refusal(lambda: contents.find("T-9999", TOKEN.vk)) == "token_unknown"


def test_a_serial_that_two_hosts_gave_out_names_no_token() -> None:
    twin = replace(OTHER, serial=TOKEN.serial)
    contents = Contents((TOKEN, twin))
    assert contents.find_by_name(twin.vk.hex()) is twin
    assert refusal(lambda: contents.find_by_name(TOKEN.serial)) == "token_ambiguous"
    assert refusal(lambda: contents.find_by_name("T-9999")) == "token_unknown"


def test_a_changed_token_takes_the_place_of_its_earlier_state() -> None:
    contents = Contents((TOKEN, OTHER)).with_token(TOKEN.advanced())
    assert set(contents.tokens) == {TOKEN.advanced(), OTHER}


def test_enrolments_are_kept_until_their_ticket_is_dead() -> None:
    first = Enrolment.begin(FakeHost(PLATFORM).invitation, NOW)
    second = Enrolment.begin(FakeHost(PLATFORM).invitation, NOW)
    contents = Contents().with_enrolment(first, NOW).with_enrolment(second, NOW)
    assert contents.enrolment_for(first.invitation) is first
    later = contents.with_enrolment(second, NOW + timedelta(seconds=601))
    assert later.enrolment_for(first.invitation) is None
