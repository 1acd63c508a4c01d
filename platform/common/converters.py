"""Ids in addresses: binary, written in hex.  Importing this module registers the converters."""

from django.urls import register_converter


class Hex8:
    """``<hex8:tx>``: 8 bytes in 16 lower-case hexadecimal digits."""

    regex = "[0-9a-f]{16}"

    @staticmethod
    def to_python(value: str) -> bytes:
        """Return the bytes."""
        return bytes.fromhex(value)

    @staticmethod
    def to_url(value: bytes | str) -> str:
        """Return the digits; they may be given as such."""
        return value if isinstance(value, str) else bytes(value).hex()


class Hex4(Hex8):
    """``<hex4:package>``: 4 bytes in 8 lower-case hexadecimal digits."""

    regex = "[0-9a-f]{8}"


class Hex16(Hex8):
    """``<hex16:serial>``: 16 bytes in 32 lower-case hexadecimal digits."""

    regex = "[0-9a-f]{32}"


class Hex32(Hex8):
    """``<hex32:s>``: 32 bytes in 64 lower-case hexadecimal digits."""

    regex = "[0-9a-f]{64}"


register_converter(Hex4, "hex4")
register_converter(Hex8, "hex8")
register_converter(Hex16, "hex16")
register_converter(Hex32, "hex32")
