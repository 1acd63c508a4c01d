"""Find binary ids by the beginning of their hex, with the index that they have anyway."""

# Fewer digits begin too many ids to be of use.
MIN_DIGITS = 4


def id_range(text: str, octets: int) -> tuple[bytes, bytes] | None:
    r"""Return the least and the greatest id whose hex begins with these digits.

    Args:
        text: Hexadecimal digits, at least four.
        octets: Length of the ids.

    Returns:
        Both ends, to be looked for with ``range``; ``None`` when no id begins so.

    >>> id_range("4711", 4)
    (b'G\x11\x00\x00', b'G\x11\xff\xff')
    >>> id_range("471", 4), id_range("gold", 4), id_range("0123456789", 4)
    (None, None, None)
    """
    digits = 2 * octets
    if not MIN_DIGITS <= len(text) <= digits or set(text) - set("0123456789abcdefABCDEF"):
        return None
    return bytes.fromhex(text.ljust(digits, "0")), bytes.fromhex(text.ljust(digits, "f"))
