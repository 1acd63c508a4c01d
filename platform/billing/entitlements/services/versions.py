"""Take in a file: it is encrypted while it streams into the store."""

import re
import secrets
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from audit.services import record
from billing.entitlements.errors import (
    ResourceWithdrawnError,
    UploadEmptyError,
    UploadTooLargeError,
    VersionMovedError,
)
from billing.entitlements.models import Resource, Version
from billing.entitlements.selectors import own_resource
from billing.entitlements.store import resource_files
from common.errors import InputInvalidError, NotFoundError
from common.sealing import sealer
from protocol.content import CONTENT_KEY_BYTES, Header, Kind, encrypt_file
from protocol.errors import ProtocolError
from protocol.text import normalise
from signing.services import platform_information

if TYPE_CHECKING:
    from accounts.models import Holder

_FILENAME_CHARACTERS = 120
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,38}/[a-z0-9][a-z0-9.+-]{0,38}")
_UNKNOWN_TYPE = "application/octet-stream"


def add_version(
    *,
    developer: "Holder",
    resource_uid: bytes,
    file: BinaryIO,
    size: int,
    filename: str,
    media_type: str = "",
    now: datetime,
) -> Version:
    """Encrypt a file under a fresh content key, and make it the resource's newest version.

    Only one segment of it is in memory at a time.  The key is stored sealed, bound to the digest
    of the encrypted file.

    Args:
        developer: Whose resource.
        resource_uid: Public id.
        file: Stands at its beginning.
        size: Bytes of it.
        filename: As it was called; a folder in front is left out.
        media_type: Such as ``image/png``; anything else counts as unknown.
        now: Timezone-aware.

    Raises:
        NotFoundError: the developer has no such resource.
        ResourceWithdrawnError: it was withdrawn.
        UploadEmptyError, UploadTooLargeError: nothing, or more than the setting allows.
        InputInvalidError: the name cannot be kept, or the file is not of that size.
        VersionMovedError: another file came first.
    """
    resource = own_resource(developer=developer, uid=resource_uid)
    if resource.state == Resource.State.WITHDRAWN:
        raise ResourceWithdrawnError
    check_size(size)
    key = secrets.token_bytes(CONTENT_KEY_BYTES)
    try:
        header = _header(resource, size, filename, media_type)
        # No transaction is open: a large file takes a while.
        stored = resource_files().write(str(resource), encrypt_file(file, header, key))
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    version = Version(
        resource=resource,
        number=header.version,
        media_type=header.media_type,
        filename=header.filename,
        plain_size=size,
        size=stored.size,
        build_digest=stored.digest,
        sealed_key=sealer().seal(key, stored.digest),
        path=stored.path,
        created_at=now,
    )
    try:
        with transaction.atomic():
            version.save()
            record(action="version.added", actor=developer.actor, subject=str(resource), now=now)
    except IntegrityError as error:
        resource_files().delete(stored.path)
        raise VersionMovedError from error
    return version


def check_size(size: int) -> None:
    """Refuse a file by its size alone, before anything of it is read.

    Raises:
        UploadEmptyError, UploadTooLargeError: nothing, or more than the setting allows.
    """
    if size <= 0:
        raise UploadEmptyError
    if size > settings.RESOURCE_MAX_BYTES:
        raise UploadTooLargeError(limit=settings.RESOURCE_MAX_BYTES)


def withdraw_version(
    *, developer: "Holder", resource_uid: bytes, number: int, now: datetime
) -> Version:
    """Let nobody use a version any more, such as one that does harm; again changes nothing.

    Raises:
        NotFoundError: the developer has no such resource, or it no such version.
    """
    resource = own_resource(developer=developer, uid=resource_uid)
    with transaction.atomic():
        version = Version.objects.filter(resource=resource, number=number).first()
        if version is None:
            raise NotFoundError("There is no such version.")
        if Version.objects.filter(pk=version.pk, withdrawn_at=None).update(withdrawn_at=now):
            subject = str(resource)
            record(action="version.withdrawn", actor=developer.actor, subject=subject, now=now)
    version.refresh_from_db(fields=["withdrawn_at"])
    return version


def _header(resource: Resource, size: int, filename: str, media_type: str) -> Header:
    newest = resource.versions.aggregate(newest=Max("number"))["newest"] or 0
    return Header(
        resource=bytes(resource.uid),
        version=newest + 1,
        kind=Kind(resource.kind),
        title=resource.title,
        media_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else _UNKNOWN_TYPE,
        filename=_plain_name(filename),
        platform=platform_information().origin,
        size=size,
    )


def _plain_name(filename: str) -> str:
    """Return the last part of a path of either kind, within what the column holds."""
    name = PureWindowsPath(PurePosixPath(normalise(filename)).name).name.lstrip(". ")
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) >= _FILENAME_CHARACTERS:
        return name[:_FILENAME_CHARACTERS]
    return f"{stem[: _FILENAME_CHARACTERS - len(ending) - 1]}.{ending}"
