"""Sign in and out."""

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from authserver import services
from authserver.operators.access import operators_only, public_page
from authserver.operators.forms import SignIn
from authserver.operators.views.showing import shown

_BACKEND = "django.contrib.auth.backends.ModelBackend"


@public_page
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET and POST /operator/sign-in."""
    form = SignIn(request.POST or None)
    target = _target(request)
    if request.method != "POST":
        return shown(request, "sign_in", form=form, next=target)
    user = None
    if form.is_valid():
        user = services.sign_in(
            name=form.cleaned_data["name"],
            password=form.cleaned_data["password"],
            address=str(request.META.get("REMOTE_ADDR", "")),
            now=timezone.now(),
        )
    if user is None:
        # The same answer for whatever was wrong.
        return shown(request, "sign_in", form=form, next=target, is_wrong=True, status=403)
    login(request, user, _BACKEND)
    request.session.clear_expired()
    return HttpResponseRedirect(target)


@operators_only
def sign_out(request: HttpRequest) -> HttpResponse:
    """POST /operator/sign-out."""
    logout(request)
    return HttpResponseRedirect("/operator/sign-in?done=signed-out")


def _target(request: HttpRequest) -> str:
    """Return where to go after signing in: a page of these, and never another site."""
    given = request.POST.get("next", request.GET.get("next", ""))
    is_ours = given.startswith("/operator/") and url_has_allowed_host_and_scheme(given, None)
    return given if is_ours and not given.startswith("/operator/sign-") else "/operator/"
