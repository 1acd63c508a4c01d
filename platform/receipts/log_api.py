"""Endpoints on the receipt log: what was signed of it, proofs, and its entries for auditors."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from ninja.throttling import AnonRateThrottle
from pydantic import Field

from accounts.security import HOLDER_AUTH, console_reader
from common.schemas import Hex32
from protocol.cbor import MAX_INT
from protocol.jwk import to_base64
from receipts import selectors
from receipts.errors import NotLoggedError
from signing.selectors import still_waiting

router = Router(auth=HOLDER_AUTH, tags=["receipt log"])

# Proofs go to anybody who knows a receipt's id, so many to an address.  Caches may keep them: a
# proof stays right for ever, and only hosts that sign for its checkpoint come later.
PROOFS = AnonRateThrottle("120/m")
_KEPT = "public, max-age=3600"

Number = Annotated[int, Query(ge=0, le=MAX_INT)]
Count = Annotated[int, Query(ge=1, le=selectors.MAX_ENTRIES)]


class CheckpointOut(Schema):
    """What the platform signed; ``checkpoint`` is the COSE_Sign1, base64url."""

    origin: str
    size: int
    root: str = Field(description="In hex, as every hash here.")
    signed_at: datetime
    checkpoint: str


class InclusionOut(Schema):
    """A receipt's place under a checkpoint, and the hashes from there to its root."""

    index: int
    path: list[str]
    checkpoint: str


class CosignatureOut(Schema):
    """A host's signature beside the platform's; both messages in base64url."""

    host: int = Field(description="Its number in the directory of keys.")
    size: int
    signed_at: datetime
    checkpoint: str
    cosignature: str


class ConsistencyOut(Schema):
    """The hashes that lead from the first root to the second."""

    first: int
    second: int
    path: list[str]


class LogEntryOut(Schema):
    """One entry; ``receipt_id`` is SHA-256 of the receipt."""

    index: int
    receipt_id: str


@router.get("/log/checkpoint", response=CheckpointOut, auth=None, throttle=PROOFS)
def checkpoint(request: HttpRequest) -> CheckpointOut:
    """Return the newest checkpoint; keep it, to prove later that the log only grew."""
    found, message = selectors.signed_checkpoint()
    return CheckpointOut(
        origin=found.origin,
        size=found.size,
        root=found.root.hex(),
        signed_at=datetime.fromtimestamp(found.time, UTC),
        checkpoint=to_base64(message),
    )


@router.get("/log/checkpoint.cbor", response={200: None}, auth=None, throttle=PROOFS)
def checkpoint_file(request: HttpRequest) -> HttpResponse:
    """Return the newest checkpoint as a file, for `verify_log --held`."""
    found, message = selectors.signed_checkpoint()
    return _file(message, f"checkpoint-{found.size}.cbor")


@router.get("/log/receipts/{receipt_id}", response=InclusionOut, auth=None, throttle=PROOFS)
def proof(request: HttpRequest, response: HttpResponse, receipt_id: Hex32) -> InclusionOut:
    """Prove that a receipt is in the log; for whoever knows its id."""
    found = selectors.proof_of(bytes.fromhex(receipt_id))
    response["Cache-Control"] = _KEPT
    path = [each.hex() for each in found.path]
    return InclusionOut(index=found.index, path=path, checkpoint=to_base64(found.checkpoint))


def _for_every_origin(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let anybody's page read the answer, since it may check receipts: refusals as well."""

    @wraps(run)
    def answer(*args: Any, **values: Any) -> HttpResponse:
        response = run(*args, **values)
        response["Access-Control-Allow-Origin"] = "*"
        return response

    return answer


@router.get(
    "/log/receipts/{receipt_id}/proof.cbor",
    response={200: None, 202: None},
    auth=None,
    throttle=PROOFS,
)
@decorate_view(_for_every_origin)
def proof_file(request: HttpRequest, receipt_id: Hex32, *, cosigned: bool = False) -> HttpResponse:
    """Return the proof as a file, for `verify_receipt --proof` and for scanners.

    With `cosigned=true` under the oldest checkpoint that hosts signed too, with their signatures.
    202 and nothing while a receipt waits for the log.
    """
    leaf = bytes.fromhex(receipt_id)
    try:
        found = selectors.proof_of(leaf, is_cosigned=cosigned)
    except NotLoggedError:
        if not still_waiting([leaf]):
            raise
        return HttpResponse(status=HTTPStatus.ACCEPTED)
    answer = _file(found.to_bytes(), f"proof-{receipt_id[:12]}.cbor")
    # Hosts may sign yet.
    answer["Cache-Control"] = "no-store" if cosigned else _KEPT
    return answer


@router.get("/log/cosignatures", response=list[CosignatureOut], auth=None, throttle=PROOFS)
def cosignatures(request: HttpRequest) -> list[CosignatureOut]:
    """Return the newest checkpoint that each host signed for, beside the platform."""
    return [
        CosignatureOut(
            host=row.host,
            size=row.checkpoint.size,
            signed_at=row.at,
            checkpoint=to_base64(bytes(row.checkpoint.message)),
            cosignature=to_base64(bytes(row.message)),
        )
        for row in selectors.newest_cosignatures()
    ]


@router.get("/log/consistency", response=ConsistencyOut, auth=None, throttle=PROOFS)
def consistency(request: HttpRequest, first: Number, second: Number) -> ConsistencyOut:
    """Prove that the log of the second size begins with all that was in the first."""
    path = [each.hex() for each in selectors.consistency(first, second)]
    return ConsistencyOut(first=first, second=second, path=path)


@router.get("/log/entries", response=list[LogEntryOut])
def entries(request: HttpRequest, start: Number = 0, count: Count = 100) -> list[LogEntryOut]:
    """Return entries from an index on, a thousand at most; for operators and auditors."""
    console_reader(request)
    found = selectors.log_entries(start, count)
    return [LogEntryOut(index=index, receipt_id=leaf.hex()) for index, leaf in found]


def _file(content: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type="application/cbor")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
