"""The billing manager: extracts who uses a resource, and asks the platform for a status code."""

from collections.abc import Mapping
from typing import Protocol

from protocol.content import Release
from protocol.errors import ProtocolError
from protocol.jwk import to_base64
from terminal.client import Client
from terminal.errors import TerminalError
from terminal.keys import DeviceKeys
from terminal.pins import Pins
from terminal.resource import BillingRequest

PERMIT = "Permit"


class Phone(Protocol):
    """What a bound phone adds: its identifiers, read at each use, and leave for one use."""

    def identity(self) -> Mapping[str, str]:
        """Return ``msisdn`` and ``sim`` as they are read now; empty when there are none."""
        ...

    def permit(self, purpose: str) -> str:
        """Return a fresh permit for a purpose.

        Raises:
            TerminalError: why there is none.
        """
        ...


class BillingManager:
    """Asks on behalf of the resources of one terminal, and keeps nothing of what it is told."""

    def __init__(
        self, *, keys: DeviceKeys, pins: Pins, client: Client, phone: Phone | None = None
    ) -> None:
        """Prepare.

        Args:
            keys: Of this device.
            pins: What the device is called, and whose it is.
            client: Calls the platform.
            phone: Where the terminal is a phone with SIM and chip.
        """
        self._keys = keys
        self._pins = pins
        self._client = client
        self._phone = phone

    def authorize(self, request: BillingRequest) -> str:
        """Return the status code for a request of a resource.

        Raises:
            TerminalError: the platform's code, its problem document in ``members``.
        """
        try:
            return self._ask(request, {})
        except TerminalError as error:
            if error.code != "permit_required" or self._phone is None:
                raise
        return self._ask(request, {PERMIT: self._phone.permit("billing")})

    def open_key(self, release: Release, sealed: bytes) -> bytes:
        """Return a content key that was sealed to this device.

        Raises:
            TerminalError: ``sealed_invalid``: it was sealed to another, or for another request.
        """
        try:
            return release.open(sealed, self._keys.box)
        except ProtocolError as error:
            raise TerminalError(error.code, error.detail) from error

    def _ask(self, request: BillingRequest, headers: Mapping[str, str]) -> str:
        identity = dict(self._phone.identity()) if self._phone else {}
        body = {
            "resource_id": request.resource.hex(),
            "resource_version": request.version,
            "resource_build_digest": request.build.hex(),
            "operation": request.operation,
            "rnonce": request.rnonce.hex(),
            "resource_key": to_base64(request.resource_key),
            "identity": {"account": self._pins.account, **identity},
        }
        answer = self._client.call(
            "POST", "/billing/authorize", body, key=self._keys.signing, headers=headers
        )
        code = answer.get("status_code")
        if not isinstance(code, str):
            raise TerminalError("answer_invalid", "the platform gave no status code")
        return code
