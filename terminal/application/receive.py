"""The receive module: packages, nonces, and what became of a request."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from protocol.errors import ProtocolError
from protocol.measuring import MAX_SIZE
from protocol.package import Manifest
from protocol.package_file import PackageFile
from terminal.binding.platform import Platform, octets, text
from terminal.errors import TerminalError

_CHUNK_BYTES = 65_536
_MAX_PICTURE_BYTES = 2**20
_ID = re.compile(r"[0-9a-f]{8}")
_REQUEST = re.compile(r"[0-9a-f]{16}")
# The files, and what the archive says of them.
_MAX_BYTES = MAX_SIZE + 2**22


@dataclass(frozen=True, slots=True)
class Result:
    """How a request stands.

    Attributes:
        request: Its id at the platform.
        state: Such as ``captured``, ``awaiting_captcha`` or ``rejected``.
        strategy: How it is confirmed.
        answer: All that the platform said.
    """

    request: str
    state: str
    strategy: str
    answer: Mapping[str, Any]

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        """Read the platform's answer.

        Raises:
            TerminalError: ``answer_invalid``.
        """
        return cls(
            text(answer, "request"), text(answer, "state"), text(answer, "strategy"), answer
        )


def register(platform: Platform) -> str:
    """Register this device for billing; again is the same.  Return what requests call it.

    Raises:
        TerminalError: the platform's code, or ``answer_invalid``: it took us for another.
    """
    answer = platform.ask("/billing/terminal")
    if octets(answer, "thumbprint") != platform.keys.thumbprint:
        raise TerminalError("answer_invalid", "the platform registered another device")
    return text(answer, "terminal")


def read_status(platform: Platform, request: str) -> Result:
    """Return how a request stands now.

    Raises:
        TerminalError: the platform's code, ``request_unknown``, or ``answer_invalid``.
    """
    check_request_id(request)
    answer = platform.client.call("GET", f"/billing/requests/{request}", key=platform.keys.signing)
    return Result.read(answer)


def fetch_captcha(platform: Platform, request: str, path: Path) -> None:
    """Write the picture that is to be read now into a file, PNG; each is good for one try.

    Raises:
        TerminalError: the platform's code, ``answer_invalid``, or ``file_unwritable``.
    """
    check_request_id(request)
    address = f"/billing/requests/{request}/captcha/image"
    key = platform.keys.signing
    with platform.client.opened(address, key=key, headers={}, method="POST") as response:
        picture = response.read(_MAX_PICTURE_BYTES + 1)
    if len(picture) > _MAX_PICTURE_BYTES:
        raise TerminalError("answer_invalid", "the picture is too large")
    try:
        path.write_bytes(picture)
    except OSError as error:
        raise TerminalError("file_unwritable", f"{path} cannot be written") from error


def check_request_id(request: str) -> None:
    """Refuse what is no id of a request.

    Raises:
        TerminalError: ``request_unknown``.
    """
    if _REQUEST.fullmatch(request) is None:
        raise TerminalError("request_unknown", "the id of a request has 16 hex digits")


def check_package_id(package: str) -> None:
    """Refuse what is no id of an application.

    Raises:
        TerminalError: ``package_unknown``.
    """
    if _ID.fullmatch(package) is None:
        raise TerminalError("package_unknown", "the id of an application has 8 hex digits")


def download(
    platform: Platform,
    package: str,
    path: Path,
    *,
    progress: Callable[[int], None] = lambda _have: None,
) -> Manifest:
    """Download the newest build of an application, packed for this device, and check it.

    Args:
        platform: Who packs it.
        package: Public id, 8 hex digits.
        path: Where the file goes; nothing is there before all of it came.
        progress: Told how many bytes there are.

    Raises:
        TerminalError: the platform's code, ``download_damaged``, or ``file_unwritable``.
    """
    check_package_id(package)
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            _fetch(platform, package, part, progress)
            manifest = read_package(part)
            if manifest.package.hex() != package:
                raise TerminalError("download_damaged", "what came is another application")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise TerminalError("file_unwritable", f"{path} cannot be written") from error
    return manifest


def read_package(path: Path) -> Manifest:
    """Return the manifest of a file that is whole: its signature and files fit each other.

    Whether its key is the right one is for the SDK to find out, which has the copy.

    Raises:
        TerminalError: ``package_invalid``.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return PackageFile(file).check()
    except ProtocolError as error:
        raise TerminalError("package_invalid", f"{path} is no sound package: {error}") from error


def fetch_nonces(platform: Platform, count: int) -> tuple[list[bytes], int]:
    """Fetch one-time numbers for requests; return them with the Unix time of their end.

    Raises:
        TerminalError: the platform's code, or ``answer_invalid``.
    """
    answer = platform.ask("/billing/nonces", {"count": count})
    try:
        nonces = [bytes.fromhex(each) for each in answer["nonces"]]
        expires = int(datetime.fromisoformat(text(answer, "expires_at")).timestamp())
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TerminalError("answer_invalid", "the platform gave no nonces") from error
    return nonces, expires


def _fetch(platform: Platform, package: str, part: Path, progress: Callable[[int], None]) -> None:
    address = f"/packages/{package}/download"
    key = platform.keys.signing
    with (
        platform.client.opened(address, key=key, headers={}, method="POST") as response,
        part.open("wb") as file,
    ):
        for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
            file.write(chunk)
            progress(file.tell())
            if file.tell() > _MAX_BYTES:
                raise TerminalError("download_damaged", "what comes is too large for a package")
