"""Notes when and from where each session was last seen, so that its owner can tell them apart."""

import time
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse

LAST_SEEN = "seen_at"
# Finer would be one more write for every page.
EVERY_SECONDS = 300


class SeenMiddleware:
    """Writes down who was there, every five minutes at most; what has no session costs nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Note the session of a request, then answer it."""
        session, now = request.session, time.time()
        # By the session alone: whether its user is still there is asked only when it is due.
        is_due = SESSION_KEY in session and session.get(LAST_SEEN, 0) < now - EVERY_SECONDS
        if is_due and request.user.is_authenticated:
            UserSession.objects.create_from_request(request)
            session[LAST_SEEN] = int(now)
        return self.get_response(request)
