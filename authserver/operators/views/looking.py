"""Overview, servers, one server with its story, and the stock."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _

from authserver import services
from authserver.errors import AuthserverError, Code
from authserver.models import Server
from authserver.operators import selectors
from authserver.operators.access import operators_only
from authserver.operators.forms import Search
from authserver.operators.views.showing import attempted, in_words, missing, shown

ROWS = 50
_ACTIONS = {
    "unlock": services.unlock_by_operator,
    "suspend": services.suspend_by_operator,
    "resume": services.resume_by_operator,
    "revoke": services.revoke_by_operator,
}


@operators_only
def overview(request: HttpRequest) -> HttpResponse:
    """GET /operator/: how the host stands."""
    found = selectors.overview(timezone.now())
    return shown(request, "overview", overview=found, form=Search())


@operators_only
def servers(request: HttpRequest) -> HttpResponse:
    """GET /operator/servers?q=&state=&before=: newest first."""
    form, now = Search(request.GET), timezone.now()
    rows = selectors.servers_matching(*form.values(), now)
    before = request.GET.get("before", "")
    # Ids and not page numbers: nothing has to be counted.
    if before.isascii() and before.isdecimal() and len(before) < 18:
        rows = rows.filter(id__lt=int(before))
    found = list(rows[: ROWS + 1])
    part = [(server, server.state_at(now), server.is_locked(now)) for server in found[:ROWS]]
    older = found[ROWS - 1].pk if len(found) > ROWS else None
    return shown(request, "servers", form=form, rows=part, older=older, before=before)


@operators_only
def server(request: HttpRequest, vk: str) -> HttpResponse:
    """GET /operator/servers/{vk}: its whole story.  POST ``action``: change its state."""
    refusal = None
    if request.method == "POST":
        action = request.POST.get("action", "")
        result = attempted(lambda: _act(request, vk, action))
        if not isinstance(result, AuthserverError):
            return HttpResponseRedirect(f"/operator/servers/{result.vk}?done={action}")
        refusal = result
    row = Server.objects.filter(vk=vk).select_related("platform", "batch", "successor").first()
    if row is None:
        return missing(request, _("There is no server of this id."))
    card = selectors.server_card(row, timezone.now())
    return shown(
        request,
        "server",
        card=card,
        server=row,
        refusal=refusal and in_words(refusal),
        status=refusal.code.status if refusal else 200,
    )


@operators_only
def stock(request: HttpRequest) -> HttpResponse:
    """GET /operator/stock: the batches, and how much of each is left."""
    return shown(request, "stock", batches=selectors.batches())


def _act(request: HttpRequest, vk: str, action: str) -> Server:
    if action not in _ACTIONS:
        raise AuthserverError(Code.INPUT_INVALID)
    return _ACTIONS[action](name=vk, operator=request.user.get_username(), now=timezone.now())
