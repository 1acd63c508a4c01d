"""What the JSON that comes in has in common."""

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """A JSON object of a request; a member that we do not know is refused, not ignored.

    Not a schema of django-ninja, which takes any JSON value for an object without fields.
    """

    model_config = ConfigDict(extra="forbid")
