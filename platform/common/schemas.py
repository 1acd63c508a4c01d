"""What the JSON that comes in, and the JSON that goes out, has in common."""

import json
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema
from ninja.parser import Parser
from pydantic import BaseModel, ConfigDict, StringConstraints

# Attribute of a request that a program of an organisation makes for a holder.
CLIENT = "client"
Hex4 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
Hex8 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ACCOUNT_PATTERN = r"^[0-9]{12}$"
# Of ISO 4217, known or not.
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
# One plain address: nothing that a mail header would read as a name, a list or a comment.
EMAIL_PATTERN = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}$"
Account = Annotated[str, StringConstraints(pattern=ACCOUNT_PATTERN)]
Email = Annotated[str, StringConstraints(pattern=EMAIL_PATTERN, to_lower=True)]


class Input(BaseModel):
    """A JSON object of a request; a member that we do not know is refused, not ignored.

    Not a schema of django-ninja, which takes any JSON value for an object without fields.
    """

    model_config = ConfigDict(extra="forbid")


class StrictParser(Parser):
    """Reads a body as JSON that can mean one thing only: UTF-8, and no member twice."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the value; whatever is raised is answered as ``request_malformed``."""
        value = json.loads(request.body.decode(), object_pairs_hook=_object)
        if hasattr(request, CLIENT) and isinstance(value, dict):
            # For whom a program acts: authentication has read it.
            value.pop("holder", None)
        return value


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("a member stands twice")
    return value


def sent(body: Schema, *, status: int = 200) -> HttpResponse:
    """Write an answer as it is; django-ninja would check what was just made once more."""
    return HttpResponse(body.model_dump_json(), status=status, content_type="application/json")


class ShareIn(Input):
    """Where a receipt is sent."""

    email: Email
