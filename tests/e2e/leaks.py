"""Search all that the services keep and say for seeds, and for responses that were accepted."""

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress

from tests.e2e.live import Live

Place = tuple[str, bytes]

_URL = re.compile(rb"^[A-Z]+ (\S+) HTTP/1\.1\r\n", re.MULTILINE)
_IN_TEXT = re.compile(rb"(?<![0-9A-Za-z])[0-9]{8}(?![0-9A-Za-z])")
_IN_BYTES = re.compile(rb"(?<![0-9])[0-9]{8}(?![0-9])")
_TO_STANDARD_BASE64 = bytes.maketrans(b"-_", b"+/")


def columns(live: Live, service: str) -> Iterator[Place]:
    """Yield every column of every table, its values one after the other."""
    tables = live.tables(service)
    # One for all: to connect to PostgreSQL takes longer than to read a table.
    with live._connected(service) as connection:
        for table in tables:
            content: dict[tuple[str, bool], list[bytes]] = defaultdict(list)
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  # its own name
                for number, value in enumerate(row):
                    is_binary = isinstance(value, bytes)
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    content[f"{service} {table} column {number}", is_binary].append(raw)
            for (name, is_binary), values in content.items():
                yield name + " (binary)" * is_binary, b"\n".join(values)


def files(live: Live) -> Iterator[Place]:
    """Yield every file: logs, e-mail, settings, and the raw pages of SQLite."""
    for path in sorted(live.folder.rglob("*")):
        # What a database keeps beside its file comes and goes while its service runs.
        with suppress(FileNotFoundError, IsADirectoryError):
            yield str(path.relative_to(live.folder)), path.read_bytes()


def conversations(live: Live) -> Iterator[Place]:
    """Yield all HTTP on the platform's side: with people and tokens, and with the authserver."""
    for name, wire in (("to the platform", live.front), ("to the authserver", live.back)):
        yield f"HTTP {name}", b"\n".join(wire.seen)


def urls(live: Live) -> Iterator[Place]:
    """Yield every URL that was asked for."""
    for name, content in conversations(live):
        yield f"URLs of {name}", b"\n".join(_URL.findall(content))


def find_seeds(seeds: Iterable[bytes], places: Iterable[Place]) -> list[str]:
    """Name the places that hold a seed: raw, or in hex, base32, base64 or base64url."""
    forms = [
        (seed, seed.hex().encode(), base64.b32encode(seed).rstrip(b"="), [*_base64_forms(seed)])
        for seed in seeds
    ]
    found = []
    for name, content in places:
        lower, upper = content.lower(), content.upper()
        standard = content.translate(_TO_STANDARD_BASE64)
        for raw, base16, base32, base64s in forms:
            is_there = (
                raw in content
                or base16 in lower
                or base32 in upper
                or any(form in standard for form in base64s)
            )
            found += [name] if is_there else []
    return found


def find_codes(codes: Iterable[str], places: Iterable[Place]) -> list[str]:
    """Name the places that hold a response, in clear or under a hash without a key."""
    wanted = {code.encode() for code in codes}
    hashes = [hashlib.sha256(code).digest() for code in wanted]
    found = []
    for name, content in places:
        # Only binary columns have values next to each other; digits of text stand alone.
        pattern = _IN_BYTES if name.endswith("(binary)") else _IN_TEXT
        is_there = not wanted.isdisjoint(pattern.findall(content)) or any(
            hashed in content or hashed.hex().encode() in content for hashed in hashes
        )
        found += [name] if is_there else []
    return found


def _base64_forms(secret: bytes) -> Iterator[bytes]:
    """Yield what of a secret shows in base64, whatever stands before and behind it."""
    for before, touched in ((0, 0), (1, 2), (2, 3)):
        whole = 8 * (before + len(secret)) // 6
        yield base64.b64encode(bytes(before) + secret)[touched:whole]
