"""Near-field links: frames, and what carries them."""

import io
import json
import os
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from terminal.errors import TerminalError
from terminal.links import qr
from terminal.links.frames import (
    LIFETIME_SECONDS,
    MAX_FRAME,
    MAX_MESSAGE,
    Assembler,
    Frame,
    Splitter,
    separate,
)
from terminal.links.link import Link, LinkError
from terminal.links.loopback import Loopback
from terminal.links.qr import QrLink
from terminal.links.wav import WavFileLink
from tests.terminal import link_vectors

needs_sound = pytest.mark.skipif(
    find_spec("ggwave") is None, reason="ggwave is not installed (make sound)"
)
VECTORS: dict[str, Any] = json.loads(link_vectors.PATH.read_text())
Ends = tuple[Link, Link]
MESSAGES = st.binary(min_size=1, max_size=700)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(LinkError) as refused:
        act()
    return refused.value.code


def joined(assembler: Assembler, frames: list[bytes]) -> list[bytes]:
    return [message for frame in frames if (message := assembler.add(frame)) is not None]


# Frames


def test_the_vectors_are_what_is_made_today() -> None:
    assert link_vectors.vectors() == VECTORS


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["id"])
def test_a_message_is_cut_and_put_together_as_the_vectors_say(vector: dict[str, Any]) -> None:
    frames = [bytes.fromhex(frame) for frame in vector["frames"]]
    message = bytes.fromhex(vector["message"])
    assert Splitter(vector["number"]).split(message) == frames
    assert joined(Assembler(), frames) == [message]
    assert [frame for text in vector["codes"] for frame in qr.frames_in(text)] == frames


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["id"])
def test_what_is_no_frame_is_refused(vector: dict[str, Any]) -> None:
    assert refusal(lambda: Frame.from_bytes(bytes.fromhex(vector["frame"]))) == "link_corrupt"


@pytest.mark.parametrize("vector", VECTORS["sequences"], ids=lambda vector: vector["id"])
def test_each_frame_brings_what_the_vectors_say(vector: dict[str, Any]) -> None:
    assembler = Assembler()

    def brought(frame: bytes) -> str | None:
        try:
            message = assembler.add(frame)
        except LinkError as refused:
            return refused.code
        return None if message is None else message.hex()

    assert [brought(bytes.fromhex(frame)) for frame in vector["frames"]] == vector["brings"]


@given(MESSAGES, st.integers(0, 2**16 - 1), st.randoms(use_true_random=False))
def test_frames_in_any_order_and_any_number_are_the_message_once(
    message: bytes, number: int, chance: Any
) -> None:
    frames = Splitter(number).split(message)
    came = frames + chance.choices(frames, k=3)
    chance.shuffle(came)
    assert joined(Assembler(), came) == [message]


@given(MESSAGES)
def test_frames_one_behind_the_other_are_taken_apart_again(message: bytes) -> None:
    frames = Splitter().split(message)
    assert list(separate(b"".join(frames))) == frames
    assert all(len(frame) <= MAX_FRAME for frame in frames)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(b"CS".__add__))
def test_bytes_that_nobody_framed_are_refused_and_nothing_else_happens(data: bytes) -> None:
    assembler = Assembler()
    assert refusal(lambda: [assembler.add(frame) for frame in [*separate(data), b""]])
    assert joined(assembler, Splitter(1).split(b"well")) == [b"well"]


@given(st.binary(min_size=1, max_size=250), st.data())
def test_no_changed_bit_goes_unnoticed(message: bytes, data: st.DataObject) -> None:
    frame = bytearray(data.draw(st.sampled_from(Splitter(77).split(message))))
    place = data.draw(st.integers(0, len(frame) * 8 - 1))
    frame[place // 8] ^= 1 << place % 8
    assert refusal(lambda: Frame.from_bytes(bytes(frame))) == "link_corrupt"


@pytest.mark.parametrize("size", [0, MAX_MESSAGE + 1])
def test_a_message_that_no_frames_hold_is_refused(size: int) -> None:
    assert refusal(lambda: Splitter().split(bytes(size))) == "link_too_large"


def test_the_longest_message_passes() -> None:
    assert joined(Assembler(), Splitter().split(bytes(MAX_MESSAGE))) == [bytes(MAX_MESSAGE)]


def test_a_message_whose_frames_stop_coming_is_forgotten_in_time() -> None:
    clock = iter([0.0, 0.0, LIFETIME_SECONDS, LIFETIME_SECONDS, LIFETIME_SECONDS])
    assembler = Assembler(clock=lambda: next(clock))
    first, second = Splitter(3).split(b"a" * 101)
    assert joined(assembler, [first, second]) == []


def test_many_messages_begun_and_never_ended_take_no_room() -> None:
    assembler = Assembler()
    for number in range(1000):
        assembler.add(Splitter(number).split(bytes(101))[0])
    assert len(assembler._messages) < 10
    # The newest is not the one that was forgotten.
    assert assembler.add(Splitter(999).split(bytes(101))[1]) == bytes(101)


def test_messages_of_one_sender_have_numbers_of_their_own_also_past_the_last() -> None:
    splitter = Splitter(2**16 - 1)
    assert [frame[2:4] for _ in range(3) for frame in splitter.split(b"x")] == [
        b"\xff\xff",
        b"\x00\x00",
        b"\x00\x01",
    ]


# What carries them


@pytest.fixture(
    params=["loopback", "qr", pytest.param("wav", marks=needs_sound)],
)
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Ends:
    there, back = tmp_path / "there", tmp_path / "back"
    match request.param:
        case "loopback":
            return Loopback.pair()
        case "qr":
            return QrLink(there, back), QrLink(back, there)
    return WavFileLink(there, back), WavFileLink(back, there)


def test_messages_pass_both_ways_in_their_order(ends: Ends) -> None:
    here, there = ends
    for message in (b"first", bytes(range(200)), b"first"):
        here.send(message)
    there.send(b"back")
    assert [there.recv(0), there.recv(0), there.recv(0)] == [b"first", bytes(range(200)), b"first"]
    assert here.recv(0) == b"back"


def test_nothing_in_time_is_said_so_and_what_comes_later_passes(ends: Ends) -> None:
    here, there = ends
    assert refusal(lambda: there.recv(0)) == "link_timeout"
    here.send(b"later")
    assert there.recv(0) == b"later"


def test_what_comes_while_one_waits_is_received(ends: Ends) -> None:
    here, there = ends
    sender = threading.Timer(0.01, lambda: here.send(b"now"))
    sender.start()
    assert there.recv(120) == b"now"
    sender.join()


def test_waiting_ends_also_when_frames_keep_coming_that_are_no_message() -> None:
    here, there = Loopback.pair()
    frames = Splitter(1).split(bytes(101))
    for _ in range(1000):
        here._send_frames(frames[:1])
    started = time.monotonic()
    assert refusal(lambda: there.recv(0.05)) == "link_timeout"
    assert time.monotonic() - started < 60


def test_a_message_too_long_is_refused_before_anything_is_sent(ends: Ends) -> None:
    here, there = ends
    assert refusal(lambda: here.send(bytes(MAX_MESSAGE + 1))) == "link_too_large"
    assert refusal(lambda: there.recv(0)) == "link_timeout"


def test_a_damaged_frame_is_refused_and_the_next_message_passes(ends: Ends) -> None:
    here, there = ends
    frame = Splitter().split(b"a word")[0]
    here._send_frames([frame[:-1] + bytes([frame[-1] ^ 1])])
    assert refusal(lambda: there.recv(0)) == "link_corrupt"
    here.send(b"the next")
    assert there.recv(0) == b"the next"


def test_a_link_refuses_as_the_rest_of_the_terminal_does() -> None:
    assert issubclass(LinkError, TerminalError)
    assert str(LinkError("link_timeout")) == "Nothing came over the link in time: try again"


# Folders of pictures


def test_a_signed_message_of_usual_length_is_one_picture(tmp_path: Path) -> None:
    here, there = QrLink(tmp_path / "a", tmp_path / "b"), QrLink(tmp_path / "b", tmp_path / "a")
    here.send(os.urandom(400))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["00000001.png"]
    there.recv(0)
    assert list((tmp_path / "a").iterdir()) == []


def test_a_long_message_takes_several_pictures_and_passes_in_any_order(tmp_path: Path) -> None:
    here, there = QrLink(tmp_path / "a", tmp_path / "b"), QrLink(tmp_path / "b", tmp_path / "a")
    message = os.urandom(1100)
    here.send(message)
    first, second, third = sorted((tmp_path / "a").iterdir())
    third.rename(tmp_path / "x")
    first.rename(third)
    (tmp_path / "x").rename(first)
    assert there.recv(0) == message
    assert not second.exists()


def test_a_missing_picture_is_noticed_and_the_next_message_passes(tmp_path: Path) -> None:
    here, there = QrLink(tmp_path / "a", tmp_path / "b"), QrLink(tmp_path / "b", tmp_path / "a")
    here.send(os.urandom(500))
    min((tmp_path / "a").iterdir()).unlink()
    assert refusal(lambda: there.recv(0)) == "link_timeout"
    here.send(b"the next")
    assert there.recv(0) == b"the next"


def test_the_origin_of_a_code_is_the_site_that_a_camera_app_would_open(tmp_path: Path) -> None:
    here = QrLink(tmp_path / "a", tmp_path / "b", origin="https://site.example")
    assert here._origin in qr.text_of([b"x"], here._origin)
    here.send(b"x")
    assert QrLink(tmp_path / "b", tmp_path / "a").recv(0) == b"x"


FRAME = Splitter(1).split(b"x")[0]
HOSTILE_PICTURES: dict[str, Callable[[], bytes]] = {
    "no picture": lambda: b"\x89PNG\r\n\x1a\nnothing more",
    "a picture cut short": lambda: qr._draw(qr.text_of([FRAME]))[:-60],
    "a code of another kind": lambda: qr._draw(qr.text_of([FRAME]).replace("/o#", "/r#")),
    "a code of somebody else": lambda: qr._draw("https://example.com"),
    "a frame cut short": lambda: qr._draw(qr.text_of([FRAME[:-1]])),
    "frames cut short": lambda: qr._draw(qr.text_of([FRAME + FRAME[:3]])),
    "no code": lambda: png(100, 100),
    "too many pixels": lambda: png(5000, 5000),
    "too many bytes": lambda: qr._draw(qr.text_of([FRAME])) + bytes(QrLink.MAX_FILE),
}


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height), 1).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("name", HOSTILE_PICTURES)
def test_a_hostile_picture_is_refused_and_the_next_passes(name: str, tmp_path: Path) -> None:
    here, there = QrLink(tmp_path / "a", tmp_path / "b"), QrLink(tmp_path / "b", tmp_path / "a")
    here._put(HOSTILE_PICTURES[name]())
    assert refusal(lambda: there.recv(0)) == "link_corrupt"
    here.send(b"the next")
    assert there.recv(0) == b"the next"


def test_a_folder_that_cannot_be_made_is_one_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(lambda: QrLink(tmp_path / "file", tmp_path)) == "link_unusable"


def test_whoever_begins_clears_both_ways_and_nothing_else(tmp_path: Path) -> None:
    here, there = QrLink(tmp_path / "a", tmp_path / "b"), QrLink(tmp_path / "b", tmp_path / "a")
    here.send(b"said before")
    there.send(bytes(700))
    other = tmp_path / "a" / "holiday.png"
    other.write_bytes(b"")
    # Half of a message that is gone.
    next(iter(sorted((tmp_path / "b").glob("*.png")))).replace(tmp_path / "b" / "00000099.png")
    here.clear()
    assert list((tmp_path / "a").iterdir()) == [other]
    assert list((tmp_path / "b").iterdir()) == []
    for end, far in ((here, there), (there, here)):
        end.send(b"said now")
        assert far.recv(0) == b"said now"


def test_a_picture_that_is_cleared_away_while_it_is_read_was_not_there(tmp_path: Path) -> None:
    here, there = QrLink(tmp_path / "a", tmp_path / "b"), QrLink(tmp_path / "b", tmp_path / "a")
    here.send(b"said before")
    seen = there._waiting

    def late(folder: Path) -> list[Path]:
        waiting = seen(folder)
        here.clear()
        return waiting

    there._waiting = late  # type: ignore[method-assign]
    assert refusal(lambda: there.recv(0)) == "link_timeout"


def test_a_sender_started_anew_writes_behind_what_still_waits(tmp_path: Path) -> None:
    for message in (b"one", b"two"):
        QrLink(tmp_path / "a", tmp_path / "b").send(message)
    there = QrLink(tmp_path / "b", tmp_path / "a")
    assert [there.recv(0), there.recv(0)] == [b"one", b"two"]
