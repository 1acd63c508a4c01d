"""What forms share: few choices are tiles, and a refusal stands beside the field it is about."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.functional import Promise

from common.errors import DomainError
from common.sentences import sentence


class Tiles(forms.RadioSelect):
    """Radio buttons as tiles.

    Args:
        marks: Attributes of the buttons, by value.
        explained: What stands below the words of a button, by value.
        are_rows: Whether each has a line of its own.
    """

    template_name = "components/choices.html"

    def __init__(
        self,
        *,
        marks: Mapping[str, Mapping[str, str]] | None = None,
        explained: Mapping[str, str | Promise] | None = None,
        are_rows: bool = False,
    ) -> None:
        super().__init__()
        self.marks = marks or {}
        self.explained = explained or {}
        self.are_rows = are_rows

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Say how they are laid out."""
        context = super().get_context(name, value, attrs)
        context["widget"]["is_explained"] = self.are_rows
        return context

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Add its marks and its explanation to a button."""
        option = super().create_option(name, value, *args, **kwargs)
        option["attrs"].update(self.marks.get(str(value), {}))
        option["help"] = self.explained.get(str(value), "")
        return option


class Boxes(Tiles, forms.CheckboxSelectMultiple):
    """Boxes to tick, as tiles; options as for :class:`Tiles`."""

    template_name = Tiles.template_name


def add_refusal(form: forms.Form, error: DomainError, *, field: str | None = None) -> int:
    """Say on a form why a service refused what was typed; return the status of the answer.

    Args:
        form: As it was filled in.
        error: Its own ``field`` is where the sentence goes, when the form has such a field.
        field: Otherwise it goes there; ``None`` puts it above the form.
    """
    named = error.extra.get("field")
    told = sentence(error.code, error.extra.get("excess", 0))
    form.add_error(named if named in form.fields else field, told)
    return error.status
