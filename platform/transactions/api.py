"""Endpoints of the main job."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from ninja import Router, Status
from ninja.pagination import CursorPagination, paginate

from accounts.security import HOLDER_AUTH, caller
from binding.security import shown_permit
from common.errors import InputInvalidError
from common.schemas import Hex8, Hex32, sent
from common.spreadsheets import csv_answer
from enrolment.schemas import DigitsIn, Serial
from protocol import jwk
from protocol.errors import ProtocolError
from transactions import exports, selectors, selectors_lists, services
from transactions.models import Transaction
from transactions.schemas import (
    AnswerOut,
    AnswersIn,
    ChainOut,
    ChallengeOut,
    ContinueIn,
    DeclineIn,
    PostedIn,
    ProofIn,
    ProofOut,
    ResponseIn,
    StepOut,
    TransactionIn,
    TransactionOut,
    UnlockIn,
)

router = Router(auth=HOLDER_AUTH, tags=["transactions"])


@router.post("/transactions", response={201: ChallengeOut})
def open_transaction(request: HttpRequest, body: TransactionIn) -> HttpResponse:
    """Begin a transaction: its first step, with the challenge to answer."""
    step = services.open_transaction(
        holder=caller(request),
        asked=body.asked(),
        now=timezone.now(),
        is_open_to_anyone=body.is_open_to_anyone,
        may_repeat_holder=body.may_repeat_holder,
        last_signer_may_close=body.last_signer_may_close,
        permit=shown_permit(request),
    )
    return sent(ChallengeOut.of(step), status=201)


@router.get("/transactions", response=list[TransactionOut])
@paginate(CursorPagination, ordering=("-id",))
def list_transactions(request: HttpRequest) -> QuerySet[Transaction]:
    """List the caller's transactions, newest first."""
    return selectors_lists.transactions_of(holder=caller(request))


@router.get("/transactions.csv", response={200: None})
def export_transactions(request: HttpRequest) -> StreamingHttpResponse:
    """Return the caller's transactions as CSV, newest first."""
    rows = exports.transaction_rows(caller(request))
    return csv_answer("transactions", exports.TRANSACTION_COLUMNS, rows)


@router.get("/transactions/steps.csv", response={200: None})
def export_steps(request: HttpRequest) -> StreamingHttpResponse:
    """Return the steps of the caller's transactions as CSV, newest transaction first."""
    return csv_answer("steps", exports.STEP_COLUMNS, exports.step_rows(caller(request)))


@router.get("/transactions/{tx}", response=ChainOut)
def show_transaction(request: HttpRequest, tx: Hex8) -> ChainOut:
    """Return the chain and its state; for its parties."""
    chain = selectors.visible_transaction(holder=caller(request), tx=bytes.fromhex(tx))
    steps = [StepOut.of(step) for step in selectors.steps_of(chain)]
    return ChainOut(**TransactionOut.of(chain).dict(), steps=steps)


@router.post("/transactions/{tx}/steps", response={201: ChallengeOut})
def continue_transaction(request: HttpRequest, tx: Hex8, body: ContinueIn) -> HttpResponse:
    """Add the next step behind the one whose receipt was scanned."""
    step = services.continue_transaction(
        holder=caller(request),
        tx=bytes.fromhex(tx),
        receipt=services.receipt_bytes(body.receipt),
        asked=body.asked(),
        now=timezone.now(),
        permit=shown_permit(request),
    )
    return sent(ChallengeOut.of(step), status=201)


@router.post("/transactions/{tx}/close", response=TransactionOut)
def close_transaction(request: HttpRequest, tx: Hex8) -> TransactionOut:
    """Let no further step follow."""
    chain = services.close_transaction(
        holder=caller(request), tx=bytes.fromhex(tx), now=timezone.now()
    )
    return TransactionOut.of(chain)


@router.post("/transactions/{tx}/cancel", response=TransactionOut)
def cancel_transaction(request: HttpRequest, tx: Hex8) -> TransactionOut:
    """Call a transaction off."""
    chain = services.cancel_transaction(
        holder=caller(request), tx=bytes.fromhex(tx), now=timezone.now()
    )
    return TransactionOut.of(chain)


@router.post("/transactions/{tx}/dispute", response=TransactionOut)
def dispute_transaction(request: HttpRequest, tx: Hex8) -> TransactionOut:
    """Mark a transaction as disputed."""
    chain = services.dispute_transaction(
        holder=caller(request), tx=bytes.fromhex(tx), now=timezone.now()
    )
    return TransactionOut.of(chain)


@router.post("/tokens/{serial}/activate", response={201: ChallengeOut}, tags=["tokens"])
def activate_token(request: HttpRequest, serial: Serial, body: DigitsIn) -> HttpResponse:
    """Confirm a new token's eight digits; its first statement is the challenge returned."""
    step = services.start_activation(
        holder=caller(request), serial=serial, digits=body.digits, now=timezone.now()
    )
    return sent(ChallengeOut.of(step), status=201)


@router.post("/tokens/{serial}/test", response={201: ChallengeOut}, tags=["tokens"])
def try_token(request: HttpRequest, serial: Serial) -> HttpResponse:
    """Ask a token for a response that approves nothing."""
    step = services.start_test(holder=caller(request), serial=serial, now=timezone.now())
    return sent(ChallengeOut.of(step), status=201)


@router.post("/tokens/{serial}/unlock", response={201: ChallengeOut}, tags=["tokens"])
def unlock_token(request: HttpRequest, serial: Serial, body: UnlockIn) -> HttpResponse:
    """Ask another token of the caller; when it has answered, the locked one is unlocked."""
    step = services.start_unlock(
        holder=caller(request), serial=serial, by=body.by, now=timezone.now()
    )
    return sent(ChallengeOut.of(step), status=201)


@router.post(
    "/tokens/{serial}/resynchronisations", response={201: list[ChallengeOut]}, tags=["tokens"]
)
def start_resynchronisation(request: HttpRequest, serial: Serial) -> Status[list[ChallengeOut]]:
    """Ask a token for two responses, by which its server finds its clock or counter again."""
    steps = services.start_resynchronisation(
        holder=caller(request), serial=serial, now=timezone.now()
    )
    return Status(201, [ChallengeOut.of(step) for step in steps])


@router.post("/tokens/{serial}/resynchronise", response=AnswerOut, tags=["tokens"])
def resynchronise(request: HttpRequest, serial: Serial, body: AnswersIn) -> HttpResponse:
    """Have two responses judged, as one try."""
    first, second = body.answers
    answer = services.resynchronise(
        holder=caller(request),
        serial=serial,
        asked=(bytes.fromhex(first.step), bytes.fromhex(second.step)),
        given=(first.response, second.response),
        now=timezone.now(),
    )
    return sent(AnswerOut.of(answer))


@router.post("/steps/{s}/proof", response=ProofOut)
def prove_host(request: HttpRequest, s: Hex32, body: ProofIn) -> ProofOut:
    """Get the server's own answer to digits that the token shows: nobody else has it."""
    answer = services.prove_host(
        holder=caller(request), s=bytes.fromhex(s), challenge=body.challenge, now=timezone.now()
    )
    return ProofOut(answer=answer)


@router.get("/steps/{s}", response=ChallengeOut | StepOut)
def show_step(request: HttpRequest, s: Hex32) -> StepOut:
    """Return a step, with its challenge while that is open; asking never costs a try."""
    step = selectors.visible_step(holder=caller(request), s=bytes.fromhex(s))
    return (ChallengeOut if step.is_open else StepOut).of(step)


@router.post("/steps/{s}/response", response=AnswerOut)
def answer_step(request: HttpRequest, s: Hex32, body: ResponseIn) -> HttpResponse:
    """Have a typed response judged; the same one may be sent again."""
    answer = services.answer_step(
        holder=caller(request),
        s=bytes.fromhex(s),
        response=body.response,
        now=timezone.now(),
        permit=shown_permit(request),
    )
    return sent(AnswerOut.of(answer))


@router.post("/steps/{s}/cancel", response=StepOut)
def cancel_step(request: HttpRequest, s: Hex32) -> StepOut:
    """End a step: by its holder, or by the transaction's owner."""
    step = services.cancel_step(holder=caller(request), s=bytes.fromhex(s), now=timezone.now())
    return StepOut.of(step)


@router.post("/steps/{s}/decline", response=StepOut)
def decline_step(request: HttpRequest, s: Hex32, body: DeclineIn) -> StepOut:
    """Say that a statement is wrong, and end its step."""
    step = services.decline_step(
        holder=caller(request), s=bytes.fromhex(s), note=body.reason, now=timezone.now()
    )
    return StepOut.of(step)


@router.post("/responses", response=AnswerOut, auth=None)
def post_as_token(request: HttpRequest, body: PostedIn) -> HttpResponse:
    """Take what a token posts by itself, under the tag that its server checks; no login."""
    s, tag = bytes.fromhex(body.s), from_base64(body.tag)
    now = timezone.now()
    if (body.response is None) == (body.decline is None):
        error = ProtocolError("field_missing", "give a response, or decline", "response")
        raise InputInvalidError(error)
    if body.response is not None:
        answer = services.answer_as_token(s=s, response=body.response, tag=tag, now=now)
    else:
        note = body.decline or ""
        step = services.decline_as_token(s=s, note=note, tag=tag, now=now)
        answer = services.Answer(step)
    return sent(AnswerOut.of(answer))


def from_base64(text: str) -> bytes:
    """Read base64url without padding, in its one spelling.

    Raises:
        InputInvalidError: it is something else.
    """
    try:
        return jwk.from_base64(text)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
