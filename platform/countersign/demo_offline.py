"""``make demo-offline``: a phone without a network opens a gate and pays, and a device lies.

Real services, and the real programs: the phone, the device and the platform are processes of their
own, with pictures of QR codes between the first two, and sounds where ggwave is installed.
"""

import subprocess
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from countersign.cheating import lying_relay
from countersign.person import PersonError
from countersign.stage import (
    PAYMENT_PASSWORD,
    Stage,
    fill_wallet,
    keys_of,
    receipt_in,
    say,
    verify_offline,
)
from countersign.terminals import Terminal

# Of somebody made up here.
_OFFLINE_PASSWORD = "seven tall pines"  # noqa: S105
_PATIENCE_SECONDS = 120
# Minor units. From the third on, the platform wants the offline password by itself.
_BREAD, _FLOWERS, _BICYCLE_BELL = 450, 620, 2600


def tell_demo_offline(stage: Stage) -> None:
    """Play it, saying each step as it happens; errors as :func:`countersign.stage.play`."""
    _Story(stage).tell()


class _Story:
    """Dana has a garden and a shop; Anna's phone has no network."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.folder = stage.folder
        self.dana, self.anna = (stage.person(name) for name in ("Dana Shops", "Anna Meier"))
        self.phone = Terminal(self.anna, self.folder / "anna-phone")
        self.gate = Terminal(self.dana, self.folder / "gate")
        self.till = Terminal(self.dana, self.folder / "till")
        self.meetings = count(1)

    def tell(self) -> None:
        """Tell all of it, in order."""
        self._put_up()
        self._register()
        say("Her phone has no network now. By QR codes, it opens the gate, and pays for bread")
        self._approved(self._meet(self.gate, "qr", 0))
        self._approved(self._meet(self.till, "qr", _BREAD))
        self._set_password()
        self._mistype()
        self._prove("qr", _BICYCLE_BELL)
        self._lie()
        if find_spec("ggwave"):
            say("By sound, it pays for bread again")
            self._approved(self._meet(self.till, "sound", _BREAD))
            self._prove("sound", _FLOWERS, "--high")
        else:
            say("No sound here: it needs ggwave, which `make sound` installs")
        self._come_back()
        self._check_receipts()

    def _put_up(self) -> None:
        say("Dana puts a device up at her garden gate, and one at the till of her shop")
        for device, title, kind, currency in (
            (self.gate, "Dana's garden", "gate", ""),
            (self.till, "Dana's corner shop", "checkout", "EUR"),
        ):
            device_id = device.add(title).split()[1]
            wanted = {"title": title, "kind": kind, "currency": currency}
            service = self.dana.call("POST", "/offline/services", wanted)["id"]
            self.dana.call("POST", f"/offline/services/{service}/relays", {"device": device_id})
            say(f"  service {service}: {title}, device {device_id}")

    def _register(self) -> None:
        say("Anna has 60.00 EUR of play money, and registers her phone while it is on-line")
        fill_wallet(self.anna, 6000)
        self.phone.add("Phone")
        say(f"  {self._first(self.phone.run('offline', 'register', said=PAYMENT_PASSWORD))}")

    def _set_password(self) -> None:
        say("At home she sets an offline password, for what costs more")
        said = f"{PAYMENT_PASSWORD}\n{_OFFLINE_PASSWORD}"
        say(f"  {self.phone.run('offline', 'password', said=said)}")

    def _prove(self, link: str, amount: int, *options: str) -> None:
        say("At the higher level she types it, and it is sealed for the platform alone")
        self._approved(self._meet(self.till, link, amount, *options, said=_OFFLINE_PASSWORD))

    def _mistype(self) -> None:
        say("She mistypes it: the answer is that of a wrong signature, and nothing is paid")
        before = self._wallet
        told = self._meet(self.till, "qr", _FLOWERS, "--high", said="seven tall pine")
        self._refused(told, "countersign_invalid", before)

    def _lie(self) -> None:
        liar = lying_relay(self.folder)
        before = self._wallet
        say("The device tells the platform ten times the price: the phone signed another one")
        self._refused(self._meet(self.till, "qr", _BREAD, liar=(liar, "application")), "", before)
        say("It tells the phone ten times the price, signed with a key of its own")
        told = self._meet(self.till, "qr", _BREAD, liar=(liar, "tbs"))
        self._refused(told, "signer_unknown", before)

    def _come_back(self) -> None:
        say("Back on-line, the phone tells what it signed, and learns what became of it")
        *entries, _client, _password = self.phone.run("offline", "sync").splitlines()
        for line in entries:
            say(f"  {line}")
        if not any(line.endswith(" approved") for line in entries):
            raise PersonError("nothing was approved")

    def _check_receipts(self) -> None:
        say("Each approval left a receipt, which needs the key file alone to be verified")
        keys = self.folder / "keys.cbor"
        keys.write_bytes(keys_of(self.anna))
        found = self.anna.call("GET", "/offline/authorizations")["results"]
        approved = [each for each in found if each["state"] == "approved"]
        pictures = [self._verified(each, keys) for each in reversed(approved)]
        verify_offline(self.stage.services, pictures[-1], keys)
        say(f"Her wallet has {self._wallet / 100:.2f} EUR left")

    def _verified(self, authorization: dict[str, Any], keys: Path) -> Path:
        """Verify the receipt of an approval; return its picture."""
        serial = authorization["id"]
        picture = self.folder / f"receipt-{serial}.png"
        path = f"/offline/authorizations/{serial}/receipt.png"
        picture.write_bytes(self.anna.download(path))
        told = receipt_in(picture, keys)
        say(f"  {picture.name}: {told.paid or 'nothing paid'}, {told.text}, by {told.way_words}")
        return picture

    def _meet(
        self,
        device: Terminal,
        link: str,
        amount: int,
        *options: str,
        said: str = "",
        liar: tuple[Path, str] | None = None,
    ) -> tuple[str, str]:
        """Have phone and device talk; return the last line of each."""
        air = self.folder / "air" / str(next(self.meetings))
        near, far = air / "from-phone", air / "from-device"
        phone = self.phone.begin(
            *("authorize", "--link", link, "--outgoing", near, "--incoming", far, "--yes"),
            *options,
            said=said,
            without_network=True,
        )
        relay = (
            *("offline", "relay", "--link", link, "--outgoing", far, "--incoming", near),
            *("--amount", str(amount)),
        )
        relaying = device.begin(*relay) if liar is None else device.cheat(*liar, *relay)
        return _last_line(phone), _last_line(relaying)

    def _approved(self, told: tuple[str, str]) -> None:
        for who, line, due in zip(("phone ", "device"), told, ("approved", "open"), strict=True):
            say(f"  {who}  {line}")
            if line.split()[0] != due:
                raise PersonError(f"{due} was due, not {line}")

    def _refused(self, told: tuple[str, str], code: str, before: int) -> None:
        for who, line in zip(("phone ", "device"), told, strict=True):
            say(f"  {who}  {line}")
            if not line.startswith(code) or line.split()[0] in ("approved", "open"):
                raise PersonError(f"{code or 'a refusal'} was due, not {line}")
        if self._wallet != before:
            raise PersonError("something was paid")

    @staticmethod
    def _first(printed: str) -> str:
        return printed.splitlines()[0]

    @property
    def _wallet(self) -> int:
        return int(self.anna.call("GET", "/wallet")["balances"][0]["wallet"])


def _last_line(process: "subprocess.Popen[str]") -> str:
    """Wait for a program; return what it printed at last, or the line with which it refused."""
    printed, told = process.communicate(timeout=_PATIENCE_SECONDS)
    return (told if process.returncode else printed).strip().splitlines()[-1]
