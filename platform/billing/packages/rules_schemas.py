"""The JSON of rules and fraud signals, in and out."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import Field, StrictInt, StringConstraints

from billing.packages.models import FraudSignal, Rule, Terminal
from billing.packages.selectors import package_by_uid
from billing.packages.selectors_rules import any_terminal
from billing.packages.services.rules import Decision, Draft, weight_of
from common.schemas import Hex8, Input

Hex4 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
Word = Annotated[str, Field(max_length=16)]
Uint = Annotated[StrictInt, Field(ge=0, lt=2**32)]


class RuleIn(Input):
    """A rule to make; a condition that is left out fits everything."""

    kind: Word
    value: Word
    terminal: Hex8 | None = None
    number: Annotated[str, Field(max_length=40)] = ""
    package: Hex4 | None = None
    item: Uint | None = None
    amount_from: Uint | None = None

    def draft(self) -> Draft:
        """Return it with the rows that it names.

        Raises:
            NotFoundError, PackageUnknownError: there is no such terminal, or application.
        """
        return Draft(
            kind=self.kind,
            value=self.value,
            terminal=any_terminal(bytes.fromhex(self.terminal)) if self.terminal else None,
            number=self.number,
            package=package_by_uid(bytes.fromhex(self.package)) if self.package else None,
            item=self.item,
            amount_from=self.amount_from,
        )


class RuleOut(Schema):
    """A rule; ``in_force_at`` is empty while a second operator has to agree."""

    id: int
    kind: str
    value: str
    terminal: str | None
    number_ends: str = Field(validation_alias="number_tail")
    package: str | None
    item: int | None
    amount_from: int | None
    weight: int
    made_by: str = Field(validation_alias="made_by.account")
    created_at: datetime
    in_force_at: datetime | None
    ended_at: datetime | None

    @staticmethod
    def resolve_terminal(rule: Rule) -> str | None:
        """Return the public id of its terminal."""
        return rule.terminal.device.public_id if rule.terminal else None

    @staticmethod
    def resolve_package(rule: Rule) -> str | None:
        """Return the public id of its application."""
        return rule.package.public_id if rule.package else None

    @staticmethod
    def resolve_weight(rule: Rule) -> int:
        """Return how specific it is."""
        return weight_of(rule)


class DecisionOut(Schema):
    """What holds, which rule says so, every rule that fits with the winner first, and why."""

    value: str
    rule: int | None
    is_raised: bool
    why: str
    candidates: list[RuleOut]

    @staticmethod
    def resolve_rule(decision: Decision) -> int | None:
        """Return the number of the winner."""
        return decision.rule.pk if decision.rule else None

    @staticmethod
    def resolve_candidates(decision: Decision) -> list[Rule]:
        """Return the rules; each says its own weight."""
        return [candidate.rule for candidate in decision.candidates]


class DecisionsOut(Schema):
    """Level and strategy for what was asked about."""

    level: DecisionOut
    strategy: DecisionOut


class SignalOut(Schema):
    """Something that an honest terminal would not do."""

    id: int
    reason: str
    terminal: str = Field(validation_alias="terminal.device.public_id")
    holder: str = Field(validation_alias="terminal.device.holder.account")
    package: str | None
    at: datetime
    reviewed_at: datetime | None

    @staticmethod
    def resolve_package(signal: FraudSignal) -> str | None:
        """Return the public id of the application."""
        return signal.package.public_id if signal.package else None


class ReviewIn(Input):
    """The newest signal that was looked at."""

    until: Annotated[StrictInt, Field(ge=1, lt=2**62)]


class RaisedOut(Schema):
    """A terminal, and whether it is held to HIGH whatever the rules say."""

    terminal: str = Field(validation_alias="device.public_id")
    raised: str
    raised_at: datetime | None

    @staticmethod
    def resolve_raised(terminal: Terminal) -> str:
        """Return why; empty when it is not."""
        return str(terminal.raised)
