"""What the pages have in common on which a token answers: what it is asked, and the words."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.errors import DomainError
from common.sentences import sentence
from common.templatetags.countersign import when
from enrolment.errors import AuthserverUnavailableError
from protocol.statement import Sight
from tokens.suite import OCRASuite
from tokens.suites import parse_suite
from transactions.errors import StepClosingError
from transactions.models import Step
from transactions.selectors_messages import challenge_text, typed_question
from transactions.step_forms import ProofForm

# Refusals that are about what stands in the field, and are said beside it.
OF_THE_FIELD = ("response_wrong", "response_malformed")


def asked(step: Step, picture: Callable[[str], str]) -> dict[str, Any]:
    """Return what a page shows to whoever is to answer: a code to scan, digits to type, or none.

    Args:
        step: Open.
        picture: Gives the address of the code as a picture, by its form: ``svg`` or ``png``.
    """
    suite = parse_suite(step.token.suite)
    asked: dict[str, Any] = {"response_digits": suite.digits}
    if suite.has_question:
        asked["question"] = typed_question(step)
        asked["challenge"] = challenge_text(step)
        asked["pictures"] = {form: picture(form) for form in ("svg", "png")}
    return asked


def proof_form(step: Step, typed: Mapping[str, str] | None = None) -> ProofForm | None:
    """Return the form by which a typed token has its server prove itself; ``None`` for others."""
    suite = parse_suite(step.token.suite)
    if step.token.sight != Sight.TYPED or not isinstance(suite, OCRASuite):
        return None
    return ProofForm(typed, suite=suite)


def wrong(tries_left: int | None) -> str:
    """Say that digits were wrong, and how many tries are left."""
    told = sentence("response_wrong")
    if tries_left is None:
        return told
    tries = ngettext(
        "%(left)d try is left, then the token locks.",
        "%(left)d tries are left, then the token locks.",
        tries_left,
    )
    return f"{told} {tries % {'left': tries_left}}"


def locked(until: object) -> str:
    """Say that a token is locked, and until when where that is known in Unix seconds."""
    told = sentence("token_locked")
    if not isinstance(until, int):
        return told
    moment = when(datetime.fromtimestamp(until, UTC))
    return format_html("{} {}", told, format_html(_("It unlocks at {}."), moment))


def refused(error: DomainError, *, is_answer: bool) -> str:
    """Say why something was refused; empty where the page says it by itself.

    Args:
        error: The refusal.
        is_answer: Whether it was digits that were sent.
    """
    if error.code == "token_locked":
        return locked(error.extra.get("locked_until"))
    if isinstance(error, StepClosingError):
        # The page itself says it: the step is being ended.
        return ""
    if isinstance(error, AuthserverUnavailableError) and is_answer:
        again = _("You may send the same digits once more.")
        return f"{sentence(error.code)} {again}"
    return sentence(error.code)
