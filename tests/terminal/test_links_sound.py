"""Near-field links by sound: ggwave in processes of its own, and what noise and malice do."""

import io
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from terminal.links import wav
from terminal.links.frames import Splitter
from terminal.links.link import LinkError
from terminal.links.wav import WavFileLink

pytest.importorskip("ggwave", reason="ggwave is not installed (make sound)")
Pair = tuple[WavFileLink, WavFileLink]


@pytest.fixture
def ends(tmp_path: Path) -> Pair:
    return pair(tmp_path)


def pair(folder: Path, noise: float = 0.0, volume: int = 50) -> Pair:
    there, back = folder / "there", folder / "back"
    here = WavFileLink(there, back, noise, volume)
    return here, WavFileLink(back, there, noise, volume)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(LinkError) as refused:
        act()
    return refused.value.code


@pytest.mark.parametrize(("noise", "volume"), [(0.05, 100), (0.0, 10)])
def test_a_message_is_understood_through_noise(noise: float, volume: int, tmp_path: Path) -> None:
    here, there = pair(tmp_path, noise, volume)
    message = os.urandom(100)
    here.send(message)
    assert there.recv(0) == message


def test_too_much_noise_is_a_damaged_message_and_the_next_passes(tmp_path: Path) -> None:
    here, there = pair(tmp_path)
    loud, _ = pair(tmp_path, noise=0.9)
    loud.send(b"drowned")
    assert refusal(lambda: there.recv(0)) == "link_corrupt"
    here.send(b"the next")
    assert there.recv(0) == b"the next"


def test_a_message_is_one_file_of_about_four_seconds_a_frame(ends: Pair) -> None:
    here, _ = ends
    here.send(os.urandom(200))
    (path,) = here._outgoing.iterdir()
    with wave.open(str(path), "rb") as file:
        assert file.getparams()[:3] == (1, 2, 48_000)
        assert 8 < file.getnframes() / 48_000 < 9


@pytest.mark.parametrize("size", [0, 141, 255, 256])
def test_what_ggwave_would_cut_is_refused_before_it_gets_there(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wav, "_WORKER", Path("/nowhere"))
    assert refusal(lambda: wav.encode([b"well", bytes(size)], 50)) == "link_too_large"


def test_all_that_ggwave_takes_passes() -> None:
    payloads = [os.urandom(140), bytes(wav.MIN_PAYLOAD), b"\xff" * 139]
    assert wav.decode(wav.encode(payloads, 50)) == payloads


def test_the_shortest_messages_are_padded_since_ggwave_misreads_those(ends: Pair) -> None:
    here, there = ends
    for size in (1, 2, 30):
        message = os.urandom(size)
        here.send(message)
        assert there.recv(0) == message


def test_what_is_behind_a_short_frame_is_not_taken_for_a_shorter_message(ends: Pair) -> None:
    here, there = ends
    frame = bytes.fromhex("43537c0f000102aa4277231017")
    # The control: one of those that zeros spoil.
    assert wav.decode(wav.encode([frame.ljust(wav.MIN_PAYLOAD, b"\0")], 50)) == [bytes(6)]
    here._send_frames([frame])
    assert there.recv(0) == b"\xaa\x42"


def test_nobody_is_made_to_listen_for_minutes(ends: Pair) -> None:
    here, there = ends
    assert refusal(lambda: here.send(bytes(3201))) == "link_too_large"
    assert refusal(lambda: there.recv(0)) == "link_timeout"


def test_five_bad_encodes_in_a_row_and_the_sixth_message_passes(ends: Pair) -> None:
    here, there = ends
    for _ in range(5):
        # One that says it is longer than it is, which only a broken caller of the worker sends.
        assert wav._run_worker(b"\x00", "encode", "50") == b""
        assert wav._run_worker(b"\x05well", "encode", "50") == b""
        assert refusal(lambda: wav.encode([b"x"], volume=-1)) == "link_unusable"
    here.send(b"the sixth")
    assert there.recv(0) == b"the sixth"


def test_a_process_is_poisoned_by_four_failures_so_none_is_used_twice() -> None:
    """The control: what a fresh process for each sound guards against."""
    program = """
import ggwave
ggwave.disableLog()
for volume in (-1, -1, -1, -1, 50):
    try:
        print(len(ggwave.encode(b'well', 2, volume)))
    except ValueError:
        print("failed")
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["failed"] * 5


@pytest.mark.parametrize("program", ["import os; os.abort()", "import time; time.sleep(60)"])
def test_a_worker_that_dies_or_hangs_is_a_refusal_and_the_next_message_passes(
    program: str, ends: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = ends
    here.send(b"unheard")
    broken = tmp_path / "broken.py"
    broken.write_text(program)
    with monkeypatch.context() as patched:
        patched.setattr(wav, "_WORKER", broken)
        patched.setattr(wav, "_WORKER_SECONDS", 0.3)
        assert refusal(lambda: there.recv(0)) == "link_corrupt"
        assert refusal(lambda: here.send(b"unsaid")) == "link_unusable"
    here.send(b"the next")
    assert there.recv(0) == b"the next"


def sound(samples: bytes = bytes(96_000), *, channels: int = 1, rate: int = 48_000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(samples)
    return out.getvalue()


@cache
def words() -> bytes:
    """Return the samples of a message that would be understood."""
    return wav.encode(Splitter(1).split(b"x"), 50)


HOSTILE_SOUNDS: dict[str, Callable[[], bytes]] = {
    "silence": sound,
    "no sound at all": lambda: sound(b""),
    "white noise": lambda: sound(os.urandom(96_000)),
    "two channels": lambda: sound(words(), channels=2),
    "another rate": lambda: sound(words(), rate=44_100),
    "no WAV": lambda: b"RIFF1234nothing",
    "nothing": lambda: b"",
    "a header cut short": lambda: sound()[:30],
    "samples cut short": lambda: sound(words())[: len(words()) // 2],
    "too many bytes": lambda: sound(words()) + bytes(WavFileLink.MAX_FILE),
}


@pytest.mark.parametrize("name", HOSTILE_SOUNDS)
def test_a_hostile_sound_is_refused(name: str, ends: Pair) -> None:
    here, there = ends
    here._put(HOSTILE_SOUNDS[name]())
    assert refusal(lambda: there.recv(0)) == "link_corrupt"
    assert refusal(lambda: there.recv(0)) == "link_timeout"


def test_payloads_that_are_no_frames_are_refused(ends: Pair) -> None:
    here, there = ends
    here._send_frames([b"somebody else's words"])
    assert refusal(lambda: there.recv(0)) == "link_corrupt"


def test_frames_that_lack_one_wait_for_it_and_are_no_message(ends: Pair) -> None:
    here, there = ends
    frames = Splitter().split(bytes(150))
    here._send_frames(frames[:1])
    assert refusal(lambda: there.recv(0)) == "link_timeout"
    here._send_frames(frames[1:])
    assert there.recv(0) == bytes(150)


@pytest.mark.parametrize("volume", [0, 101])
def test_a_volume_that_ggwave_does_not_know_is_refused(volume: int, tmp_path: Path) -> None:
    assert refusal(lambda: pair(tmp_path, volume=volume)) == "link_unusable"


def test_without_ggwave_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wav, "find_spec", lambda name: None)
    with pytest.raises(LinkError, match=r"pip install -r requirements-sound\.txt") as refused:
        pair(tmp_path)
    assert refused.value.code == "sound_missing"
