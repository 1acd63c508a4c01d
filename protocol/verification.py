"""Check a receipt against the keys a reader holds: numbered checks, one line each.

The numbers stand in docs/protocol.md section 10, which also says what may be claimed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from protocol import cose
from protocol.chain import CertifiedServer, Step, clock_faults
from protocol.cose import Sign1, Typ
from protocol.ed25519 import key_id
from protocol.errors import ProtocolError
from protocol.keys import Directory, Host, Purpose, ServerCertificate, day_of, find_signer
from protocol.rebuild import Rebuilt, rebuild
from protocol.receipt import Receipt
from protocol.verdict import Reason

# Code of the one line that fails on a sound refusal.
REFUSED = "refused"


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a report.

    Attributes:
        number: Number of the check in docs/protocol.md section 10.
        outcome: Passed, failed, or not possible with the keys at hand.
        code: Stable; on failure the failure code, else the name of the check.
        text: One sentence for people.
        step: Position of the step concerned, or ``None`` for the whole receipt.
    """

    number: int
    outcome: Outcome
    code: str
    text: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one receipt, what must be said beside them, and what could be read of it."""

    checks: tuple[Check, ...]
    always: tuple[str, ...]
    receipt: Receipt | None = None
    steps: tuple[Rebuilt, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether nothing failed; lines may still be unchecked."""
        return not self.failures

    @property
    def is_refusal(self) -> bool:
        """Whether it is the sound record of a refused step: nothing failed but that."""
        return [check.code for check in self.failures] == [REFUSED]

    @property
    def is_complete(self) -> bool:
        """Whether every line passed, so that the whole may be shown green."""
        return all(check.outcome is Outcome.PASSED for check in self.checks)

    @property
    def failures(self) -> list[Check]:
        """The lines that failed."""
        return [check for check in self.checks if check.outcome is Outcome.FAILED]


_WORDS = {
    Reason.ACCEPTED: "accepted",
    Reason.ATTEMPTS_EXHAUSTED: "refused, too many wrong responses",
    Reason.DECLINED: "refused, declined by the holder",
    Reason.CANCELLED: "refused, cancelled",
    Reason.EXPIRED: "refused, not answered in time",
}

_passed = partial(Check, outcome=Outcome.PASSED)
_failed = partial(Check, outcome=Outcome.FAILED)
_unchecked = partial(Check, outcome=Outcome.UNCHECKED)


def verify_receipt(
    message: bytes, directory: Directory, fetched: Mapping[bytes, Sequence[bytes]] | None = None
) -> Report:
    """Check a receipt or refusal.

    Args:
        message: The COSE_Sign1 bytes.
        directory: The keys the reader installed.
        fetched: Server certificates (typ cs-server) obtained beside the receipt, by ``vk``: a
            server that has moved has one of each host.

    Returns:
        The report.  Bad input fails a check; it is never an exception.
    """
    always = (
        "This proves what was signed, not who held the token.",
        "A later step may exist.",
        f"Keys as of {_utc(directory.issued)}.",
    )
    # 1. The bytes are a receipt or a refusal, and its steps can be rebuilt.
    try:
        signed = cose.parse(message)
        receipt = Receipt.from_signed(signed)
        steps = rebuild(receipt)
    except ProtocolError as error:
        line = _failed(1, code=error.code, text=f"Not a receipt: {error.detail}.")
        return Report((line,), always)
    checks = [_passed(1, code="form", text="The receipt is well formed.")]
    checks += _check_platform(receipt, signed, directory)
    checks += _check_clocks(receipt)
    for step, rebuilt in zip(receipt.steps, steps, strict=True):
        checks += _check_step(step, rebuilt, receipt.reason, directory, fetched or {})
    # 7. Folded steps are proved only by fetching them.
    if receipt.folded:
        steps_are, their = ("step is", "its") if receipt.folded == 1 else ("steps are", "their")
        text = (
            f"{receipt.folded} earlier {steps_are} bound by digest and not shown; {their} number "
            "is the platform's and the last signer's word."
        )
        checks.append(_unchecked(7, code="folded", text=text))
    # 8. The step was accepted: a refusal, sound as it may be, is never valid as a receipt.
    if not receipt.is_accepted:
        text = f"Nothing was signed: the step was {_WORDS[receipt.reason]}."
        checks.append(_failed(8, code=REFUSED, text=text, step=receipt.length - 1))
    return Report(tuple(checks), always, receipt, tuple(steps))


def _check_platform(receipt: Receipt, signed: Sign1, directory: Directory) -> Iterator[Check]:
    # 2. The platform is the one whose keys the reader holds.
    if receipt.platform.id != directory.platform.id:
        text = f"The keys of the platform {receipt.platform.id} are not here."
        yield _failed(2, code="receipt_not_ours", text=text)
        return
    yield _passed(2, code="platform", text=f"It names the platform {receipt.platform.id}.")
    # 3. A receipt key of that platform signed it, within the days of its certificate.
    certificates = directory.keys(Purpose.RECEIPT)
    current = [known for known in certificates if known.covers(receipt.decided)]
    if find_signer(signed, current):
        yield _passed(3, code="receipt_signature", text="The platform signed exactly this.")
        return
    if signed.kid not in {key_id(known.key) for known in certificates}:
        text = "It is signed with a key that is not among the platform's keys here."
    elif find_signer(signed, certificates):
        text = "The platform's key was not valid on the receipt's date."
    else:
        text = "The platform's signature does not fit: something was changed."
    yield _failed(3, code="receipt_signature_invalid", text=text)


def _check_clocks(receipt: Receipt) -> Iterator[Check]:
    # 4. Times do not contradict each other.
    faults = clock_faults(receipt.steps, receipt.reason)
    for pos in (receipt.folded + place for place in faults):
        text = f"Step {pos + 1}: its times contradict each other or the step before."
        yield _failed(4, code="chain_broken", text=text, step=pos)
    if not faults:
        yield _passed(4, code="times", text="The times of all steps agree.")


def _check_step(
    step: Step,
    rebuilt: Rebuilt,
    reason: Reason,
    directory: Directory,
    fetched: Mapping[bytes, Sequence[bytes]],
) -> Iterator[Check]:
    pos = rebuilt.statement.pos
    said = f"{_WORDS[reason]} at {_utc(step.decided)}"
    # 5. A host certified the server's key for this token.
    if isinstance(step.by, bytes) and not fetched.get(step.by):
        text = (
            f"Step {pos + 1}: the platform says that the server said: {said}; the server's "
            "signature was not checked (connect to check)."
        )
        yield _unchecked(5, code="server_unchecked", text=text, step=pos)
        return
    try:
        host, certificate = _certificate(step, directory, fetched)
    except ProtocolError as error:
        text = f"Step {pos + 1}: no valid certificate for its server: {error.detail}."
        yield _failed(5, code="server_certificate_invalid", text=text, step=pos)
        return
    fetched_words = " by a fetched certificate" if isinstance(step.by, bytes) else ""
    text = (
        f"Step {pos + 1}: host {host.name} certified the server for token {step.serial}"
        f"{fetched_words}."
    )
    yield _passed(5, code="server_certificate", text=text, step=pos)
    # 6. That key signed the verdict on the statement rebuilt here, and so on all before it.
    if cose.parse(rebuilt.verdict).is_signed_by(certificate.key):
        text = f"Step {pos + 1}: the server signed on exactly this statement: {said}."
        yield _passed(6, code="verdict", text=text, step=pos)
    else:
        text = (
            f"Step {pos + 1}: the server's signature does not fit: this step or one before it "
            "was changed."
        )
        yield _failed(6, code="chain_broken", text=text, step=pos)


def _certificate(
    step: Step, directory: Directory, fetched: Mapping[bytes, Sequence[bytes]]
) -> tuple[Host, ServerCertificate]:
    """Return the server's certificate and the host whose key signed it.

    Raises:
        ProtocolError: ``server_certificate_invalid``, or a broken message; of several that were
            fetched, what is wrong with the last.
    """
    if isinstance(step.by, CertifiedServer):
        named = directory.host(step.by.host)
        certificate = step.by.certificate(step.serial)
        # Which of the host's keys signed it is not said: each is tried.
        signed = Sign1(Typ.SERVER, b"", certificate.payload(), step.by.signature)
        return _certifier(step, certificate, signed, (named,) if named else ()), certificate
    *earlier, last = fetched[step.by]
    for message in earlier:
        with suppress(ProtocolError):
            return _fetched(step, message, directory)
    return _fetched(step, last, directory)


def _fetched(step: Step, message: bytes, directory: Directory) -> tuple[Host, ServerCertificate]:
    signed = cose.parse(message)
    cose.require_typ(signed, Typ.SERVER)
    certificate = ServerCertificate.from_payload(signed.payload)
    return _certifier(step, certificate, signed, directory.hosts), certificate


def _certifier(
    step: Step, certificate: ServerCertificate, signed: Sign1, hosts: Sequence[Host]
) -> Host:
    if certificate.vk != step.vk or certificate.serial != step.serial:
        raise ProtocolError("server_certificate_invalid", "it is for another token")
    if not certificate.from_day <= day_of(step.decided) <= certificate.to_day:
        raise ProtocolError("server_certificate_invalid", "it was not valid on that day")
    for host in hosts:
        for known in host.host_keys():  # not a mapping
            signed_by_it = replace(signed, kid=signed.kid or key_id(known.key))
            was_valid = known.from_day <= certificate.from_day <= known.to_day
            if was_valid and signed_by_it.is_signed_by(known.key):
                return host
    raise ProtocolError("server_certificate_invalid", "no listed host signed it")


def _utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
