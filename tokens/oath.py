"""Challenge-less cards: HOTP (RFC 4226) and TOTP (RFC 6238); pyotp does HMAC and truncation."""

import base64
import re
from dataclasses import dataclass
from typing import Self

import pyotp

from tokens.errors import SeedInvalidError, SuiteInvalidError
from tokens.fields import number_field
from tokens.suite import SEED_OCTETS, Hash

# pyotp refuses shorter secrets (NIST SP 800-63B); tokens bought years ago may have them.
PYOTP_MIN_SEED_OCTETS = 14
MAX_TIME_STEP_SECONDS = 3600

_SUITE = re.compile(
    r"(?P<family>HOTP|TOTP):(?P<hash>SHA1|SHA256|SHA512)-(?P<digits>[6-9])"
    r"(?::T(?P<step>[1-9][0-9]{0,3}))?"
)


@dataclass(frozen=True, slots=True)
class _Card:
    """A card that is asked nothing: it shows a code, and its counter or its clock goes on.

    Attributes:
        hash: Hash function of the HMAC.
        digits: Length of a response, 6 to 9.
    """

    hash: Hash
    digits: int

    @property
    def seed_octets(self) -> int:
        """Length of a seed that is made for this suite."""
        return SEED_OCTETS

    @property
    def has_question(self) -> bool:
        """Whether it answers a question, which is bound to a statement: never."""
        return False

    @property
    def question_length(self) -> int:
        """No question is hashed."""
        return 0

    @property
    def sight(self) -> int:
        """What the holder sees of a statement: nothing."""
        return 0

    @property
    def is_weak_hash(self) -> bool:
        """Whether the suite rests on SHA-1: still accepted, but shown to the operator."""
        return self.hash is Hash.SHA1

    def enrolment_problem(self) -> str | None:
        """Say why a token with this suite may not be enrolled: ``parse`` has refused it."""
        return None


@dataclass(frozen=True, slots=True)
class HOTPSuite(_Card):
    """A card that counts, such as ``HOTP:SHA1-6``; the name is ours."""

    @property
    def counter(self) -> bool:
        """Whether a counter is hashed."""
        return True

    @property
    def time_step_seconds(self) -> int | None:
        """No time is hashed."""
        return None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a suite.

        Raises:
            SuiteInvalidError: ``text`` is none.
        """
        fields = _SUITE.fullmatch(text)
        if fields is None or fields["family"] != "HOTP" or fields["step"]:
            raise SuiteInvalidError(
                "a suite of HOTP is HOTP:SHA1-t, HOTP:SHA256-t or HOTP:SHA512-t, with t = 6 to 9"
            )
        return cls(Hash(fields["hash"].lower()), int(fields["digits"]))

    def __str__(self) -> str:
        """Return the text that ``parse`` reads back."""
        return f"HOTP:{self.hash.upper()}-{self.digits}"


@dataclass(frozen=True, slots=True)
class TOTPSuite(_Card):
    """A card with a clock, such as ``TOTP:SHA1-6:T30``; the name is ours.

    Attributes:
        time_step_seconds: Length of a time step, 1 to 3600.
    """

    time_step_seconds: int

    @property
    def counter(self) -> bool:
        """Whether a counter is hashed."""
        return False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a suite.

        Raises:
            SuiteInvalidError: ``text`` is none.
        """
        fields = _SUITE.fullmatch(text)
        step = int(fields["step"] or 0) if fields else 0
        if fields is None or fields["family"] != "TOTP" or not 0 < step <= MAX_TIME_STEP_SECONDS:
            raise SuiteInvalidError(
                "a suite of TOTP is TOTP:SHA1-t:Tn, TOTP:SHA256-t:Tn or TOTP:SHA512-t:Tn,"
                f" with t = 6 to 9 and time steps of n = 1 to {MAX_TIME_STEP_SECONDS} seconds"
            )
        return cls(Hash(fields["hash"].lower()), int(fields["digits"]), step)

    def __str__(self) -> str:
        """Return the text that ``parse`` reads back."""
        return f"TOTP:{self.hash.upper()}-{self.digits}:T{self.time_step_seconds}"


def compute(
    suite: HOTPSuite | TOTPSuite,
    seed: bytes,
    *,
    counter: int | None = None,
    time_step: int | None = None,
) -> str:
    """Compute what a card shows.

    Args:
        suite: The card's suite.
        seed: The shared secret, at least 1 octet.
        counter: 0 to 2^64-1, for HOTP.
        time_step: Whole time steps since 1970-01-01T00:00Z, for TOTP.

    Returns:
        ``suite.digits`` ASCII digits.

    Raises:
        SeedInvalidError: the seed is empty.
        DataInputError: an input is missing, superfluous or out of range.

    Source:
        RFC 4226 section 5; RFC 6238 section 4.

    >>> compute(HOTPSuite.parse("HOTP:SHA1-6"), b"12345678901234567890", counter=0)
    '755224'
    >>> compute(TOTPSuite.parse("TOTP:SHA1-8:T30"), b"12345678901234567890", time_step=1)
    '94287082'
    """
    is_timed = suite.time_step_seconds is not None
    moving = number_field("counter", counter, used=suite.counter)
    moving += number_field("time step", time_step, used=is_timed)
    # Not pyotp.TOTP, which refuses time steps over two minutes.
    return hotp(suite.hash, seed, int.from_bytes(moving), suite.digits)


def hotp(algorithm: Hash, seed: bytes, message: int, digits: int) -> str:
    """Compute HOTP over a message that is given as a number.

    Args:
        algorithm: Hash function of the HMAC.
        seed: The shared secret, at least 1 octet.
        message: Its octets are hashed, big-endian: eight of them, or as many as it needs.
        digits: Length of the response, 1 to 10.

    Raises:
        SeedInvalidError: the seed is empty.

    Source:
        RFC 4226 section 5.3.
    """
    if not seed:
        raise SeedInvalidError("the seed is empty")
    # HMAC itself fills a short key up with zero octets, so these change no response.
    secret = base64.b32encode(seed.ljust(PYOTP_MIN_SEED_OCTETS, b"\0")).decode("ascii")
    # pyotp knows 6 to 10 digits.  A shorter code is the end of the longest: x mod 10^n.
    otp = pyotp.OTP(secret, digits=10, digest=algorithm)
    return otp.generate_otp(message)[-digits:]
