"""Who may see an operator page: sessions, forged forms, and the reader's language."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.decorators import decorator_from_middleware
from django.utils.translation import get_language_from_request, override
from django.views.decorators.csrf import csrf_protect

Address = ParamSpec("Address")
View = Callable[Concatenate[HttpRequest, Address], HttpResponseBase]

# What a page sends when it looks again by itself: that keeps nobody signed in.
AGAIN = "again"
# Decorators and not middleware: platforms and tokens, whose requests these cost time, have no
# session and send no form.
_with_session = decorator_from_middleware(SessionMiddleware)


def public_page(view: View[Address]) -> View[Address]:
    """Make a page that anybody may see."""
    return _page(view, is_public=True)


def operators_only(view: View[Address]) -> View[Address]:
    """Make a page for operators; anybody else is asked to sign in."""
    return _page(view, is_public=False)


def _page(view: View[Address], *, is_public: bool) -> View[Address]:
    guarded = csrf_protect(view)

    @_with_session
    @wraps(view)
    def answer(
        request: HttpRequest, /, *args: Address.args, **address: Address.kwargs
    ) -> HttpResponseBase:
        with override(get_language_from_request(request)):
            request.user = get_user(request)
            # Before the form is read: nobody else's file is taken in.
            if isinstance(request.user, AnonymousUser) and not is_public:
                return _asked_to_sign_in(request)
            if not is_public and AGAIN not in request.GET:
                request.session.modified = True
            response = guarded(request, *args, **address)
        # With "no-referrer" browsers send forms with an origin of null, and Django refuses them.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return answer


def _asked_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    query = urlencode({"next": request.path})
    return HttpResponseRedirect(f"/operator/sign-in?{query}")
