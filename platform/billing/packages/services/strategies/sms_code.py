"""A code by SMS to the number that is bound to the terminal, with what it confirms."""

import hmac
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from accounts.selectors import in_language_of
from billing.packages.errors import SmsCodeExpiredError, SmsCodeWrongError
from billing.packages.models import BillingRequest, Prompt
from billing.packages.services.strategies import phone
from billing.packages.services.strategies.base import (
    Answer,
    State,
    Strategy,
    ask,
    digest_of,
    newest_prompt,
)
from common.errors import RateLimitedError
from common.sealing import sealer
from notices.services import send_sms
from protocol.currency import format_amount

CODE_LIFE = timedelta(minutes=5)
GAP = timedelta(seconds=60)
MAX_TRIES = 5
MAX_SENT = 4


class SmsCode(Strategy):
    """One row for all codes of a request: a new code brings no new tries.

    ``Prompt.position`` counts the codes, of which the last alone is good.
    """

    name = "sms_code"
    rank = 2
    state = State.AWAITING_SMS_CODE
    life = timedelta(minutes=20)

    def is_open_to(self, request: BillingRequest, now: datetime) -> bool:
        """Tell whether the terminal is bound to a number whose SIM did not change of late."""
        return phone.is_settled(request, now)

    def begin(self, request: BillingRequest, now: datetime) -> None:
        """Send the first code.

        Raises:
            SenderMismatchError: the terminal is bound to no number now.
            RateLimitedError: the number was written to too often.
        """
        code = _new_code()
        ask(request, self, now, life=CODE_LIFE, secret_hash=_code_hash(request, code))
        _send(request, code, now)

    def resend(self, request: BillingRequest, now: datetime) -> None:
        """Send another code in place of the last one, three times at most, a minute apart.

        Raises:
            SmsCodeExpiredError: three were sent again, or all tries are used up.
            RateLimitedError: the last one was sent less than a minute ago.
        """
        prompt = newest_prompt(request, self)
        code = _new_code()
        row = Prompt.objects.filter(pk=prompt.pk, position__lt=MAX_SENT, tries__lt=MAX_TRIES)
        with transaction.atomic():
            # Compare and set: of two at once, one sends.
            is_ours = row.filter(expires_at__lte=now + CODE_LIFE - GAP).update(
                position=F("position") + 1,
                secret_hash=_code_hash(request, code),
                expires_at=now + CODE_LIFE,
            )
            if is_ours:
                _send(request, code, now)
                return
        if row.exists():
            raise RateLimitedError(int(GAP.total_seconds()))
        raise SmsCodeExpiredError

    def sent(self, request: BillingRequest, now: datetime) -> dict[str, object]:
        """Say where the code went, and what is left: tries of this one, and further codes."""
        prompt = newest_prompt(request, self)
        # Whoever has the number now may be somebody else: no code of it is good.
        tries = MAX_TRIES - prompt.tries if self.is_open_to(request, now) else 0
        return {
            "number_tail": phone.number_tail(request),
            "tries_left": tries if prompt.expires_at > now else 0,
            "codes_left": MAX_SENT - prompt.position if tries else 0,
        }

    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Count a try, then compare.

        Raises:
            SmsCodeExpiredError: too old, or tried five times.
            SmsCodeWrongError: another code; with ``tries_left``.
            SenderMismatchError, SimRecentlySwappedError, CarrierUnavailableError: whoever got
                the code may be somebody else.
        """
        prompt = newest_prompt(request, self)
        row = Prompt.objects.filter(pk=prompt.pk, tries__lt=MAX_TRIES, expires_at__gt=now)
        if not row.update(tries=F("tries") + 1):
            raise SmsCodeExpiredError
        # What is compared is read behind the count: another code may have been sent meanwhile.
        prompt.refresh_from_db()
        if not _is_right(request, prompt, answer):
            raise SmsCodeWrongError(tries_left=MAX_TRIES - prompt.tries)
        phone.require_not_swapped(request, now)


def _new_code() -> str:
    return f"{secrets.randbelow(10**6):06}"


def _is_right(request: BillingRequest, prompt: Prompt, answer: Answer) -> bool:
    given = _code_hash(request, answer.text.strip())
    return hmac.compare_digest(bytes(prompt.secret_hash or b""), given)


def _code_hash(request: BillingRequest, code: str) -> bytes:
    content = bytes(request.uid) + digest_of(request) + code.encode("utf-8", "replace")
    return sealer().keyed_hash("billing-code", content)


def _send(request: BillingRequest, code: str, now: datetime) -> None:
    send_sms(
        number=phone.number(request),
        text=_words(request, code),
        purpose="billing_code",
        expires_at=now + CODE_LIFE,
        now=now,
    )


def _words(request: BillingRequest, code: str) -> str:
    payee = request.item.build.package.developer
    with in_language_of(request.payer):
        words = gettext(
            "%(code)s confirms that you pay %(amount)s to %(payee)s for %(item)s. If you did not "
            "ask for it, tell it to nobody."
        )
    return words % {
        "code": code,
        "amount": format_amount(request.amount, request.currency),
        "payee": payee.name or payee.account,
        "item": request.item.title,
    }
