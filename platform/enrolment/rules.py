"""What a policy may say: never more than the hosts and the protocol allow anyway."""

from collections.abc import Iterator
from typing import Any

from enrolment.models import LOCK_SECONDS, MAX_BUDGET, MAX_FAILURES, Policy, business_kinds
from protocol.binding import PERMITTED
from protocol.currency import EXPONENTS
from protocol.errors import ProtocolError
from protocol.fields import check_uint
from protocol.statement import MAX_TTL_SECONDS, MIN_TTL_SECONDS
from tokens.errors import SuiteInvalidError
from tokens.suite import MAX_ENROLLED_DIGITS, MIN_ENROLLED_DIGITS
from tokens.suites import parse_suite

FIELDS = tuple(
    field.name for field in Policy._meta.concrete_fields if field.name not in ("id", "version")
)
BOUNDS = {
    "min_digits": (MIN_ENROLLED_DIGITS, MAX_ENROLLED_DIGITS),
    "ttl_seconds": (MIN_TTL_SECONDS, MAX_TTL_SECONDS),
    "max_ttl_seconds": (MIN_TTL_SECONDS, MAX_TTL_SECONDS),
    "open_challenges": (1, 3),
    "max_failures": (1, MAX_FAILURES),
    "budget": (1, MAX_BUDGET),
}
MAX_LOCK_SECONDS = 30 * 86_400
_MAX_SUITES = 50


def check(rules: Policy) -> None:
    """Refuse a policy that could not be kept, or that contradicts itself.

    Raises:
        ProtocolError: with the first field that breaks a rule.
    """
    for field, (low, high) in BOUNDS.items():
        check_uint(field, getattr(rules, field), low=low, high=high)
    if rules.ttl_seconds > rules.max_ttl_seconds:
        raise _wrong("ttl_seconds", "the usual life is longer than the longest")
    for field in ("second_person", "self_assignment", "offline_steps"):
        if type(getattr(rules, field)) is not bool:
            raise _wrong(field, "is yes or no")
    if rules.token_at_sign_in not in Policy.SignIn.values:
        raise _wrong("token_at_sign_in", "is allowed or required")
    _check_suites(rules)
    _check_limits(rules.typed_limits)
    _check_names("typed_kinds", rules.typed_kinds, business_kinds())
    _check_names("permits", rules.permits, list(PERMITTED))
    _check_locks(rules.locks)


def differences(before: Policy, after: Policy) -> Iterator[str]:
    """Say what changed, from what to what, in a line each; every line fits an audit row."""
    for field in FIELDS:
        old, new = getattr(before, field), getattr(after, field)
        if field == "typed_limits":
            yield from _of_limits(old, new)
        elif field in ("suites", "typed_kinds", "permits"):
            yield from (f"{field} -{name}" for name in old if name not in new)
            yield from (f"{field} +{name}" for name in new if name not in old)
        elif old != new:
            yield f"{field} {_written(old)} > {_written(new)}"


def changes_of(before: Policy, fields: dict[str, Any]) -> list[str]:
    """Say what these fields would change, as :func:`differences` does."""
    return list(differences(before, Policy(**fields)))


def _check_suites(rules: Policy) -> None:
    _check_names("suites", rules.suites)
    if len(rules.suites) > _MAX_SUITES:
        raise _wrong("suites", f"at most {_MAX_SUITES} may be named")
    for text in rules.suites:
        try:
            suite = parse_suite(text)
        except SuiteInvalidError as error:
            raise ProtocolError("suite_invalid", f"{text[:64]} is no suite", "suites") from error
        if suite.enrolment_problem() or str(suite) != text:
            raise ProtocolError("suite_refused", f"{text} is refused by every host", "suites")
        if suite.digits < rules.min_digits:
            raise _wrong("suites", f"{text} has fewer digits than are asked for")


def _check_limits(limits: object) -> None:
    if not isinstance(limits, dict):
        raise _wrong("typed_limits", "names an amount for each currency")
    for currency, amount in limits.items():
        if currency not in EXPONENTS:
            raise ProtocolError("currency_unknown", f"{currency[:8]} is unknown", "typed_limits")
        check_uint("typed_limits", amount, low=1)


def _check_names(field: str, names: object, known: list[str] | None = None) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _wrong(field, "is a list of names")
    if len(set(names)) != len(names):
        raise _wrong(field, "names something twice")
    if known is not None and not set(names) <= set(known):
        raise _wrong(field, f"may name {', '.join(known)}")


def _check_locks(locks: object) -> None:
    if not isinstance(locks, list) or len(locks) != len(LOCK_SECONDS):
        raise _wrong("locks", f"has {len(LOCK_SECONDS)} steps")
    for seconds, least in zip(locks, LOCK_SECONDS, strict=True):
        check_uint("locks", seconds, low=least, high=MAX_LOCK_SECONDS)
    if locks != sorted(locks):
        raise _wrong("locks", "grows from step to step")


def _of_limits(old: dict[str, int], new: dict[str, int]) -> Iterator[str]:
    for currency in sorted(old.keys() | new.keys()):
        before, after = old.get(currency, "none"), new.get(currency, "none")
        if before != after:
            yield f"typed_limits {currency} {before} > {after}"


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value).lower()


def _wrong(field: str, what: str) -> ProtocolError:
    return ProtocolError("value_out_of_range", f"{field} {what}", field)
