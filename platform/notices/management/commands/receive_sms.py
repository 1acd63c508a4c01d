"""Take the SMS that come in at the SMS centre."""

import hashlib
import logging
import time
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from common.sealing import sealer
from notices.services import take_sms
from notices.sms import centre
from notices.sms.backends import SmsUnavailableError
from notices.sms.coding import UnreadableError, decode
from notices.sms.joining import Joiner
from notices.sms.smpp import Incoming, receive

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Runs until stopped; one process of it is enough, and parts need the same one."""

    help = "Bind to the SMS centre of SMS_URL as a receiver, and take what comes in, for ever."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --once and --seconds."""
        parser.add_argument("--once", action="store_true", help="one link, then stop")
        parser.add_argument("--seconds", type=float, default=5.0, help="pause between links")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command.

        Raises:
            CommandError: SMS_URL names no SMS centre.
        """
        try:
            where = centre()
        except ValueError as error:
            raise CommandError("SMS_URL names no SMS centre: smpp://user:password@host") from error
        take = partial(_take, Joiner())
        while True:
            try:
                receive(where, take)
            except SmsUnavailableError:
                logger.warning("sms.link_ended", exc_info=True)
            if options["once"]:
                return
            time.sleep(options["seconds"])


def _take(joiner: Joiner, incoming: Incoming) -> bool:
    """Whether it was taken; if our database is away, the centre brings it again."""
    close_old_connections()
    try:
        _take_whole(joiner, incoming)
    except UnreadableError:
        raise
    except Exception:
        # Whatever it is: nothing was taken, and the link goes on.
        logger.exception("sms.not_taken")
        return False
    return True


def _take_whole(joiner: Joiner, incoming: Incoming) -> None:
    now = timezone.now()
    place = incoming.place
    where = {"sender": incoming.sender, "recipient": incoming.recipient}
    body: bytes | None = incoming.body
    if place is not None:
        body = joiner.join(
            **where, coding=incoming.coding, place=place, body=incoming.body, now=now
        )
    if body is None:
        return
    # A centre gives no id with what it delivers, and may deliver again what it got no answer to.
    seen = f"{now:%Y-%m-%d} {incoming.sender} {incoming.recipient} ".encode() + body
    take_sms(
        provider="smpp",
        provider_id=sealer().keyed_hash("sms-received", hashlib.sha256(seen).digest()).hex(),
        sender=incoming.sender,
        text=decode(body, incoming.coding),
        now=now,
    )
    if place is not None:
        joiner.finish(**where, coding=incoming.coding, place=place)
