"""Who may see the console: operators alone."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from accounts.security import HolderRequest, holders_only

_Rest = ParamSpec("_Rest")


def operators_only(
    view: Callable[Concatenate[HolderRequest, _Rest], HttpResponse],
) -> Callable[Concatenate[HttpRequest, _Rest], HttpResponse]:
    """Let a page be seen by operators alone; strangers sign in first, others are told no."""

    @holders_only()
    @wraps(view)
    def guarded(
        request: HolderRequest, /, *args: _Rest.args, **kwargs: _Rest.kwargs
    ) -> HttpResponse:
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
