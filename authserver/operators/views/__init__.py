"""The operator pages: read the request, call one service, show the page."""

from authserver.operators.views.exporting import export
from authserver.operators.views.importing import imported, report, upload
from authserver.operators.views.looking import overview, server, servers, stock
from authserver.operators.views.showing import forged, nothing
from authserver.operators.views.signing import sign_in, sign_out

__all__ = [
    "export",
    "forged",
    "imported",
    "nothing",
    "overview",
    "report",
    "server",
    "servers",
    "sign_in",
    "sign_out",
    "stock",
    "upload",
]
