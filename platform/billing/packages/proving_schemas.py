"""The JSON by which requests are proved, in and out; what they become is ``RequestOut``."""

import json
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field, JsonValue

from billing.packages.models import BillingRequest
from common.schemas import Input
from enrolment.schemas import Serial


class LettersIn(Input):
    """What the image shows, in capitals or not."""

    answer: Annotated[str, Field(max_length=20)]


class SmsCodeIn(Input):
    """The code that came by SMS."""

    code: Annotated[str, Field(max_length=20)]


class SealedIn(Input):
    """A fresh billing request for the same, sealed for the network (base64url)."""

    sealed: Annotated[str, Field(max_length=1024)]


class CredentialIn(Input):
    """What a browser says of a passkey: a PublicKeyCredential as JSON."""

    credential: dict[str, JsonValue]

    @property
    def text(self) -> str:
        """The credential as text."""
        return json.dumps(self.credential)


class PasskeyOut(Schema):
    """What a browser needs to ask for a passkey: CredentialRequestOptions as JSON."""

    request_options: dict[str, Any]


class AnsweringTokenIn(Input):
    """Which of the payer's tokens is to answer."""

    token: Serial


class AskedOut(Schema):
    """The step that a token is asked for; it is read and answered as every step."""

    request: str
    transaction: str
    step: str


class StrategyIn(Input):
    """For which strategy a request is to wait instead."""

    strategy: Annotated[str, Field(max_length=16)]


class WaysOut(Schema):
    """To which strategies a request may be switched, the least strict first."""

    request: str
    strategy: str
    others: list[str]

    @classmethod
    def of(cls, request: BillingRequest, others: list[str]) -> "WaysOut":
        """Write what is open to a request."""
        return cls(request=request.public_id, strategy=request.strategy, others=others)
