"""The JSON of terminals and billing requests, in and out."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field, StrictInt

from billing.packages.models import BillingRequest, Terminal
from billing.packages.services.terminals import MAX_NONCES
from common.errors import InputInvalidError
from common.schemas import Hex4, Input
from protocol.application import consent
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64

# Far more than a request has; base64url.
_MOST = 1024


class TerminalOut(Schema):
    """A terminal: what requests call it, and what its evidence key is agreed with (base64url)."""

    terminal: str
    share: str
    thumbprint: str

    @classmethod
    def of(cls, terminal: Terminal) -> "TerminalOut":
        """Write a terminal."""
        return cls(
            terminal=terminal.device.public_id,
            share=to_base64(bytes(terminal.share)),
            thumbprint=to_base64(bytes(terminal.device.thumbprint)),
        )


class NoncesIn(Input):
    """How many nonces a terminal lacks."""

    count: Annotated[StrictInt, Field(ge=1, le=MAX_NONCES)]


class NoncesOut(Schema):
    """Nonces, in hex, good for one request each."""

    nonces: list[str]
    expires_at: datetime


class RequestIn(Input):
    """A billing request, sealed to the third key of its package (base64url)."""

    version: Literal[1]
    package: Hex4
    sealed: Annotated[str, Field(min_length=1, max_length=_MOST)]

    def content(self) -> bytes:
        """Return what is sealed.

        Raises:
            InputInvalidError: it is no base64url.
        """
        try:
            return from_base64(self.sealed)
        except ProtocolError as error:
            raise InputInvalidError(error) from error


class RequestOut(Schema):
    """What became of a request; the receipt, base64url, comes with the charge.

    ``code`` says what is due while the payer has yet to prove it: ``strategy_required``.
    """

    request: str
    package: str
    state: str
    code: str | None
    strategy: str
    item: int
    amount: int
    currency: str
    consent: str
    created_at: datetime
    expires_at: datetime
    captured_at: datetime | None
    receipt: str | None

    @classmethod
    def of(cls, request: BillingRequest) -> "RequestOut":
        """Write a request."""
        package = request.item.build.package
        return cls(
            request=request.public_id,
            package=package.public_id,
            state=request.state,
            code="strategy_required" if request.state in _WAITS else None,
            strategy=request.strategy,
            item=request.item.number,
            amount=request.amount,
            currency=request.currency,
            consent=consent(
                title=request.item.title,
                amount=request.amount,
                currency=request.currency,
                payee=package.payee,
            ),
            created_at=request.created_at,
            expires_at=request.expires_at,
            captured_at=request.captured_at,
            receipt=None if request.receipt is None else to_base64(bytes(request.receipt)),
        )

    @property
    def is_final(self) -> bool:
        """Whether nothing is waited for any more."""
        return self.state not in _WAITS


_WAITS = {
    state.value
    for state in BillingRequest.State
    if state.startswith("awaiting_") or state in ("received", "verified")
}
