"""Devices of these tests' people: keys as the terminal makes them, calling the site's API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from binding.models import Device
from protocol.ed25519 import SigningKey
from protocol.jwk import to_base64
from terminal.dpop import make_proof
from terminal.keys import DeviceKeys
from tests.platform.world import API, Answer, Person, call, now

ORIGIN = "http://localhost:8000"


def proof(
    key: SigningKey, method: str, path: str, body: bytes = b"", *, at: datetime | None = None
) -> str:
    """A proof of possession for one call of the API."""
    return make_proof(key, method, ORIGIN + API + path, body, now=at or now())


def prove(
    key: SigningKey,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Call the API as the holder of a key."""
    raw = b"" if body is None else json.dumps(body).encode()
    proved = {"DPoP": proof(key, method, path, raw), **(headers or {})}
    return call(method, path, raw, headers=proved)


@dataclass
class Gadget:
    """A device, registered or not."""

    keys: DeviceKeys = field(default_factory=DeviceKeys.generate)

    @classmethod
    def of(cls, person: Person, name: str = "Desk") -> "Gadget":
        """Make one and add it."""
        gadget = cls()
        answer = gadget.add(person.post("/devices/codes")["code"], name)
        assert answer.status == 201, answer
        return gadget

    def add(self, code: str, name: str = "Desk", **changes: Any) -> Answer:
        """Ask the platform to add it."""
        body = {"code": code, "name": name, "box_key": to_base64(self.keys.box_key), **changes}
        return self.call("POST", "/devices", body)

    def call(self, method: str, path: str, body: object = None, **options: Any) -> Answer:
        """Call the API with a proof by the device's key."""
        return prove(self.keys.signing, method, path, body, **options)

    @property
    def row(self) -> Device:
        """Its row."""
        return Device.objects.get(thumbprint=self.keys.thumbprint)
