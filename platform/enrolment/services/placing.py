"""Which hosts get tokens: their state, their weight, and the choice among them."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from audit.services import record
from common.errors import NotFoundError
from enrolment.errors import (
    HostInUseError,
    NoHostError,
)
from enrolment.models import AuthserverHost
from enrolment.selectors import host_by_number, hosts, living_tokens

State = AuthserverHost.State


def choose_host(*, but: AuthserverHost | None = None) -> AuthserverHost:
    """Choose the host for a token, by weight, among those that take tokens.

    Args:
        but: Not this one.

    Raises:
        NoHostError: there is none.
    """
    taking = hosts().filter(state=State.ACTIVE, weight__gt=0)
    candidates = [host for host in taking if host != but]
    if not candidates:
        raise NoHostError
    total = sum(host.weight for host in candidates)
    return host_at(candidates, secrets.randbelow(total))


def host_at(candidates: Sequence[AuthserverHost], ticket: int) -> AuthserverHost:
    """Return the host that a ticket falls to: of as many as all weigh, each has its weight."""
    for host in candidates:
        if ticket < host.weight:
            return host
        ticket -= host.weight
    raise ValueError("the ticket is above the sum of the weights")


def change_host_state(*, number: int, state: str, actor: str, now: datetime) -> AuthserverHost:
    """Have a host take tokens, give up those it has, or serve none any more.  Safe to repeat.

    Raises:
        NotFoundError: there is no such host, or no such state.
        HostInUseError: it is to be closed, and is not draining or still has tokens.
    """
    host = host_by_number(number)
    if state not in State.values:
        raise NotFoundError("There is no such state.")
    with transaction.atomic():
        row = AuthserverHost.objects.select_for_update().get(pk=host.pk)
        if row.state == state:
            return row
        if state == State.CLOSED:
            _require_empty(row, now)
        row.state = state
        row.save(update_fields=["state"])
        record(action=f"host.{state}", actor=actor, subject=row.name, now=now)
    return row


def change_weight(*, number: int, weight: int, actor: str, now: datetime) -> AuthserverHost:
    """Set how many of the new tokens a host gets, in proportion; 0 lets it keep those it has.

    Raises:
        NotFoundError: there is no such host.
    """
    host = host_by_number(number)
    with transaction.atomic():
        host.weight = weight
        host.save(update_fields=["weight"])
        record(action="host.weighted", actor=actor, subject=host.name, now=now)
    return host


def _require_empty(host: AuthserverHost, now: datetime) -> None:
    # From draining alone: a token that is just being placed is here by then.
    if host.state != State.DRAINING or living_tokens(host, now=now).exists():
        raise HostInUseError
