"""A platform that binds phones, in the test's own process, as its terminals meet it."""

import io
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from protocol.binding import ChipProof, Permit
from protocol.binding import Purpose as Use
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from protocol.keys import Purpose
from terminal.binding.acquisition import Acquisition
from terminal.binding.binding_request import BindingRequests
from terminal.binding.messages import Messages
from terminal.binding.peers import Peers
from terminal.binding.phone import BoundPhone
from terminal.binding.platform import Platform
from terminal.binding.verification import Verification
from terminal.chip import Chip
from terminal.errors import TerminalError
from terminal.keys import DeviceKeys
from terminal.pins import Pins
from terminal.sim import Sim
from terminal.trust import Trust
from tests.terminal.shop import NOW, ORIGIN, PLATFORM_ID, certificate
from tests.terminal.unconnected import UnconnectedClient

ANNA, BEN = "+46701740605", "+46701740606"


@dataclass
class Telecom:
    """The platform.

    Attributes:
        asked: Path and body of each call.
        proofs: Every chip proof that came, opened.
        spoil: Changes a permit before it is signed.
        refusal: What it refuses permits with, when that is not empty.
        mail: Messages by the number they go to.
    """

    root: SigningKey = field(default_factory=SigningKey.generate)
    key: SigningKey = field(default_factory=SigningKey.generate)
    signer: SigningKey | None = None
    now: datetime = NOW
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    proofs: list[ChipProof] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    spoil: Callable[[Permit], Permit] = lambda permit: permit
    shown: bytes | None = None
    refusal: str = ""
    chips: dict[str, Chip] = field(default_factory=dict)
    devices: dict[str, bytes] = field(default_factory=dict)
    mail: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    standing: list[dict[str, Any]] = field(default_factory=list)

    def phone(self, folder: Path, number: str) -> BoundPhone:
        """Return a phone with chip and SIM, in a folder of its own."""
        folder.mkdir()
        keys = DeviceKeys.generate()
        hardware = Acquisition(Chip.make(folder / "chip.json"), Sim(folder / "sim.json"))
        hardware.sim.insert(number)
        self.chips[number] = hardware.chip
        self.devices[hardware.chip.serial] = keys.thumbprint
        client = ClientOfTelecom(self, number)
        platform = Platform(client, keys)
        certificates = (certificate(self.root, self.key, Purpose.PERMIT, self.now),)
        pins = Pins(
            ORIGIN, PLATFORM_ID, self.root.public, certificates, number, "00" * 8, keys.thumbprint
        )
        verification = Verification(
            platform, Trust(pins, client), hardware, clock=lambda: self.now
        )
        messages = Messages(platform, hardware, verification, Peers(folder / "peers.json"))
        requests = BindingRequests(platform, hardware)
        return BoundPhone(platform, hardware, requests, verification, messages)

    def answer(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> Any:
        self.asked.append((path, body))
        self.headers.append(dict(headers))
        if "chip_proof" in body:
            signed = from_base64(body["chip_proof"])
            chip = next(c for c in self.chips.values() if c.serial == body["chip_serial"])
            key = from_base64(chip.listing.split(",")[2])
            self.proofs.append(ChipProof.open(signed, key=key))
        name = path.removeprefix("/binding/").split("/")[-1]
        return getattr(self, f"_{name}")(body)

    def _challenges(self, body: dict[str, Any]) -> dict[str, str]:
        return {"nonce": to_base64(secrets.token_bytes(16))}

    def _register(self, body: dict[str, Any]) -> dict[str, Any]:
        sends = body["proof"] == "from_phone"
        return {
            "binding": "00112233aabbccdd",
            "state": "pending_proof",
            "send_to": "+12025550100" if sends else None,
            "text": "CS ABC" if sends else None,
        }

    def _proof(self, body: dict[str, Any]) -> dict[str, str]:
        return {"state": "bound"}

    def _approve(self, body: dict[str, Any]) -> dict[str, str]:
        return {"state": "bound"}

    def _permits(self, body: dict[str, Any]) -> dict[str, str]:
        if self.refusal:
            raise TerminalError(self.refusal, "no")
        seconds = int(self.now.timestamp())
        permit = Permit(
            permit=secrets.token_bytes(16),
            device=self.devices[body["chip_serial"]],
            purpose=Use(body["purpose"]),
            issued=seconds,
            expires=seconds + 60,
        )
        signed = self.spoil(permit).sign(self.signer or self.key)
        return {"permit": to_base64(self.shown or permit.permit), "signed": to_base64(signed)}

    def _peers(self, body: dict[str, Any]) -> dict[str, str]:
        _, _, key, box_key = self.chips[body["number"]].listing.split(",")
        return {"number": body["number"], "chip_key": key, "box_key": box_key}

    def _messages(self, body: dict[str, Any]) -> dict[str, str]:
        self.mail.setdefault(body["to"], []).append(body)
        return {"id": "0011223344556677"}

    def list(self, path: str, number: str) -> Any:
        if path == "/binding":
            return self.standing
        (sender,) = {*self.chips} - {number}
        key = self.chips[sender].listing.split(",")[2]
        mail = [
            {"id": f"{place:02}", "sent_at": "now", "message": each["message"], "chip_key": key}
            for place, each in enumerate(self.mail.get(number, []), start=1)
        ]
        after = int(path.partition("?after=")[2] or 0)
        return mail[after : after + 100]


class ClientOfTelecom(UnconnectedClient):
    """Reaches the platform without a network."""

    def __init__(self, telecom: Telecom, number: str) -> None:
        super().__init__(ORIGIN, clock=lambda: NOW)
        self.telecom = telecom
        self.number = number

    def reply(
        self, path: str, body: dict[str, Any], key: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self.telecom.answer(path, body, headers)
        return answer

    @contextmanager
    def opened(  # type: ignore[override]  # a file is read as an answer is
        self, path: str, *, key: SigningKey, headers: Mapping[str, str]
    ) -> Iterator[io.BytesIO]:
        yield io.BytesIO(json.dumps(self.telecom.list(path, self.number)).encode())


def changed(**fields: Any) -> Callable[[Permit], Permit]:
    """Return what puts other values into a permit."""
    return lambda permit: replace(permit, **fields)
