"""The file that keeps simulated tokens, encrypted under a passphrase."""

import fcntl
import hashlib
import json
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.ended import Edition, EndedKey
from protocol.enrolment import Invitation
from protocol.errors import ProtocolError
from protocol.files import replace_file
from protocol.sealing import KEK_BYTES, Sealer
from tokens.display import Profile
from tokens.enrolment import Enrolment
from tokens.errors import RefusedError
from tokens.simulator import SimulatedToken
from tokens.suites import parse_suite
from tokens.token import Token

AnyToken = TypeVar("AnyToken", bound=Token)

MAGIC = b"CSTOKEN1"
SALT_BYTES = 16
HEADER_BYTES = len(MAGIC) + 3 + SALT_BYTES
# 32 MiB and about 0.1 s a guess (RFC 7914).
SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P = 15, 8, 1
# A header that asks for more is damage, or an attempt to keep this machine busy.
MAX_SCRYPT_MEMORY = 256 * 2**20
MAX_FILE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Contents:
    """What the file holds.

    Attributes:
        tokens: The enrolled tokens, each of another paired server.
        cards: Tokens of hardware that were typed in, each of another serial.
        pending: Enrolments whose ticket is not dead yet, finished ones included.
    """

    tokens: tuple[SimulatedToken, ...] = ()
    pending: tuple[Enrolment, ...] = ()
    cards: tuple[Token, ...] = ()

    def find(self, serial: str, vk: bytes) -> SimulatedToken:
        """Return the token of this serial, by preference the one paired with server ``vk``.

        Raises:
            RefusedError: ``token_unknown``.
        """
        found = [token for token in self.tokens if token.serial == serial]
        if not found:
            raise RefusedError("token_unknown", f"there is no token {serial} here")
        return next((token for token in found if token.vk == vk), found[0])

    def find_by_name(self, name: str) -> Token:
        """Return the token or card of this serial, or of this server id in hexadecimal.

        Raises:
            RefusedError: ``token_unknown``, or ``token_ambiguous``.
        """
        found = [token for token in (*self.tokens, *self.cards) if name in token.names]
        if not found:
            raise RefusedError("token_unknown", "there is no such token here")
        if len(found) > 1:
            raise RefusedError(
                "token_ambiguous", "several tokens have this serial: give the id of its server"
            )
        return found[0]

    def find_for(self, question: str) -> Token:
        """Return the token into which such a question is typed.

        Raises:
            RefusedError: ``token_unknown``, or ``token_ambiguous``.
        """
        found = [token for token in (*self.tokens, *self.cards) if token.takes(question)]
        if not found:
            raise RefusedError(
                "token_unknown", f"there is no token here that takes {len(question)} digits"
            )
        if len(found) > 1:
            raise RefusedError(
                "token_ambiguous", "several tokens take such digits: name one with --token"
            )
        return found[0]

    def present(self, token: AnyToken) -> AnyToken:
        """Return the present state of a token, which another process may have changed.

        Raises:
            RefusedError: ``token_unknown``.
        """
        found = self.find_by_name(token.names[-1])
        if not isinstance(found, type(token)):
            raise RefusedError("token_unknown", f"there is no token {token.serial} here")
        return found

    def with_token(self, token: Token) -> Self:
        """Return the contents with this token or card, in place of an earlier state of it."""
        others = self.without(token)
        if isinstance(token, SimulatedToken):
            return replace(others, tokens=(*others.tokens, token))
        return replace(others, cards=(*others.cards, token))

    def without(self, token: Token) -> Self:
        """Return the contents without this token or card."""
        if isinstance(token, SimulatedToken):
            return replace(self, tokens=tuple(kept for kept in self.tokens if kept.vk != token.vk))
        kept = tuple(card for card in self.cards if card.serial != token.serial)
        return replace(self, cards=kept)

    def enrolment_for(self, invitation: Invitation) -> Enrolment | None:
        """Return the enrolment begun with this invitation, if it is known."""
        return next((begun for begun in self.pending if begun.invitation == invitation), None)

    def with_enrolment(self, enrolment: Enrolment, now: datetime) -> Self:
        """Return the contents with one more enrolment, and without those that are over."""
        living = tuple(begun for begun in self.pending if not begun.is_over(now))
        return replace(self, pending=(*living, enrolment))


class TokenFile:
    """One encrypted file.

    ======  ======  ===========================================================================
    offset  length  content
    ======  ======  ===========================================================================
    0       8       ``CSTOKEN1``
    8       1       scrypt: binary logarithm of n
    9       1       scrypt: r
    10      1       scrypt: p
    11      16      scrypt: salt
    27      12      AES-256-GCM: nonce
    39      rest    AES-256-GCM: ciphertext of JSON, and tag; the first 27 octets are
                    authenticated with it
    ======  ======  ===========================================================================
    """

    def __init__(self, path: Path, ask_passphrase: Callable[[], str]) -> None:
        """Name the file; it need not exist yet.

        Args:
            path: Where it is.
            ask_passphrase: Called once, when the passphrase is first needed.
        """
        self._path = path
        self._ask_passphrase = ask_passphrase
        self._passphrase: bytes | None = None
        self._header = b""
        self._sealers: dict[bytes, Sealer] = {}

    def load(self) -> Contents:
        """Return what the file holds; a file that does not exist holds nothing.

        Raises:
            RefusedError: ``token_file_unusable``, ``token_file_invalid`` or
                ``passphrase_wrong``.
        """
        with _file_errors():
            if not self._path.exists():
                return Contents()
            with self._path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        header, sealed = data[:HEADER_BYTES], data[HEADER_BYTES:]
        if not data.startswith(MAGIC) or len(header) < HEADER_BYTES or len(data) > MAX_FILE_BYTES:
            raise RefusedError("token_file_invalid", "the file is not one of tokens")
        try:
            plain = self._sealer(header).open(sealed, header)
        except ProtocolError as error:
            raise RefusedError(
                "passphrase_wrong", "the passphrase is wrong, or the file was altered"
            ) from error
        self._header = header
        return _from_json(plain)

    def save(self, contents: Contents) -> None:
        """Replace what the file holds, all or nothing; only inside :meth:`locked`.

        Raises:
            RefusedError: ``token_file_unusable``.
        """
        header = self._header or _new_header()
        sealed = self._sealer(header).seal(_to_json(contents), header)
        with _file_errors():
            # A counter that fell back would repeat its responses.
            replace_file(self._path, header + sealed)
        self._header = header

    def answer(self, token: AnyToken, respond_with: Callable[[AnyToken], str]) -> str:
        """Return what a token of this file answers, having counted on where it counts.

        Args:
            token: As it was loaded.
            respond_with: Has the token as it is now answer.

        Raises:
            RefusedError: as :meth:`load` and :meth:`Contents.present`, or as ``respond_with``.
        """
        if not token.suite.counter:
            return respond_with(token)
        with self.locked():
            contents = self.load()
            # Another process may have counted on while the holder was reading.
            current = contents.present(token)
            response = respond_with(current)
            # Stored before anybody sees the response: a counter is never used twice.
            self.save(contents.with_token(current.advanced()))
        return response

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the file: load, change and save inside.

        Raises:
            RefusedError: ``token_file_unusable``.
        """
        # First, so that nobody at a prompt keeps another process waiting.
        self._secret()
        with _file_errors():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = self._path.with_name(self._path.name + ".lock")
            lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _secret(self) -> bytes:
        if self._passphrase is None:
            # NFC: the same words from another keyboard are the same passphrase.
            passphrase = unicodedata.normalize("NFC", self._ask_passphrase())
            self._passphrase = passphrase.encode("utf-8", errors="surrogateescape")
        return self._passphrase

    def _sealer(self, header: bytes) -> Sealer:
        if header not in self._sealers:
            self._sealers[header] = _derive_sealer(header, self._secret())
        return self._sealers[header]


def _new_header() -> bytes:
    cost = bytes([SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P])
    return MAGIC + cost + secrets.token_bytes(SALT_BYTES)


def _derive_sealer(header: bytes, passphrase: bytes) -> Sealer:
    log_n, r, p = header[len(MAGIC) : len(MAGIC) + 3]
    salt = header[-SALT_BYTES:]
    if not 0 < 128 * (1 << log_n) * r * p <= MAX_SCRYPT_MEMORY:
        raise RefusedError("token_file_invalid", "the file's cost parameters are out of range")
    try:
        key = hashlib.scrypt(
            passphrase,
            salt=salt,
            n=1 << log_n,
            r=r,
            p=p,
            maxmem=2 * MAX_SCRYPT_MEMORY,
            dklen=KEK_BYTES,
        )
    except ValueError as error:
        raise RefusedError(
            "token_file_invalid", "the file's cost parameters are out of range"
        ) from error
    return Sealer(key)


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RefusedError(
            "token_file_unusable", f"the file of tokens cannot be used: {error.strerror}"
        ) from error


def _to_json(contents: Contents) -> bytes:
    document = {
        "tokens": [_token_to_json(token) for token in contents.tokens],
        "pending": [
            {
                "link": begun.invitation.to_link(),
                "private": begun.private.private_bytes_raw().hex(),
                "begun": begun.begun,
            }
            for begun in contents.pending
        ],
        "cards": [_card_to_json(card) for card in contents.cards],
    }
    return json.dumps(document).encode()


def _from_json(data: bytes) -> Contents:
    # Authenticated, so only another version of this program can have written something else.
    try:
        document = json.loads(data)
        return Contents(
            tokens=tuple(_token_from_json(fields) for fields in document["tokens"]),
            pending=tuple(
                Enrolment(
                    Invitation.from_link(fields["link"]),
                    X25519PrivateKey.from_private_bytes(bytes.fromhex(fields["private"])),
                    fields["begun"],
                )
                for fields in document["pending"]
            ),
            # Files of earlier versions have none.
            cards=tuple(Token(**_card_from_json(fields)) for fields in document.get("cards", [])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError(
            "token_file_invalid", "the file is of another version of this program"
        ) from error


def _card_to_json(token: Token) -> dict[str, Any]:
    return {
        "serial": token.serial,
        "suite": str(token.suite),
        "seed": token.seed.hex(),
        "counter": token.counter,
    }


def _card_from_json(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "serial": fields["serial"],
        "suite": parse_suite(fields["suite"]),
        "seed": bytes.fromhex(fields["seed"]),
        "counter": fields["counter"],
    }


def _token_to_json(token: SimulatedToken) -> dict[str, Any]:
    return {
        **_card_to_json(token),
        "vk": token.vk.hex(),
        "host_origin": token.host_origin,
        "host_root": token.host_root.hex(),
        "platform_id": token.platform_id,
        "platform_origin": token.platform_origin,
        "platform_root": token.platform_root.hex(),
        "certificates": [message.hex() for message in token.certificates],
        "post_key": token.post_key.hex(),
        "keys_number": token.edition.number,
        "keys_issued": token.edition.issued,
        "keys_ended": [[end.kid.hex(), *end.to_cbor()[1:]] for end in token.edition.ended],
        "columns": token.profile.columns,
        "rows": token.profile.rows,
    }


def _token_from_json(fields: dict[str, Any]) -> SimulatedToken:
    return SimulatedToken(
        **_card_from_json(fields),
        vk=bytes.fromhex(fields["vk"]),
        host_origin=fields["host_origin"],
        host_root=bytes.fromhex(fields["host_root"]),
        platform_id=fields["platform_id"],
        platform_origin=fields["platform_origin"],
        platform_root=bytes.fromhex(fields["platform_root"]),
        certificates=tuple(bytes.fromhex(message) for message in fields["certificates"]),
        post_key=bytes.fromhex(fields["post_key"]),
        # Files of earlier versions have none.
        edition=Edition(
            fields.get("keys_number", 0),
            fields["keys_issued"],
            tuple(
                EndedKey(bytes.fromhex(kid), *times)
                for kid, *times in fields.get("keys_ended", [])
            ),
        ),
        profile=Profile(fields["columns"], fields["rows"]),
    )
