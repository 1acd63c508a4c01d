"""Verify receipts, and publish the keys to do so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from enrolment.selectors import certificates_in_bucket, hosts
from enrolment.services import as_listed, ended_keys
from protocol import cbor, cose, qrtext
from protocol.errors import ProtocolError
from protocol.fields import VERSION
from protocol.keys import Directory
from protocol.outcome import REFUSED, Report
from protocol.qrtext import Link
from protocol.verification import verify_receipt
from receipts.errors import ReceiptInvalidError
from signing.publishing import ListedHost, publish_directory
from signing.services import link_to
from transactions.errors import ReceiptNotOursError

if TYPE_CHECKING:
    from transactions.models import Step


@dataclass(frozen=True, slots=True)
class Scanned:
    """A scanned code: where it points, and its bytes."""

    origin: str
    message: bytes


def directory(*, now: datetime) -> bytes:
    """Return the signed directory of this platform.

    Raises:
        KeysMissingError: the platform has no keys yet.
    """

    def listed() -> Iterator[ListedHost]:
        return (ListedHost(as_listed(host), ended_keys(host)) for host in hosts())

    return publish_directory(hosts=listed, now=now)


def bucket_file(bucket: int) -> bytes:
    """Return the certificates of all servers whose ``vk`` begins with these 12 bits.

    CBOR ``[1, [* [cs-server COSE, revoked-at / null]]]``; it tells nobody which one was wanted.
    """
    entries = [[message, revoked] for message, revoked in certificates_in_bucket(bucket=bucket)]
    return cbor.encode([VERSION, entries])


def read_text(text: str) -> Scanned:
    """Return what the text of a scanned receipt holds.

    Raises:
        ReceiptNotOursError: it is no receipt's text.
    """
    try:
        origin, message = qrtext.decode(text, Link.RECEIPT)
    except ProtocolError as error:
        raise ReceiptNotOursError(f"This is not a receipt: {error.detail}.") from error
    return Scanned(origin, message)


def first_receipt(texts: Iterable[str]) -> Scanned:
    """Return the first receipt among several scanned texts.

    Raises:
        ReceiptNotOursError: there is none.
    """
    for text in texts:
        try:
            return read_text(text)
        except ReceiptNotOursError:
            continue
    raise ReceiptNotOursError("The code in this picture is not a receipt.")


def verify(message: bytes, *, now: datetime) -> Report:
    """Check a receipt with the keys of this platform."""
    return verify_receipt(message, Directory.open(directory(now=now)))


def drawable_text(step: "Step", *, now: datetime) -> str:
    """Return the QR text of the receipt or refusal of a step, if all that is stored verifies.

    Raises:
        ReceiptInvalidError: it does not, or the receipt does not say what the stored statement
            and verdict say; nothing is drawn.
    """
    message = bytes(step.receipt or b"")
    report = verify(message, now=now)
    # Also what a key that got out signed: it lies here, so that this platform need not wonder.
    if not report.steps or any(check.code != REFUSED for check in report.failures):
        raise ReceiptInvalidError
    newest = report.steps[-1]
    try:
        statement = cose.parse(bytes(step.statement)).payload
    except ProtocolError as error:
        raise ReceiptInvalidError from error
    if (newest.payload, newest.verdict) != (statement, bytes(step.verdict or b"")):
        raise ReceiptInvalidError
    return link_to(Link.RECEIPT, message)
