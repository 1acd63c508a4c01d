"""Algorithm profiles of PSKC, and the suites that they mean."""

import re
from dataclasses import dataclass
from datetime import datetime

from tokens.batches_entry import Entry
from tokens.errors import BatchError, BatchProblem
from tokens.gmt0021 import GMT0021Suite
from tokens.oath import HOTPSuite, TOTPSuite
from tokens.pskc import Key
from tokens.suites import Suite

_URN = "urn:ietf:params:xml:ns:keyprov:pskc:"
HOTP, TOTP, OCRA = _URN + "hotp", _URN + "totp", _URN + "ocra"
# Of no registry, since GM/T 0021 has no profile in PSKC.
GMT0021 = "urn:countersign:pskc:gmt0021"
# Profiles whose suite is the whole story.
_BY_SUITE = {OCRA: "OCRA-1:", GMT0021: "GMT0021:"}
_HASH = re.compile(r"(?:HMAC-?)?SHA-?(1|256|512)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a document says of a key's algorithm.

    Attributes:
        algorithm: URI of the profile.
        suite: Its suite; empty for none.
        time_interval: Seconds of a time step, where it is not in the suite.
    """

    algorithm: str
    suite: str = ""
    time_interval: int | None = None


def profile_of(suite: Suite) -> Profile:
    """Return how a suite is written down; what :func:`entry_of` reads back."""
    match suite:
        case HOTPSuite():
            return Profile(HOTP, f"HMAC-{suite.hash.upper()}")
        case TOTPSuite():
            return Profile(TOTP, f"HMAC-{suite.hash.upper()}", suite.time_step_seconds)
        case GMT0021Suite():
            return Profile(GMT0021, str(suite))
        case _:
            return Profile(OCRA, str(suite))


def entry_of(key: Key, now: datetime) -> Entry:
    """Return the token that a key belongs to.

    Args:
        key: A key; its serial is that of the device, or else its own id.
        now: Current time.

    Raises:
        BatchError: the key's own problem, ``kind_unsupported``, ``suite_refused``,
            ``value_invalid``, ``time_refused`` or ``policy_refused``.
    """
    if key.problem is not None:
        raise key.problem
    if key.restriction:
        raise BatchError(BatchProblem.POLICY_REFUSED, f"The key is not for us: {key.restriction}.")
    if key.starts_at is not None and key.starts_at > now:
        raise BatchError(BatchProblem.POLICY_REFUSED, "The key may not be used yet.")
    if key.time_offset:
        raise BatchError(BatchProblem.TIME_REFUSED, "The token does not count time from 1970.")
    return Entry(
        place=key.place,
        serial=key.serial or key.id,
        suite=_suite(key),
        seed=key.secret or b"",
        counter=key.counter,
        drift=key.time_drift or 0,
        expires_at=key.expires_at,
    )


def _suite(key: Key) -> str:
    if key.has_check_digit or key.response_encoding not in ("", "DECIMAL"):
        raise BatchError(BatchProblem.KIND_UNSUPPORTED, "Responses are not decimal digits alone.")
    if key.algorithm in _BY_SUITE:
        return _named(key)
    if key.algorithm not in (HOTP, TOTP):
        raise BatchError(
            BatchProblem.KIND_UNSUPPORTED, "The algorithm is not HOTP, TOTP, OCRA or GM/T 0021."
        )
    found = _HASH.fullmatch(key.suite or "SHA1")
    if found is None:
        raise BatchError(BatchProblem.SUITE_REFUSED, "The suite names no hash function we know.")
    if key.response_length is None:
        raise BatchError(BatchProblem.VALUE_INVALID, "The length of a response is not said.")
    function = f"SHA{found[1]}-{key.response_length}"
    if key.algorithm == HOTP:
        return f"HOTP:{function}"
    if key.time_interval is None:
        raise BatchError(BatchProblem.VALUE_INVALID, "The length of a time step is not said.")
    return f"TOTP:{function}:T{key.time_interval}"


def _named(key: Key) -> str:
    """Return the suite that the document names, where nothing else in it says otherwise."""
    if not key.suite.startswith(_BY_SUITE[key.algorithm]):
        raise BatchError(BatchProblem.SUITE_REFUSED, "The suite is not one of its algorithm.")
    digits = re.match(r"[^:]*:[^:]*-([0-9]+):", key.suite)
    if key.response_length is not None and digits and int(digits[1]) != key.response_length:
        raise BatchError(
            BatchProblem.SUITE_REFUSED,
            f"Responses have {key.response_length} digits by the file, {digits[1]} by the suite.",
        )
    return key.suite
