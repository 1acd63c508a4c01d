"""What the policy lets a token be asked, for the services and for the forms that say it before."""

from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common import words
from common.templatetags.countersign import amount
from enrolment.selectors import policy
from protocol.statement import Demand, Kind, Sight
from transactions.errors import (
    AmountAboveLimitError,
    KindNotAllowedError,
    LifetimeAboveLimitError,
)

if TYPE_CHECKING:
    from enrolment.models import Token

_USUAL_LIVES = (60, 180, 300, 600)


def require_allowed(token: "Token", demand: Demand, ttl: int) -> None:
    """Refuse what the policy does not let this token be asked; kinds of no chain have no limits.

    Raises:
        KindNotAllowedError, AmountAboveLimitError, LifetimeAboveLimitError: as their names say.
    """
    if not demand.kind.is_business:
        return
    rules = policy()
    if ttl > rules.max_ttl_seconds:
        raise LifetimeAboveLimitError(limit=rules.max_ttl_seconds, field="ttl")
    if token.sight == Sight.SHOWN:
        return
    # A token without a display answers to nothing that is signed.
    kinds = rules.typed_kinds if token.sight == Sight.TYPED else []
    if demand.kind.name.lower() not in kinds:
        raise KindNotAllowedError(field="kind")
    _require_amount(demand, rules.typed_limits)


def limits_in_words(token: "Token") -> str:
    """Say what a token may sign; empty for all."""
    if token.sight == Sight.SHOWN:
        return ""
    rules, said = policy(), []
    if not rules.typed_kinds:
        return _("signs nothing here")
    if len(rules.typed_kinds) < sum(kind.is_business for kind in Kind):
        kinds = ", ".join(str(words.KINDS[Kind[kind.upper()]]) for kind in rules.typed_kinds)
        said.append(_("only: %(kinds)s") % {"kinds": kinds})
    if rules.typed_limits:
        said.append(_("at most %(amounts)s") % {"amounts": _amounts(rules.typed_limits)})
    return " · ".join(said)


def lives() -> list[tuple[int, str | Promise]]:
    """Return for how long a challenge may live, in seconds and in words."""
    rules = policy()
    usual = {seconds for seconds in _USUAL_LIVES if seconds <= rules.max_ttl_seconds}
    return [(seconds, in_words(seconds)) for seconds in sorted(usual | {rules.ttl_seconds})]


def in_words(seconds: int) -> str:
    """Write a number of seconds as people do."""
    if seconds % 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    minutes = seconds // 60
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def _require_amount(demand: Demand, limits: dict[str, int]) -> None:
    if demand.amount is None or demand.currency is None or not limits:
        return
    # A limit in one currency that did not bar the others would be none.
    limit = limits.get(demand.currency, 0)
    if demand.amount > limit:
        raise AmountAboveLimitError(limit=limit, currency=demand.currency, field="amount")


def _amounts(limits: dict[str, int]) -> str:
    return ", ".join(amount(Demand(Kind.OTHER, limits[code], code)) for code in sorted(limits))
