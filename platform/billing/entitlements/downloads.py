"""Send an encrypted file, or the part of it that is still missing (RFC 9110, section 14)."""

import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from billing.entitlements.errors import RangeUnsatisfiableError
from billing.entitlements.models import Version
from billing.entitlements.store import resource_files
from common.filestore import Part

_MEDIA_TYPE = "application/octet-stream"
_ONE_RANGE = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{1,15})?|-([0-9]{1,15}))")


def send_file(request: HttpRequest, version: Version) -> HttpResponseBase:
    """Answer a GET or HEAD for a version's encrypted file.

    The entity tag is the build digest, so a part fits only parts of the very same file.  One range
    is served; several at once, and other units, are answered by the whole file, as section 14.2
    allows.

    Raises:
        RangeUnsatisfiableError: the file has no such bytes.
        FileUnavailableError: the store does not have it.
    """
    etag = f'"{bytes(version.build_digest).hex()}"'
    if etag in _tags(request.headers.get("If-None-Match", "")):
        return _headed(HttpResponse(status=HTTPStatus.NOT_MODIFIED), version, etag)
    wanted = _wanted(request, version.size, etag)
    if wanted is not None and not len(wanted):
        raise RangeUnsatisfiableError(version.size)
    part = range(version.size) if wanted is None else wanted
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse(content_type=_MEDIA_TYPE)
    else:
        sent = Part(resource_files().open(version.path), part.start, len(part))
        response = StreamingHttpResponse(sent, content_type=_MEDIA_TYPE)
    response["Content-Length"] = str(len(part))
    if wanted is not None:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{version.size}"
    return _headed(response, version, etag)


def _headed(response: HttpResponseBase, version: Version, etag: str) -> HttpResponseBase:
    response["ETag"] = etag
    response["Accept-Ranges"] = "bytes"
    # Ids alone: a title is no file name.
    name = f"{version.resource}-{version.number}.csres"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    # It is the same for everybody, and of no use without its key.
    response["Cache-Control"] = "no-cache"
    return response


def _wanted(request: HttpRequest, size: int, etag: str) -> range | None:
    """Return the range asked for, empty when the file has no such bytes; ``None`` for all."""
    found = _ONE_RANGE.fullmatch(request.headers.get("Range", "").strip())
    if request.method != "GET" or found is None:
        return None
    # Another file than the one that was begun: from the start, then (section 13.1.5).
    if request.headers.get("If-Range", etag) != etag:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return range(max(0, size - int(suffix)), size)
    if last is not None and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1 if last is not None else size))


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
