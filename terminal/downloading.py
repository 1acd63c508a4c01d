"""Downloading the file of a resource, and going on where an earlier try was cut off."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import urllib3

from protocol.ed25519 import SigningKey
from terminal.client import Client
from terminal.errors import TerminalError

_CHUNK_BYTES = 65_536
_ID = re.compile(r"[0-9a-f]{16}")
_ETAG = re.compile(r'"([0-9a-f]{64})"')
_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/([0-9]+)")


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way: it lies beside its place until it is whole.

    Attributes:
        path: Where it will be.
    """

    path: Path

    @property
    def part(self) -> Path:
        """What has come so far."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def mark(self) -> Path:
        """The digest of the file that the part belongs to."""
        return self.path.with_name(f"{self.path.name}.part-of")

    def begun(self) -> tuple[int, str]:
        """Return how many bytes there are, and the digest of the whole; 0 when none are."""
        try:
            return self.part.stat().st_size, self.mark.read_text("ascii")
        except (OSError, ValueError):
            return 0, ""

    def drop(self) -> None:
        """Forget what has come."""
        self.mark.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)


def download(
    client: Client,
    key: SigningKey,
    resource: str,
    path: Path,
    *,
    progress: Callable[[int, int], None] = lambda _have, _whole: None,
) -> None:
    """Download the present version of a resource's file, and check its digest.

    Args:
        client: Calls the platform.
        key: Of the device.
        resource: Public id, 16 hex digits.
        path: Where the file goes; what an earlier call left beside it is used.
        progress: Told how many bytes there are, and of how many.

    Raises:
        TerminalError: the platform's code; ``server_unavailable`` when it is cut off, after which
            the same call goes on; ``download_damaged``; or ``file_unwritable``.
    """
    if _ID.fullmatch(resource) is None:
        raise TerminalError("unknown_resource", "the id of a resource has 16 hex digits")
    begun = Download(path)
    have, digest = begun.begun()
    try:
        if not have or _sha256(begun.part) != digest:
            digest = _fetch(client, key, resource, begun, progress)
        if _sha256(begun.part) != digest:
            begun.drop()
            raise TerminalError("download_damaged", "what came is not the file; try again")
        begun.part.replace(path)
        begun.mark.unlink(missing_ok=True)
    except OSError as error:
        raise TerminalError("file_unwritable", f"{path} cannot be written") from error


def _fetch(
    client: Client,
    key: SigningKey,
    resource: str,
    begun: Download,
    progress: Callable[[int, int], None],
) -> str:
    """Get what is missing, and return the digest of the whole."""
    have, digest = begun.begun()
    # Without the same digest the platform sends the whole of what it has now.
    headers = {"Range": f"bytes={have}-", "If-Range": f'"{digest}"'} if have else {}
    try:
        with client.opened(f"/resources/{resource}/file", key=key, headers=headers) as response:
            digest = _digest_of(response)
            start, whole = _extent(response, have)
            begun.mark.write_text(digest, "ascii")
            _append(begun.part, response, start, whole, progress)
    except TerminalError as error:
        if error.members.get("status") == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            begun.drop()
        raise
    return digest


def _append(
    part: Path,
    response: urllib3.BaseHTTPResponse,
    start: int,
    whole: int,
    progress: Callable[[int, int], None],
) -> None:
    with part.open("r+b" if start else "wb") as file:
        file.truncate(start)
        file.seek(start)
        for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
            file.write(chunk)
            progress(file.tell(), whole)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of(response: urllib3.BaseHTTPResponse) -> str:
    match = _ETAG.fullmatch(response.headers.get("ETag", ""))
    if match is None:
        raise TerminalError("answer_invalid", "the platform does not say which file this is")
    return match[1]


def _extent(response: urllib3.BaseHTTPResponse, have: int) -> tuple[int, int]:
    """Return where what comes begins, and how long the whole is, 0 when nobody says."""
    if response.status == HTTPStatus.OK:
        return 0, int(response.headers.get("Content-Length", "0"))
    match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != have:
        raise TerminalError("answer_invalid", "the platform sends another part than was asked for")
    return have, int(match[2])
