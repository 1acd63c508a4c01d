"""A platform that sells resources, in the test's own process, as a terminal meets it."""

import hashlib
import io
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt

from protocol.billing import ALLOWED, BillingVerdict
from protocol.content import Header, Kind, Release, encrypt_file
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.jwk import from_base64, from_jwk, thumbprint, to_base64
from protocol.keys import Directory, KeyCertificate, Purpose, day_of
from protocol.statement import Platform
from terminal.client import Client
from terminal.errors import TerminalError
from terminal.keys import DeviceKeys
from terminal.manager import BillingManager
from terminal.pins import Pins
from terminal.resource import ResourceInterface
from terminal.trust import Trust
from tests.terminal.loopback import Answer, Asked, answering
from tests.terminal.unconnected import UnconnectedClient

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORIGIN = "https://shop.example"
PLATFORM_ID = "shop"
CONTENT = b"la " * 50_000


def certificate(root: SigningKey, key: SigningKey, purpose: Purpose, now: datetime = NOW) -> bytes:
    today = day_of(int(now.timestamp()))
    return KeyCertificate(key.public, purpose, PLATFORM_ID, today - 1, today + 1).sign(root)


@dataclass
class Terminal:
    """A device of somebody, with the platform it was added to."""

    shop: "Shop"
    account: str
    keys: DeviceKeys = field(default_factory=DeviceKeys.generate)

    @property
    def pins(self) -> Pins:
        return Pins(
            self.shop.origin,
            PLATFORM_ID,
            self.shop.root.public,
            (self.shop.certificate,),
            self.account,
            "00" * 8,
            self.keys.thumbprint,
        )

    @property
    def manager(self) -> BillingManager:
        return BillingManager(keys=self.keys, pins=self.pins, client=self.shop.client())

    def interface(self, path: Path, manager: Any = None) -> ResourceInterface:
        return ResourceInterface(
            path,
            trust=Trust(self.pins, self.shop.client()),
            manager=manager or self.manager,
            clock=lambda: NOW,
        )


@dataclass
class Shop:
    """The platform.

    Attributes:
        paid: Accounts that have paid for what it sells.
        asked: Path, asking key, body and headers of each call.
        spoil: Changes a verdict before it is signed.
        signer: Signs verdicts.
    """

    origin: str = ORIGIN
    now: datetime = NOW
    root: SigningKey = field(default_factory=SigningKey.generate)
    billing: SigningKey = field(default_factory=SigningKey.generate)
    paid: set[str] = field(default_factory=set)
    asked: list[tuple[str, bytes, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    spoil: Callable[[BillingVerdict], BillingVerdict] = lambda verdict: verdict
    signer: SigningKey | None = None
    needs_permit: bool = False
    resource: bytes = field(default_factory=lambda: secrets.token_bytes(8))
    content_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    boxes: dict[bytes, bytes] = field(default_factory=dict)
    _codes: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def certificate(self) -> bytes:
        """Of the billing key."""
        return certificate(self.root, self.billing, Purpose.BILLING, self.now)

    def terminal(self, account: str) -> Terminal:
        terminal = Terminal(self, account)
        self.boxes[terminal.keys.thumbprint] = terminal.keys.box_key
        return terminal

    def client(self) -> Client:
        return ClientOfShop(self)

    def pack(self, path: Path, kind: Kind = Kind.MUSIC) -> Path:
        """Write what is sold to a file."""
        path.write_bytes(self.pack_bytes(kind))
        return path

    @cached_property
    def packed(self) -> bytes:
        """The file that is downloaded."""
        return self.pack_bytes(Kind.MUSIC)

    def pack_bytes(self, kind: Kind) -> bytes:
        header = Header(
            resource=self.resource,
            version=1,
            kind=kind,
            title="A song",
            media_type="audio/ogg",
            filename="song.ogg",
            platform=self.origin,
            size=len(CONTENT),
        )
        return b"".join(encrypt_file(io.BytesIO(CONTENT), header, self.content_key))

    def directory(
        self, *billing: SigningKey, number: int = 1, ended: tuple[EndedKey, ...] = ()
    ) -> bytes:
        """Publish these billing keys."""
        own = SigningKey.generate()
        certificates = [certificate(self.root, own, Purpose.DIRECTORY, self.now)]
        certificates += [certificate(self.root, key, Purpose.BILLING, self.now) for key in billing]
        platform = Platform(PLATFORM_ID, "Shop", self.origin)
        seconds = int(self.now.timestamp())
        return Directory(
            platform, number, seconds, self.root.public, tuple(certificates), ended, ()
        ).sign(own)

    def answer_http(self, path: str, body: dict[str, Any], key: bytes, asked: Asked) -> Answer:
        if path == f"/resources/{self.resource.hex()}/file":
            digest = hashlib.sha256(self.packed).hexdigest()
            return Answer(self.packed, 200, {"ETag": f'"{digest}"'})
        if path == "/devices":
            return Answer.of(self._introduce(body, key), 201)
        return Answer.of(self.answer(path, body, key, dict(asked.headers)))

    def _introduce(self, body: dict[str, Any], key: bytes) -> dict[str, Any]:
        self.boxes[thumbprint(key)] = from_base64(body["box_key"])
        return {
            "device": "0011223344556677",
            "account": body["code"],
            "platform": {"id": PLATFORM_ID, "name": "Shop", "origin": self.origin},
            "root": to_base64(self.root.public),
            "certificates": {"billing": to_base64(self.certificate)},
        }

    def answer(
        self, path: str, body: dict[str, Any], key: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        self.asked.append((path, key, body, headers))
        if path == "/billing/authorize":
            return self._authorize(body, headers)
        if path == "/billing/verify":
            return self._verify(body, key)
        raise TerminalError("not_found", "there is nothing here")

    def _authorize(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        if self.needs_permit and "Permit" not in headers:
            raise TerminalError("permit_required", "confirm with your phone")
        if body["identity"]["account"] not in self.paid:
            raise TerminalError(
                "not_paid",
                "you have not paid for this",
                {"price": 499, "currency": "EUR", "order_url": f"{self.origin}/shop/1"},
            )
        code = secrets.token_hex(13)
        self._codes[code] = body
        return {"status_code": code, "expires_at": "2026-11-22T12:01:00Z"}

    def _verify(self, body: dict[str, Any], key: bytes) -> dict[str, Any]:
        asked = self._codes.pop(body["status_code"], None)
        if asked is None or asked["resource_key"] != to_base64(thumbprint(key)):
            raise TerminalError("status_code_invalid", "this code is not valid")
        device = from_base64(body["device"])
        rnonce = bytes.fromhex(body["rnonce"])
        release = Release(self.resource, body["resource_version"], device, rnonce)
        sealed = release.seal(self.content_key, self.boxes[device])
        seconds = int(self.now.timestamp())
        verdict = BillingVerdict(
            ALLOWED,
            self.resource,
            body["resource_version"],
            body["operation"],
            rnonce,
            device,
            hashlib.sha256(sealed).digest(),
            seconds,
            seconds + 60,
        )
        signed = self.spoil(verdict).sign(self.signer or self.billing)
        return {"verdict": to_base64(signed), "content_key": to_base64(sealed)}


class ClientOfShop(UnconnectedClient):
    """Reaches the shop without a network."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(ORIGIN, clock=lambda: NOW)
        self.shop = shop
        self.published = shop.directory(shop.billing)

    def reply(
        self, path: str, body: dict[str, Any], key: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        return self.shop.answer(path, body, key, headers)

    def newer_directory(self, tag: str = "") -> tuple[bytes, str]:
        return self.published, ""


def changed(**fields: Any) -> Callable[[BillingVerdict], BillingVerdict]:
    """Return what puts other values into a verdict."""
    return lambda verdict: replace(verdict, **fields)


@contextmanager
def over_http(shop: Shop) -> Iterator[Shop]:
    """Have a shop answer on loopback, at the time it is."""

    def answer(asked: Asked) -> Answer:
        # Its verdicts are judged by the clock, and hold for a minute.
        shop.now = datetime.now(UTC)
        path = asked.path.removeprefix("/api/v1")
        if path == "/.well-known/countersign/keys":
            return Answer(shop.directory(shop.billing))
        key = from_jwk(jwt.get_unverified_header(asked.headers["DPoP"])["jwk"])
        body = json.loads(asked.body or b"{}")
        try:
            return shop.answer_http(path, body, key, asked)
        except TerminalError as error:
            return Answer.problem(403, error.code, **{"detail": str(error), **error.members})

    with answering(answer) as origin:
        shop.origin, shop.now = origin, datetime.now(UTC)
        yield shop
