"""Make a build of an application: measured, signed, and put into the store; and revoke one."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from audit.services import record
from billing.packages.errors import BuildsExhaustedError, FolderInvalidError
from billing.packages.models import Build, Item, Package
from billing.packages.services.keys import TITLE_BYTES, first_key, new_salt
from billing.packages.services.store import package_files
from common.errors import InputInvalidError
from common.filestore import Part, Stored
from protocol import measuring
from protocol import package as packing
from protocol.errors import ProtocolError
from protocol.package_file import PackageFile, write_package
from protocol.text import check_text, normalise
from signing.services import platform_information

if TYPE_CHECKING:
    from accounts.models import Holder


def build_package(
    *, package: Package, folder: Path, prices: Iterable[tuple[int, str, int]], now: datetime
) -> Build:
    """Make the next build of a package from the files of an application.

    Args:
        package: Whose.
        folder: The application's files.
        prices: Number, title and amount (minor units) of each item.
        now: Timezone-aware.

    Raises:
        InputInvalidError: an item breaks a rule, or there is none.
        FolderInvalidError: the folder is empty or too large, or holds what is not packed.
        BuildsExhaustedError: the package has as many builds as there are numbers.
        OSError: a file cannot be read.
    """
    items, files = _checked_items(prices), files_to_pack(folder)
    build = None
    while build is None:
        build = _build(package, files, items, now)
    return build


def revoke_build(*, build: Build, operator: "Holder", now: datetime) -> Build:
    """Let a build bill no more, and nobody download it; again changes nothing."""
    with transaction.atomic():
        if Build.objects.filter(pk=build.pk, revoked_at=None).update(revoked_at=now):
            actor = operator.operator_actor
            record(action="build.revoked", actor=actor, subject=str(build), now=now)
    build.refresh_from_db(fields=["revoked_at"])
    return build


def _build(
    package: Package,
    files: dict[str, Path],
    items: tuple[packing.Item, ...],
    now: datetime,
) -> Build | None:
    """Make the next build; ``None`` when another one took its number meanwhile."""
    newest = Build.objects.filter(package=package).aggregate(newest=Max("number"))["newest"]
    number = (newest or 0) + 1
    if number > packing.MAX_BUILD:
        raise BuildsExhaustedError
    # No transaction is open: a large application takes a while.
    manifest, stored = _pack(package, number, files, items)
    try:
        with transaction.atomic():
            build = Build.objects.create(
                package=package,
                number=number,
                sealed_salt=new_salt(package, number),
                root=manifest.root,
                digest=stored.digest,
                size=stored.size,
                path=stored.path,
                measured_size=manifest.size,
                created_at=now,
            )
            Item.objects.bulk_create(
                Item(build=build, number=item.number, title=item.title, amount=item.amount)
                for item in items
            )
            record(action="build.made", actor="system", subject=str(build), now=now)
    except IntegrityError:
        package_files().delete(stored.path)
        if not Build.objects.filter(package=package, number=number).exists():
            raise
        return None
    return build


def _pack(
    package: Package, number: int, files: dict[str, Path], items: tuple[packing.Item, ...]
) -> tuple[packing.Manifest, Stored]:
    """Write what every terminal gets alike into the store."""
    billing = packing.BillingFile(
        package=bytes(package.uid),
        build=number,
        title=package.title,
        payee=package.developer.name or package.developer.account,
        currency=package.currency,
        platform=platform_information().origin,
        items=items,
    )
    key = first_key(package)
    with TemporaryDirectory() as place:
        billing_file = Path(place, measuring.BILLING)
        billing_file.write_bytes(billing.to_bytes())
        packed = {**files, measuring.BILLING: billing_file}
        with Path(place, "common").open("w+b") as target:
            try:
                measured = measuring.measure(packed)
                manifest = packing.Manifest(bytes(package.uid), number, measured)
                signature = manifest.sign(key)
                write_package(target, signature=signature, first_key=key.public, files=packed)
                # Read as a terminal will: a file may have changed meanwhile.
                PackageFile(target).check()
            except ProtocolError as error:
                raise FolderInvalidError(
                    "The folder changed while it was packed, or its paths are too long together."
                ) from error
            common = Part(target, 0, target.seek(0, 2))
            return manifest, package_files().write(package.public_id, common)


def files_to_pack(folder: Path) -> dict[str, Path]:
    """Return the files of an application and of the SDK, by their paths in the package.

    Raises:
        FolderInvalidError: it is empty or too large, or holds what is not packed.
        OSError: it cannot be read.
    """
    sdk = measuring.files_of(settings.PACKAGE_SDK, "sdk")
    files = {path: file for path, file in sdk.items() if path.endswith(".py")}
    files |= _app_files(folder)
    try:
        measuring.check_paths([*files, measuring.BILLING])
    except ProtocolError as error:
        raise FolderInvalidError(
            "There are too many files, or the names of two differ in their case alone."
        ) from error
    if sum(file.stat().st_size for file in files.values()) > settings.PACKAGE_MAX_BYTES:
        raise FolderInvalidError(f"More than {settings.PACKAGE_MAX_BYTES} bytes are not packed.")
    return files


def _app_files(folder: Path) -> dict[str, Path]:
    try:
        files = measuring.files_of(folder, "app")
    except ProtocolError as error:
        raise FolderInvalidError from error
    if not files:
        raise FolderInvalidError("The folder is empty.")
    for path in files:
        # What is hidden, such as .env and .git, holds secrets more often than an application.
        if any(part.startswith(".") for part in path.split("/")):
            raise FolderInvalidError(f"{path!a} is hidden. Such files are not packed.")
        try:
            measuring.check_path(path)
        except ProtocolError as error:
            raise FolderInvalidError(f"{path!a} has a name that is not packed.") from error
    return files


def _checked_items(prices: Iterable[tuple[int, str, int]]) -> tuple[packing.Item, ...]:
    try:
        items = tuple(
            packing.Item(number, normalise(title), amount)
            for number, title, amount in sorted(prices)
        )
        for item in items:
            check_text("title", item.title, TITLE_BYTES)
        numbers = {item.number for item in items}
        if not len(items) == len(numbers) or not 1 <= len(items) <= packing.MAX_ITEMS:
            raise ProtocolError("value_out_of_range", "an item stands twice, or there are none")
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return items
