"""Which chips there are, what they have to sign, and whether they did."""

import csv
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from audit.services import record
from binding.errors import (
    ChipCounterReplayError,
    ChipListInvalidError,
    ChipProofInvalidError,
    TooManyTriesError,
)
from binding.identifiers import MAX_SERIAL, Identifiers, chip_hash
from binding.models import Chip, ChipChallenge, Device
from protocol.binding import NONCE_BYTES, ChipProof, Purpose
from protocol.ed25519 import is_usable_key
from protocol.errors import ProtocolError
from protocol.hpke import BOX_KEY_BYTES
from protocol.jwk import from_base64
from protocol.text import check_ascii, check_text

CHALLENGE_LIFE = timedelta(minutes=2)
MAX_CHALLENGES = 60
_COLUMNS = ["serial", "manufacturer", "key", "box_key"]
# A chip that is on no list is refused as late as one whose signature is wrong.
_NOBODY = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def new_challenge(*, device: Device, now: datetime) -> tuple[bytes, datetime]:
    """Return 16 bytes that a chip in this device has to sign once, and until when.

    Raises:
        TooManyTriesError: sixty are waiting already.
    """
    waiting = ChipChallenge.objects.filter(device=device, expires_at__gt=now)
    if waiting.count() >= MAX_CHALLENGES:
        raise TooManyTriesError(retry_after=int(CHALLENGE_LIFE.total_seconds()))
    nonce = secrets.token_bytes(NONCE_BYTES)
    challenge = ChipChallenge.objects.create(
        nonce_hash=_digest(nonce), device=device, expires_at=now + CHALLENGE_LIFE
    )
    return nonce, challenge.expires_at


def take_chip_proof(
    *, device: Device, identifiers: Identifiers, purpose: Purpose, message: bytes, now: datetime
) -> Chip:
    """Check that a chip sees what the phone says, and use its word up, refused or not.

    Raises:
        ChipProofInvalidError: the chip is on no list, or did not sign just this.
        ChipCounterReplayError: its counter did not rise.
    """
    chip = Chip.objects.filter(serial_hash=identifiers.chip_hash).first()
    try:
        proof = ChipProof.open(message, key=bytes(chip.key) if chip else _NOBODY)
    except ProtocolError as error:
        raise ChipProofInvalidError from error
    if chip is None or not _says(proof, identifiers, purpose, bytes(device.thumbprint)):
        raise ChipProofInvalidError
    challenge = ChipChallenge.objects.filter(
        nonce_hash=_digest(proof.nonce), device=device, used_at=None, expires_at__gt=now
    )
    if challenge.update(used_at=now) != 1:
        raise ChipProofInvalidError
    raise_counter(chip, proof.counter)
    return chip


def raise_counter(chip: Chip, counter: int) -> None:
    """Take a counter of a chip, once.

    Raises:
        ChipCounterReplayError: it is not above the last: an old signature, or a copied chip.
    """
    rising = Chip.objects.filter(pk=chip.pk, counter__lt=counter)
    if rising.update(counter=counter) != 1:
        raise ChipCounterReplayError


def import_chips(*, lines: Iterable[str], actor: str, now: datetime) -> tuple[int, int]:
    """Take in a manufacturer's list: all of it, or nothing.

    Args:
        lines: CSV with the columns serial, manufacturer, key (Ed25519) and box_key (X25519), the
            keys as base64url of 32 bytes.
        actor: As audit rows name whoever does it.
        now: Timezone-aware.

    Returns:
        How many chips are new, and how many were known.

    Raises:
        ChipListInvalidError: a line is wrong; its number is named, and no serial.
    """
    table = csv.DictReader(lines)
    if table.fieldnames != _COLUMNS:
        raise ChipListInvalidError(f"The first line has to be {','.join(_COLUMNS)}.")
    added = known = 0
    with transaction.atomic():
        for row in table:
            try:
                is_new = _list_chip(row, now)
            except (ProtocolError, IntegrityError, ValueError) as error:
                raise ChipListInvalidError(f"Line {table.line_num}: {_why(error)}.") from error
            added += is_new
            known += not is_new
        record(action="chips.imported", actor=actor, subject=f"{added} chips", now=now)
    return added, known


def _why(error: Exception) -> str:
    if isinstance(error, IntegrityError):
        return "another chip has this key"
    return error.detail if isinstance(error, ProtocolError) else str(error)


def _list_chip(row: dict[str, str | None], now: datetime) -> bool:
    """List one chip; ``False`` when it is listed just so."""
    if row.keys() != set(_COLUMNS) or None in row.values():
        raise ValueError("it has not four columns")
    serial, manufacturer, *keys = (str(row[name]).strip() for name in _COLUMNS)
    check_ascii("serial", serial, MAX_SERIAL)
    check_text("manufacturer", manufacturer, 40)
    key, box_key = map(from_base64, keys)
    if not is_usable_key(key) or len(box_key) != BOX_KEY_BYTES:
        raise ValueError("a key has not 32 bytes, or is none")
    listed, is_new = Chip.objects.get_or_create(
        serial_hash=chip_hash(serial),
        defaults={
            "manufacturer": manufacturer,
            "key": key,
            "box_key": box_key,
            "listed_at": now,
        },
    )
    if (bytes(listed.key), bytes(listed.box_key)) != (key, box_key):
        raise ValueError("this chip is listed with other keys")
    return is_new


def _says(proof: ChipProof, identifiers: Identifiers, purpose: Purpose, device: bytes) -> bool:
    """Whether the chip saw this SIM and number, in this device, for this purpose."""
    pairs = (
        (proof.purpose.encode(), purpose.encode()),
        (proof.sim.encode(), identifiers.sim.encode()),
        (proof.number.encode(), identifiers.number.encode()),
        (proof.device, device),
    )
    # The list is made before it is looked at: where they differ shows in no time.
    are_equal = [hmac.compare_digest(said, seen) for said, seen in pairs]
    return all(are_equal)


def _digest(nonce: bytes) -> bytes:
    return hashlib.sha256(nonce).digest()
