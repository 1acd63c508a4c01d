"""What the data inputs of all suites are made of."""

from tokens.errors import DataInputError


def number_field(name: str, value: int | None, *, used: bool, octets: int = 8) -> bytes:
    """Lay out a counter or a number of time steps: unsigned, big-endian; empty when not used.

    Raises:
        DataInputError: it is missing, superfluous or out of range.
    """
    check_presence(name, used=used, given=value is not None)
    if value is None:
        return b""
    bits = 8 * octets
    if not 0 <= value < 2**bits:
        raise DataInputError(f"the {name} is not between 0 and 2^{bits}-1")
    return value.to_bytes(octets)


def check_presence(name: str, *, used: bool, given: bool) -> None:
    """Refuse an input that is missing, or that silently would not be hashed.

    Raises:
        DataInputError: as said.
    """
    if used and not given:
        raise DataInputError(f"the suite needs a {name}")
    if given and not used:
        raise DataInputError(f"the suite takes no {name}")
