"""Who may see the console: operators, and auditors, who change nothing."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.security import (
    HolderRequest,
    can_act,
    can_read_console,
    holders_only,
    record_refusal,
)

_Rest = ParamSpec("_Rest")
_READING = ("GET", "HEAD")


def operators_only(
    view: Callable[Concatenate[HolderRequest, _Rest], HttpResponse],
) -> Callable[Concatenate[HttpRequest, _Rest], HttpResponse]:
    """Let a page be seen by operators and auditors, and anything be done on it by operators alone.

    Strangers sign in first, others are told no.  Whether there is anything to do for the reader
    is ``may_act`` of the request, so that no page offers what would be refused.
    """

    @holders_only()
    @wraps(view)
    def guarded(
        request: HolderRequest, /, *args: _Rest.args, **kwargs: _Rest.kwargs
    ) -> HttpResponse:
        if not can_read_console(request.holder):
            raise PermissionDenied
        request.may_act = can_act(request.holder)  # type: ignore[attr-defined]  # set here
        if request.method not in _READING and not can_act(request.holder):
            record_refusal(request, request.holder, "forbidden")
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
