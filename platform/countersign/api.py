"""The API under /api/v1/: routers of the apps, and every error in one shape."""

import math
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.openapi.docs import ABS_TPL_PATH, Swagger

from accounts.api import router as accounts_router
from accounts.errors import NotAuthenticatedError
from accounts.organisation_api import router as organisation_router
from accounts.security import HOLDER_AUTH, record_refusal
from billing.entitlements.api import router as shop_router
from billing.entitlements.billing_api import router as billing_router
from billing.ledger.api import router as ledger_router
from billing.packages.attestation_api import router as attestation_router
from billing.packages.charges_api import router as charges_router
from billing.packages.packages_api import router as packages_router
from billing.packages.proving_api import router as proving_router
from billing.packages.requests_api import router as requests_router
from billing.packages.rules_api import router as rules_router
from binding.api import router as binding_router
from binding.device_api import router as device_router
from common.errors import DomainError, RateLimitedError
from common.problems import DATABASE_GONE, database_unavailable, problem
from common.schemas import StrictParser
from enrolment.api import router as enrolment_router
from enrolment.member_api import router as member_router
from enrolment.operator_api import router as operator_router
from notices.api import router as notices_router
from offline.api import router as offline_router
from offline.owner_api import router as offline_owner_router
from receipts.api import router as receipts_router
from receipts.log_api import router as log_router
from transactions.api import router as transactions_router


class _Page(Swagger):
    """The page of the API, whose scripts are ours to serve; ninja alone would have a CDN do it."""

    template_cdn = str(ABS_TPL_PATH / "swagger.html")


api = NinjaAPI(
    parser=StrictParser(),
    title="Countersign",
    version=settings.VERSION,
    description="Transactions countersigned step by step; receipts anyone verifies.",
    urls_namespace="api",
    docs=_Page(),
    docs_url="/docs",
)
api.add_router("", accounts_router)
# The route with a fixed word goes before the one with a placeholder in its place.
api.add_router("", transactions_router)
api.add_router("", enrolment_router)
api.add_router("", operator_router)
api.add_router("", organisation_router)
api.add_router("", member_router)
api.add_router("", device_router)
api.add_router("", billing_router)
api.add_router("", attestation_router)
api.add_router("", requests_router)
api.add_router("", binding_router)
api.add_router("", shop_router)
api.add_router("", proving_router)
api.add_router("", packages_router)
api.add_router("", charges_router)
api.add_router("", notices_router, auth=HOLDER_AUTH)
api.add_router("", receipts_router)
api.add_router("", log_router)
api.add_router("", ledger_router)
api.add_router("", rules_router)
api.add_router("", offline_router)
api.add_router("", offline_owner_router)
for gone in DATABASE_GONE:
    api.exception_handler(gone)(database_unavailable)


@api.exception_handler(DomainError)
def on_domain_error(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Answer a refusal by its own code and status."""
    # A decision, of which there is a signed result, left its row when it was made.
    is_recorded = "result" in error.extra
    code, about = error.audit_code or error.code, error.audit_subject
    response = None if is_recorded else _record(request, error.status, code, about)
    response = response or problem(
        request, code=error.code, status=error.status, detail=error.detail, **error.extra
    )
    for name, value in error.headers.items():
        response[name] = value
    return response


@api.exception_handler(AuthenticationError)
def on_unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Answer a request without a valid session or key."""
    response = on_domain_error(request, NotAuthenticatedError())
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(ValidationError)
def on_invalid_input(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Name the fields at fault; never repeat what was sent, which may be a response."""
    faults = [_fault(fault) for fault in error.errors]
    detail = f"{faults[0]['field']}: {faults[0]['message']}" if faults else "Not valid."
    return _refuse(request, code="input_invalid", status=422, detail=detail, faults=faults)


def _fault(fault: dict[str, Any]) -> dict[str, str]:
    if "loc" not in fault:
        # The paging of django-ninja has a form of its own.
        ((field, message),) = fault.items()
        return {"field": field, "message": message}
    place = fault["loc"][2:] or fault["loc"]
    return {"field": ".".join(str(part) for part in place), "message": fault["msg"]}


@api.exception_handler(Throttled)
def on_throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    """Answer an address that asks too often."""
    return on_domain_error(request, RateLimitedError(math.ceil(error.wait or 60)))


@api.exception_handler(HttpError)
def on_malformed(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Answer what is not even JSON."""
    code = "request_malformed" if error.status_code == 400 else "refused"
    return _refuse(request, code=code, status=error.status_code, detail=str(error))


def _refuse(
    request: HttpRequest, *, code: str, status: int, detail: str, **extra: Any
) -> HttpResponse:
    """Answer a refusal, and leave an audit row of it."""
    return _record(request, status, code) or problem(
        request, code=code, status=status, detail=detail, **extra
    )


def _record(request: HttpRequest, status: int, code: str, about: str = "") -> HttpResponse | None:
    """Leave an audit row of who was refused; return what is answered when that is not possible."""
    # Set by django-ninja once a holder is known.
    holder = getattr(request, "auth", None)
    if holder is not None and status not in (401, 404):
        try:
            record_refusal(request, holder, code, about)
        except DATABASE_GONE as trouble:
            return database_unavailable(request, trouble)
    return None
