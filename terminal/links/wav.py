"""A link of sound by ggwave: what one end plays, the other hears; here both are WAV files."""

import array
import io
import itertools
import operator
import random
import subprocess
import sys
import wave
from importlib.util import find_spec
from pathlib import Path

from terminal.links.errors import CORRUPT, SOUND_MISSING, TOO_LARGE, UNUSABLE, LinkError
from terminal.links.folder import FolderLink
from terminal.links.frames import Assembler, unpadded

# What ggwave carries at once; of more it would silently cut the rest.
MAX_PAYLOAD = 140
# Of fewer, ggwave misreads one in fifty even where all is still.  So there is something behind a
# short frame, and no zeros: with those it takes one in thirty for a message that is shorter still.
MIN_PAYLOAD = 32
PADDING = b"U"
# Over two minutes of sound: nobody waits for more.
MAX_FRAMES = 32
VOLUMES = range(1, 101)
_RATE, _SAMPLE_BYTES, _LOUDEST = 48_000, 2, 32_767
# Noise is drawn for a second and a third, and then comes again: a frame is longer, but each of its
# tones is far shorter.
_NOISE_SAMPLES = 65_536
_WORKER = Path(__file__).with_name("ggwave_worker.py")
# Samples of silence put before a sound.  ggwave looks at 1024 at a time, and where those begin it
# does not understand one frame of a thousand through noise: then it listens once more.
_SHIFTS = (0, 512, 256)
# A minute of sound takes well under a second.
_WORKER_SECONDS = 60


class WavFileLink(FolderLink):
    """Each file is the sound of one message, about 4 s for a full frame."""

    SUFFIX = ".wav"
    MAX_FILE = 16_000_000

    def __init__(
        self, outgoing: Path, incoming: Path, noise: float = 0.0, volume: int = 50
    ) -> None:
        """Tie an end to two folders of sounds, see :class:`FolderLink`.

        Args:
            outgoing: Where this end's sounds go.
            incoming: Where the other end's are found.
            noise: White noise to add, its standard deviation as a share of full scale, as a room
                would. Up to 0.1 is understood at the usual volume.
            volume: 1 to 100, as ggwave has it.

        Raises:
            LinkError: ``sound_missing``, or ``link_unusable``.
        """
        if find_spec("ggwave") is None:
            raise LinkError(SOUND_MISSING)
        if volume not in VOLUMES:
            raise LinkError(UNUSABLE)
        super().__init__(outgoing, incoming)
        self._noise = noise
        self._volume = volume

    def _send_frames(self, frames: list[bytes]) -> None:
        if len(frames) > MAX_FRAMES:
            raise LinkError(TOO_LARGE)
        padded = [frame.ljust(MIN_PAYLOAD, PADDING) for frame in frames]
        self._put(_wav(_with_noise(encode(padded, self._volume), self._noise)))

    def _read_frames(self, content: bytes) -> list[bytes]:
        samples, frames = _samples(content), list[bytes]()
        for shift in _SHIFTS:
            frames = _frames_in(bytes(shift * _SAMPLE_BYTES) + samples) or frames
            if _are_whole(frames):
                return frames
        if not frames:
            raise LinkError(CORRUPT)
        return frames


def encode(payloads: list[bytes], volume: int) -> bytes:
    """Return the sound of some payloads: signed 16 bit, one channel, 48 kHz.

    Raises:
        LinkError: ``link_too_large``: one is not of 1 to 140 bytes; ``link_unusable``.
    """
    if not all(1 <= len(payload) <= MAX_PAYLOAD for payload in payloads):
        raise LinkError(TOO_LARGE)
    given = b"".join(bytes([len(payload)]) + payload for payload in payloads)
    sound = _run_worker(given, "encode", str(volume))
    if not sound:
        raise LinkError(UNUSABLE)
    return sound


def decode(sound: bytes) -> list[bytes]:
    """Return the payloads that are heard in a sound; LinkError ``link_corrupt``: there is none."""
    heard = _run_worker(sound, "decode")
    if not heard:
        raise LinkError(CORRUPT)
    payloads = []
    start = 0
    while start < len(heard):
        end = start + 1 + heard[start]
        payloads.append(heard[start + 1 : end])
        start = end
    return payloads


def _frames_in(sound: bytes) -> list[bytes]:
    try:
        return [unpadded(payload) for payload in decode(sound)]
    except LinkError:
        return []


def _are_whole(frames: list[bytes]) -> bool:
    """Tell whether these are all frames of a message."""
    assembler = Assembler()
    try:
        return any(assembler.add(frame) is not None for frame in frames)
    except LinkError:
        return False


def _run_worker(given: bytes, *arguments: str) -> bytes:
    """Return what a fresh process made of this; nothing when it failed."""
    # -P: the names of our modules must not stand in for Python's own.
    command = [sys.executable, "-P", str(_WORKER), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 (our own program)
            command, input=given, capture_output=True, check=True, timeout=_WORKER_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return b""
    return done.stdout


def _with_noise(sound: bytes, noise: float) -> bytes:
    if not noise:
        return sound
    # Nothing secret is drawn. Array, wave and the worker are all of this machine's byte order,
    # which is little-endian wherever ggwave is built.
    draw = random.Random().gauss  # noqa: S311
    drawn = [round(draw(0, noise * _LOUDEST)) for _ in range(_NOISE_SAMPLES)]
    noisy = map(operator.add, array.array("h", sound), itertools.cycle(drawn))
    return array.array("h", [max(-_LOUDEST, min(_LOUDEST, one)) for one in noisy]).tobytes()


def _wav(sound: bytes) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, _SAMPLE_BYTES, _RATE, 0, "NONE", "not compressed"))
        file.writeframes(sound)
    return out.getvalue()


def _samples(content: bytes) -> bytes:
    """Return the samples of a WAV file that is as ours are; LinkError ``link_corrupt``."""
    try:
        with wave.open(io.BytesIO(content), "rb") as file:
            if file.getparams()[:3] != (1, _SAMPLE_BYTES, _RATE):
                raise LinkError(CORRUPT)
            return file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError) as error:
        raise LinkError(CORRUPT) from error
