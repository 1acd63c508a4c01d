"""Hand a batch out as a sealed file."""

import tempfile
from contextlib import ExitStack

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from authserver import services
from authserver.errors import AuthserverError
from authserver.models import Batch
from authserver.operators.access import operators_only
from authserver.operators.forms import Export
from authserver.operators.views.showing import attempted, in_words, shown


@operators_only
def export(request: HttpRequest) -> HttpResponseBase:
    """GET and POST /operator/export: a batch as PSKC, sealed under a passphrase."""
    form = Export(request.POST or None)
    refusal = None
    if form.is_valid():
        result = attempted(lambda: _file(request, form))
        if not isinstance(result, AuthserverError):
            return result
        refusal = in_words(result)
    return shown(
        request,
        "export",
        form=form,
        has_batches=Batch.objects.exists(),
        refusal=refusal,
        status=422 if form.is_bound else 200,
    )


def _file(request: HttpRequest, form: Export) -> FileResponse:
    batch: Batch = form.cleaned_data["batch"]
    with ExitStack() as trouble:
        # Sealed before it touches the disk; without a name there.
        out = trouble.enter_context(tempfile.TemporaryFile())
        services.export_batch(
            platform=batch.platform_id,
            batch=batch.name,
            passphrase=form.cleaned_data["passphrase"],
            out=out,
            operator=request.user.get_username(),
            now=timezone.now(),
        )
        # From here on it is closed with the response.
        trouble.pop_all()
    out.seek(0)
    name = f"tokens-{batch.pk}.pskcxml"
    return FileResponse(
        out, as_attachment=True, filename=name, content_type="application/pskc+xml"
    )
