"""Give tokens of the stock to their holders."""

import logging
from datetime import datetime

from django.db import transaction

from authserver.errors import AuthserverError, Code
from authserver.models import Server
from authserver.selectors import calling_platform
from authserver.services import events, lifecycle
from authserver.services.admission import check_certificate
from authserver.services.events import EventKind
from authserver.services.pairing import LABEL_BYTES, SERIAL_BYTES
from authserver.services.words import checked

logger = logging.getLogger(__name__)


def assign_token(
    *, caller: bytes, serial: str, certificate: bytes, label: str, now: datetime
) -> Server:
    """Take a token out of the stock; it is active when it has answered one activation.

    Safe to repeat until then: the answer is the same.

    Args:
        caller: Hash of the platform's bearer key.
        serial: What is printed on the token.
        certificate: The platform's current statement key, COSE cs-key.
        label: The platform's name for it, at most 40 bytes; may be empty.
        now: Current time.

    Raises:
        AuthserverError: ``not_authenticated``, ``input_invalid``, ``certificate_invalid``; or
            ``serial_unknown``, whether there is none or it is not in stock.
    """
    platform = calling_platform(caller)
    checked("serial", serial, SERIAL_BYTES)
    checked("label", label, LABEL_BYTES)
    check_certificate(certificate, platform, now)
    with transaction.atomic(durable=True):
        rows = Server.objects.select_for_update().filter(platform=platform, serial=serial.upper())
        server = rows.exclude(batch=None).first()
        state = server.state_at(now) if server else None
        if server is None or state not in (Server.State.STOCK, Server.State.CONFIRMED):
            raise AuthserverError(Code.SERIAL_UNKNOWN)
        if state == Server.State.STOCK:
            server.label = label
            server.save(update_fields=["label"])
            lifecycle.move(server, EventKind.ASSIGNED, actor=events.PLATFORM, now=now)
    logger.info("server.assigned", extra={"vk": server.vk})
    return server
