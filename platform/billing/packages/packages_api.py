"""Endpoints on applications: what they sell, their download, and revoking a build."""

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from ninja import Field, Router, Schema
from ninja.pagination import CursorPagination, paginate

from accounts.security import HOLDER_AUTH, console_actor
from billing.packages import selectors
from billing.packages.models import Build, Package
from billing.packages.services.building import revoke_build
from billing.packages.services.downloads import pack
from binding.security import DeviceAuth, device
from common.schemas import Hex4
from protocol.jwk import to_base64

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from billing.packages.models import Item

router = Router(tags=["applications"])


class PackageOut(Schema):
    """An application, with its public first key and the number of its newest build."""

    id: str = Field(validation_alias="public_id")
    title: str
    developer: str = Field(validation_alias="developer.account")
    developer_name: str = Field(validation_alias="developer.name")
    currency: str
    first_key: str
    build: int | None = Field(validation_alias="newest")
    created_at: datetime

    @staticmethod
    def resolve_first_key(package: Package) -> str:
        """Return the key in base64url."""
        return to_base64(bytes(package.first_key))


class ItemOut(Schema):
    """What a build sells; ``amount`` in minor units."""

    number: int
    title: str
    amount: int


class BuildOut(Schema):
    """A build: ``root`` is that of its measured files."""

    number: int
    root: str
    created_at: datetime
    revoked_at: datetime | None

    @staticmethod
    def resolve_root(build: Build) -> str:
        """Return the Merkle root in hex."""
        return bytes(build.root).hex()


class PackageDetailOut(PackageOut):
    """An application with what its newest build sells."""

    items: list[ItemOut]

    @staticmethod
    def resolve_items(package: Package) -> "QuerySet[Item]":
        """Return the items of the newest build."""
        return selectors.items_of(selectors.newest_build(package))


@router.get("/packages", response=list[PackageOut])
@paginate(CursorPagination, ordering=("-id",))
def list_packages(request: HttpRequest) -> "QuerySet[Package]":
    """List the applications that can be downloaded, newest first; for everybody."""
    return selectors.packages_for_sale()


@router.get("/packages/{uid}", response=PackageDetailOut)
def show_package(request: HttpRequest, uid: Hex4) -> Package:
    """Return an application that can be downloaded; to everybody."""
    return selectors.package_for_sale(bytes.fromhex(uid))


@router.post("/packages/{uid}/download", response={200: None}, auth=DeviceAuth())
def download(request: HttpRequest, uid: Hex4, build: int | None = None) -> HttpResponseBase:
    """Register the calling device as a terminal, and send it a package packed for it.

    It is the newest build, unless one is named.
    """
    package = selectors.package_for_sale(bytes.fromhex(uid))
    wanted = (
        selectors.newest_build(package) if build is None else selectors.build_of(package, build)
    )
    packed = pack(device(request), wanted, timezone.now())
    response = StreamingHttpResponse(
        packed, status=HTTPStatus.OK, content_type="application/octet-stream"
    )
    response["Content-Length"] = str(packed.size)
    # Ids alone: a title is no file name.
    name = f"{package.public_id}-{wanted.number}.cspkg"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    # Nobody but this device can use it.
    response["Cache-Control"] = "no-store"
    return response


@router.post(
    "/packages/{uid}/builds/{number}/revoke",
    response=BuildOut,
    auth=HOLDER_AUTH,
    tags=["operators"],
)
def revoke(request: HttpRequest, uid: Hex4, number: int) -> Build:
    """Let a build bill no more, and nobody download it."""
    operator = console_actor(request)
    build = selectors.build_of(selectors.package_by_uid(bytes.fromhex(uid)), number)
    return revoke_build(build=build, operator=operator, now=timezone.now())
