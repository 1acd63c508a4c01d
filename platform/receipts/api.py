"""Endpoints on receipts and challenge codes."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import File, Router, Status
from ninja.files import UploadedFile

from accounts.security import HOLDER_AUTH, caller
from common.errors import NotFoundError
from common.paper import Paper
from common.qrcodes import RECEIPT_FORMS
from common.schemas import Hex8, Hex32, ShareIn
from common.sheets import EARLIER
from protocol.jwk import to_base64
from receipts import images, services
from receipts.drawing import drawn, drawn_challenge
from receipts.schemas import FoldedStepOut, ReceiptIn, ReportOut
from transactions import selectors, selectors_messages
from transactions.services import receipt_bytes, share_receipt

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
def show_receipt(
    request: HttpRequest, receipt_id: Hex32, form: str, paper: Paper = "a4"
) -> HttpResponse:
    """Return a receipt as cbor, txt, png, svg or pdf; for the parties."""
    if form not in RECEIPT_FORMS:
        raise NotFoundError("There is no such receipt.")
    holder = caller(request)
    step = selectors.visible_receipt(holder=holder, receipt_id=bytes.fromhex(receipt_id))
    text = services.drawable_text(step, now=timezone.now())
    earlier = selectors_messages.folded_statements(step, newest=EARLIER) if form == "pdf" else []
    content = bytes(step.receipt or b"")
    return drawn(
        *(step, text, content, form, "receipt"),
        reader=holder.account,
        paper=paper,
        earlier=earlier,
    )


@router.post("/receipts/{receipt_id}/email", auth=HOLDER_AUTH, response={202: None})
def mail_receipt(request: HttpRequest, receipt_id: Hex32, body: ShareIn) -> Status[None]:
    """Send a receipt's link to an e-mail address; for the parties."""
    share_receipt(
        holder=caller(request),
        receipt_id=bytes.fromhex(receipt_id),
        email=body.email,
        now=timezone.now(),
    )
    return Status(202, None)


@router.get("/steps/{s}/challenge.{form}", auth=HOLDER_AUTH, response={200: None})
def show_challenge(request: HttpRequest, s: Hex32, form: str) -> HttpResponse:
    """Return an open challenge as cbor, txt, png or svg."""
    step = selectors.visible_step(holder=caller(request), s=bytes.fromhex(s))
    return drawn_challenge(step, form)


@router.get("/receipts/{tx}/steps", response=list[FoldedStepOut], auth=HOLDER_AUTH)
def folded_steps(request: HttpRequest, tx: Hex8, to: int) -> list[FoldedStepOut]:
    """Return the signed bytes of the steps up to position ``to``, to check folded ones."""
    chain = selectors.visible_transaction(holder=caller(request), tx=bytes.fromhex(tx))
    folded = selectors_messages.folded_steps(transaction=chain, to=min(to, 10**6))
    return [
        FoldedStepOut(statement=to_base64(statement), verdict=to_base64(verdict))
        for statement, verdict in folded
    ]
