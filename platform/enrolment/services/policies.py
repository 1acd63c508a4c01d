"""Change the policy, keep to it where tokens are enrolled, and tell the hosts their part of it."""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from audit.services import record
from common.errors import DomainError, InputInvalidError
from enrolment import rules
from enrolment.errors import (
    PolicyChangedError,
    SelfAssignmentError,
    SuiteNotAllowedError,
)
from enrolment.models import AuthserverHost, Policy
from enrolment.selectors import client_for, current_policy, forget_policy, policy
from protocol.errors import ProtocolError
from tokens.errors import SuiteInvalidError
from tokens.suites import parse_suite

logger = logging.getLogger(__name__)

# Whoever saves a policy does not wait long for a host: the worker tells it again.
_PATIENCE_SECONDS = 1.5
# No policy has this version: whatever a host has, it is told again.
_UNKNOWN = 2**31 - 1


def require_suite_allowed(suite: str) -> None:
    """Refuse a token whose suite the policy does not allow, before anything is made.

    Raises:
        SuiteNotAllowedError: the suite is not named, or has too few digits.
    """
    try:
        digits = parse_suite(suite).digits
    except SuiteInvalidError:
        # No suite at all: the host says so, in its own words.
        return
    if not policy().allows_suite(suite, digits):
        raise SuiteNotAllowedError


def require_self_assignment() -> None:
    """Refuse a holder who would take a token from stock, unless the policy allows that.

    Raises:
        SelfAssignmentError: it does not.
    """
    if not policy().self_assignment:
        raise SelfAssignmentError


def checked_policy(*, fields: dict[str, Any], version: int) -> Policy:
    """Return what the policy would be with these fields, which are every one of it.

    Raises:
        PolicyChangedError: the version is not the one that stands.
        InputInvalidError: a field breaks a rule.
    """
    if current_policy().version != version:
        raise PolicyChangedError
    wanted = Policy(version=version, **fields)
    try:
        rules.check(wanted)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    return wanted


def change_policy(*, fields: dict[str, Any], version: int, actor: str, now: datetime) -> Policy:
    """Put a policy in the place of the one of this version, and tell the hosts.

    Args:
        fields: All of ``rules.FIELDS``.
        version: Of the policy that whoever decided this had before the eyes.
        actor: Who decided it.
        now: Timezone-aware.

    Raises:
        PolicyChangedError: somebody else was first; nothing changed.
        InputInvalidError: a field breaks a rule.
    """
    wanted = checked_policy(fields=fields, version=version)
    with transaction.atomic():
        # Also where there was none: the row of version 0 says what holds without it.
        before, _ = Policy.objects.get_or_create(pk=1)
        row = Policy.objects.filter(pk=1, version=version)
        if not row.update(version=F("version") + 1, **fields):
            raise PolicyChangedError
        for line in rules.differences(before, wanted):
            subject = f"{version + 1}: {line}"
            record(action="policy.changed", actor=actor, subject=subject, now=now)
    forget_policy()
    tell_hosts()
    return current_policy()


def end_second_person(*, now: datetime) -> Policy:
    """Let one operator act alone again; everything else stays as it is.

    Raises:
        PolicyChangedError: somebody changes the policy in this moment.
    """
    current = current_policy()
    fields = {name: getattr(current, name) for name in rules.FIELDS} | {"second_person": False}
    return change_policy(fields=fields, version=current.version, actor="system", now=now)


def tell_hosts(*, patience: float | None = _PATIENCE_SECONDS) -> None:
    """Tell each host the lock-out that it has not confirmed yet; one that is away waits."""
    current = current_policy()
    late = AuthserverHost.objects.exclude(policy_version=current.version)
    for host in late.exclude(state=AuthserverHost.State.CLOSED):
        try:
            client_for(host, patience=patience).put_policy(
                max_failures=current.max_failures, locks=current.locks, budget=current.budget
            )
        except (DomainError, ProtocolError) as error:
            logger.warning("policy.not_told", extra={"host": host.name, "code": error.code})
            continue
        _note(host, current.version)


def tell_hosts_again() -> None:
    """Tell every host its lock-out anew, as after an older database of it was restored."""
    AuthserverHost.objects.update(policy_version=_UNKNOWN)
    tell_hosts()


def _note(host: AuthserverHost, version: int) -> None:
    seen = AuthserverHost.objects.filter(pk=host.pk, policy_version=host.policy_version)
    if not seen.update(policy_version=version):
        # Another process told it something else meanwhile, and nobody knows which came last.
        AuthserverHost.objects.filter(pk=host.pk).update(policy_version=_UNKNOWN)
