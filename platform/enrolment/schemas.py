"""The JSON of tokens, in and out."""

from datetime import datetime
from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from common.schemas import Input

Serial = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,16}$")]
Action = Literal["suspend", "resume", "revoke", "release"]
Short = Annotated[str, Field(max_length=200)]


class _NewIn(Input):
    """A token to have; ``replaces`` names the one whose place it takes once it is active."""

    name: Short = ""
    replaces: Serial | None = None


class TokenIn(_NewIn):
    """A token to enrol; without a suite the default one."""

    suite: Short = ""


class AssignIn(_NewIn):
    """A token from stock, by the serial that stands on it."""

    serial: Serial


class DigitsIn(Input):
    """The eight digits that the token shows after enrolment."""

    digits: Annotated[str, Field(max_length=16)] = ""


class TokenOut(Schema):
    """A token."""

    model_config = ConfigDict(populate_by_name=True)

    serial: str
    name: str
    state: str
    suite: str
    sight: int
    host: str = Field(validation_alias="host.name")
    issued_at: datetime
    expires_at: datetime | None
    replaces: str | None = Field(validation_alias="replaces_serial")
    locked_until: datetime | None
    is_blocked: bool
    tries_left: int | None


class PairingOut(TokenOut):
    """A new token with the link to open or scan with it, good for ten minutes."""

    invitation: str
