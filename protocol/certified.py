"""The certificates of paired servers: which one goes with a step, and whose word it is.

docs/protocol.md sections 9 and 10.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from protocol import cbor, cose
from protocol.chain import CertifiedServer, Step
from protocol.cose import Sign1, Typ
from protocol.ed25519 import key_id
from protocol.ended import KEY_COMPROMISED, EndedKey
from protocol.errors import ProtocolError
from protocol.fields import MAX_TIME, check_list, check_uint, versioned
from protocol.keys import Directory, Host, KeyCertificate, ServerCertificate, day_of
from protocol.log import Checkpoint
from protocol.outcome import utc

MAX_BUCKET_BYTES = 60_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """A server's certificate that was obtained beside the receipt.

    Attributes:
        message: COSE_Sign1, typ cs-server; not trusted.
        at: Unix seconds when it was fetched.
        revoked_at: Unix seconds when its key ceased to sign, if it did.
    """

    message: bytes
    at: int
    revoked_at: int | None = None


Certificates = Mapping[bytes, Sequence[Fetched]]


def read_bucket(content: bytes, *, at: int) -> dict[bytes, list[Fetched]]:
    """Return the certificates in a file of ``/.well-known/countersign/servers/``, by ``vk``.

    Who signed what is in it :func:`certifier` checks.

    Args:
        content: CBOR ``[1, [* [cs-server message, revoked-at / null]]]``.
        at: Unix seconds when it was fetched.

    Raises:
        ProtocolError: whatever rule it breaks.
    """
    value = cbor.decode(content, max_bytes=MAX_BUCKET_BYTES)
    (entries,) = versioned("bucket", value, 2)
    found: dict[bytes, list[Fetched]] = {}
    for entry in check_list("bucket", entries, 0, MAX_BUCKET_BYTES):
        message, revoked_at = check_list("entry", entry, 2)
        if type(message) is not bytes:
            raise ProtocolError("type_wrong", "an entry must be a signed message")
        if revoked_at is not None:
            check_uint("revoked-at", revoked_at, high=MAX_TIME)
        certificate = ServerCertificate.from_payload(cose.parse(message).payload)
        found.setdefault(certificate.vk, []).append(Fetched(message, at, revoked_at))
    return found


@dataclass(frozen=True, slots=True)
class Claim:
    """One certificate that is said to be that of a step's server.

    Attributes:
        certificate: What it says.
        signed: Its message; without kid when the receipt brought it.
        hosts: Those that may have signed it.
        fetched: Where it did not come in the receipt.
    """

    certificate: ServerCertificate
    signed: Sign1
    hosts: tuple[Host, ...]
    fetched: Fetched | None = None

    @classmethod
    def of_fetched(cls, fetched: Fetched, directory: Directory) -> Self:
        """Read a certificate that was fetched; errors as :func:`cose.parse`."""
        signed = cose.parse(fetched.message)
        cose.require_typ(signed, Typ.SERVER)
        certificate = ServerCertificate.from_payload(signed.payload)
        return cls(certificate, signed, directory.hosts, fetched)

    @classmethod
    def of_receipt(cls, step: Step, by: CertifiedServer, directory: Directory) -> Self:
        """Return the certificate that a receipt brought."""
        named = directory.host(by.host)
        certificate = by.certificate(step.serial)
        # Which of the host's keys signed it is not said: each is tried.
        signed = Sign1(Typ.SERVER, b"", certificate.payload(), by.signature)
        return cls(certificate, signed, (named,) if named else ())

    @property
    def source(self) -> str:
        """How a fetched certificate was come by, in words behind the claim."""
        if self.fetched is None:
            return ""
        words = f" by a certificate fetched on {utc(self.fetched.at)[:10]}"
        if self.fetched.revoked_at is None:
            return words
        return f"{words} and revoked on {utc(self.fetched.revoked_at)}"


def certified(
    step: Step, directory: Directory, fetched: Certificates, logged: Checkpoint | None
) -> tuple[Host, Claim]:
    """Return a certificate for the server of a step, and the host that certified it.

    Args:
        step: With its certificate in it, or with one that was fetched at least.
        directory: The keys the reader installed.
        fetched: By ``vk``.
        logged: A checkpoint that the receipt is proved to be under.

    Raises:
        ProtocolError: ``key_compromised`` when that cannot be told;
            ``server_certificate_invalid``, or what is wrong with the last of several.
    """
    faults: list[ProtocolError] = []
    for attempt in _claims(step, directory, fetched):
        if isinstance(attempt, ProtocolError):
            faults.append(attempt)
            continue
        try:
            return _certifier(step, attempt, directory, logged), attempt
        except ProtocolError as error:
            faults.append(error)
    unclear = (fault for fault in faults if fault.code == KEY_COMPROMISED)
    raise next(unclear, faults[-1])


def _claims(
    step: Step, directory: Directory, fetched: Certificates
) -> Iterator[Claim | ProtocolError]:
    if isinstance(step.by, CertifiedServer):
        yield Claim.of_receipt(step, step.by, directory)
        return
    for each in fetched[step.by]:
        try:
            yield Claim.of_fetched(each, directory)
        except ProtocolError as error:
            yield error


def _certifier(step: Step, claim: Claim, directory: Directory, logged: Checkpoint | None) -> Host:
    certificate = claim.certificate
    if certificate.vk != step.vk or certificate.serial != step.serial:
        raise _invalid("it is for another token")
    if not certificate.from_day <= day_of(step.decided) <= certificate.to_day:
        raise _invalid("it was not valid on that day")
    revoked_at = None if claim.fetched is None else claim.fetched.revoked_at
    if revoked_at is not None and step.decided >= revoked_at:
        raise _invalid(f"it was revoked on {utc(revoked_at)}")
    host, key = _signer(claim)
    end = directory.end_of(key.key)
    if end is not None:
        _check_end(end, claim, logged)
    return host


def _signer(claim: Claim) -> tuple[Host, KeyCertificate]:
    for host in claim.hosts:
        for known in host.host_keys():  # not a mapping
            signed_by_it = replace(claim.signed, kid=claim.signed.kid or key_id(known.key))
            was_valid = known.from_day <= claim.certificate.from_day <= known.to_day
            if was_valid and signed_by_it.is_signed_by(known.key):
                return host, known
    raise _invalid("no listed host signed it")


def _check_end(end: EndedKey, claim: Claim, logged: Checkpoint | None) -> None:
    """Refuse what a host's key signed after its end, or may not have signed itself."""
    if end.retired_at is not None and claim.certificate.from_day > day_of(end.retired_at):
        raise _invalid("the host's key had been retired")
    if end.compromised_at is None:
        return
    # The log shows that a certificate in the receipt is older; of one fetched it knows nothing.
    if claim.fetched is None and logged is not None and logged.time < end.compromised_at:
        return
    raise ProtocolError(
        KEY_COMPROMISED, f"the host's key was compromised on {utc(end.compromised_at)}"
    )


def _invalid(detail: str) -> ProtocolError:
    return ProtocolError("server_certificate_invalid", detail)
