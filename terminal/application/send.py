"""The send module: requests go by the network, or by one SMS."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from protocol.files import replace_file
from protocol.jwk import to_base64
from terminal.application.receive import Result, check_request_id
from terminal.binding.platform import Platform
from terminal.errors import TerminalError
from terminal.sim import Sim

if TYPE_CHECKING:
    from terminal.manager import Phone
    from terminal.sdk import SealedRequest

_VERSION = 1


def send_by_network(
    platform: Platform, request: "SealedRequest", phone: "Phone | None" = None
) -> Result:
    """Send a request to the platform, and return how it stands.

    Args:
        platform: Who bills.
        request: Of the SDK.
        phone: Gets a permit, where the policy asks for one.

    Raises:
        TerminalError: the platform's code, or ``answer_invalid``.
    """
    body = {
        "version": _VERSION,
        "package": request.package.hex(),
        "sealed": to_base64(request.sealed),
    }
    try:
        return Result.read(platform.ask("/billing/request", body))
    except TerminalError as error:
        if error.code != "permit_required" or phone is None:
            raise
    return Result.read(platform.ask("/billing/request", body, Permit=phone.permit("billing")))


def send_proof(platform: Platform, request: str, way: str, **answer: str) -> Result:
    """Prove a request that waits, and return how it stands then.

    Args:
        platform: Who judges.
        request: Its id.
        way: As the last part of the address has it, such as ``sms-code``.
        answer: The proof, by the name that the platform gives it.

    Raises:
        TerminalError: the platform's code, ``request_unknown``, or ``answer_invalid``.
    """
    check_request_id(request)
    return Result.read(platform.ask(f"/billing/requests/{request}/{way}", answer))


@dataclass(frozen=True, slots=True)
class Outbox:
    """Where the simulated SIM puts what it sends: a file for each SMS, the owner's alone.

    Each holds ``{"from", "text"}``, as the platform's webhook for incoming SMS takes it.

    Attributes:
        folder: Holds them.
        sim: The card that sends.
    """

    folder: Path
    sim: Sim

    def send(self, request: "SealedRequest") -> Path:
        """Send a request as an SMS; the number is that of the SIM that is in the phone now.

        Raises:
            TerminalError: ``no_sim``, ``sim_unusable``, or ``folder_unusable``.
        """
        sms = {"from": self.sim.read().number, "text": request.text}
        path = self.folder / f"{secrets.token_hex(8)}.json"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, json.dumps(sms).encode())
        except OSError as error:
            raise TerminalError("folder_unusable", f"{self.folder} cannot be written") from error
        return path
