"""What follows from what happens in allauth."""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from accounts.middleware import LAST_SEEN


def note_sign_in(*, request: HttpRequest, **_: Any) -> None:
    """Note that somebody was here just now; the session itself is listed by allauth."""
    request.session[LAST_SEEN] = int(time.time())


def keep_recovery_codes(*, authenticator: Authenticator, **_: Any) -> None:
    """Put back recovery codes that went with the last passkey, while a token is asked for.

    For allauth they are of no use any more then; here they stand in for the token.
    """
    if authenticator.type == Authenticator.Type.RECOVERY_CODES and authenticator.user.asks_token:
        Authenticator.objects.create(
            user=authenticator.user, type=authenticator.type, data=authenticator.data
        )
