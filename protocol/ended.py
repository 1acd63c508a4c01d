"""Keys that ended before their last day, and which directory may take another's place.

docs/protocol.md section 9.
"""

from dataclasses import dataclass
from typing import Any, Self

from protocol.errors import ProtocolError
from protocol.fields import ID_BYTES, MAX_TIME, check_bytes, check_list, check_uint

# Code of what can neither be shown nor denied, since a key that signed it got out.
KEY_COMPROMISED = "key_compromised"


@dataclass(frozen=True, slots=True)
class EndedKey:
    """The end of one key: ``[kid, retired-at / null, compromised-at / null]``, never both null.

    Attributes:
        kid: Of a key of the platform or of a host, 8 bytes.
        retired_at: Unix seconds; from then on it signed nothing.
        compromised_at: Unix seconds; from then on somebody else may have signed with it, and
            written any date.
    """

    kid: bytes
    retired_at: int | None
    compromised_at: int | None

    def __post_init__(self) -> None:
        check_bytes("kid", self.kid, ID_BYTES)
        for field, time in (
            ("retired-at", self.retired_at),
            ("compromised-at", self.compromised_at),
        ):
            if time is not None:
                check_uint(field, time, high=MAX_TIME)
        if self.retired_at is None and self.compromised_at is None:
            raise ProtocolError("value_out_of_range", "an ended key has no date", "ended")

    @classmethod
    def from_cbor(cls, value: object) -> Self:
        """Read the array that stands in the directory.

        Raises:
            ProtocolError: whatever rule it breaks.
        """
        return cls(*check_list("ended key", value, 3))

    def to_cbor(self) -> list[Any]:
        """Return the array that stands in the directory."""
        return [self.kid, self.retired_at, self.compromised_at]

    def is_retired(self, at: int) -> bool:
        """Whether it was retired by then."""
        return self.retired_at is not None and self.retired_at <= at

    def is_over(self, at: int) -> bool:
        """Whether it was retired or compromised by then."""
        return self.is_retired(at) or (
            self.compromised_at is not None and self.compromised_at <= at
        )

    def is_kept_by(self, newer: "EndedKey | None") -> bool:
        """Whether a newer entry has what this one says, or an earlier time for it."""
        return newer is not None and all(
            time is None or (new is not None and new <= time)
            for time, new in (
                (self.retired_at, newer.retired_at),
                (self.compromised_at, newer.compromised_at),
            )
        )


@dataclass(frozen=True, slots=True)
class Edition:
    """What a reader remembers of a directory, so that it never goes back behind it.

    Attributes:
        number: Rises with every directory of the platform; 0 is before the first.
        issued: Unix seconds.
        ended: Sorted by kid.
    """

    number: int = 0
    issued: int = 0
    ended: tuple[EndedKey, ...] = ()

    def check_successor(self, newer: "Edition", signed_by: bytes) -> None:
        """Refuse a directory that must not take the place of this one.

        Args:
            newer: Of a directory of the same root.
            signed_by: The kid of the key that signed it.

        Raises:
            ProtocolError: ``directory_outdated`` when it is older; ``value_out_of_range`` when it
                takes back the end of a key, or is another one of the same number;
                ``signature_invalid`` when its signer had ended here.
        """
        if newer.number < self.number or newer.issued < self.issued:
            raise ProtocolError("directory_outdated", "the directory is older than the known one")
        if newer.number == self.number and newer != self:
            raise ProtocolError("value_out_of_range", "two directories have one number")
        known = {key.kid: key for key in newer.ended}
        if not all(key.is_kept_by(known.get(key.kid)) for key in self.ended):
            raise ProtocolError("value_out_of_range", "the directory takes back the end of a key")
        if signed_by in {key.kid for key in self.ended}:
            raise ProtocolError("signature_invalid", "the directory's key has ended")
