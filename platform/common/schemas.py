"""What the JSON that comes in, and the JSON that goes out, has in common."""

from django.http import HttpResponse
from ninja import Schema
from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """A JSON object of a request; a member that we do not know is refused, not ignored.

    Not a schema of django-ninja, which takes any JSON value for an object without fields.
    """

    model_config = ConfigDict(extra="forbid")


def sent(body: Schema, *, status: int = 200) -> HttpResponse:
    """Write an answer as it is; django-ninja would check what was just made once more."""
    return HttpResponse(body.model_dump_json(), status=status, content_type="application/json")
