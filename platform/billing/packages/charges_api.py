"""Endpoints on charges: receipts, limits and disputes."""

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router, Status
from ninja.pagination import CursorPagination, paginate

from accounts.security import HOLDER_AUTH, caller, can_act, can_read_console
from billing.ledger.selectors_caps import Caps, caps_of
from billing.packages import selectors_charges as selectors
from billing.packages.charges_schemas import (
    AnswerIn,
    CapsIn,
    CapsOut,
    ChargeOut,
    DisputeIn,
)
from billing.packages.services.caps import set_cap
from billing.packages.services.disputes import answer_dispute, open_dispute
from billing.packages.services.receipts import share_receipt
from common.paper import Paper
from common.schemas import Currency, Hex8, ShareIn
from transactions.services import draw_message

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from billing.packages.models import BillingRequest

router = Router(auth=HOLDER_AUTH, tags=["charges"])


@router.get("/charges", response=list[ChargeOut])
@paginate(CursorPagination, ordering=("-id",))
def list_charges(request: HttpRequest) -> "QuerySet[BillingRequest]":
    """List what applications asked the caller for, newest first, whatever came of it."""
    return selectors.charges_of(payer=caller(request))


@router.get("/charges/earned", response=list[ChargeOut])
@paginate(CursorPagination, ordering=("-id",))
def list_earned(request: HttpRequest) -> "QuerySet[BillingRequest]":
    """List what the caller's own applications charged, newest first."""
    return selectors.earned(developer=caller(request))


@router.get("/charges/disputed", response=list[ChargeOut])
@paginate(CursorPagination, ordering=("-id",))
def list_disputed(request: HttpRequest) -> "QuerySet[BillingRequest]":
    """List disputed charges that wait for an answer: of the caller's own applications, or all."""
    holder = caller(request)
    return selectors.disputed(developer=None if can_read_console(holder) else holder)


@router.get("/charges/caps", response=CapsOut)
def show_caps(request: HttpRequest, currency: Currency) -> Caps:
    """Return what applications may charge the caller in a currency at most."""
    return caps_of(selectors.budget(caller(request), currency), now=timezone.now())


@router.put("/charges/caps", response=CapsOut)
def put_caps(request: HttpRequest, body: CapsIn) -> Caps:
    """Set the caller's limits: lower ones hold at once, higher ones after 24 hours."""
    return set_cap(holder=caller(request), now=timezone.now(), **body.model_dump())


@router.get("/charges/{uid}", response=ChargeOut)
def show_charge(request: HttpRequest, uid: Hex8) -> "BillingRequest":
    """Return a charge to its payer, to who was paid, and to operators."""
    return _visible(request, uid)


@router.get("/charges/{uid}/receipt.{form}", response={200: None})
def show_charge_receipt(
    request: HttpRequest, uid: Hex8, form: str, paper: Paper = "a4"
) -> HttpResponse:
    """Return the receipt of a charge as cbor, txt, png, svg or pdf."""
    found, reader = _visible(request, uid), caller(request).account
    return draw_message(found.receipt, form, f"charge-{uid}", reader=reader, paper=paper)


@router.post("/charges/{uid}/receipt/email", response={202: None})
def mail_charge_receipt(request: HttpRequest, uid: Hex8, body: ShareIn) -> Status[None]:
    """Send the link of a charge's receipt to an e-mail address; for payer and payee."""
    share_receipt(
        uid=bytes.fromhex(uid), holder=caller(request), email=body.email, now=timezone.now()
    )
    return Status(202, None)


@router.post("/charges/{uid}/dispute", response={201: ChargeOut})
def dispute_charge(request: HttpRequest, uid: Hex8, body: DisputeIn) -> "Status[BillingRequest]":
    """Say what is wrong with a charge, once, within 60 days; its developer is told."""
    charge = selectors.charge_of(payer=caller(request), uid=bytes.fromhex(uid))
    open_dispute(charge, words=body.words, now=timezone.now())
    return Status(201, _visible(request, uid))


@router.post("/charges/{uid}/dispute/answer", response=ChargeOut)
def answer_charge(request: HttpRequest, uid: Hex8, body: AnswerIn) -> "BillingRequest":
    """Pay a disputed charge back, or say why not; for its developer and operators."""
    holder = caller(request)
    charge = selectors.answerable_charge(
        holder=holder, uid=bytes.fromhex(uid), is_operator=can_act(holder)
    )
    answer_dispute(
        charge,
        by=holder,
        is_refund=body.answer == "refund",
        words=body.words,
        now=timezone.now(),
    )
    return _visible(request, uid)


def _visible(request: HttpRequest, uid: str) -> "BillingRequest":
    holder = caller(request)
    return selectors.visible_charge(
        holder=holder, uid=bytes.fromhex(uid), is_operator=can_read_console(holder)
    )
