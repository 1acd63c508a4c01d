"""Move all that lives at a host to others, some at a time."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils import timezone

from common.errors import DomainError
from enrolment.errors import AuthserverUnavailableError, HostInUseError
from enrolment.models import AuthserverHost
from enrolment.selectors import MOVABLE, client_for, host_by_number, living_tokens
from enrolment.services.moving import move_stock, move_token
from enrolment.services.placing import choose_host

# What a page waits for.
AT_ONCE = 20
_PAGE = 200


@dataclass(slots=True)
class Drained:
    """What became of the tokens of a host that gives them up.

    Attributes:
        moved: How many went to other hosts.
        failed: How many did not, by the code of what was in the way.
    """

    moved: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def note(self, code: str = "") -> None:
        """Count one; with what was in its way, if something was."""
        if code:
            self.failed[code] += 1
        else:
            self.moved += 1


def drain(
    *,
    number: int,
    actor: str,
    to: int | None = None,
    most: int | None = None,
    report: Callable[[Drained], None] = lambda so_far: None,
) -> Drained:
    """Move the tokens of a draining host, each to another one.  Safe to repeat and to break off.

    One that cannot move stays and is counted; where a host gives no answer, it ends there.

    Args:
        number: Of the host.
        actor: Who does it.
        to: Number of the host they all go to; by weight where none is given.
        most: How many are tried, at most.
        report: Told after each.

    Raises:
        NotFoundError: there is no such host.
        HostInUseError: the host is not draining.
        NoHostError: no other host takes tokens.
    """
    source, drained = _draining(number), Drained()
    movable = living_tokens(source, now=timezone.now()).filter(state__in=MOVABLE)
    tokens = movable.order_by("pk").values_list("serial", flat=True)
    for serial in list(tokens if most is None else tokens[:most]):
        target = _target(source, to)
        try:
            move_token(serial=serial, number=target.number, actor=actor, now=timezone.now())
            drained.note()
        except DomainError as error:
            drained.note(error.code)
            if isinstance(error, AuthserverUnavailableError):
                break
        report(drained)
    return drained


def drain_stock(
    *, number: int, to: int | None = None, report: Callable[[Drained], None] = lambda so_far: None
) -> Drained:
    """Move what lies in a draining host's stock; otherwise as :func:`drain`.

    Raises:
        As :func:`drain`, and AuthserverUnavailableError.
    """
    source, drained, after = _draining(number), Drained(), 0
    while True:
        shown = client_for(source).stock(text="", after=after, limit=_PAGE)
        lying = shown.get("tokens")
        if not isinstance(lying, list):
            raise AuthserverUnavailableError
        if not lying:
            return drained
        for token in lying:
            try:
                after = int(token["id"])
                move_stock(
                    vk=bytes.fromhex(token["vk"]),
                    serial=str(token["serial"]),
                    suite=str(token["suite"]),
                    source=source,
                    target=_target(source, to),
                )
                drained.note()
            except AuthserverUnavailableError:
                raise
            except DomainError as error:
                drained.note(error.code)
            except (KeyError, TypeError, ValueError) as error:
                raise AuthserverUnavailableError from error
            report(drained)


def _draining(number: int) -> AuthserverHost:
    host = host_by_number(number)
    if host.state != AuthserverHost.State.DRAINING:
        raise HostInUseError(f"Host {number} is {host.state}, not draining.")
    return host


def _target(source: AuthserverHost, to: int | None) -> AuthserverHost:
    if to == source.number:
        raise HostInUseError("A host does not move its tokens to itself.")
    return choose_host(but=source) if to is None else host_by_number(to)
