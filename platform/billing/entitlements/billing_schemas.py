"""The JSON of authorize and verify, in and out."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field, StrictInt, StringConstraints

from billing.entitlements.services.authorize import Asked, Issued
from billing.entitlements.services.verify import Presented, Released
from common.errors import InputInvalidError
from common.schemas import Hex8, Hex32, Input
from protocol.billing import Operation
from protocol.content import Release
from protocol.errors import ProtocolError
from protocol.fields import DIGEST_BYTES, check_bytes
from protocol.jwk import from_base64, to_base64

Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Digest = Annotated[str, Field(min_length=43, max_length=43)]
Number = Annotated[StrictInt, Field(ge=1, lt=2**31)]
Identifier = Annotated[str, Field(max_length=64)]


class IdentityIn(Input):
    """Whose device it is, as the billing manager found out by itself.

    ``msisdn`` and ``sim`` come together, from a device with a SIM; a permit is what proves them.
    """

    account: Identifier = ""
    msisdn: Identifier = ""
    sim: Identifier = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is missing."""
        return bool(self.account) and bool(self.msisdn) == bool(self.sim)


class AuthorizeIn(Input):
    """What a copy of a resource asks through the billing manager."""

    resource_id: Hex8
    resource_version: Number
    resource_build_digest: Hex32
    operation: Operation
    rnonce: Hex16
    resource_key: Digest
    identity: IdentityIn = IdentityIn()

    def asked(self) -> Asked:
        """Return it as the service takes it; errors as :func:`digest`."""
        return Asked(
            account=self.identity.account if self.identity.is_whole else None,
            resource=bytes.fromhex(self.resource_id),
            version=self.resource_version,
            build_digest=bytes.fromhex(self.resource_build_digest),
            operation=self.operation,
            rnonce=bytes.fromhex(self.rnonce),
            resource_key=digest("resource_key", self.resource_key),
        )


class AuthorizeOut(Schema):
    """A status code, good for a minute."""

    status_code: str
    expires_at: datetime

    @classmethod
    def of(cls, issued: Issued) -> "AuthorizeOut":
        """Write a code."""
        return cls(status_code=issued.code, expires_at=issued.expires_at)


class VerifyIn(Input):
    """A status code, from the copy it was issued for."""

    status_code: Annotated[str, Field(max_length=64)]
    resource_id: Hex8
    resource_version: Number
    rnonce: Hex16
    operation: Operation
    device: Digest

    def presented(self) -> Presented:
        """Return it as the service takes it; errors as :func:`digest`."""
        release = Release(
            resource=bytes.fromhex(self.resource_id),
            version=self.resource_version,
            device=digest("device", self.device),
            rnonce=bytes.fromhex(self.rnonce),
        )
        return Presented(self.status_code, release, self.operation)


class VerifyOut(Schema):
    """Leave, signed, and the content key, sealed to the device; both base64url."""

    verdict: str
    content_key: str

    @classmethod
    def of(cls, released: Released) -> "VerifyOut":
        """Write what was released."""
        return cls(
            verdict=to_base64(released.verdict), content_key=to_base64(released.content_key)
        )


def digest(field: str, text: str) -> bytes:
    """Return the 32 bytes of a field in base64url.

    Raises:
        InputInvalidError: it holds something else.
    """
    try:
        value = from_base64(text)
        check_bytes(field, value, DIGEST_BYTES)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return value
