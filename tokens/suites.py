"""The suites of all families, and how to read any of them.

All of them have ``digits``, ``counter``, ``time_step_seconds``, ``has_question``,
``question_length``, ``seed_octets``, ``sight``, ``is_weak_hash`` and ``enrolment_problem()``, and
print as the text that they were read from.
"""

from typing import TypeAlias

from tokens.errors import SuiteInvalidError
from tokens.gmt0021 import GMT0021Suite
from tokens.oath import HOTPSuite, TOTPSuite
from tokens.suite import OCRASuite

Suite: TypeAlias = OCRASuite | GMT0021Suite | HOTPSuite | TOTPSuite

_FAMILIES: dict[str, type[Suite]] = {
    "OCRA-1": OCRASuite,
    "GMT0021": GMT0021Suite,
    "GMT0021-2023": GMT0021Suite,
    "HOTP": HOTPSuite,
    "TOTP": TOTPSuite,
}


def parse_suite(text: str) -> Suite:
    """Read a suite of any family.

    Raises:
        SuiteInvalidError: ``text`` is no suite; the message says what is wrong.

    >>> str(parse_suite("GMT0021:SM3-8:T60-Q64"))
    'GMT0021:SM3-8:T60-Q64'
    """
    family = _FAMILIES.get(text.partition(":")[0])
    if family is None:
        raise SuiteInvalidError("a suite begins with OCRA-1:, GMT0021:, HOTP: or TOTP:")
    return family.parse(text)
