"""Applications on the live site, and terminals whose programs say what a test wants them to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from countersign.person import Person
from countersign.stage import PAYMENT_PASSWORD
from protocol.application import BillingRequest, Channel, seal, seal_sms
from protocol.evidence import evidence, evidence_key, sample_ranges
from protocol.jwk import to_base64
from protocol.measuring import BILLING
from protocol.package import BillingFile, Item, Manifest, StoreContent
from protocol.package_file import PackageFile
from protocol.sealing import Sealer
from terminal.application.receive import download
from terminal.errors import TerminalError
from tests.e2e.live import Live
from tests.e2e.party import Answer, Party
from tests.e2e.phones import Handset

SWORD, SHIELD, POTION, MAP, CASTLE = range(1, 6)
PRICES = """number,title,amount
1,Golden sword,2.50
2,Silver shield,1.20
3,Healing potion,0.30
4,Map,0.80
5,Castle,9.90
"""
FILES = {
    "index.html": "<!doctype html>\n<title>Dungeon</title>\n<p>You stand before a door.\n",
    "game/rooms.json": '{"door": ["hall"], "hall": ["door", "cellar"]}',
    "game/story.txt": "A door. A hall. A cellar. " * 200,
}


@dataclass(frozen=True)
class Application:
    """One application of somebody's, with its newest build.

    Attributes:
        live: The services.
        folder: Where its files are, and what is downloaded.
        id: Public, 8 hex digits.
    """

    live: Live
    folder: Path
    id: str

    @classmethod
    def build(cls, live: Live, developer: Party, folder: Path, title: str) -> "Application":
        """Have a new application built of a few files."""
        for name, content in FILES.items():
            path = folder / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        (folder / "prices.csv").write_text(PRICES, "utf-8")
        said = live.manage(
            *("build_package", str(folder / "source"), "--prices", str(folder / "prices.csv")),
            *("--developer", developer.account, "--title", title),
        )
        return cls(live, folder, said.split()[-1])

    def packed_for(self, handset: Handset) -> Path:
        """Download it, packed for a phone."""
        path = self.folder / f"{handset.home.folder.name}.cspkg"
        download(handset.phone.platform, self.id, path)
        return path

    @property
    def private_keys(self) -> list[bytes]:
        """First and third private key, and salt, of the first build, from the key centre."""
        sealer = Sealer.from_base64(self.live.environment("platform")["COUNTERSIGN_KEK"])
        uid = bytes.fromhex(self.id)
        ((first, third, salt),) = self.live.rows(
            "platform",
            "SELECT p.sealed_first_key, p.sealed_third_key, b.sealed_salt FROM packages_package p "
            "JOIN packages_build b ON b.package_id = p.id WHERE p.uid = ? AND b.number = 1",
            uid,
        )
        return [
            sealer.open(bytes(first), b"package/first/" + uid),
            sealer.open(bytes(third), b"package/third/" + uid),
            sealer.open(bytes(salt), b"package/salt/" + uid + b"/1"),
        ]


@dataclass
class Buyer:
    """A terminal whose program says of the application what a test wants it to.

    It keeps to the protocol with ``protocol`` alone, as a hostile program might.

    Attributes:
        handset: The phone.
        file: The package, downloaded by it.
    """

    handset: Handset
    file: Path

    @classmethod
    def of(cls, application: Application, party: Party) -> "Buyer":
        """Return a bound phone of somebody's, with the application."""
        handset = Handset.bound(application.live, party)
        return cls(handset, application.packed_for(handset))

    @cached_property
    def store(self) -> StoreContent:
        """What the platform preloaded for this phone."""
        keys, manifest = self.handset.home.keys(), self.manifest
        with self.file.open("rb") as file:
            return StoreContent.open(
                PackageFile(file).store,
                keys.box,
                package=manifest.package,
                build=manifest.build,
                thumbprint=keys.thumbprint,
            )

    @cached_property
    def manifest(self) -> Manifest:
        """What the package's signature covers."""
        with self.file.open("rb") as file:
            return PackageFile(file).manifest()

    @cached_property
    def billing(self) -> BillingFile:
        """What the build sells."""
        files = self.manifest.files
        start = sum(file.size for file in files if file.path < BILLING)
        size = next(file.size for file in files if file.path == BILLING)
        return BillingFile.from_bytes(self.measured([(start, size)]))

    def item(self, number: int) -> Item:
        """Return an item."""
        return next(item for item in self.billing.items if item.number == number)

    def measured(self, ranges: list[tuple[int, int]]) -> bytes:
        """Return ranges of the genuine measured content."""
        with self.file.open("rb") as file:
            return PackageFile(file).read_ranges(self.manifest, ranges)

    def ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call the API as this device."""
        key = self.handset.home.keys().signing
        return self.handset.home.client().call("POST", path, body, key=key)

    def nonce(self) -> bytes:
        """Fetch a nonce."""
        (value,) = self.ask("/billing/nonces", {"count": 1})["nonces"]
        return bytes.fromhex(value)

    def request(
        self, number: int = SWORD, *, key: bool = True, files: bool = True, **changes: Any
    ) -> BillingRequest:
        """Return a request whose evidence backs what it says."""
        item = self.item(number)
        request = BillingRequest(
            package=self.manifest.package,
            build=self.manifest.build,
            terminal=bytes.fromhex(self.handset.home.pins().device),
            item=item.number,
            amount=item.amount,
            currency=self.billing.currency,
            nonce=changes.pop("nonce", None) or self.nonce(),
            is_counted=False,
            is_consented=True,
            key_matches=key,
            files_match=files,
            channel=changes.pop("channel", Channel.NETWORK),
        )
        return self.backed(replace(request, **changes))

    def backed(self, request: BillingRequest) -> BillingRequest:
        """Return a request with the evidence of the genuine package."""
        keys = self.handset.home.keys()
        share = self.store.share
        shared = keys.box.exchange(X25519PublicKey.from_public_bytes(share))
        ranges = sample_ranges(request.nonce, self.manifest.size)
        shown = evidence(
            evidence_key(shared, share, keys.thumbprint),
            request,
            first_key=self.store.first_key,
            root=self.manifest.root,
            sample=self.measured(ranges),
        )
        return replace(request, evidence=shown)

    def post(self, request: BillingRequest) -> dict[str, Any]:
        """Send a request by the network; return the answer."""
        return self.post_sealed(seal(request, self.store.third_key), request.package)

    def post_sealed(self, sealed: bytes, package: bytes) -> dict[str, Any]:
        """Send what is sealed already."""
        body = {"version": 1, "package": package.hex(), "sealed": to_base64(sealed)}
        return self.ask("/billing/request", body)

    def text(self, request: BillingRequest) -> str:
        """Return the SMS of a request."""
        return seal_sms(request, self.store.third_key)

    def outcome(self, request: BillingRequest) -> str:
        """Send a request; return its state, or the code of the refusal."""
        try:
            return str(self.post(request)["state"])
        except TerminalError as refused:
            return refused.code

    def prove(self, asked: Mapping[str, Any], how: str, **answer: str) -> Answer:
        """Give the payer's proof of a request that waits."""
        path = f"/billing/requests/{asked['request']}/{how}"
        return self.handset.party.call("POST", path, answer)

    def pay(self, asked: Mapping[str, Any]) -> Answer:
        """Prove a request by the payment password."""
        return self.prove(asked, "payment-password", payment_password=PAYMENT_PASSWORD)

    def state(self, asked: Mapping[str, Any]) -> str:
        """Return how a request stands."""
        return str(self.handset.party.get(f"/billing/requests/{asked['request']}")["state"])

    @property
    def spent(self) -> int:
        """What the phone's holder has spent so far, minor units, and a constant."""
        return -int(self.handset.party.get("/wallet")["balances"][0]["wallet"])

    def letters_of(self, asked: Mapping[str, Any]) -> str:
        """Read, as nobody outside can, what the newest image of a request shows."""
        ((response,),) = self.handset.live.rows(
            "platform",
            "SELECT c.response FROM captcha_captchastore c JOIN packages_prompt p "
            "ON p.reference = c.hashkey JOIN packages_billingrequest r ON r.id = p.request_id "
            "WHERE r.uid = ? ORDER BY p.position DESC LIMIT 1",
            bytes.fromhex(asked["request"]),
        )
        return str(response)


@dataclass(frozen=True)
class Operators:
    """Two of them: what would make anything laxer needs both."""

    olga: Person
    otto: Person

    def rule(self, kind: str, value: str, **conditions: Any) -> dict[str, Any]:
        """Make a rule: one asks, and the other one agrees where that is needed."""
        body = {"kind": kind, "value": value, **conditions}
        made: dict[str, Any] = self.olga.call("POST", "/billing/rules", body)
        if made["in_force_at"] is None:
            approvals = self.otto.call("GET", "/approvals")
            (number,) = (
                each["id"]
                for each in approvals
                if (each["action"], each["subject"]) == ("rule.make", str(made["id"]))
            )
            self.otto.call("POST", f"/approvals/{number}/approve")
        return made

    def signals(self, buyer: Buyer) -> list[str]:
        """Return what they were told of a terminal, newest first."""
        terminal = buyer.handset.home.pins().device
        page = self.olga.call("GET", f"/billing/signals?terminal={terminal}")
        return [signal["reason"] for signal in page["results"]]
