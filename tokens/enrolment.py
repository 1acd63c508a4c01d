"""Enrolment of the simulated token: the token's half of docs/protocol.md section 11."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cose
from protocol.cose import Typ
from protocol.enrolment import FINGERPRINT_BYTES, Invitation, Secrets, Transcript, derive
from protocol.keys import KeyCertificate, Purpose, ServerCertificate
from tokens.display import UNLIMITED, Profile
from tokens.errors import RefusedError
from tokens.simulator import SimulatedToken
from tokens.suite import OCRASuite

# The host keeps a ticket this long; until then the same share gets the same answer.
TICKET_SECONDS = 600


@dataclass(frozen=True, slots=True, repr=False)
class HostAnswer:
    """What a host answers to a ticket and a share; nothing in it is trusted yet.

    Attributes:
        enrol: The transcript, signed by the host key (typ cs-enrol).
        host_root: The host's root key.
        host_certificate: ``cs-key`` of the host key, by that root.
        platform_root: The platform's root key.
        platform_certificate: ``cs-key`` of the platform's statement key, by that root.
        server_certificate: ``cs-server`` of the paired server, by the host key.
        confirmation: MAC that shows that the host derived the same secrets.
    """

    enrol: bytes
    host_root: bytes
    host_certificate: bytes
    platform_root: bytes
    platform_certificate: bytes
    server_certificate: bytes
    confirmation: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Enrolment:
    """An enrolment under way.

    Keep it until the ticket is dead: a repeated call with the same share gets the same answer,
    while one with another share makes the host give the token up.

    Attributes:
        invitation: What the QR code held.
        private: The token's ephemeral key.
        begun: Unix seconds.
    """

    invitation: Invitation
    private: X25519PrivateKey
    begun: int

    @classmethod
    def begin(cls, invitation: Invitation, now: datetime) -> Self:
        """Draw a fresh share for an invitation."""
        return cls(invitation, X25519PrivateKey.generate(), int(now.timestamp()))

    def __repr__(self) -> str:
        return f"Enrolment({self.invitation.origin})"

    @property
    def share(self) -> bytes:
        """What the token sends beside the ticket, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def is_over(self, now: datetime) -> bool:
        """Tell whether the ticket is dead by now."""
        return now.timestamp() > self.begun + TICKET_SECONDS

    def finish(
        self, answer: HostAnswer, now: datetime, profile: Profile = UNLIMITED
    ) -> tuple[SimulatedToken, str]:
        """Check the host's answer and make the token.

        Args:
            answer: As the host sent it.
            now: Current time, timezone-aware.
            profile: What the token's display holds.

        Returns:
            The token, and the eight digits its holder compares with those on the host's page.

        Raises:
            ProtocolError: the answer breaks a rule of the protocol, or a signature is not valid.
            RefusedError: ``host_root_wrong``, ``certificate_wrong``, ``enrolment_not_ours``,
                ``platform_root_wrong``, ``suite_refused``, ``sight_wrong`` or
                ``confirmation_wrong``.
            SuiteInvalidError: what the host calls a suite is none.

        Source:
            docs/protocol.md section 11.
        """
        seconds = int(now.timestamp())
        # 1. The host's root is the one whose fingerprint stood in the QR code.
        fingerprint = hashlib.sha256(answer.host_root).digest()[:FINGERPRINT_BYTES]
        if fingerprint != self.invitation.fingerprint:
            raise RefusedError("host_root_wrong", "the host is not the one in the QR code")
        # 2. That root certified the host key, and the host key signed the transcript.
        host = _open_key(answer.host_certificate, answer.host_root, Purpose.HOST, seconds)
        payload = cose.open_signed(answer.enrol, typ=Typ.ENROL, key=host.key)
        transcript = Transcript.from_payload(payload)
        # 3. It answers our ticket and our share.
        self._check_ours(transcript)
        # 4. The platform's keys are those the host vouches for.
        _check_platform(answer, transcript, seconds)
        # 5. The host key certified the paired server for this serial.
        _check_server(answer.server_certificate, host.key, transcript)
        # 6. The token can answer with this suite.
        suite = _read_suite(transcript)
        # 7. The host derived the same secrets.
        secrets = self._derive(transcript, payload)
        if not hmac.compare_digest(secrets.confirmation, answer.confirmation):
            raise RefusedError("confirmation_wrong", "the host did not derive the same secrets")
        token = SimulatedToken(
            serial=transcript.serial,
            vk=transcript.vk,
            suite=suite,
            host_origin=self.invitation.origin,
            host_root=answer.host_root,
            platform_id=transcript.platform_id,
            platform_origin=transcript.platform_origin,
            platform_root=answer.platform_root,
            certificates=(answer.platform_certificate,),
            seed=secrets.seed,
            post_key=secrets.post_key,
            profile=profile,
        )
        return token, secrets.digits

    def _check_ours(self, transcript: Transcript) -> None:
        ticket_hash = hashlib.sha256(self.invitation.ticket).digest()
        if (transcript.ticket_hash, transcript.token_share) != (ticket_hash, self.share):
            raise RefusedError("enrolment_not_ours", "the host answered another enrolment")

    def _derive(self, transcript: Transcript, payload: bytes) -> Secrets:
        return derive(
            private=self.private,
            peer=transcript.host_share,
            ticket=self.invitation.ticket,
            transcript=payload,
        )


def _open_key(message: bytes, root: bytes, purpose: Purpose, seconds: int) -> KeyCertificate:
    certificate = KeyCertificate.open(message, root=root)
    if certificate.purpose is not purpose or not certificate.covers(seconds):
        raise RefusedError("certificate_wrong", f"no {purpose} key is certified for today")
    return certificate


def _check_platform(answer: HostAnswer, transcript: Transcript, seconds: int) -> None:
    if hashlib.sha256(answer.platform_root).digest() != transcript.platform_root:
        raise RefusedError("platform_root_wrong", "the platform's root key is not the one signed")
    key = _open_key(answer.platform_certificate, answer.platform_root, Purpose.STATEMENT, seconds)
    if key.subject != transcript.platform_id:
        raise RefusedError("certificate_wrong", "the statement key is another platform's")


def _check_server(message: bytes, host_key: bytes, transcript: Transcript) -> None:
    payload = cose.open_signed(message, typ=Typ.SERVER, key=host_key)
    certificate = ServerCertificate.from_payload(payload)
    if (certificate.vk, certificate.serial) != (transcript.vk, transcript.serial):
        raise RefusedError("certificate_wrong", "the server certificate is for another token")


def _read_suite(transcript: Transcript) -> OCRASuite:
    suite = OCRASuite.parse(transcript.suite)
    problem = suite.enrolment_problem()
    if suite.pin_hash or suite.session_length:
        problem = "this token has no PIN and no session data"
    if problem:
        raise RefusedError("suite_refused", problem)
    if transcript.sight != suite.sight:
        raise RefusedError("sight_wrong", "the host misstates what the holder of a token sees")
    return suite
