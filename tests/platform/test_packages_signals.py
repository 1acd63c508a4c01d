"""What an honest terminal would not do, and what operators do about it."""

from datetime import date, timedelta
from typing import Any

import pytest

from audit.models import AuditRow
from billing.packages.errors import NotRaisedError
from billing.packages.models import FraudSignal, Terminal
from billing.packages.selectors_rules import signals, signals_by_day, terminals_to_review
from billing.packages.services.signals import (
    lower_terminal,
    raise_terminal,
    review_terminal,
    signal,
)
from enrolment.errors import ApprovalWaitsError
from tests.platform.ruling import application, seen, terminal_of
from tests.platform.world import Person, now

pytestmark = pytest.mark.django_db


@pytest.fixture
def terminal(dora: Person) -> Terminal:
    return terminal_of(dora)


def rows(terminal: Terminal, action: str) -> list[Any]:
    found = AuditRow.objects.filter(action=action, subject=terminal.device.public_id)
    return list(found.order_by("pk").values_list("actor", "code"))


@pytest.mark.parametrize("reason", FraudSignal.Reason.values)
def test_signal_is_kept_and_stands_in_the_audit(
    dora: Person, terminal: Terminal, reason: str
) -> None:
    package = application(dora)
    one = signal(terminal, reason, package, now())
    assert list(signals()) == [one]
    assert (one.reason, one.package, one.reviewed_at) == (reason, package, None)
    assert rows(terminal, "fraud.seen") == [("system", reason)]


def test_signal_of_no_known_reason_is_a_mistake_of_ours(terminal: Terminal) -> None:
    with pytest.raises(ValueError, match="boredom"):
        signal(terminal, "boredom", None, now())
    with pytest.raises(ValueError, match="boredom"):
        raise_terminal(terminal, "boredom", now())
    assert not FraudSignal.objects.exists()


def test_signals_are_narrowed_by_reason_by_terminal_and_to_new_ones(
    dora: Person, olga: Person, terminal: Terminal
) -> None:
    other = terminal_of(dora, "Other")
    old, new, others = seen(terminal), seen(terminal, "sender_mismatch"), seen(other)
    review_terminal(terminal=terminal, until=old.pk, operator=olga.holder, now=now())

    assert list(signals(reason="evidence_mismatch")) == [others, old]
    assert list(signals(terminal=bytes(terminal.device.uid))) == [new, old]
    assert list(signals(fresh=True)) == [others, new]


def test_signals_are_counted_by_day(terminal: Terminal) -> None:
    for days in (0, 0, 2, 40):
        seen(terminal, days=days)
    today: date = now().date()
    assert signals_by_day(since=now() - timedelta(days=30)) == {
        today: 2,
        today - timedelta(days=2): 1,
    }


def test_raised_terminals_and_those_with_new_signals_are_up_for_review_the_latest_first(
    dora: Person, olga: Person, terminal: Terminal
) -> None:
    quiet, raised, newest = (terminal_of(dora, name) for name in ("Quiet", "Raised", "Newest"))
    raise_terminal(raised, "operator", now())
    seen(terminal)
    looked_at = seen(quiet)
    review_terminal(terminal=quiet, until=looked_at.pk, operator=olga.holder, now=now())
    last = seen(newest)

    found: list[Any] = list(terminals_to_review())

    assert found == [newest, terminal, raised]
    assert [one.fresh for one in found] == [1, 1, 0]
    assert (found[0].newest, found[0].last_at) == (last.pk, last.at)


def test_review_covers_what_was_shown_and_nothing_newer(olga: Person, terminal: Terminal) -> None:
    shown, newer = seen(terminal), seen(terminal)

    reviewed = review_terminal(terminal=terminal, until=shown.pk, operator=olga.holder, now=now())

    assert reviewed == 1
    assert list(signals(fresh=True)) == [newer]
    shown.refresh_from_db()
    assert shown.reviewed_by == olga.holder
    assert rows(terminal, "fraud.reviewed") == [(olga.holder.operator_actor, "")]


def test_what_was_reviewed_stays_that_of_the_first_reviewer(
    olga: Person, dora: Person, terminal: Terminal
) -> None:
    one = seen(terminal)
    review_terminal(terminal=terminal, until=one.pk, operator=olga.holder, now=now())
    again = review_terminal(terminal=terminal, until=one.pk, operator=dora.holder, now=now())
    one.refresh_from_db()
    assert (again, one.reviewed_by) == (0, olga.holder)
    assert len(rows(terminal, "fraud.reviewed")) == 1


def test_raising_says_why_and_by_whom(olga: Person, terminal: Terminal) -> None:
    raise_terminal(terminal, "evidence", now())
    raise_terminal(terminal, "operator", now(), actor=olga.holder.operator_actor)
    assert rows(terminal, "terminal.raised") == [
        ("system", "evidence"),
        (olga.holder.operator_actor, "operator"),
    ]
    terminal.refresh_from_db()
    assert terminal.raised == "operator"


def test_lowering_is_asked_for_once_and_only_for_what_is_raised(
    olga: Person, otto: Person, terminal: Terminal
) -> None:
    with pytest.raises(NotRaisedError):
        lower_terminal(terminal=terminal, operator=olga.holder, now=now())
    raise_terminal(terminal, "evidence", now())
    assert lower_terminal(terminal=terminal, operator=olga.holder, now=now()) is not None
    with pytest.raises(ApprovalWaitsError):
        lower_terminal(terminal=terminal, operator=olga.holder, now=now())
