"""What the units ask of the platform alike, and how they read its answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol.binding import Purpose
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from terminal.binding.acquisition import Acquisition
from terminal.client import Client
from terminal.errors import TerminalError
from terminal.keys import DeviceKeys

# A hundred messages, each as large as any may be.
_MAX_LIST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, repr=False)
class Platform:
    """The platform, as this device calls it.

    Attributes:
        client: Over HTTP.
        keys: Of this device.
    """

    client: Client
    keys: DeviceKeys

    def ask(
        self, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> dict[str, Any]:
        """Post, and return the answer; errors as :meth:`Client.call`."""
        return self.client.call("POST", path, body, key=self.keys.signing, headers=headers)

    def list(self, path: str) -> list[dict[str, Any]]:
        """Get, and return the objects that are answered; errors as :meth:`Client.call`."""
        with self.client.opened(path, key=self.keys.signing, headers={}) as response:
            data = response.read(_MAX_LIST_BYTES + 1)
        try:
            found = json.loads(data) if len(data) <= _MAX_LIST_BYTES else None
        except (ValueError, RecursionError) as error:
            raise _answer_invalid() from error
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise _answer_invalid()
        return found

    def chip_proof(self, acquisition: Acquisition, purpose: Purpose) -> str:
        """Fetch a fresh challenge and have the chip sign it; base64url.

        Raises:
            TerminalError: as :meth:`Client.call` and :meth:`Chip.prove`.
            ProtocolError: the challenge is none.
        """
        nonce = octets(self.ask("/binding/challenges"), "nonce")
        proof = acquisition.chip.prove(
            nonce=nonce, purpose=purpose, sim=acquisition.sim, device=self.keys.thumbprint
        )
        return to_base64(proof)


def text(answer: Mapping[str, Any], name: str) -> str:
    """Return a text of an answer.

    Raises:
        TerminalError: ``answer_invalid``.
    """
    value = answer.get(name)
    if not isinstance(value, str):
        raise _answer_invalid()
    return value


def octets(answer: Mapping[str, Any], name: str) -> bytes:
    """Return octets of an answer; errors as :func:`text`."""
    try:
        return from_base64(text(answer, name))
    except ProtocolError as error:
        raise _answer_invalid() from error


def _answer_invalid() -> TerminalError:
    return TerminalError("answer_invalid", "the platform does not answer as it should")
