"""What a service's device shows to whoever stands before it, and how sound is made of frames."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.services import holder_for
from common.policies import allow_evaluation, allow_links
from offline import selectors
from offline.words import refusal_sentences


@never_cache
@ensure_csrf_cookie
@require_safe
def kiosk(request: HttpRequest) -> HttpResponse:
    """GET /kiosk: set up by the owner of a service; afterwards it asks by its key alone."""
    services = []
    if request.user.is_authenticated:
        mine = selectors.services_of(holder_for(request.user))
        services = list(mine.filter(ended_at=None))
    context = {
        "services": services,
        "chosen": request.GET.get("service", ""),
        "sentences": refusal_sentences(),
    }
    response = render(request, "offline/kiosk.html", context)
    allow_links(response)
    return response


@require_safe
def sound_worker(request: HttpRequest) -> HttpResponse:
    """GET /offline/sound-worker.js: ggwave, which no page's policy would let run.

    No static file: what answers that one has not changed brings the policy of pages with it.
    """
    response = render(request, "offline/sound_worker.js", content_type="text/javascript")
    allow_evaluation(response)
    return response
