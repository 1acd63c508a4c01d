"""Adding this terminal to an account, with a code that its holder got there."""

from collections.abc import Mapping
from typing import Any

from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from terminal.client import Client
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.keys import DeviceKeys
from terminal.pins import Pins


def add_device(home: Home, *, origin: str, code: str, name: str) -> Pins:
    """Make keys, register them, and pin the platform's root.

    Args:
        home: Where it is kept.
        origin: The platform.
        code: As its page shows it, used once.
        name: What the holder calls this device.

    Raises:
        TerminalError: the platform's code, as every call, or ``device_exists``.
    """
    if home.pins_file.exists():
        raise TerminalError("device_exists", "this terminal is a device of an account already")
    home.make()
    # New ones at every try: an earlier one may have reached the platform, its answer lost.
    keys = DeviceKeys.generate()
    keys.save(home.keys_file)
    client = Client(origin, ca_file=home.ca_file)
    body = {"code": code, "name": name, "box_key": to_base64(keys.box_key)}
    answer = client.call("POST", "/devices", body, key=keys.signing)
    pins = _read(answer, keys)
    if pins.origin != origin:
        # What it signs and links to would be refused from here on.
        raise TerminalError("origin_wrong", f"the platform calls itself {pins.origin}")
    pins.check_certificates()
    pins.save(home.pins_file)
    return pins


def _read(answer: Mapping[str, Any], keys: DeviceKeys) -> Pins:
    try:
        return Pins(
            origin=answer["platform"]["origin"],
            platform=answer["platform"]["id"],
            root=from_base64(answer["root"]),
            certificates=tuple(map(from_base64, answer["certificates"].values())),
            account=answer["account"],
            device=answer["device"],
            thumbprint=keys.thumbprint,
        )
    except (KeyError, TypeError, AttributeError, ProtocolError) as error:
        raise TerminalError(
            "answer_invalid", "the platform does not answer as it should"
        ) from error
