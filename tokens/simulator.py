"""A token that reads statements, shows them and answers: all of it but the display and the file.

No clock and no input or output here: the time comes in as ``now``, and what changes goes out as a
new token.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from protocol import cose, qrtext
from protocol.bundle import Bundle
from protocol.cose import Typ
from protocol.ed25519 import key_id
from protocol.ended import Edition
from protocol.enrolment import post_tag
from protocol.errors import ProtocolError
from protocol.keys import Directory, KeyCertificate, Purpose, ServerCertificate, open_certificate
from protocol.qrtext import Link
from protocol.statement import CLOCK_LEEWAY_SECONDS, Statement
from tokens.display import UNLIMITED, Profile, lay_out
from tokens.errors import RefusedError
from tokens.question import question_for
from tokens.token import Token

# In front of a reason, so that no response's tag is ever the tag of a refusal.
DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement that passed every check, as the holder sees it.

    Attributes:
        statement: What will be answered.
        earlier: The earlier steps that are shown in clear, oldest first.
        hidden: Number of earlier steps that are bound by digest and not shown.
        lines: The display, top to bottom.
    """

    statement: Statement
    earlier: tuple[Statement, ...]
    hidden: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class SimulatedToken(Token):
    """One enrolled token with a display.

    Attributes:
        vk: Id of the paired server, 8 bytes.
        host_origin: Where its paired server lives.
        host_root: Root key of that host, 32 bytes.
        platform_id: The one platform it obeys.
        platform_origin: That platform's address.
        platform_root: That platform's root key, 32 bytes; pinned, so that new keys need no trust.
        certificates: ``cs-key`` messages of the platform's statement keys known so far.
        post_key: K_post, 32 bytes: tags the answers it posts itself.
        edition: Of the directory its certificates are from.
        profile: What its display holds.
    """

    vk: bytes
    host_origin: str
    host_root: bytes
    platform_id: str
    platform_origin: str
    platform_root: bytes
    certificates: tuple[bytes, ...]
    post_key: bytes
    edition: Edition = field(default_factory=Edition)
    profile: Profile = UNLIMITED

    @property
    def names(self) -> tuple[str, ...]:
        """What its holder may call it by: the server's id as well."""
        return (self.serial, self.vk.hex())

    def read(self, code: str | bytes, now: datetime) -> Shown:
        """Check a challenge and lay it out for the holder.

        Args:
            code: The text of a challenge QR, or the bytes of its bundle.
            now: Current time by the token's clock, timezone-aware.

        Raises:
            ProtocolError: the code breaks a rule of the protocol; ``signature_invalid`` or
                ``previous_content_changed`` when something in it was altered.
            RefusedError: ``wrong_platform``, ``statement_key_unknown``,
                ``statement_key_expired``, ``token_not_addressed``, ``sight_wrong``,
                ``clock_wrong``, ``challenge_expired``, ``chain_broken`` or
                ``statement_too_large_for_token``.

        Source:
            docs/protocol.md section 5.
        """
        # 1. It is a challenge, and its link leads to the platform this token obeys.
        bundle = open_bundle(code, self.platform_origin)
        # 2. That platform signed it, and the earlier steps in clear are those it is bound to.
        signer = self._statement_key(bundle.signed)
        statement, earlier = bundle.open(signer.key)
        # 3. The key was valid on the day.
        if not signer.covers(statement.issued):
            raise RefusedError(
                "statement_key_expired", "the platform's key was not valid on that day"
            )
        # 4. It is for this token, from the platform it says, and in time.
        self._check_addressed(statement)
        _check_time(statement, now)
        # 5. It may stand where it stands in a chain.
        _check_chain([*earlier, statement])
        # 6. All of it fits the display.
        lines, shown = lay_out(statement, earlier, self.profile)
        return Shown(statement, tuple(shown), statement.pos - len(shown), lines)

    def respond(self, shown: Shown, now: datetime, challenge: str = "") -> str:
        """Return the response to a statement that the holder has seen and approved.

        With a counter suite, store :meth:`advanced` before anybody sees the response.

        Args:
            shown: The statement.
            now: Current time by the token's clock, timezone-aware.
            challenge: The token's own, if the host has answered it.

        Raises:
            RefusedError: ``challenge_expired`` when the holder took too long, or
                ``token_not_addressed``.
        """
        statement = shown.statement
        self._check_addressed(statement)
        _check_time(statement, now)
        question = question_for(self.suite, statement.digest)
        return self.answer(None if question is None else question + challenge, now)

    def response_tag(self, shown: Shown, response: str) -> bytes:
        """Return the tag with which the token posts a response itself."""
        return post_tag(self.post_key, shown.statement.digest, response)

    def decline_tag(self, shown: Shown, reason: str) -> bytes:
        """Return the tag with which the token declines a statement for the reason given."""
        return post_tag(self.post_key, shown.statement.digest, DECLINE + reason)

    def with_keys(self, directory: bytes) -> Self:
        """Return the token with the statement keys of a newer directory.

        Args:
            directory: The ``cs-directory`` message.

        Raises:
            ProtocolError: it is not signed under the root this token pinned, or takes back what
                the one that the token has says.
            RefusedError: ``wrong_platform``, or ``directory_outdated`` when it is older than the
                one the token has.
        """
        opened = Directory.open(directory, root=self.platform_root)
        if opened.platform.id != self.platform_id:
            raise RefusedError("wrong_platform", "these are the keys of another platform")
        try:
            self.edition.check_successor(opened.edition, opened.signed_by)
        except ProtocolError as error:
            if error.code != "directory_outdated":
                raise
            raise RefusedError(
                "directory_outdated", "the token has newer keys than these"
            ) from error
        certificates = tuple(
            message for message in opened.certificates if self._may_sign(message, opened)
        )
        return replace(self, certificates=certificates, edition=opened.edition)

    def with_key(self, code: str) -> Self:
        """Return the token with one more statement key, for a token without a network.

        Args:
            code: The text of a key's QR code.

        Raises:
            ProtocolError: it is no such code; ``signature_invalid`` when the root this token
                pinned did not sign the key.
            RefusedError: ``wrong_platform``, or ``statement_key_ended``.

        Source:
            docs/protocol.md section 9.
        """
        message = _content(code, Link.KEY, self.platform_origin)
        certificate = open_certificate(message, self.platform_root)
        if not self._is_statement_key(certificate):
            raise RefusedError("wrong_platform", "it is no key for statements of your platform")
        if key_id(certificate.key) in {end.kid for end in self.edition.ended}:
            raise RefusedError("statement_key_ended", "the platform has given this key up")
        others = (
            known
            for known in self.certificates
            if open_certificate(known, self.platform_root).key != certificate.key
        )
        return replace(self, certificates=(*others, message))

    def with_server(self, certificate: bytes, host_certificates: Sequence[bytes]) -> Self:
        """Return the token with the id that its paired server has now.

        Args:
            certificate: ``cs-server`` message for the server's present key.
            host_certificates: ``cs-key`` messages of the host's keys.

        Raises:
            ProtocolError: a message breaks a rule, or the pinned host root did not sign it.
            RefusedError: ``certificate_wrong``.
        """
        signed = cose.parse(certificate)
        cose.require_typ(signed, Typ.SERVER)
        server = ServerCertificate.from_payload(signed.payload)
        keys = [open_certificate(message, self.host_root) for message in host_certificates]
        is_certified = any(
            key.purpose is Purpose.HOST
            and key.from_day <= server.from_day <= key.to_day
            and signed.is_signed_by(key.key)
            for key in keys
        )
        if not is_certified or server.serial != self.serial:
            raise RefusedError("certificate_wrong", "the host did not certify it for this token")
        return replace(self, vk=server.vk)

    def _statement_key(self, signed: cose.Sign1) -> KeyCertificate:
        for message in self.certificates:
            certificate = open_certificate(message, self.platform_root)
            if self._is_statement_key(certificate) and key_id(certificate.key) == signed.kid:
                return certificate
        raise RefusedError(
            "statement_key_unknown",
            "it is signed with a key that this token does not know; update its keys if it is"
            " from your platform",
        )

    def _may_sign(self, message: bytes, directory: Directory) -> bool:
        """Whether statements may come that this key signed; of one that got out none counts."""
        certificate = open_certificate(message, self.platform_root)
        end = directory.end_of(certificate.key)
        has_ended = end is not None and (
            end.compromised_at is not None or end.is_retired(directory.issued)
        )
        return self._is_statement_key(certificate) and not has_ended

    def _is_statement_key(self, certificate: KeyCertificate) -> bool:
        return certificate.purpose is Purpose.STATEMENT and certificate.subject == self.platform_id

    def _check_addressed(self, statement: Statement) -> None:
        platform = statement.platform
        if (platform.id, platform.origin) != (self.platform_id, self.platform_origin):
            raise RefusedError("wrong_platform", "the statement names another platform")
        if (statement.serial, statement.vk) != (self.serial, self.vk):
            raise RefusedError(
                "token_not_addressed",
                "the statement is for another token, or this one's server has got a new key:"
                " `update-server` fetches that",
            )
        if statement.sight != self.sight:
            raise RefusedError(
                "sight_wrong", "the statement misstates what the holder of this token sees"
            )


def open_bundle(code: str | bytes, origin: str) -> Bundle:
    """Return what a challenge code holds; nothing in it is proved yet.

    Args:
        code: The text of a challenge QR, or the bytes of its bundle.
        origin: Where its link must lead.

    Raises:
        ProtocolError: it is no challenge code.
        RefusedError: ``wrong_platform``.
    """
    if isinstance(code, bytes):
        return Bundle.decode(code)
    return Bundle.decode(_content(code, Link.BUNDLE, origin))


def _content(code: str, link: Link, origin: str) -> bytes:
    found, content = qrtext.decode(code, link)
    if found != origin.lower():
        raise RefusedError("wrong_platform", "the code is from another platform")
    return content


def addressee(code: str) -> tuple[str, bytes]:
    """Return the serial and server id a challenge code names, unproved: to choose the token.

    Raises:
        ProtocolError: it is no challenge code.
    """
    _, content = qrtext.decode(code, Link.BUNDLE)
    statement = Statement.from_payload(Bundle.decode(content).signed.payload)
    return statement.serial, statement.vk


def _check_time(statement: Statement, now: datetime) -> None:
    seconds = int(now.timestamp())
    if statement.issued > seconds + CLOCK_LEEWAY_SECONDS:
        raise RefusedError(
            "clock_wrong", "the statement is from the future: check this token's clock"
        )
    if seconds > statement.expires + CLOCK_LEEWAY_SECONDS:
        raise RefusedError("challenge_expired", "the statement has expired: ask for a new one")


def _check_chain(steps: Sequence[Statement]) -> None:
    """Refuse steps of a chain that cannot be: by their kind, or by the order of their times."""
    if steps[-1].pos > 0 and not all(step.demand.kind.is_business for step in steps):
        raise ProtocolError("chain_broken", "such a statement is never part of a chain")
    for before, after in itertools.pairwise(steps):
        # Issued and decided may each be one leeway out: protocol.chain.clock_faults.
        if before.issued > after.issued + 2 * CLOCK_LEEWAY_SECONDS:
            raise ProtocolError("chain_broken", "an earlier step is dated after a later one")
