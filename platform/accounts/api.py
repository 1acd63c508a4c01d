"""Endpoints on the caller's own account."""

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status

from accounts import selectors, services
from accounts.models import ApiKey, Holder
from accounts.security import HOLDER_AUTH, caller
from common.schemas import Input

router = Router(auth=HOLDER_AUTH, tags=["account"])


class HolderOut(Schema):
    """The caller."""

    account: str
    name: str


class NameIn(Input):
    """A name; empty to take it away."""

    name: str


class ApiKeyOut(Schema):
    """An API key without its secret."""

    id: int
    name: str
    prefix: str
    created_at: datetime
    revoked_at: datetime | None


class NewApiKeyOut(ApiKeyOut):
    """A new API key; ``key`` is shown this once."""

    key: str


@router.get("/me", response=HolderOut)
def me(request: HttpRequest) -> Holder:
    """Return the caller's account number and name."""
    return caller(request)


@router.post("/me", response=HolderOut)
def rename(request: HttpRequest, body: NameIn) -> Holder:
    """Set the name that later parties will see."""
    return services.rename_holder(holder=caller(request), name=body.name)


@router.get("/api-keys", response=list[ApiKeyOut])
def list_keys(request: HttpRequest) -> list[ApiKey]:
    """List the caller's API keys, newest first."""
    return list(selectors.api_keys(holder=caller(request)))


@router.post("/api-keys", response={201: NewApiKeyOut})
def create_key(request: HttpRequest, body: NameIn) -> Status[dict[str, object]]:
    """Make an API key that acts for the caller."""
    row, key = services.create_api_key(holder=caller(request), name=body.name, now=timezone.now())
    return Status(201, {**ApiKeyOut.from_orm(row).dict(), "key": key})


@router.delete("/api-keys/{key_id}", response={204: None})
def revoke_key(request: HttpRequest, key_id: int) -> Status[None]:
    """Revoke one of the caller's API keys."""
    services.revoke_api_key(holder=caller(request), key_id=key_id, now=timezone.now())
    return Status(204, None)
