"""Bring a file of tokens into the stock: upload, check, confirm."""

import uuid
from itertools import islice

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from authserver.errors import AuthserverError
from authserver.models import ImportJob
from authserver.operators import jobs, selectors, words
from authserver.operators.access import operators_only
from authserver.operators.forms import Upload
from authserver.operators.uploads import SealedUpload
from authserver.operators.views.showing import attempted, in_words, missing, shown
from authserver.services import imports
from tokens.batches import Format, format_of
from tokens.errors import BatchError

REFUSED_SHOWN = 100


@operators_only
def upload(request: HttpRequest) -> HttpResponse:
    """GET and POST /operator/import: take a file, and begin to check it."""
    form = Upload(request.POST or None, request.FILES or None)
    job = _begun(request, form) if form.is_valid() else None
    if job is not None:
        return HttpResponseRedirect(f"/operator/imports/{job.pk}")
    status = 422 if form.is_bound else 200
    has_platforms = form.fields["platform"].queryset.exists()  # type: ignore[attr-defined]
    return shown(
        request,
        "upload",
        form=form,
        has_platforms=has_platforms,
        imports=_looks(selectors.recent_imports()),
        status=status,
    )


@operators_only
def imported(request: HttpRequest, job_id: str) -> HttpResponse:
    """GET /operator/imports/{id}: how far it is.  POST: store it, or throw it away."""
    found, refusal = _job(job_id), None
    if found is None:
        return missing(request, _("There is no such import any more. Upload the file again."))
    job = found
    if request.method == "POST":
        result = attempted(lambda: _decided(request, job))
        if not isinstance(result, AuthserverError):
            return result
        refusal = result
        job.refresh_from_db()
    now = timezone.now()
    problem = words.problem(job.problem, job.sentence)
    return shown(
        request,
        "imported",
        job=job,
        look=words.JOBS[job.state],
        is_silent=imports.has_fallen_silent(job, now),
        is_running=job.state in (ImportJob.State.CHECKING, ImportJob.State.STORING),
        is_named=imports.is_batch_stored(job) and job.state == ImportJob.State.READY,
        place=_("Key") if job.format == Format.PSKC else _("Line"),
        problem=problem,
        # What the words do not say already.
        detail="" if job.sentence in str(problem) else job.sentence,
        refused=[
            (place, serial, words.problem(problem, sentence), sentence)
            for place, serial, problem, sentence in islice(
                selectors.refused_of(job), REFUSED_SHOWN
            )
        ],
        refusal=refusal and in_words(refusal),
        status=refusal.code.status if refusal else 200,
    )


@operators_only
def report(request: HttpRequest, job_id: str) -> HttpResponseBase:
    """GET /operator/imports/{id}/report: all that was refused, one a line."""
    job = _job(job_id)
    if job is None:
        return missing(request, _("There is no such import any more. Upload the file again."))
    lines = ("\t".join(map(str, row)) + "\n" for row in selectors.refused_of(job))
    response = StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="refused.txt"'
    return response


def _begun(request: HttpRequest, form: Upload) -> ImportJob | None:
    """Open the import and begin the check; with an error in the form it is not begun."""
    given = form.cleaned_data
    sent: SealedUpload = given["file"]
    file = sent.take()
    try:
        form_of_file = Format(given["format"]) if given["format"] else format_of(file)
        job = imports.begin_import(
            platform=given["platform"].pk,
            batch=given["batch"],
            form=form_of_file,
            octets=sent.size or 0,
            operator=request.user.get_username(),
            now=timezone.now(),
        )
    except BatchError as error:
        file.close()
        form.add_error("file", str(words.PROBLEMS[error.problem]))
        return None
    jobs.check(job, file, form.secret())
    return job


def _decided(request: HttpRequest, job: ImportJob) -> HttpResponse:
    if request.POST.get("action") == "discard":
        imports.discard_import(job)
        return HttpResponseRedirect("/operator/import?done=discarded")
    imports.begin_storing(job, timezone.now())
    jobs.store(job, is_partial="partial" in request.POST, operator=request.user.get_username())
    return HttpResponseRedirect(f"/operator/imports/{job.pk}")


def _job(job_id: str) -> ImportJob | None:
    return ImportJob.objects.filter(pk=uuid.UUID(job_id)).first()


def _looks(found: list[ImportJob]) -> list[tuple[ImportJob, words.Look]]:
    return [(job, words.JOBS[job.state]) for job in found]
