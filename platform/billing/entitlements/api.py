"""Endpoints of the shop: resources, offers, purchases, refunds."""

from typing import TYPE_CHECKING, BinaryIO, cast

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from ninja import File, Router, Status
from ninja.files import UploadedFile
from ninja.pagination import CursorPagination, paginate

from accounts.security import HOLDER_AUTH, caller, can_act, console_actor
from billing.entitlements import selectors, services
from billing.entitlements.downloads import send_file
from billing.entitlements.schemas import (
    EditIn,
    EntitlementOut,
    OfferIn,
    OfferOut,
    OwnVersionOut,
    PurchaseIn,
    PurchaseOut,
    RefundReasonIn,
    ResourceDetailOut,
    ResourceIn,
    ResourceOut,
    VersionOut,
)
from binding.security import shown_permit
from common.idempotency import request_key
from common.schemas import Hex8

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import Holder
    from billing.entitlements.models import Entitlement, Offer, Purchase, Resource, Version

router = Router(auth=HOLDER_AUTH, tags=["shop"])


@router.get("/resources", response=list[ResourceOut], auth=None)
@paginate(CursorPagination, ordering=("-id",))
def list_resources(request: HttpRequest, q: str = "", kind: str = "") -> "QuerySet[Resource]":
    """List what is in the shop, newest first; for everybody.  All words of ``q`` must occur."""
    return selectors.shelf(q=q[:200], kind=kind)


@router.get("/resources/own", response=list[ResourceOut])
@paginate(CursorPagination, ordering=("-id",))
def list_own_resources(request: HttpRequest) -> "QuerySet[Resource]":
    """List the caller's own resources, drafts and withdrawn ones included."""
    return selectors.resources_of(developer=caller(request))


@router.get("/resources/{uid}", response=ResourceDetailOut, auth=None)
def show_resource(request: HttpRequest, uid: Hex8) -> "Resource":
    """Return a resource that is sold, to everybody; others to developer and buyers."""
    return selectors.visible_resource(uid=bytes.fromhex(uid), holder=_anybody(request))


@router.api_operation(["HEAD"], "/resources/{uid}/file", auth=None, include_in_schema=False)
@router.get("/resources/{uid}/file", response={200: None}, auth=None, url_name="resource_file")
def download(request: HttpRequest, uid: Hex8, version: int | None = None) -> HttpResponseBase:
    """Send the encrypted file, the newest unless a version is named; ``Range`` resumes."""
    resource = selectors.visible_resource(uid=bytes.fromhex(uid), holder=_anybody(request))
    return send_file(request, selectors.version_of(resource, version))


@router.post("/resources", response={201: ResourceOut})
def publish(request: HttpRequest, body: ResourceIn) -> "Status[Resource]":
    """Make a resource; it is a draft until it is listed."""
    resource = services.publish_resource(
        developer=caller(request), now=timezone.now(), **body.model_dump()
    )
    return Status(201, selectors.resource(bytes(resource.uid)))


@router.post("/resources/{uid}", response=ResourceOut)
def edit(request: HttpRequest, uid: Hex8, body: EditIn) -> "Resource":
    """Change what is said of a resource."""
    return services.edit_resource(
        developer=caller(request),
        resource_uid=bytes.fromhex(uid),
        now=timezone.now(),
        **body.model_dump(),
    )


@router.post("/resources/{uid}/list", response=ResourceOut)
def list_resource(request: HttpRequest, uid: Hex8) -> "Resource":
    """Put a resource into the shop."""
    return services.list_resource(
        developer=caller(request), resource_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.post("/resources/{uid}/unlist", response=ResourceOut)
def unlist_resource(request: HttpRequest, uid: Hex8) -> "Resource":
    """Take a resource out of the shop for a while; buyers go on using it."""
    return services.unlist_resource(
        developer=caller(request), resource_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.post("/resources/{uid}/withdraw", response=ResourceOut)
def withdraw_resource(request: HttpRequest, uid: Hex8) -> "Resource":
    """Take a resource out for good; nobody may use it any more."""
    return services.withdraw_resource(
        developer=caller(request), resource_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.get("/resources/{uid}/versions", response=list[OwnVersionOut])
def list_versions(request: HttpRequest, uid: Hex8) -> "QuerySet[Version]":
    """List all versions of the caller's resource, newest first."""
    own = selectors.own_resource(developer=caller(request), uid=bytes.fromhex(uid))
    return selectors.versions_of(own)


@router.post("/resources/{uid}/versions", response={201: OwnVersionOut})
def add_version(request: HttpRequest, uid: Hex8, file: File[UploadedFile]) -> "Status[Version]":
    """Take in a file, encrypt it, and make it the newest version."""
    version = services.add_version(
        developer=caller(request),
        resource_uid=bytes.fromhex(uid),
        # There is one: it was just uploaded.
        file=cast(BinaryIO, file.file),
        size=file.size or 0,
        filename=file.name or "",
        media_type=file.content_type or "",
        now=timezone.now(),
    )
    return Status(201, version)


@router.post("/resources/{uid}/versions/{number}/withdraw", response=VersionOut)
def withdraw_version(request: HttpRequest, uid: Hex8, number: int) -> "Version":
    """Let nobody use a version any more."""
    return services.withdraw_version(
        developer=caller(request),
        resource_uid=bytes.fromhex(uid),
        number=number,
        now=timezone.now(),
    )


@router.post("/resources/{uid}/offers", response={201: OfferOut})
def add_offer(request: HttpRequest, uid: Hex8, body: OfferIn) -> "Status[Offer]":
    """Offer a resource at a price."""
    offer = services.add_offer(
        developer=caller(request),
        resource_uid=bytes.fromhex(uid),
        now=timezone.now(),
        **body.model_dump(),
    )
    return Status(201, offer)


@router.post("/offers/{uid}/end", response=OfferOut)
def end_offer(request: HttpRequest, uid: Hex8) -> "Offer":
    """Sell no more by an offer."""
    return services.end_offer(
        developer=caller(request), offer_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.post("/purchases", response={201: PurchaseOut})
def buy(request: HttpRequest, body: PurchaseIn) -> "Status[Purchase]":
    """Buy what an offer gives: at once from the wallet, or by a token that is asked."""
    purchase = services.buy(
        buyer=caller(request),
        offer_uid=bytes.fromhex(body.offer),
        way=body.way,
        key=request_key(request),
        now=timezone.now(),
        payment_password=body.payment_password,
        token_serial=body.token,
        remark=body.remark,
        permit=shown_permit(request),
    )
    return Status(201, purchase)


@router.get("/purchases", response=list[PurchaseOut])
@paginate(CursorPagination, ordering=("-id",))
def list_purchases(request: HttpRequest) -> "QuerySet[Purchase]":
    """List what the caller bought, newest first."""
    return selectors.purchases_of(buyer=caller(request))


@router.get("/purchases/{uid}", response=PurchaseOut)
def show_purchase(request: HttpRequest, uid: Hex8) -> "Purchase":
    """Return a purchase of the caller."""
    return selectors.purchase_of(buyer=caller(request), uid=bytes.fromhex(uid))


@router.post("/purchases/{uid}/cancel", response=PurchaseOut)
def cancel_purchase(request: HttpRequest, uid: Hex8) -> "Purchase":
    """End a purchase that waits for a token."""
    return services.cancel_purchase(
        buyer=caller(request), purchase_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.post("/purchases/{uid}/refund", response=PurchaseOut)
def ask_refund(request: HttpRequest, uid: Hex8, body: RefundReasonIn) -> "Purchase":
    """Ask for the money back: at once when never used, else the developer decides."""
    return services.ask_refund(
        buyer=caller(request),
        purchase_uid=bytes.fromhex(uid),
        reason=body.reason,
        now=timezone.now(),
    )


@router.post("/purchases/{uid}/refund/grant", response=PurchaseOut)
def grant_refund(request: HttpRequest, uid: Hex8) -> "Purchase":
    """Give the money of a sale back: by its developer, or by an operator."""
    holder, now = caller(request), timezone.now()
    if can_act(holder):
        return services.refund_as_operator(
            operator=holder, purchase_uid=bytes.fromhex(uid), now=now
        )
    return services.grant_refund(developer=holder, purchase_uid=bytes.fromhex(uid), now=now)


@router.post("/purchases/{uid}/refund/refuse", response=PurchaseOut)
def refuse_refund(request: HttpRequest, uid: Hex8, body: RefundReasonIn) -> "Purchase":
    """Say no to a buyer who asks for the money back, and why; the buyer is told."""
    return services.refuse_refund(
        developer=caller(request),
        purchase_uid=bytes.fromhex(uid),
        reason=body.reason,
        now=timezone.now(),
    )


@router.post("/purchases/{uid}/suspend", response=EntitlementOut, tags=["operators"])
def suspend(request: HttpRequest, uid: Hex8) -> "Entitlement":
    """Let what a purchase gives not be used for now."""
    return services.suspend_entitlement(
        operator=console_actor(request), purchase_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.post("/purchases/{uid}/resume", response=EntitlementOut, tags=["operators"])
def resume(request: HttpRequest, uid: Hex8) -> "Entitlement":
    """Let what a purchase gives be used again."""
    return services.resume_entitlement(
        operator=console_actor(request), purchase_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.post("/purchases/{uid}/revoke", response=EntitlementOut, tags=["operators"])
def revoke(request: HttpRequest, uid: Hex8) -> "Entitlement":
    """Take away for good what a purchase gives."""
    return services.revoke_entitlement(
        operator=console_actor(request), purchase_uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.get("/sales", response=list[PurchaseOut])
@paginate(CursorPagination, ordering=("-id",))
def list_sales(request: HttpRequest) -> "QuerySet[Purchase]":
    """List what the caller sold, newest first."""
    return selectors.sales(developer=caller(request))


@router.get("/sales/asked", response=list[PurchaseOut])
@paginate(CursorPagination, ordering=("-id",))
def list_refunds_asked(request: HttpRequest) -> "QuerySet[Purchase]":
    """List the sales whose money is asked back and not answered yet."""
    return selectors.refunds_asked(developer=caller(request))


@router.get("/entitlements", response=list[EntitlementOut])
@paginate(CursorPagination, ordering=("-id",))
def list_entitlements(request: HttpRequest) -> "QuerySet[Entitlement]":
    """List what the caller may use, or might once, newest first."""
    return selectors.entitlements_of(holder=caller(request))


def _anybody(request: HttpRequest) -> "Holder | None":
    """Return who asks, where that is known; whoever does not say so is welcome, too."""
    return next((holder for auth in HOLDER_AUTH if (holder := auth(request))), None)
