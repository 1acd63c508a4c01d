"""What developers do with their resources: publish, edit, list, withdraw; prices."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from audit.services import record
from billing.entitlements.errors import ResourceIncompleteError, ResourceWithdrawnError
from billing.entitlements.models import Offer, Resource
from billing.entitlements.selectors import own_offer, own_resource
from common.errors import InputInvalidError
from protocol.content import Kind
from protocol.currency import EXPONENTS
from protocol.errors import ProtocolError
from protocol.fields import check_uint, check_word
from protocol.text import check_text, normalise

if TYPE_CHECKING:
    from accounts.models import Holder

MAX_DEVICES = 20
MAX_REFUND_DAYS = 90
# Ten years; and as many uses as anybody pays for.
MAX_DAYS = 3650
MAX_USES = 1_000_000
# Far above any price; the ledger has the same bound.
MAX_AMOUNT = 10**15
_TITLE_CHARACTERS = 80
# It is the text of the demand that the buyer's token shows.
_TITLE_BYTES = 120
_SUMMARY_CHARACTERS = 500


def publish_resource(
    *,
    developer: "Holder",
    kind: str,
    title: str,
    summary: str = "",
    device_limit: int = 3,
    refund_days: int = 14,
    now: datetime,
) -> Resource:
    """Make a resource; it is a draft until it is listed.

    Args:
        developer: Who sells it.
        kind: One of the five of :class:`protocol.content.Kind`.
        title: At most 80 characters and 120 bytes.
        summary: At most 500 characters; may be empty.
        device_limit: On how many devices one buyer uses it, 1 to 20.
        refund_days: How long a buyer may ask for the money back, 0 to 90.
        now: Timezone-aware.

    Raises:
        InputInvalidError: a field breaks a rule.
    """
    try:
        kind = check_word("kind", kind, Kind)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    fields = _checked(title, summary, device_limit, refund_days)
    with transaction.atomic():
        resource = Resource.objects.create(
            developer=developer, kind=kind, created_at=now, **fields
        )
        _record("resource.published", developer, resource, now)
    return resource


def edit_resource(
    *,
    developer: "Holder",
    resource_uid: bytes,
    title: str,
    summary: str,
    device_limit: int,
    refund_days: int,
    now: datetime,
) -> Resource:
    """Change what is said of a resource; what was bought keeps the days promised then.

    Raises:
        NotFoundError: the developer has no such resource.
        ResourceWithdrawnError: it was withdrawn.
        InputInvalidError: a field breaks a rule.
    """
    resource = _living(developer, resource_uid)
    fields = _checked(title, summary, device_limit, refund_days)
    with transaction.atomic():
        Resource.objects.filter(pk=resource.pk).update(**fields)
        _record("resource.edited", developer, resource, now)
    resource.refresh_from_db()
    return resource


def list_resource(*, developer: "Holder", resource_uid: bytes, now: datetime) -> Resource:
    """Put a resource into the shop; again changes nothing.

    Raises:
        NotFoundError, ResourceWithdrawnError: as :func:`edit_resource`.
        ResourceIncompleteError: it has no file, or no offer.
    """
    resource = _living(developer, resource_uid)
    has_file = resource.versions.filter(withdrawn_at=None).exists()
    if not has_file or not resource.offers.filter(ended_at=None).exists():
        raise ResourceIncompleteError
    return _move(resource, Resource.State.DRAFT, Resource.State.LISTED, developer, now)


def unlist_resource(*, developer: "Holder", resource_uid: bytes, now: datetime) -> Resource:
    """Take a resource out of the shop for a while; whoever bought it goes on using it.

    Raises:
        NotFoundError, ResourceWithdrawnError: as :func:`edit_resource`.
    """
    resource = _living(developer, resource_uid)
    return _move(resource, Resource.State.LISTED, Resource.State.DRAFT, developer, now)


def withdraw_resource(*, developer: "Holder", resource_uid: bytes, now: datetime) -> Resource:
    """Take a resource out for good: nobody may use it any more, buyers may ask for their money.

    Raises:
        NotFoundError: the developer has no such resource.
    """
    resource = own_resource(developer=developer, uid=resource_uid)
    with transaction.atomic():
        living = Resource.objects.filter(pk=resource.pk).exclude(state=Resource.State.WITHDRAWN)
        if living.update(state=Resource.State.WITHDRAWN):
            _record("resource.withdrawn", developer, resource, now)
    resource.refresh_from_db()
    return resource


def add_offer(
    *,
    developer: "Holder",
    resource_uid: bytes,
    term: str,
    amount: int,
    currency: str,
    days: int | None = None,
    uses: int | None = None,
    now: datetime,
) -> Offer:
    """Offer a resource at a price, which never changes: another price is another offer.

    Args:
        developer: Who sells it.
        resource_uid: Public id.
        term: ``permanent``, ``until`` with ``days``, or ``metered`` with ``uses``.
        amount: Minor units, above zero.
        currency: ISO 4217.
        days: How many days it lasts from the payment.
        uses: How often it may be used.
        now: Timezone-aware.

    Raises:
        NotFoundError, ResourceWithdrawnError, InputInvalidError: as :func:`edit_resource`.
    """
    resource = _living(developer, resource_uid)
    try:
        term = check_word("term", term, Offer.Term)
        _check_extent("days", days, MAX_DAYS, is_needed=term == Offer.Term.UNTIL)
        _check_extent("uses", uses, MAX_USES, is_needed=term == Offer.Term.METERED)
        check_uint("amount", amount, low=1, high=MAX_AMOUNT)
        if currency not in EXPONENTS:
            raise ProtocolError("currency_unknown", "currency is not in ISO 4217", "currency")
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    with transaction.atomic():
        offer = Offer.objects.create(
            resource=resource,
            term=term,
            days=days,
            uses=uses,
            amount=amount,
            currency=currency,
            created_at=now,
        )
        _record("offer.added", developer, resource, now)
    return offer


def end_offer(*, developer: "Holder", offer_uid: bytes, now: datetime) -> Offer:
    """Sell no more by an offer; what was bought stays.  Again changes nothing.

    Raises:
        NotFoundError: the developer has no such offer.
    """
    offer = own_offer(developer=developer, uid=offer_uid)
    with transaction.atomic():
        if Offer.objects.filter(pk=offer.pk, ended_at=None).update(ended_at=now):
            _record("offer.ended", developer, offer.resource, now)
    offer.refresh_from_db(fields=["ended_at"])
    return offer


def _living(developer: "Holder", uid: bytes) -> Resource:
    resource = own_resource(developer=developer, uid=uid)
    if resource.state == Resource.State.WITHDRAWN:
        raise ResourceWithdrawnError
    return resource


def _move(
    resource: Resource,
    source: Resource.State,
    goal: Resource.State,
    developer: "Holder",
    now: datetime,
) -> Resource:
    with transaction.atomic():
        if Resource.objects.filter(pk=resource.pk, state=source).update(state=goal):
            _record(f"resource.{goal}", developer, resource, now)
    resource.refresh_from_db()
    if resource.state != goal:
        raise ResourceWithdrawnError
    return resource


def _checked(
    title: str, summary: str, device_limit: int, refund_days: int
) -> dict[str, str | int]:
    title, summary = normalise(title), normalise(summary.replace("\r\n", "\n").replace("\n", " "))
    try:
        check_text("title", title, _TITLE_BYTES)
        _check_characters("title", title, _TITLE_CHARACTERS)
        if summary:
            check_text("summary", summary, 4 * _SUMMARY_CHARACTERS)
            _check_characters("summary", summary, _SUMMARY_CHARACTERS)
        check_uint("device_limit", device_limit, low=1, high=MAX_DEVICES)
        check_uint("refund_days", refund_days, high=MAX_REFUND_DAYS)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return {
        "title": title,
        "summary": summary,
        "device_limit": device_limit,
        "refund_days": refund_days,
    }


def _check_characters(field: str, text: str, cap: int) -> None:
    if len(text) > cap:
        excess = len(text) - cap
        raise ProtocolError(
            "text_too_long",
            f"{field} has {len(text)} characters; {cap} are allowed",
            field,
            excess,
        )


def _check_extent(field: str, value: int | None, high: int, *, is_needed: bool) -> None:
    if is_needed:
        check_uint(field, value, low=1, high=high)
    elif value is not None:
        raise ProtocolError("field_unexpected", f"this term has no {field}", field)


def _record(action: str, developer: "Holder", resource: Resource, now: datetime) -> None:
    record(action=action, actor=developer.actor, subject=str(resource), now=now)
