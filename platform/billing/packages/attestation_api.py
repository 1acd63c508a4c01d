"""The endpoint by which a terminal shows what its maker vouches for."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field, StrictInt

from billing.packages.selectors import package_by_uid
from billing.packages.selectors_requests import terminal_of
from billing.packages.services.attestation.base import Evidence
from billing.packages.services.attestation.verify import verify_attestation
from binding.security import DeviceAuth, device
from common.schemas import Hex4, Hex8, Input

router = Router(auth=DeviceAuth(), tags=["billing"])


class AttestationIn(Input):
    """What a maker's service said.

    ``evidence`` is Google's integrity token, base64url of Apple's CBOR object, or a signed
    transaction; ``key`` the id of the App Attest key; ``item`` what was bought.
    """

    provider: Literal["play_integrity", "app_attest", "storekit"]
    package: Hex4
    nonce: Hex8
    evidence: Annotated[str, Field(min_length=1, max_length=40_000)]
    key: Annotated[str, Field(max_length=64)] = ""
    item: Annotated[StrictInt, Field(ge=0, lt=2**32)] | None = None


class AttestationOut(Schema):
    """What was taken in."""

    provider: str
    package: str
    at: datetime


@router.post("/billing/attestations", response={201: AttestationOut})
def attest(request: HttpRequest, body: AttestationIn) -> Status[AttestationOut]:
    """Show what the device's maker vouches for; a refusal holds the terminal to HIGH."""
    package = package_by_uid(bytes.fromhex(body.package))
    row = verify_attestation(
        terminal=terminal_of(device(request)),
        package=package,
        provider=body.provider,
        evidence=Evidence(body.evidence, body.key),
        nonce=bytes.fromhex(body.nonce),
        now=timezone.now(),
        item=body.item,
    )
    out = AttestationOut(provider=row.provider, package=package.public_id, at=row.at)
    return Status(201, out)
