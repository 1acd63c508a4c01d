"""Somebody who sells, and people with terminals who buy, on the live services."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from countersign.demo_billing import buy, publish
from countersign.stage import fill_wallet
from protocol.billing import Operation
from protocol.content import Release
from protocol.ed25519 import SigningKey
from terminal.adding import add_device
from terminal.client import Client
from terminal.downloading import download
from terminal.home import Home
from terminal.manager import BillingManager
from terminal.resource import BillingRequest, Manager, ResourceInterface
from tests.e2e.live import Live
from tests.e2e.party import Party

CONTENT = b"What has to be paid for. " * 4000


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Device:
    """A terminal of somebody, in the test's own process.

    Attributes:
        party: Whose.
        home: Its folder.
    """

    party: Party
    home: Home

    @classmethod
    def add(cls, party: Party, folder: Path) -> "Device":
        code = party.post("/devices/codes", {})["code"]
        home = Home(folder)
        add_device(home, origin=party.origin, code=code, name=folder.name)
        return cls(party, home)

    @property
    def manager(self) -> BillingManager:
        home = self.home
        return BillingManager(keys=home.keys(), pins=home.pins(), client=home.client())

    def interface(
        self, file: Path, manager: Manager | None = None, client: Client | None = None
    ) -> ResourceInterface:
        trust = self.home.trust()
        return ResourceInterface(
            file,
            trust=replace(trust, client=client) if client else trust,
            manager=manager or self.manager,
            clock=utc_now,
        )

    def use(self, file: Path, operation: Operation | None = None) -> bytes:
        with self.interface(file).operate(operation) as opened:
            return b"".join(opened.content)


@dataclass
class Listening:
    """A billing manager that also notes what it is asked, and what it answers.

    Attributes:
        true: The real one, if any.
        code: What it answers by itself.
    """

    true: Manager | None = None
    code: str = "allowed"
    asked: list[BillingRequest] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)

    def authorize(self, request: BillingRequest) -> str:
        self.asked.append(request)
        code = self.true.authorize(request) if self.true else self.code
        self.codes.append(code)
        return code

    def open_key(self, release: Release, sealed: bytes) -> bytes:
        key = self.true.open_key(release, sealed) if self.true else bytes(32)
        self.keys.append(key)
        return key


@dataclass
class Market:
    """Dana sells one thing; Anna may pay for it, Ben does not.

    Attributes:
        live: The services.
        folder: Where files and terminals are.
        kind: What it is.
    """

    live: Live
    folder: Path
    kind: str = "music"

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)

    @cached_property
    def dana(self) -> Party:
        return self.live.party("Dana Records")

    @cached_property
    def anna(self) -> Device:
        device = Device.add(self.live.party("Anna Buyer"), self.folder / "anna")
        fill_wallet(device.party.person, 10_000)
        return device

    def sell(self) -> None:
        """Have Anna buy it."""
        buy(self.anna.party.person, self.resource)

    def beside(self, folder: Path, kind: str) -> "Market":
        """Return one for something else, with the same people and their devices."""
        other = Market(self.live, folder, kind)
        vars(other).update(anna=self.anna, ben=self.ben)
        return other

    @cached_property
    def ben(self) -> Device:
        return Device.add(self.live.party("Ben Copier"), self.folder / "ben")

    @cached_property
    def resource(self) -> dict[str, Any]:
        return publish(self.dana.person, self.kind, f"Some {self.kind}", "some.bin", CONTENT)

    @cached_property
    def file(self) -> Path:
        """The file, downloaded by Ben, who has not paid: anybody may have it."""
        path = self.folder / "some.csres"
        key: SigningKey = self.ben.home.keys().signing
        download(self.ben.home.client(), key, self.resource["id"], path)
        return path

    def audited(self, action: str, code: str = "") -> list[tuple[str, str]]:
        """Return actor and subject of what was recorded, newest first."""
        rows = self.live.rows(
            "platform",
            "SELECT actor, subject FROM audit_auditrow WHERE action = ? AND code = ?"
            " ORDER BY id DESC",
            action,
            code,
        )
        return [(str(actor), str(subject)) for actor, subject in rows]

    def request_to(self, path: str) -> dict[str, Any]:
        """Return the JSON of the newest request to an API path, as it went over the wire."""
        head = f"POST /api/v1{path} ".encode()
        # Of one connection the newest is the last; each test makes its own connection.
        for seen in reversed(self.live.front.seen):
            start = bytes(seen).rfind(head)
            if start >= 0:
                body = bytes(seen)[start:].partition(b"\r\n\r\n")[2]
                return dict(json.JSONDecoder().raw_decode(body.decode("latin-1"))[0])
        raise AssertionError(path)
