"""The signed receipt of a captured charge."""

from datetime import datetime
from typing import TYPE_CHECKING

from billing.packages.selectors_charges import visible_charge
from protocol.charge import Charge, Side
from protocol.keys import Purpose
from signing.services import platform_information, signing_key
from transactions.services import share_message

if TYPE_CHECKING:
    from accounts.models import Holder
    from billing.packages.models import BillingRequest


def make_receipt(request: "BillingRequest", *, now: datetime) -> bytes:
    """Return the receipt of a charge that is being captured: COSE, typ cs-charge.

    Args:
        request: With its item, build, package and developer.
        now: When it is captured; timezone-aware.

    Raises:
        KeysMissingError: the platform has no valid receipt key.
    """
    package = request.item.build.package
    charge = Charge(
        platform=platform_information(),
        uid=bytes(request.uid),
        way=request.strategy,
        payer=_side(request.payer),
        payee=_side(package.developer),
        text=f"{request.item.title} ({package.title})",
        amount=request.amount,
        currency=request.currency,
        digest=bytes(request.digest),
        captured=int(now.timestamp()),
    )
    return charge.sign(signing_key(Purpose.RECEIPT, now=now).key)


def share_receipt(*, uid: bytes, holder: "Holder", email: str, now: datetime) -> None:
    """Send the link of a charge's receipt to an e-mail address, for its payer or payee.

    Raises:
        NotFoundError: there is none for the holder to see.
        And as :func:`transactions.services.share_message`.
    """
    found = visible_charge(holder=holder, uid=uid)
    share_message(holder=holder, receipt=found.receipt, email=email, now=now)


def _side(holder: "Holder") -> Side:
    return Side(holder.account, holder.name or None)
