"""Read packages, their builds, and what they sell."""

import re

from django.db.models import Max, Q, QuerySet

from billing.packages.errors import BuildRevokedError, ItemUnknownError, PackageUnknownError
from billing.packages.models import Build, Item, Package

_UID = re.compile(r"[0-9a-f]{8}")


def packages() -> QuerySet[Package]:
    """Return all packages, newest first, each with the number of its ``newest`` build."""
    return (
        Package.objects.select_related("developer__user")
        .annotate(newest=Max("builds__number", filter=Q(builds__revoked_at=None)))
        .order_by("-pk")
    )


def packages_matching(text: str) -> QuerySet[Package]:
    """Return the packages of this public id, or with this in their title, newest first."""
    named = Q(title__icontains=text.replace("\x00", ""))
    if _UID.fullmatch(text):
        named |= Q(uid=bytes.fromhex(text))
    return packages().filter(named)


def packages_for_sale() -> QuerySet[Package]:
    """Return the packages that can be downloaded, newest first, each with its ``newest``."""
    living = Build.objects.filter(revoked_at=None)
    return packages().filter(pk__in=living.values("package"), developer__leaving_at=None)


def package_by_uid(uid: bytes) -> Package:
    """Return a package with its developer.

    Raises:
        PackageUnknownError: there is none of this public id.
    """
    found = Package.objects.select_related("developer__user").filter(uid=uid).first()
    if found is None:
        raise PackageUnknownError
    return found


def package_for_sale(uid: bytes) -> Package:
    """Return a package that can be downloaded.

    Raises:
        PackageUnknownError: there is none of this public id.
    """
    found = packages_for_sale().filter(uid=uid).first()
    if found is None:
        raise PackageUnknownError
    return found


def builds_of(package: Package) -> QuerySet[Build]:
    """Return all builds of a package, newest first."""
    return package.builds.select_related("package__developer").order_by("-number")


def build_of(package: Package, number: int) -> Build:
    """Return a build, revoked or not.

    Raises:
        PackageUnknownError: the package has no build of this number.
    """
    found = builds_of(package).filter(number=number).first()
    if found is None:
        raise PackageUnknownError
    return found


def newest_build(package: Package) -> Build:
    """Return the newest build that was not revoked.

    Raises:
        PackageUnknownError: there is none.
    """
    found = builds_of(package).filter(revoked_at=None).first()
    if found is None:
        raise PackageUnknownError
    return found


def require_on_sale(build: Build) -> None:
    """Refuse a build that charges nobody any more.

    Raises:
        BuildRevokedError: it was revoked.
        PackageUnknownError: its developer is leaving.
    """
    if build.revoked_at is not None:
        raise BuildRevokedError
    if build.package.developer.leaving_at is not None:
        raise PackageUnknownError


def items_of(build: Build) -> QuerySet[Item]:
    """Return what a build sells, by number."""
    return build.items.order_by("number")


def item_of(build: Build, number: int) -> Item:
    """Return what a build sells under a number.

    Raises:
        ItemUnknownError: nothing.
    """
    found = build.items.filter(number=number).first()
    if found is None:
        raise ItemUnknownError
    return found
