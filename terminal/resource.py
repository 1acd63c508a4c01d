"""The resource interface: the part of a resource that asks before it lets itself be operated.

A copy of a file is worth nothing by itself.  Its content is encrypted, and the key comes, for one
request, from the platform alone, sealed to the device of somebody who has paid.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from protocol.billing import RNONCE_BYTES, BillingVerdict, Operation
from protocol.content import Header, Kind, Release, decrypt, open_file
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, thumbprint, to_base64
from protocol.keys import Purpose
from terminal.errors import OperationProhibited, TerminalError
from terminal.trust import Trust

OPERATIONS = {
    Kind.APP: Operation.INSTALL,
    Kind.PICTURE: Operation.VIEW,
    Kind.MUSIC: Operation.PLAY,
    Kind.THEME: Operation.APPLY,
    Kind.VIDEO: Operation.PLAY,
}


@dataclass(frozen=True, slots=True)
class BillingRequest:
    """What a resource asks of the billing manager; who its user is, it neither knows nor asks.

    Attributes:
        resource: Public id, 8 bytes.
        version: Number of its version.
        build: SHA-256 of the encrypted file.
        operation: What the user wants.
        rnonce: Drawn for this one request, 16 bytes.
        resource_key: Thumbprint of this copy's own key, 32 bytes.
    """

    resource: bytes
    version: int
    build: bytes
    operation: Operation
    rnonce: bytes
    resource_key: bytes


class Manager(Protocol):
    """The billing manager of the terminal, as a resource meets it."""

    def authorize(self, request: BillingRequest) -> str:
        """Return the billing status code that the platform gave for a request.

        Raises:
            TerminalError: the platform's code, or why it could not be asked.
        """
        ...

    def open_key(self, release: Release, sealed: bytes) -> bytes:
        """Return a content key that was sealed to this device.

        Raises:
            TerminalError: ``sealed_invalid``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A resource in use.

    Attributes:
        header: What the file says of itself, proved by now.
        content: Its pieces; a :class:`ProtocolError` on the way means that the file was changed
            behind what was read.
    """

    header: Header
    content: Iterator[bytes]


class ResourceInterface:
    """One copy of a resource on a terminal, with a key of its own that lasts while it runs."""

    def __init__(
        self,
        path: Path,
        *,
        trust: Trust,
        manager: Manager,
        clock: Callable[[], datetime],
    ) -> None:
        """Prepare.

        Args:
            path: The file of the resource.
            trust: Whom the resource trusts, never what a manager or a server says of itself; and
                its own way to the platform, past the manager.
            manager: The terminal's billing manager.
            clock: Gives the current time, timezone-aware.
        """
        self.path = path
        self.key = SigningKey.generate()
        self._trust = trust
        self._manager = manager
        self._clock = clock

    @contextmanager
    def operate(self, operation: Operation | None = None) -> Iterator[Opened]:
        """Ask for leave by itself, and open the resource; the user types nothing.

        Args:
            operation: What the user wants; by default what is usual for such a resource.

        Raises:
            OperationProhibited: with the platform's code (``not_paid`` has ``price``,
                ``currency`` and ``order_url`` in ``members``), or ``verdict_invalid``,
                ``content_invalid`` and whatever else is amiss.  Nothing was opened.

        Source:
            docs/billing.md, the steps of one use.
        """
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise OperationProhibited("file_unreadable", f"{self.path} cannot be read") from error
        with file:
            with _prohibiting():
                opened = self._open(file, operation)
            yield opened

    def _open(self, file: BufferedReader, operation: Operation | None) -> Opened:
        header = open_file(file)
        if header.platform != self._trust.pins.origin:
            raise TerminalError(
                "wrong_platform", f"{header.platform} sells it, to whom this device is unknown"
            )
        # 1. A fresh nonce makes this one request: no answer to another fits it.
        request = BillingRequest(
            resource=header.resource,
            version=header.version,
            build=_digest(file),
            operation=operation or OPERATIONS[Kind(header.kind)],
            rnonce=secrets.token_bytes(RNONCE_BYTES),
            resource_key=thumbprint(self.key.public),
        )
        # 2. to 5. The manager extracts who asks, and gets the status code.
        code = self._manager.authorize(request)
        # 6. The resource itself has the platform verify it.
        answer = self._verify(code, request)
        # 7. Only a verdict of the pinned platform on exactly this request counts.
        sealed = self._check(answer, request)
        release = Release(
            header.resource, header.version, self._trust.pins.thumbprint, request.rnonce
        )
        key = self._manager.open_key(release, sealed)
        file.seek(0)
        pieces = decrypt(file, key)
        # A wrong key shows at the first piece: before anybody holds the resource for open.
        return Opened(header, chain([next(pieces)], pieces))

    def _verify(self, code: str, request: BillingRequest) -> Mapping[str, Any]:
        body = {
            "status_code": code,
            "resource_id": request.resource.hex(),
            "resource_version": request.version,
            "rnonce": request.rnonce.hex(),
            "operation": request.operation,
            "device": to_base64(self._trust.pins.thumbprint),
        }
        return self._trust.client.call("POST", "/billing/verify", body, key=self.key)

    def _check(self, answer: Mapping[str, Any], request: BillingRequest) -> bytes:
        """Return the sealed content key of an answer that allows this request."""
        try:
            message, sealed = from_base64(answer["verdict"]), from_base64(answer["content_key"])
        except (KeyError, TypeError, ProtocolError) as error:
            raise _verdict_invalid("the platform gave no verdict") from error
        now = self._clock()
        signer = self._trust.signer(message, Purpose.BILLING, now)
        verdict = BillingVerdict.open(message, key=signer.key)
        expected = replace(
            verdict,
            resource=request.resource,
            version=request.version,
            operation=request.operation,
            rnonce=request.rnonce,
            device=self._trust.pins.thumbprint,
        )
        if not verdict.allowed or verdict != expected:
            raise _verdict_invalid("the verdict does not allow this request")
        if verdict.key_digest != hashlib.sha256(sealed).digest():
            raise _verdict_invalid("the content key is not the one the platform gave")
        if now.timestamp() >= verdict.expires:
            raise _verdict_invalid("the verdict has expired; is this terminal's clock right?")
        return sealed


@contextmanager
def _prohibiting() -> Iterator[None]:
    try:
        yield
    except TerminalError as error:
        raise OperationProhibited(error.code, str(error), error.members) from error
    except ProtocolError as error:
        raise OperationProhibited(error.code, error.detail) from error


def _digest(file: BufferedReader) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()


def _verdict_invalid(sentence: str) -> TerminalError:
    return TerminalError("verdict_invalid", sentence)
