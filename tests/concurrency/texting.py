"""SMS sent and taken by many at once: how often each was sent, or taken."""

import secrets
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import sleep
from unittest.mock import patch

from django.test.utils import override_settings

from notices.models import SmsMessage
from notices.services import deliver_sms, send_sms, take_sms
from notices.services import sms as service
from notices.sms.backends import MemoryBackend
from tests.concurrency.racing import at_once

AT_ONCE = 8
MESSAGES = 10
NUMBER = "+46701740605"
taken: list[str] = []


def deliver() -> list[int]:
    """Have eight workers send ten SMS; return how often each was sent."""
    backend = MemoryBackend()
    SmsMessage.objects.all().delete()
    texts = [secrets.token_hex(8) for _ in range(MESSAGES)]
    now = datetime.now(UTC)
    for number, text in enumerate(texts):
        send_sms(
            number=f"{NUMBER[:-2]}{number:02}",
            text=text,
            purpose="race",
            expires_at=now + timedelta(minutes=5),
            now=now,
        )
    with patch.object(service, "backend", lambda: backend):
        at_once(lambda _: deliver_sms(now=now), AT_ONCE)
    sent = Counter(text for _, text in backend.sent)
    return [sent[text] for text in texts]


def deliver_unguarded() -> list[int]:
    """As :func:`deliver`, where nobody claims what is sent: it must go wrong."""
    with patch.object(service, "_claim", lambda *_: True):
        return deliver()


def take() -> list[int]:
    """Have one SMS come in eight times at once; return how often it was taken."""
    provider_id = secrets.token_hex(8)

    def once(_: int) -> None:
        take_sms(
            provider="race",
            provider_id=provider_id,
            sender=NUMBER,
            text="x",
            now=datetime.now(UTC),
        )

    taken.clear()
    with override_settings(SMS_HANDLERS=["tests.concurrency.texting.note"]):
        at_once(once, AT_ONCE)
    return [len(taken)]


def note(sender: str, text: str, now: datetime) -> bool:
    """Take an SMS, slowly."""
    sleep(0.01)
    taken.append(text)
    return True


RACES: dict[str, Callable[[], list[int]]] = {
    race.__name__: race for race in (deliver, deliver_unguarded, take)
}
