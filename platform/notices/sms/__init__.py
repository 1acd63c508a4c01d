"""Ways to send an SMS, and to receive one; the setting SMS_URL names which."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.conf import settings

from notices.sms.backends import ConsoleBackend, FileBackend, MemoryBackend, SmsBackend
from notices.sms.smpp import Centre, SmppBackend

_PORT = 2775
# SMPP 3.4, 5.2.1 and 5.2.2; more would be cut off without a word.
_MAX_USER, _MAX_PASSWORD = 15, 8


def backend() -> SmsBackend:
    """Return the way that SMS_URL names, the same one every time.

    Raises:
        ValueError: it names none; it is not shown, since it may hold a password.
    """
    return _made(settings.SMS_URL)


def centre() -> Centre:
    """Return the SMS centre that SMS_URL names.

    Raises:
        ValueError: it names none.
    """
    return _centre(urlsplit(settings.SMS_URL))


@lru_cache(maxsize=4)
def _made(url: str) -> SmsBackend:
    parts = urlsplit(url)
    match parts.scheme:
        case "console":
            return ConsoleBackend()
        case "memory":
            return MemoryBackend()
        case "file" if parts.path:
            return FileBackend(Path(unquote(parts.path)))
    return SmppBackend(_centre(parts))


def _centre(parts: SplitResult) -> Centre:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme not in ("smpp", "smpps") or not parts.hostname:
        raise ValueError("this is no way to send an SMS")
    if not 0 < len(user) <= _MAX_USER or len(password) > _MAX_PASSWORD:
        raise ValueError("user or password is too long, or there is none")
    return Centre(
        host=parts.hostname,
        port=parts.port or _PORT,
        user=user,
        password=password,
        sender=parse_qs(parts.query).get("from", [""])[0],
        is_tls=parts.scheme == "smpps",
    )
