"""Endpoints on receipts and challenge codes."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import File, Router
from ninja.files import UploadedFile

from accounts.security import HOLDER_AUTH, caller
from common.errors import NotFoundError
from common.schemas import Hex8, Hex32
from protocol.jwk import to_base64
from receipts import images, services
from receipts.drawing import FORMS, drawn, drawn_challenge
from receipts.schemas import FoldedStepOut, ReceiptIn, ReportOut
from transactions import selectors
from transactions.services import receipt_bytes

router = Router(tags=["receipts"])


@router.post("/receipts/verify", response=ReportOut, auth=None)
def verify(request: HttpRequest, body: ReceiptIn) -> ReportOut:
    """Check a receipt with this platform's keys, line by line."""
    return ReportOut.of(services.verify(receipt_bytes(body.receipt), now=timezone.now()))


@router.post("/receipts/read", response=ReportOut, auth=HOLDER_AUTH)
def read(request: HttpRequest, picture: File[UploadedFile]) -> ReportOut:
    """Check the receipt in an uploaded picture; its text is not trusted further."""
    scanned = services.first_receipt(images.read_codes(picture.read()))
    return ReportOut.of(services.verify(scanned.message, now=timezone.now()))


@router.get("/receipts/{receipt_id}.{form}", auth=HOLDER_AUTH, response={200: None})
def show_receipt(request: HttpRequest, receipt_id: Hex32, form: str) -> HttpResponse:
    """Return a receipt as cbor, txt, png or svg; for the parties."""
    step = selectors.step_by_receipt(bytes.fromhex(receipt_id))
    if step is None or form not in FORMS:
        raise NotFoundError("There is no such receipt.")
    holder = caller(request)
    if step.holder_id != holder.pk and not selectors.is_party(
        transaction=step.transaction, holder=holder
    ):
        raise NotFoundError("There is no such receipt.")
    text = services.drawable_text(step, now=timezone.now())
    return drawn(step, text, bytes(step.receipt or b""), form, "receipt")


@router.get("/steps/{s}/challenge.{form}", auth=HOLDER_AUTH, response={200: None})
def show_challenge(request: HttpRequest, s: Hex32, form: str) -> HttpResponse:
    """Return an open challenge as cbor, txt, png or svg."""
    step = selectors.visible_step(holder=caller(request), s=bytes.fromhex(s))
    return drawn_challenge(step, form)


@router.get("/receipts/{tx}/steps", response=list[FoldedStepOut], auth=HOLDER_AUTH)
def folded_steps(request: HttpRequest, tx: Hex8, to: int) -> list[FoldedStepOut]:
    """Return the signed bytes of the steps up to position ``to``, to check folded ones."""
    chain = selectors.visible_transaction(holder=caller(request), tx=bytes.fromhex(tx))
    return [
        FoldedStepOut(statement=to_base64(statement), verdict=to_base64(verdict))
        for statement, verdict in selectors.folded_steps(transaction=chain, to=min(to, 10**6))
    ]
