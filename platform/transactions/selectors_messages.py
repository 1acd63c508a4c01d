"""Steps as the protocol's messages: bundles, receipts, and what they show."""

from enrolment.selectors import certified_server
from protocol import chain, cose
from protocol.bundle import MAX_CONTEXT, Context
from protocol.digests import verdict_digest
from protocol.fitting import Linked, fit_bundle
from protocol.qrtext import Link
from protocol.rebuild import rebuild
from protocol.receipt import MAX_STEPS, Receipt
from protocol.statement import Sight, Statement
from signing.services import link_to, platform_information
from tokens.question import question_for
from tokens.suites import parse_suite
from transactions.models import Step, Transaction


def folded_statements(step: Step, *, newest: int) -> list[Statement]:
    """Return what was signed before the steps that a receipt shows: the newest, oldest first."""
    receipt = Receipt.from_signed(cose.parse(bytes(step.receipt or b"")))
    folded = Step.objects.filter(
        transaction_id=step.transaction_id,
        state=Step.State.SIGNED,
        position__lt=receipt.folded,
    )
    rows = folded.only("statement").order_by("-position")[:newest]
    return [row.content for row in reversed(rows)]


def shown_by_receipt(step: Step) -> tuple[int, list[Statement]]:
    """Return what a signed step's receipt shows: how many steps are folded, and the others."""
    receipt = Receipt.from_signed(cose.parse(bytes(step.receipt or b"")))
    return receipt.folded, [rebuilt.statement for rebuilt in rebuild(receipt)]


def folded_steps(*, transaction: Transaction, to: int) -> list[tuple[bytes, bytes]]:
    """Return statement payloads and verdicts of the signed steps up to a position, in order."""
    rows = Step.objects.filter(
        transaction=transaction, state=Step.State.SIGNED, position__lte=to
    ).order_by("position")
    return [
        (cose.parse(bytes(statement)).payload, bytes(verdict or b""))
        for statement, verdict in rows.values_list("statement", "verdict")
    ]


def bundle_of(step: Step) -> bytes:
    """Return the challenge bundle of a step: what its QR code carries."""
    statement = step.content
    earlier = earlier_steps(step, MAX_CONTEXT) if step.position else []
    return fit_bundle(
        origin=platform_information().origin,
        statement=bytes(step.statement),
        pos=step.position,
        recent=[_as_context(row) for row in earlier],
        prev=statement.prev,
    )


def earlier_steps(step: Step, count: int = MAX_STEPS - 1) -> list[Step]:
    """Return the last signed steps before this one, oldest first, with token and host."""
    rows = (
        Step.objects.filter(
            transaction_id=step.transaction_id,
            state=Step.State.SIGNED,
            position__lt=step.position,
            position__gte=step.position - count,
        )
        .select_related("token__host")
        .order_by("position")
    )
    return list(rows)


def as_receipt_step(step: Step, *, verdict: bytes, decided: int, seq: int) -> Linked[chain.Step]:
    """Return a step as receipts carry it, with the certificate of its server."""
    statement = step.content
    content = chain.Step.of(
        statement,
        decided=decided,
        seq=seq,
        signature=cose.parse(verdict).signature,
        by=certified_server(step.token, vk=statement.vk, decided=decided),
    )
    return Linked(statement.prev, content)


def stored_receipt_step(step: Step) -> Linked[chain.Step]:
    """Return a signed step as receipts carry it."""
    if step.verdict is None or step.decided_at is None or step.seq is None:
        raise AssertionError("a signed step has its verdict")
    return as_receipt_step(
        step,
        verdict=bytes(step.verdict),
        decided=int(step.decided_at.timestamp()),
        seq=step.seq,
    )


def challenge_text(step: Step) -> str:
    """Return the text of the QR code that asks a token to answer."""
    return link_to(Link.BUNDLE, bundle_of(step))


def receipt_text(step: Step) -> str | None:
    """Return the QR text of a step's receipt, once it has one."""
    if step.receipt is None:
        return None
    return link_to(Link.RECEIPT, bytes(step.receipt))


def typed_question(step: Step) -> str | None:
    """Return the digits to type into the token, where its suite has them."""
    if step.token.sight != Sight.TYPED or not step.is_open:
        return None
    return question_for(parse_suite(step.token.suite), bytes(step.s))


def _as_context(step: Step) -> Linked[Context]:
    statement = step.content
    return Linked(
        statement.prev, Context.of(statement, verdict_digest(bytes(step.verdict or b"")))
    )
