"""The send module of the platform: what became of a request goes back to its terminal.

On the network it is the JSON of ``requests_schemas.RequestOut``; here is what goes by SMS, to the
number that is bound to the terminal and to no other.
"""

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext

from accounts.selectors import in_language_of
from billing.packages.models import BillingRequest
from binding.selectors import bound_phone
from binding.services import number_of
from common.errors import DomainError, RateLimitedError
from common.sentences import sentence
from notices.services import send_sms
from protocol.currency import format_amount

if TYPE_CHECKING:
    from binding.models import Device

logger = logging.getLogger(__name__)

# What comes later is of no use.
_LIFE = timedelta(hours=1)
_Channel = BillingRequest.Channel


def confirm(request: BillingRequest, now: datetime) -> None:
    """Answer a charged request by SMS, if it came by SMS."""
    if request.channel != _Channel.SMS:
        return
    package = request.item.build.package
    with in_language_of(request.terminal.device.holder):
        words = gettext("Paid: %(amount)s to %(payee)s for %(item)s. Receipt: %(page)s")
        text = words % {
            "amount": format_amount(request.amount, request.currency),
            "payee": package.payee,
            "item": request.item.title,
            "page": f"{settings.COUNTERSIGN_ORIGIN}/charges/{request.public_id}",
        }
    _reply(request.terminal.device, text, now)


def ask(request: BillingRequest, now: datetime) -> None:
    """Say by SMS where a request is confirmed; one that a code was sent for says so itself."""
    if request.state == BillingRequest.State.AWAITING_SMS_CODE:
        return
    with in_language_of(request.terminal.device.holder):
        words = gettext("Not paid yet. Confirm %(amount)s for %(item)s: %(page)s")
        text = words % {
            "amount": format_amount(request.amount, request.currency),
            "item": request.item.title,
            "page": f"{settings.COUNTERSIGN_ORIGIN}/charges/{request.public_id}/confirm",
        }
    _reply(request.terminal.device, text, now)


def refuse(device: "Device", error: DomainError, now: datetime) -> None:
    """Say by SMS that nothing was charged, and why, as everybody may know it."""
    with in_language_of(device.holder):
        text = gettext("Not paid. %(why)s") % {"why": sentence(error.code)}
    _reply(device, text, now)


def _reply(device: "Device", text: str, now: datetime) -> None:
    bound = bound_phone(device)
    if bound is None:
        return
    try:
        send_sms(
            number=number_of(bound),
            text=text,
            purpose="charge",
            expires_at=now + _LIFE,
            now=now,
        )
    except RateLimitedError:
        # What happened stands in the account, too.
        logger.warning("charge.reply_dropped", extra={"device": device.public_id})
