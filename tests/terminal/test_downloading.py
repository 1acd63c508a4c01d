"""Downloads: whole, or not there at all; cut off, they go on where they were."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from protocol.ed25519 import SigningKey
from terminal.client import Client
from terminal.downloading import download
from terminal.errors import TerminalError
from tests.terminal.loopback import HOSTS, Answer, Asked, answering

pytestmark = pytest.mark.allow_hosts(HOSTS)

ID = "0011223344556677"


@dataclass
class Store:
    """A platform with one file.

    Attributes:
        content: What it is now.
        sends: How many bytes go through before the connection breaks.
        asked: The ranges that were asked for.
    """

    content: bytes = b"0123456789" * 20_000
    sends: int | None = None
    damage: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()}"'

    def answer(self, asked: Asked) -> Answer:
        assert asked.path == f"/api/v1/resources/{ID}/file"
        self.asked.append(asked.headers.get("Range", ""))
        headers = {"ETag": self.etag}
        start = 0
        if asked.headers.get("If-Range") == self.etag:
            start = int(asked.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            whole = len(self.content)
            headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
        rest = self.content[start:]
        sent = bytes(len(rest)) if self.damage else rest
        return Answer(sent[: self.sends], 206 if start else 200, headers, announced=len(rest))

    @contextmanager
    def client(self) -> Iterator[Client]:
        with answering(self.answer) as origin:
            yield Client(origin)


def fetch(client: Client, path: Path) -> None:
    download(client, SigningKey.generate(), ID, path)


def refusal(client: Client, path: Path) -> str:
    with pytest.raises(TerminalError) as refused:
        fetch(client, path)
    return refused.value.code


def test_the_file_comes_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    store = Store()
    with store.client() as client:
        fetch(client, tmp_path / "song")
    assert (tmp_path / "song").read_bytes() == store.content
    assert [path.name for path in tmp_path.iterdir()] == ["song"]


def test_a_download_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    store = Store(sends=150_000)
    with store.client() as client:
        assert refusal(client, tmp_path / "song") == "server_unavailable"
        assert not (tmp_path / "song").exists()
        store.sends = None
        fetch(client, tmp_path / "song")
    assert (tmp_path / "song").read_bytes() == store.content
    begun = int(store.asked[1].removeprefix("bytes=").removesuffix("-"))
    assert 0 < begun <= 150_000


def test_a_new_version_in_between_is_fetched_from_its_beginning(tmp_path: Path) -> None:
    store = Store(sends=150_000)
    with store.client() as client:
        refusal(client, tmp_path / "song")
        store.sends, store.content = None, b"another"
        fetch(client, tmp_path / "song")
    assert (tmp_path / "song").read_bytes() == b"another"


def test_a_part_that_is_whole_by_now_is_not_asked_for_again(tmp_path: Path) -> None:
    store = Store()
    (tmp_path / "song.part").write_bytes(store.content)
    (tmp_path / "song.part-of").write_text(store.etag.strip('"'))
    with store.client() as client:
        fetch(client, tmp_path / "song")
    assert store.asked == []
    assert (tmp_path / "song").read_bytes() == store.content


def test_what_does_not_have_the_announced_digest_is_thrown_away(tmp_path: Path) -> None:
    store = Store(damage=True)
    with store.client() as client:
        assert refusal(client, tmp_path / "song") == "download_damaged"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"x"),
        Answer(b"x", 200, {"ETag": '"short"'}),
        Answer(b"x", 206, {"ETag": f'"{"0" * 64}"'}),
        Answer(b"x", 206, {"ETag": f'"{"0" * 64}"', "Content-Range": "bytes 5-5/6"}),
    ],
)
def test_an_answer_that_does_not_say_what_it_is_is_refused(tmp_path: Path, answer: Answer) -> None:
    with answering(lambda _: answer) as origin:
        assert refusal(Client(origin), tmp_path / "song") == "answer_invalid"
    assert not (tmp_path / "song").exists()


def test_a_part_that_the_platform_cannot_continue_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "song.part").write_bytes(b"too long")
    (tmp_path / "song.part-of").write_text("0" * 64)
    problem = Answer.problem(416, "range_not_satisfiable")
    with answering(lambda _: problem) as origin:
        assert refusal(Client(origin), tmp_path / "song") == "range_not_satisfiable"
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_keeps_its_code(tmp_path: Path) -> None:
    problem = Answer.problem(410, "resource_withdrawn")
    with answering(lambda _: problem) as origin:
        assert refusal(Client(origin), tmp_path / "song") == "resource_withdrawn"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with Store().client() as client:
        assert refusal(client, tmp_path / "none" / "song") == "file_unwritable"


@pytest.mark.parametrize("name", ["", "../../me", "0011223344556677/", "zz11223344556677"])
def test_what_is_no_id_is_never_put_into_an_address(tmp_path: Path, name: str) -> None:
    with pytest.raises(TerminalError) as refused:
        download(Client("https://shop.example"), SigningKey.generate(), name, tmp_path / "song")
    assert refused.value.code == "unknown_resource"
