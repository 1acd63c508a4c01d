"""The messages of section 21 as vectors, and faults in them; written by make_vectors."""

from collections.abc import Callable, Iterator
from typing import Any

from protocol import cbor, cose
from protocol.charge import Side
from protocol.ed25519 import SigningKey
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Money,
    OneWayCode,
    Outcome,
    Result,
    Serial,
    ToBeSigned,
    digest_of,
)
from tests.protocol.world import NOON, some_bytes

CLIENT_KEY = SigningKey.from_bytes(some_bytes("client without a network", 32))
OFFLINE_KEY = SigningKey.from_bytes(some_bytes("offline key", 32))
SERIAL = Serial(some_bytes("client", 4), 7, some_bytes("drawn", 8))
SERVICE, DEVICE = some_bytes("service", 8), some_bytes("device", 8)
MONEY = Money(450, "EUR")
APPLICATION = Application(SERIAL, SERVICE, MONEY, Level.ORDINARY, NOON)
TBS = ToBeSigned(
    serial=SERIAL,
    service=SERVICE,
    money=MONEY,
    level=Level.HIGH,
    time=NOON,
    subject=None,
    device=DEVICE,
    title="Corner shop",
    payee=Side("883101471100", "Dana Shops"),
    nonce=some_bytes("nonce of a tbs", 16),
    issued=NOON + 1,
    expires=NOON + 91,
)
COUNTERSIGN = Countersign(digest_of(TBS.sign(OFFLINE_KEY)))
RESULT = Result(
    SERIAL,
    DEVICE,
    SERVICE,
    Outcome.APPROVED,
    "approved",
    MONEY,
    NOON + 5,
    receipt=some_bytes("receipt", 8),
)
CODE = OneWayCode(SERIAL, MONEY, NOON)
WORKED: dict[str, tuple[Any, SigningKey]] = {
    "application": (APPLICATION, CLIENT_KEY),
    "tbs": (TBS, OFFLINE_KEY),
    "countersign": (COUNTERSIGN, CLIENT_KEY),
    "result": (RESULT, OFFLINE_KEY),
    "code": (CODE, CLIENT_KEY),
}


def reader(kind: Any) -> Callable[[bytes], object]:
    """Return what reads a message of a kind."""
    return lambda data: kind.from_signed(cose.parse(data))


READERS = {f"offline_{name}": reader(type(message)) for name, (message, _) in WORKED.items()}
# Of which message, which part (0 is the version), what instead, refused with which code.
FAULTS: dict[str, tuple[str, int, object, str]] = {
    "version_2": ("application", 0, 2, "version_unknown"),
    "serial_15_bytes": ("application", 1, bytes(15), "value_out_of_range"),
    "serial_with_counter_0": ("application", 1, bytes(16), "value_out_of_range"),
    "amount_0": ("application", 3, [0, "EUR"], "value_out_of_range"),
    "currency_unknown": ("application", 3, [1, "XXY"], "currency_unknown"),
    "money_of_three_parts": ("application", 3, [1, "EUR", None], "type_wrong"),
    "level_3": ("application", 4, 3, "value_out_of_range"),
    "subject_7_bytes": ("application", 6, bytes(7), "value_out_of_range"),
    "title_61_bytes": ("tbs", 8, "x" * 61, "text_too_long"),
    "payee_of_one_part": ("tbs", 9, ["883101471100"], "type_wrong"),
    "expired_when_issued": ("tbs", 12, NOON + 1, "value_out_of_range"),
    "digest_31_bytes": ("countersign", 1, bytes(31), "value_out_of_range"),
    "response_65_letters": ("countersign", 2, "1" * 65, "text_too_long"),
    "approved_with_another_code": ("result", 5, "limit_exceeded", "value_out_of_range"),
    "rejected_as_approved": ("result", 4, 2, "value_out_of_range"),
    "receipt_9_bytes": ("result", 8, bytes(9), "value_out_of_range"),
    "without_amount": ("code", 2, None, "type_wrong"),
}


def offline_messages(
    diagnostic: Callable[[Any], str], fault: Callable[[str, str, bytes, str], dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each message, and each fault in one that was signed all the same."""
    for name, (message, key) in WORKED.items():
        signed = message.sign(key)
        yield (
            f"offline_{name}",
            {
                "about": f"Without a network: {name}.",
                "reads": f"offline_{name}",
                "hex": signed.hex(),
                "diagnostic": diagnostic(cbor.decode(cose.parse(signed).payload)),
                "public_key": key.public.hex(),
            },
        )
    for what, (name, place, value, code) in FAULTS.items():
        message, key = WORKED[name]
        parts = cbor.decode(cose.parse(message.sign(key)).payload)
        parts[place] = value
        given = cose.sign(key, message.TYP, cbor.encode(parts))
        words = f"{name} {what}".replace("_", " ")
        yield f"offline_{name}_{what}", fault(f"offline_{name}", words, given, code)
    message, key = WORKED["tbs"]
    other = cose.sign(key, RESULT.TYP, cose.parse(message.sign(key)).payload)
    yield "offline_tbs_typ_result", fault("offline_tbs", "typ of a result", other, "typ_wrong")
