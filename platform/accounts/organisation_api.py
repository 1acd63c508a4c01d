"""Endpoints on organisations and their members."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from accounts import selectors, services
from accounts.models import ClientKey, Invitation, Membership, Organisation
from accounts.security import HOLDER_AUTH, caller
from common.schemas import Account, Email, Hex8, Input

router = Router(auth=HOLDER_AUTH, tags=["organisations"])

RoleName = Literal["owner", "operator", "auditor", "member"]


class OrganisationOut(Schema):
    """An organisation."""

    model_config = ConfigDict(populate_by_name=True)

    id: str = Field(validation_alias="public_id")
    name: str
    created_at: datetime


class OrganisationNameIn(Input):
    """A name."""

    name: Annotated[str, Field(max_length=200)]


class PlaceOut(Schema):
    """An organisation the caller belongs to or is invited to, and as what."""

    organisation: OrganisationOut
    role: str


class PlacesOut(Schema):
    """Where the caller belongs, and where the caller may."""

    memberships: list[PlaceOut]
    invitations: list[PlaceOut]


class MemberOut(Schema):
    """A member."""

    model_config = ConfigDict(populate_by_name=True)

    account: str = Field(validation_alias="holder.account")
    name: str = Field(validation_alias="holder.name")
    role: str
    joined_at: datetime


class InvitationIn(Input):
    """Who is invited, and as what."""

    email: Email
    role: RoleName = "member"


class InvitationOut(Schema):
    """An invitation that nobody has answered yet."""

    id: int
    email: str
    role: str
    created_at: datetime


class MembersOut(Schema):
    """Who belongs to an organisation; for its owners, who is invited too."""

    organisation: OrganisationOut
    role: str
    members: list[MemberOut]
    invitations: list[InvitationOut]


class KeyOut(Schema):
    """A key of an organisation without its secret."""

    id: int
    name: str
    prefix: str
    created_at: datetime


class NewKeyOut(KeyOut):
    """A new key; ``key`` is shown this once."""

    key: str


class ProgramsIn(Input):
    """Whether programs of the organisation may act for the caller."""

    allowed: bool


class RoleIn(Input):
    """What a member is to be."""

    role: RoleName


@router.get("/organisations", response=PlacesOut)
def list_organisations(request: HttpRequest) -> dict[str, object]:
    """List where the caller belongs, and which invitations wait."""
    holder = caller(request)
    return {
        "memberships": list(selectors.memberships_of(holder=holder)),
        "invitations": list(selectors.invitations_to(holder=holder)),
    }


@router.post("/organisations", response={201: OrganisationOut})
def create_organisation(request: HttpRequest, body: OrganisationNameIn) -> Status[Organisation]:
    """Make an organisation that the caller owns."""
    made = services.create_organisation(holder=caller(request), name=body.name, now=timezone.now())
    return Status(201, made)


@router.get("/organisations/{uid}", response=MembersOut)
def show_organisation(request: HttpRequest, uid: Hex8) -> dict[str, object]:
    """Return who belongs to an organisation; for its members."""
    place = selectors.membership(holder=caller(request), uid=bytes.fromhex(uid))
    return {
        "organisation": place.organisation,
        "role": place.role,
        "members": list(selectors.members(place)),
        "invitations": list(selectors.invitations_of(place)) if place.is_owner else [],
    }


@router.post("/organisations/{uid}/name", response=OrganisationOut)
def rename_organisation(request: HttpRequest, uid: Hex8, body: OrganisationNameIn) -> Organisation:
    """Give an organisation another name; for its owners."""
    return services.rename_organisation(
        owner=caller(request), uid=bytes.fromhex(uid), name=body.name, now=timezone.now()
    )


@router.post("/organisations/{uid}/invitations", response={201: InvitationOut})
def invite_member(request: HttpRequest, uid: Hex8, body: InvitationIn) -> Status[Invitation]:
    """Invite whoever has an e-mail address; for owners."""
    made = services.invite_member(
        owner=caller(request),
        uid=bytes.fromhex(uid),
        email=body.email,
        role=body.role,
        now=timezone.now(),
    )
    return Status(201, made)


@router.delete("/organisations/{uid}/invitations/{pk}", response={204: None})
def withdraw_invitation(request: HttpRequest, uid: Hex8, pk: int) -> Status[None]:
    """Take an invitation back; for owners."""
    services.withdraw_invitation(
        owner=caller(request), uid=bytes.fromhex(uid), pk=min(pk, 2**62), now=timezone.now()
    )
    return Status(204, None)


@router.post("/organisations/{uid}/accept", response=PlaceOut)
def accept_invitation(request: HttpRequest, uid: Hex8) -> Membership:
    """Join an organisation that has invited the caller's address."""
    return services.accept_invitation(
        holder=caller(request), uid=bytes.fromhex(uid), now=timezone.now()
    )


@router.post("/organisations/{uid}/decline", response={204: None})
def decline_invitation(request: HttpRequest, uid: Hex8) -> Status[None]:
    """Turn an invitation down."""
    services.decline_invitation(holder=caller(request), uid=bytes.fromhex(uid), now=timezone.now())
    return Status(204, None)


@router.post("/organisations/{uid}/leave", response={204: None})
def leave_organisation(request: HttpRequest, uid: Hex8) -> Status[None]:
    """End the caller's own membership."""
    services.leave_organisation(holder=caller(request), uid=bytes.fromhex(uid), now=timezone.now())
    return Status(204, None)


@router.post("/organisations/{uid}/members/{account}/role", response=MemberOut)
def change_role(request: HttpRequest, uid: Hex8, account: Account, body: RoleIn) -> Membership:
    """Give a member another role; for owners."""
    return services.change_role(
        owner=caller(request),
        uid=bytes.fromhex(uid),
        account=account,
        role=body.role,
        now=timezone.now(),
    )


@router.delete("/organisations/{uid}/members/{account}", response={204: None})
def remove_member(request: HttpRequest, uid: Hex8, account: Account) -> Status[None]:
    """End somebody's membership; for owners."""
    services.remove_member(
        owner=caller(request), uid=bytes.fromhex(uid), account=account, now=timezone.now()
    )
    return Status(204, None)


@router.get("/organisations/{uid}/keys", response=list[KeyOut])
def list_client_keys(request: HttpRequest, uid: Hex8) -> list[ClientKey]:
    """List the organisation's keys; for owners."""
    return list(selectors.client_keys_of(services.owned(caller(request), bytes.fromhex(uid))))


@router.post("/organisations/{uid}/keys", response={201: NewKeyOut})
def create_client_key(
    request: HttpRequest, uid: Hex8, body: OrganisationNameIn
) -> Status[dict[str, object]]:
    """Make a key for a program of the organisation; for owners."""
    row, key = services.create_client_key(
        owner=caller(request), uid=bytes.fromhex(uid), name=body.name, now=timezone.now()
    )
    return Status(201, {**KeyOut.from_orm(row).dict(), "key": key})


@router.delete("/organisations/{uid}/keys/{pk}", response={204: None})
def revoke_client_key(request: HttpRequest, uid: Hex8, pk: int) -> Status[None]:
    """Revoke a key of the organisation; for owners."""
    services.revoke_client_key(
        owner=caller(request), uid=bytes.fromhex(uid), pk=min(pk, 2**62), now=timezone.now()
    )
    return Status(204, None)


@router.post("/organisations/{uid}/programs", response=PlaceOut)
def let_programs(request: HttpRequest, uid: Hex8, body: ProgramsIn) -> Membership:
    """Let programs of the organisation act for the caller, or no longer."""
    return services.let_programs(
        holder=caller(request),
        uid=bytes.fromhex(uid),
        is_allowed=body.allowed,
        now=timezone.now(),
    )
