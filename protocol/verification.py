"""Check a receipt against the keys a reader holds: numbered checks, one line each.

The numbers stand in docs/protocol.md section 10, which also says what may be claimed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from protocol import cose
from protocol.certified import Certificates, certified
from protocol.chain import Step, clock_faults
from protocol.charge import Charge
from protocol.cose import Sign1, Typ
from protocol.cosignature import cosigners
from protocol.ed25519 import key_id
from protocol.ended import KEY_COMPROMISED
from protocol.errors import ProtocolError
from protocol.keys import Directory, Purpose, find_signer
from protocol.log import Checkpoint, Proof, check_logged
from protocol.outcome import REFUSED, Check, Outcome, Report, failed, passed, unchecked, utc
from protocol.rebuild import Rebuilt, rebuild
from protocol.receipt import Receipt
from protocol.statement import Platform
from protocol.verdict import Reason


@dataclass(frozen=True, slots=True)
class _Held:
    """What a reader has to check with; ``logged`` is a checkpoint that proves the receipt."""

    directory: Directory
    fetched: Certificates
    logged: Checkpoint | None

    def was_logged_before(self, at: int) -> bool:
        return self.logged is not None and self.logged.time < at


_WORDS = {
    Reason.ACCEPTED: "accepted",
    Reason.ATTEMPTS_EXHAUSTED: "refused, too many wrong responses",
    Reason.DECLINED: "refused, declined by the holder",
    Reason.CANCELLED: "refused, cancelled",
    Reason.EXPIRED: "refused, not answered in time",
}


def verify_receipt(
    message: bytes,
    directory: Directory,
    fetched: Certificates | None = None,
    proof: bytes | None = None,
) -> Report:
    """Check a receipt or refusal, or the receipt of a charge.

    Args:
        message: The COSE_Sign1 bytes.
        directory: The keys the reader installed.
        fetched: Server certificates (typ cs-server) obtained beside the receipt, by ``vk``: a
            server that has moved has one of each host.
        proof: Content of a proof file, that the receipt is in the log (docs/protocol.md
            section 22).

    Returns:
        The report.  Bad input fails a check; it is never an exception.
    """
    always = (
        "This proves what was signed, not who held the token.",
        "A later step may exist.",
        _age_of_keys(directory),
    )
    logged, in_log = _check_log(message, directory, proof)
    held = _Held(directory, fetched or {}, logged)
    # 1. The bytes are a receipt or a refusal, and its steps can be rebuilt.
    try:
        signed = cose.parse(message)
        if signed.typ == Typ.CHARGE:
            charge = Charge.from_signed(signed)
            return _verify_charge(charge, signed, held, in_log)
        receipt = Receipt.from_signed(signed)
        steps = rebuild(receipt)
    except ProtocolError as error:
        line = failed(1, code=error.code, text=f"Not a receipt: {error.detail}.")
        return Report((line, *in_log), always)
    by_step = [
        line
        for step, rebuilt in zip(receipt.steps, steps, strict=True)
        for line in _check_step(step, rebuilt, receipt.reason, held)
    ]
    # Servers vouch for what they accepted, even if the platform's key got out.
    is_vouched = receipt.is_accepted and all(line.outcome is Outcome.PASSED for line in by_step)
    checks = [passed(1, code="form", text="The receipt is well formed.")]
    checks += _check_platform(
        receipt.platform, receipt.decided, signed, held, is_vouched=is_vouched
    )
    checks += [*_check_clocks(receipt), *by_step, *_check_folded(receipt.folded)]
    # 8. The step was accepted: a refusal, sound as it may be, is never valid as a receipt.
    if not receipt.is_accepted:
        text = f"Nothing was signed: the step was {_WORDS[receipt.reason]}."
        checks.append(failed(8, code=REFUSED, text=text, step=receipt.length - 1))
    return Report((*checks, *in_log), always, receipt, tuple(steps))


def _check_log(
    message: bytes, directory: Directory, proof: bytes | None
) -> tuple[Checkpoint | None, list[Check]]:
    """Return the checkpoint that a receipt is proved to be under, and the line on it."""
    if proof is None:
        return None, []
    # 10. It is in the log, under a checkpoint that the platform signed.
    try:
        read = Proof.from_bytes(proof)
        checkpoint = check_logged(message, read, directory)
        hosts = cosigners(read, checkpoint, directory)
    except ProtocolError as error:
        if error.code == KEY_COMPROMISED:
            text = f"Whether it is in the log cannot be told: {error.detail}."
            return None, [unchecked(10, code=KEY_COMPROMISED, text=text)]
        text = f"Not proved to be in the log: {error.detail}."
        return None, [failed(10, code="proof_invalid", text=text)]
    text = (
        f"It is one of the {checkpoint.size} entries of the log of {checkpoint.origin} as of "
        f"{utc(checkpoint.time)}."
    )
    if hosts:
        text += f" Signed as well by {', '.join(hosts)}."
    return checkpoint, [passed(10, code="logged", text=text)]


def _verify_charge(charge: Charge, signed: Sign1, held: _Held, in_log: list[Check]) -> Report:
    checks = [passed(1, code="form", text="The receipt is well formed.")]
    checks += _check_platform(charge.platform, charge.captured, signed, held, is_vouched=False)
    # 9. No server of a token signed: how it was confirmed is the platform's word, never green.
    confirmed = "the payer confirmed it" if charge.paid else "it was confirmed"
    text = (
        f"The platform says that {confirmed} at {utc(charge.captured)} by "
        f"{charge.way_words}; nobody else signed it."
    )
    checks.append(unchecked(9, code="platform_word", text=text))
    always = (
        (
            "This proves what the platform charged, not who held the terminal.",
            "It may have been paid back since.",
        )
        if charge.paid
        else (
            "This proves what the platform authorized, not who held the terminal.",
            "Nothing was paid.",
        )
    )
    return Report((*checks, *in_log), (*always, _age_of_keys(held.directory)), charge=charge)


def _check_platform(
    platform: Platform, at: int, signed: Sign1, held: _Held, *, is_vouched: bool
) -> Iterator[Check]:
    # 2. The platform is the one whose keys the reader holds.
    if platform.id != held.directory.platform.id:
        text = f"The keys of the platform {platform.id} are not here."
        yield failed(2, code="receipt_not_ours", text=text)
        return
    yield passed(2, code="platform", text=f"It names the platform {platform.id}.")
    # 3. A receipt key of that platform signed it, within the days of its certificate.
    certificates = held.directory.keys(Purpose.RECEIPT)
    current = [known for known in certificates if known.covers(at)]
    if signer := find_signer(signed, current):
        yield _check_end(signer.key, at, held, is_vouched=is_vouched)
        return
    if signed.kid not in {key_id(known.key) for known in certificates}:
        text = "It is signed with a key that is not among the platform's keys here."
    elif find_signer(signed, certificates):
        text = "The platform's key was not valid on the receipt's date."
    else:
        text = "The platform's signature does not fit: something was changed."
    yield failed(3, code="receipt_signature_invalid", text=text)


def _check_end(key: bytes, at: int, held: _Held, *, is_vouched: bool) -> Check:
    """Say what the signature of one of the platform's keys is worth."""
    end = held.directory.end_of(key)
    if end is not None and end.is_retired(at):
        text = "The platform's key had been retired on the receipt's date."
        return failed(3, code="receipt_signature_invalid", text=text)
    leaked_at = None if end is None else end.compromised_at
    if leaked_at is not None and not is_vouched and not held.was_logged_before(leaked_at):
        text = (
            f"The platform's key was compromised on {utc(leaked_at)}: who signed cannot be told."
        )
        return unchecked(3, code=KEY_COMPROMISED, text=text)
    return passed(3, code="receipt_signature", text="The platform signed exactly this.")


def _check_clocks(receipt: Receipt) -> Iterator[Check]:
    # 4. Times do not contradict each other.
    faults = clock_faults(receipt.steps, receipt.reason)
    for pos in (receipt.folded + place for place in faults):
        text = f"Step {pos + 1}: its times contradict each other or the step before."
        yield failed(4, code="chain_broken", text=text, step=pos)
    if not faults:
        yield passed(4, code="times", text="The times of all steps agree.")


def _check_step(step: Step, rebuilt: Rebuilt, reason: Reason, held: _Held) -> Iterator[Check]:
    pos = rebuilt.statement.pos
    said = f"{_WORDS[reason]} at {utc(step.decided)}"
    # 5. A host certified the server's key for this token.
    if isinstance(step.by, bytes) and not held.fetched.get(step.by):
        text = (
            f"Step {pos + 1}: the platform says that the server said: {said}; the server's "
            "signature was not checked (connect to check)."
        )
        yield unchecked(5, code="server_unchecked", text=text, step=pos)
        return
    try:
        host, claim = certified(step, held.directory, held.fetched, held.logged)
    except ProtocolError as error:
        yield _uncertified(error, pos)
        return
    text = (
        f"Step {pos + 1}: host {host.name} certified the server for token {step.serial}"
        f"{claim.source}."
    )
    yield passed(5, code="server_certificate", text=text, step=pos)
    # 6. That key signed the verdict on the statement rebuilt here, and so on all before it.
    if cose.parse(rebuilt.verdict).is_signed_by(claim.certificate.key):
        text = f"Step {pos + 1}: the server signed on exactly this statement: {said}."
        yield passed(6, code="verdict", text=text, step=pos)
    else:
        text = (
            f"Step {pos + 1}: the server's signature does not fit: this step or one before it "
            "was changed."
        )
        yield failed(6, code="chain_broken", text=text, step=pos)


def _uncertified(error: ProtocolError, pos: int) -> Check:
    if error.code == KEY_COMPROMISED:
        text = f"Step {pos + 1}: who certified its server cannot be told: {error.detail}."
        return unchecked(5, code=KEY_COMPROMISED, text=text, step=pos)
    text = f"Step {pos + 1}: no valid certificate for its server: {error.detail}."
    return failed(5, code="server_certificate_invalid", text=text, step=pos)


def _check_folded(folded: int) -> Iterator[Check]:
    # 7. Folded steps are proved only by fetching them.
    if folded:
        steps_are, their = ("step is", "its") if folded == 1 else ("steps are", "their")
        text = (
            f"{folded} earlier {steps_are} bound by digest and not shown; {their} number "
            "is the platform's and the last signer's word."
        )
        yield unchecked(7, code="folded", text=text)


def _age_of_keys(directory: Directory) -> str:
    return f"Keys as of {utc(directory.issued)}."
