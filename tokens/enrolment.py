"""Enrolment of the simulated token: the token's half of docs/protocol.md section 11."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import cose
from protocol.cose import Typ
from protocol.enrolment import (
    Invitation,
    Secrets,
    Transcript,
    Vouchers,
    derive,
    fingerprint_of,
)
from protocol.keys import KeyCertificate, Purpose, ServerCertificate
from protocol.provisioning import Provision
from tokens.display import UNLIMITED, Profile
from tokens.errors import RefusedError
from tokens.simulator import SimulatedToken
from tokens.suite import OCRASuite
from tokens.suites import Suite, parse_suite

# The host keeps a ticket this long; until then the same share gets the same answer.
TICKET_SECONDS = 600


@dataclass(frozen=True, slots=True, repr=False)
class HostAnswer(Vouchers):
    """What a host answers to a ticket and a share; nothing in it is trusted yet.

    Attributes:
        confirmation: MAC that shows that the host derived the same secrets.
    """

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
        token, secrets = self._accept(answer, now, profile)
        # 7. The host derived the same secrets.
        if not hmac.compare_digest(secrets.confirmation, answer.confirmation):
            raise RefusedError("confirmation_wrong", "the host did not derive the same secrets")
        return token, secrets.digits

    def _accept(
        self, vouchers: Vouchers, now: datetime, profile: Profile
    ) -> tuple[SimulatedToken, Secrets]:
        seconds = int(now.timestamp())
        # 1. The host's root is the one whose fingerprint stood in the QR code.
        if fingerprint_of(vouchers.host_root) != self.invitation.fingerprint:
            raise RefusedError("host_root_wrong", "the host is not the one in the QR code")
        # 2. That root certified the host key, and the host key signed the transcript.
        host = _open_key(vouchers.host_certificate, vouchers.host_root, Purpose.HOST, seconds)
        payload = cose.open_signed(vouchers.enrol, typ=Typ.ENROL, key=host.key)
        transcript = Transcript.from_payload(payload)
        # 3. It answers our ticket and our share.
        self._check_ours(transcript)
        # 4. The platform's keys are those the host vouches for.
        _check_platform(vouchers, transcript, seconds)
        # 5. The host key certified the paired server for this serial.
        _check_server(vouchers.server_certificate, host.key, transcript)
        # 6. The token can answer with this suite.
        suite = _read_suite(transcript)
        secrets = self._derive(transcript, payload)
        token = SimulatedToken(
            serial=transcript.serial,
            vk=transcript.vk,
            suite=suite,
            host_origin=self.invitation.origin,
            host_root=vouchers.host_root,
            platform_id=transcript.platform_id,
            platform_origin=transcript.platform_origin,
            platform_root=vouchers.platform_root,
            certificates=(vouchers.platform_certificate,),
            seed=secrets.seed[: suite.seed_octets],
            post_key=secrets.post_key,
            profile=profile,
        )
        return token, secrets

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


def provisioned(
    provision: Provision, now: datetime, profile: Profile = UNLIMITED
) -> tuple[SimulatedToken, str]:
    """Make a token out of a host's provisioning code, without a network.

    All is checked as for a host's answer but its confirmation: there is nobody else who could
    have derived something else.

    Args:
        provision: As it was scanned.
        now: Current time, timezone-aware.
        profile: What the token's display holds.

    Returns:
        The token, and the eight digits its holder compares; errors as :meth:`Enrolment.finish`.

    Source:
        docs/protocol.md section 11.
    """
    fingerprint = fingerprint_of(provision.vouchers.host_root)
    enrolment = Enrolment(
        Invitation(provision.origin, fingerprint, provision.ticket),
        X25519PrivateKey.from_private_bytes(provision.private),
        int(now.timestamp()),
    )
    token, secrets = enrolment._accept(provision.vouchers, now, profile)
    return token, secrets.digits


def _open_key(message: bytes, root: bytes, purpose: Purpose, seconds: int) -> KeyCertificate:
    certificate = KeyCertificate.open(message, root=root)
    if certificate.purpose is not purpose or not certificate.covers(seconds):
        raise RefusedError("certificate_wrong", f"no {purpose} key is certified for today")
    return certificate


def _check_platform(vouchers: Vouchers, transcript: Transcript, seconds: int) -> None:
    if hashlib.sha256(vouchers.platform_root).digest() != transcript.platform_root:
        raise RefusedError("platform_root_wrong", "the platform's root key is not the one signed")
    key = _open_key(
        vouchers.platform_certificate, vouchers.platform_root, Purpose.STATEMENT, seconds
    )
    if key.subject != transcript.platform_id:
        raise RefusedError("certificate_wrong", "the statement key is another platform's")


def _check_server(message: bytes, host_key: bytes, transcript: Transcript) -> None:
    payload = cose.open_signed(message, typ=Typ.SERVER, key=host_key)
    certificate = ServerCertificate.from_payload(payload)
    if (certificate.vk, certificate.serial) != (transcript.vk, transcript.serial):
        raise RefusedError("certificate_wrong", "the server certificate is for another token")


def _read_suite(transcript: Transcript) -> Suite:
    suite = parse_suite(transcript.suite)
    problem = suite.enrolment_problem()
    if isinstance(suite, OCRASuite) and (suite.pin_hash or suite.session_length):
        problem = "this token has no PIN and no session data"
    if problem:
        raise RefusedError("suite_refused", problem)
    if transcript.sight != suite.sight:
        raise RefusedError("sight_wrong", "the host misstates what the holder of a token sees")
    return suite
