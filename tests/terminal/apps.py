"""Applications as a platform would pack them, and a terminal that installs and starts them."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import urllib3
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

import terminal.sdk
from protocol.application import BillingRequest, open_network
from protocol.ed25519 import SigningKey
from protocol.evidence import evidence_key
from protocol.jwk import from_base64, to_base64
from protocol.measuring import BILLING, app_signature, files_of, measure
from protocol.package import BillingFile, Item, Manifest, StoreContent
from protocol.package_file import with_store, write_package
from terminal.application.keystore import DeviceKeystore
from terminal.application.process import Running, install, start
from terminal.chip import Chip
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.keys import DeviceKeys
from terminal.pins import Pins
from tests.terminal.shop import NOW, ORIGIN, PLATFORM_ID
from tests.terminal.unconnected import UnconnectedClient

SDK = Path(terminal.sdk.__file__).parent
PACKAGE = bytes.fromhex("0a1b2c3d")
SWORD = Item(7, "Golden sword", 250)
REQUEST = "00112233aabbccdd"
CONSENT = "Pay 2.50 EUR to Ann's games for Golden sword?"
CLOCK = lambda: NOW  # noqa: E731


@dataclass
class Packer:
    """The key centre of one package, and what packs it."""

    folder: Path
    package: bytes = PACKAGE
    build: int = 3
    first: SigningKey = field(default_factory=SigningKey.generate)
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    third: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    ours: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)

    def __post_init__(self) -> None:
        (self.folder / "app" / "levels").mkdir(parents=True)
        (self.folder / "app" / "main.py").write_text("print('a game')\n")
        (self.folder / "app" / "levels" / "1.txt").write_bytes(b"#" * 100_000)
        (self.folder / BILLING).write_bytes(self.catalogue.to_bytes())

    @property
    def catalogue(self) -> BillingFile:
        return BillingFile(
            self.package, self.build, "Knights", "Ann's games", "EUR", ORIGIN, (SWORD,)
        )

    @property
    def files(self) -> dict[str, Path]:
        sdk = {path: f for path, f in files_of(SDK, "sdk").items() if path.endswith(".py")}
        return {BILLING: self.folder / BILLING, **sdk, **files_of(self.folder / "app", "app")}

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.package, self.build, measure(self.files))

    @property
    def share(self) -> bytes:
        return self.ours.public_key().public_bytes_raw()

    def common(self, signer: SigningKey | None = None) -> BytesIO:
        """Pack what is the same for every device, with another first key if one is given."""
        key = signer or self.first
        target = BytesIO()
        signature = self.manifest.sign(key)
        write_package(target, signature=signature, first_key=key.public, files=self.files)
        return target

    def content(self) -> StoreContent:
        return StoreContent(
            self.package,
            self.build,
            ORIGIN,
            self.first.public,
            app_signature(self.salt, self.manifest.root),
            self.salt,
            self.third.public_key().public_bytes_raw(),
            self.share,
        )

    def pack(self, keys: DeviceKeys, content: StoreContent | None = None) -> bytes:
        """Pack for one device."""
        sealed = (content or self.content()).seal(keys.box_key, keys.thumbprint)
        return b"".join(with_store(self.common(), sealed)[1])

    def evidence_key(self, keys: DeviceKeys) -> bytes:
        return evidence_key(keys.box.exchange(self.ours.public_key()), self.share, keys.thumbprint)


@dataclass
class Terminal:
    """A device with a security chip, that was added to a platform."""

    folder: Path
    keys: DeviceKeys = field(default_factory=DeviceKeys.generate)
    uid: bytes = bytes(range(8))

    def __post_init__(self) -> None:
        self.home.make()
        self.keys.save(self.home.keys_file)
        Pins(
            ORIGIN,
            PLATFORM_ID,
            SigningKey.generate().public,
            (),
            "8831004711",
            self.uid.hex(),
            self.keys.thumbprint,
        ).save(self.home.pins_file)
        Chip.make(self.folder / "chip.json")

    @property
    def home(self) -> Home:
        return Home(self.folder)

    @property
    def keystore(self) -> DeviceKeystore:
        return DeviceKeystore.of(self.home)

    @property
    def app(self) -> Path:
        return self.folder / "apps" / PACKAGE.hex()

    def install(self, package: bytes) -> None:
        path = self.folder / "it.cspkg"
        path.write_bytes(package)
        install(self.home, path)

    def start(self, clock: Callable[[], datetime] = CLOCK) -> Running:
        return start(self.home, PACKAGE.hex(), clock=clock)


@dataclass
class Biller:
    """A platform that bills, in the test's own process, as terminals meet it.

    Attributes:
        packer: Packs, and reads what is sealed to the third key.
        strategy: How it wants requests confirmed; ``direct_sms`` is captured at once.
        asked: Path and body of each call.
        requests: Every request that came, opened.
        proofs: What is right, by the name of its field.
        refusal: What it refuses requests with, until a permit is shown.
    """

    packer: Packer
    terminal: Terminal
    strategy: str = "payment_password"
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    requests: list[BillingRequest] = field(default_factory=list)
    proofs: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    state: str = "awaiting"
    drawn: int = 0
    package: bytes | None = None
    picture: bytes = b"\x89PNG"
    spoil: dict[str, Any] = field(default_factory=dict)

    @property
    def client(self) -> "ClientOfBiller":
        return ClientOfBiller(self)

    def answer(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> Any:
        self.asked.append((path, body))
        match path.strip("/").split("/"):
            case ["billing", "terminal"]:
                thumbprint = to_base64(self.terminal.keys.thumbprint)
                answer = {"terminal": self.terminal.uid.hex(), "thumbprint": thumbprint}
            case ["billing", "nonces"]:
                answer = self._nonces(body["count"])
            case ["billing", "request"]:
                if self.refusal and "Permit" not in headers:
                    raise TerminalError(self.refusal, "no")
                self._take(body["sealed"])
                answer = self._standing()
            case ["billing", "requests", _]:
                answer = self._standing()
            case ["billing", "requests", _, _]:
                self._prove(body)
                answer = self._standing()
            case _:
                raise AssertionError(path)
        return {**answer, **self.spoil}

    def _nonces(self, count: int) -> dict[str, Any]:
        values = [(self.drawn + each).to_bytes(8, "big").hex() for each in range(count)]
        self.drawn += count
        return {"nonces": values, "expires_at": (NOW + timedelta(days=30)).isoformat()}

    def _take(self, sealed: str) -> None:
        opened = open_network(from_base64(sealed), self.packer.third, self.packer.package)
        self.requests.append(opened)
        if self.strategy == "direct_sms":
            self.state = "captured"

    def _prove(self, body: dict[str, Any]) -> None:
        if "sealed" in body:
            self._take(body["sealed"])
        elif body != self.proofs:
            raise TerminalError(f"{self.strategy}_wrong", "no")
        self.state = "captured"

    def _standing(self) -> dict[str, Any]:
        waits = f"awaiting_{self.strategy}" if self.state == "awaiting" else self.state
        return {
            "request": REQUEST,
            "package": PACKAGE.hex(),
            "state": waits,
            "strategy": self.strategy,
            "item": SWORD.number,
            "consent": CONSENT,
        }


class ClientOfBiller(UnconnectedClient):
    """Reaches the platform without a network."""

    def __init__(self, biller: Biller) -> None:
        super().__init__(ORIGIN, clock=CLOCK)
        self.biller = biller

    def reply(
        self, path: str, body: dict[str, Any], key: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self.biller.answer(path, body, headers)
        return answer

    @contextmanager
    def opened(
        self,
        path: str,
        *,
        key: SigningKey,
        headers: Mapping[str, str],
        method: str = "GET",
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        assert method == "POST"
        biller = self.biller
        content = biller.package or biller.packer.pack(biller.terminal.keys)
        if path.endswith("/captcha/image"):
            content = biller.picture
        yield urllib3.HTTPResponse(BytesIO(content), preload_content=False)
