"""Write tests/vectors/link_frames.json, for the readers of frames in Python and in the browser.

`python -m tests.terminal.link_vectors`.

``messages``: a message, its number, its frames, and the texts of the QR codes that carry them.
``refused``: what is no frame. ``sequences``: frames one after the other, and what each brings: the
message, nothing yet (null), or ``link_corrupt``.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from terminal.links.frames import Splitter
from terminal.links.qr import FRAMES_A_CODE, text_of

PATH = Path(__file__).parent.parent / "vectors" / "link_frames.json"
CORRUPT = "link_corrupt"
MESSAGES = {
    "one byte": (0, b"\x00"),
    "a full frame": (1, bytes(range(100))),
    "one byte more": (65_535, bytes(range(101))),
    "a tbs": (258, bytes(227)),
    "four full frames are one code": (7, b"ab" * 200),
    "one byte more are two codes": (8, b"ab" * 200 + b"c"),
}


def vectors() -> dict[str, Any]:
    return {
        "messages": [_message(name, *made) for name, made in MESSAGES.items()],
        "refused": [{"id": name, "frame": frame.hex()} for name, frame in _refused()],
        "sequences": [
            {"id": name, "frames": [frame.hex() for frame in frames], "brings": brings}
            for name, frames, brings in _sequences()
        ],
    }


def _message(name: str, number: int, message: bytes) -> dict[str, Any]:
    frames = Splitter(number).split(message)
    cuts = range(0, len(frames), FRAMES_A_CODE)
    return {
        "id": name,
        "number": number,
        "message": message.hex(),
        "frames": [frame.hex() for frame in frames],
        "codes": [text_of(frames[start : start + FRAMES_A_CODE]) for start in cuts],
    }


def sealed(body: bytes) -> bytes:
    """Put the right check behind a body, whatever it says."""
    return body + zlib.crc32(body).to_bytes(4)


def _refused() -> Iterator[tuple[str, bytes]]:
    good = Splitter(5).split(b"hello")[0]
    body = good[:-4]
    yield "nothing", b""
    yield "one byte short", good[:-1]
    yield "one byte long", good + b"\x00"
    yield "a flipped bit in the payload", good[:8] + bytes([good[8] ^ 1]) + good[9:]
    yield "a flipped bit in the check", good[:-1] + bytes([good[-1] ^ 1])
    yield "a check in little-endian", body + good[:-5:-1]
    yield "other magic", sealed(b"CT" + body[2:])
    yield "no frames at all", sealed(body[:5] + b"\x00" + body[6:])
    yield "index behind the last", sealed(body[:4] + b"\x01\x01" + body[6:])
    yield "length says less", sealed(body[:6] + b"\x04" + body[7:])
    yield "length says more", sealed(body[:6] + b"\x06" + body[7:])
    yield "an empty payload", sealed(b"CS\x00\x05\x00\x01\x00")
    yield "a payload of 101 bytes", sealed(b"CS\x00\x05\x00\x01\x65" + bytes(101))
    yield "a short one that is not the last", sealed(b"CS\x00\x05\x00\x02\x05hello")
    yield "141 bytes", sealed(b"CS\x00\x05\x00\x01\x82" + bytes(130))


def _sequences() -> Iterator[tuple[str, list[bytes], list[str | None]]]:
    message = bytes(range(250))
    one, two, three = Splitter(9).split(message)
    whole = message.hex()
    yield "in order", [one, two, three], [None, None, whole]
    yield "reordered", [three, one, two], [None, None, whole]
    yield "each repeated", [one, one, two, two, three, three], [*[None] * 4, whole, None]
    yield "said again as a whole", [one, two, three] * 2, [None, None, whole, *[None] * 3]
    yield "one missing", [one, three], [None, None]

    other = Splitter(9).split(b"x" * 250)
    yield "said otherwise", [one, other[0], two, three], [None, CORRUPT, None, None]
    longer = Splitter(9).split(b"x" * 350)
    yield "of another length", [one, longer[1]], [None, CORRUPT]
    broken = two[:-1] + bytes([two[-1] ^ 1])
    yield "damaged, then well", [one, broken, two, three], [None, CORRUPT, None, whole]
    again = [one, two, three]
    yield "said otherwise when whole", [*again, other[1]], [None, None, whole, CORRUPT]
    yield "passes after a refusal", [one, other[0], *again], [None, CORRUPT, None, None, whole]

    here, there = Splitter(20).split(b"a" * 101), Splitter(21).split(b"b" * 101)
    both = [here[0], there[0], here[1], there[1]]
    yield "two mixed", both, [None, None, (b"a" * 101).hex(), (b"b" * 101).hex()]


if __name__ == "__main__":
    PATH.write_text(json.dumps(vectors(), indent=1) + "\n")
