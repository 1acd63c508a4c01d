"""What two operators have to agree to, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.packages.selectors_rules import any_terminal, rule_of
from billing.packages.words import KINDS, RAISED, conditions, value_words
from console.policy_form import PolicyForm
from enrolment.rules import changes_of
from enrolment.selectors import current_policy, hosts

if TYPE_CHECKING:
    from enrolment.models import Approval

WORDS: dict[str, Promise] = {
    "policy.change": _("Change the policy"),
    "token.revoke": _("Revoke a token for good"),
    "token.unlock": _("Unlock a token"),
    "token.assign": _("Give out a token from stock"),
    "token.move": _("Move a token to another host"),
    "host.weight": _("Change the weight of a host"),
    "host.state": _("Change the state of a host"),
    "rule.make": _("Make a rule"),
    "rule.end": _("End a rule"),
    "terminal.lower": _("Hold a terminal to the rules again, no more to High"),
}
_ARGUMENTS: dict[str, Promise] = {
    "account": _("Holder"),
    "name": _("Name"),
    "weight": _("Weight"),
    "state": _("State"),
    "to": _("To host"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """Something that two operators have to agree to.

    Attributes:
        approval: The row.
        words: What is to be done.
        url: The page of what it is done to; empty when there is none any more.
        details: Labels, and what stands behind them.
    """

    approval: "Approval"
    words: Promise
    url: str
    details: list[tuple[Promise | str, str]]


def told(approval: "Approval") -> Told:
    """Say what was asked for; of a policy, what it would change now."""
    kind = approval.action.partition(".")[0]
    details = _DETAILS.get(kind, _of_arguments)(approval)
    return Told(approval, WORDS[approval.action], _url(kind, approval), list(details))


def _of_policy(approval: "Approval") -> Iterator[tuple[Promise | str, str]]:
    if approval.state == "waiting":
        for line in changes_of(current_policy(), approval.arguments["fields"]):
            field, _space, change = line.partition(" ")
            yield PolicyForm.base_fields[field].label or field, change


def _of_arguments(approval: "Approval") -> Iterator[tuple[Promise | str, str]]:
    for name, value in approval.arguments.items():
        if name in _ARGUMENTS and value != "":
            yield _ARGUMENTS[name], str(value)


def _of_rule(approval: "Approval") -> Iterator[tuple[Promise | str, str]]:
    rule = rule_of(int(approval.subject))
    if rule is not None:
        yield KINDS[rule.kind], value_words(rule.kind, rule.value)
        yield from conditions(rule) or [(gettext("For"), gettext("everything"))]


def _of_terminal(approval: "Approval") -> Iterator[tuple[Promise | str, str]]:
    terminal = any_terminal(bytes.fromhex(approval.subject))
    yield _("Holder"), terminal.device.holder.account
    if terminal.raised:
        yield _("Why it is held to High"), str(RAISED[terminal.raised])


_DETAILS = {"policy": _of_policy, "rule": _of_rule, "terminal": _of_terminal}


def _url(kind: str, approval: "Approval") -> str:
    if kind == "policy":
        return reverse("console-policy")
    if kind == "rule":
        return reverse("console-rules")
    if kind == "terminal":
        return reverse("console-fraud") + f"?terminal={approval.subject}"
    if approval.action == "token.assign":
        return reverse("console-stock") + f"?q={approval.subject}"
    if kind == "token":
        return reverse("console-token", args=[approval.subject])
    host = hosts().filter(name=approval.subject).first()
    return reverse("console-host", args=[host.number]) if host else ""
