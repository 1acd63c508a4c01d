"""The page of the receipt log, for anybody who audits it, and what the console's own shares."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.adapter import AccountAdapter
from common.limits import count
from enrolment.selectors import hosts
from receipts.errors import NotLoggedError
from receipts.selectors import newest_checkpoint, newest_cosignatures, objections, proof_of

# So many in a minute for an address, as with proofs.
PAGES = 120


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """GET /log?receipt=ID."""
    count("log", AccountAdapter(request).get_client_ip(request), most=PAGES)
    return render(request, "receipts/log.html", shown(request))


def shown(request: HttpRequest) -> dict[str, Any]:
    """Return the newest checkpoint, who signed for it, and the receipt that the address names."""
    names = dict(hosts().values_list("number", "name"))
    wanted = request.GET.get("receipt", "").strip().lower()
    return {
        "newest": newest_checkpoint(),
        "witnesses": [(names.get(row.host), row) for row in newest_cosignatures()],
        "objections": [(names.get(row.host), row) for row in objections()],
        "wanted": wanted,
        "found": _found(wanted) if wanted else {},
    }


def _found(wanted: str) -> dict[str, Any]:
    """Return the place of a receipt in the log; nothing when it is not there."""
    if not re.fullmatch(r"[0-9a-f]{64}", wanted):
        return {}
    try:
        proof = proof_of(bytes.fromhex(wanted), is_cosigned=True)
    except NotLoggedError:
        return {}
    path = f"/api/v1/log/receipts/{wanted}/proof.cbor"
    return {
        "index": proof.index,
        "path": path,
        "cosigned": f"{path}?cosigned=true" if proof.cosignatures else "",
    }
