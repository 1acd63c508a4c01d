"""``make demo-app-billing``: an application bills inside itself, and two that were changed cannot.

Real services, and the real programs of two people's phones.
"""

from pathlib import Path
from typing import Any

from countersign.cheating import resign, teach_to_lie
from countersign.person import PersonError
from countersign.sms_centre import deliver_sms, sms_to, texted_code
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
from countersign.wares import put_up_game
from protocol.ed25519 import SigningKey

# What the game sells: wares.py.
SWORD, SHIELD, POTION, MAP = range(1, 5)
_SMS_CHARACTERS = 132


def tell_demo_app_billing(stage: Stage) -> None:
    """Play it, saying each step as it happens; errors as :func:`countersign.stage.play`."""
    _Story(stage).tell()


class _Story:
    """Dana sells things inside a game; Anna pays; Ben would be paid in Dana's place."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.folder = stage.folder
        self.dana, self.anna, self.ben = (
            stage.person(name) for name in ("Dana Games", "Anna Meier", "Ben Schmidt")
        )
        self.olga, self.otto = (stage.operator(name) for name in ("Olga", "Otto"))
        self.phone = Terminal(self.anna, self.folder / "anna-phone")
        self.other = Terminal(self.ben, self.folder / "ben-phone")
        # The id of the application, the number of Anna, the id of the terminal of Ben.
        self.app = self.number = self.cheat = ""

    def tell(self) -> None:
        """Tell all of it, in order."""
        self._build()
        self._install()
        self._pay_by_network()
        self._pay_by_sms()
        self._pay_with_less()
        self._pay_online()
        self._pay_with_token()
        package = self._repackage()
        self._lie(package)
        self._check_receipts()

    def _build(self) -> None:
        say("Dana has her game built: it sells four things, from 0.30 EUR on")
        self.app = put_up_game(self.stage.services, self.dana, self.folder / "dana")
        say(f"  application {self.app}, with keys of its own")

    def _install(self) -> None:
        say("Anna and Ben add their phones; hers is bound to its chip, SIM and number")
        for phone in (self.phone, self.other):
            phone.add("Phone")
        self.stage.put_chips_in(self.phone, self.other)
        self.number, _ = self.stage.bind(self.phone)
        say("Anna registers her phone for billing, downloads the game, installs and starts it")
        say(f"  {self.phone.run('app', 'register')}")
        package = self._download(self.phone)
        say(f"  {package}: packed for her phone alone")
        self._start(self.phone, package, "true", "true")
        for line in self.phone.run("app", "items", self.app).splitlines():
            say(f"  {line}")

    def _pay_by_network(self) -> None:
        say("Anna brings 20.00 EUR of play money into her wallet, and buys the sword")
        fill_wallet(self.anna, 2000)
        request = self._ask(SWORD, "payment_password")
        say("  she types her payment password")
        self._confirm(request, PAYMENT_PASSWORD)

    def _pay_by_sms(self) -> None:
        say("Without network she buys the shield, by one SMS; her phone has numbers to use once")
        say(f"  {self.phone.run('app', 'nonces', self.app)}")
        text = self.phone.run("app", "bill", self.app, str(SHIELD), "--by", "sms", "--yes")
        say(f"  {text}")
        if len(text) != _SMS_CHARACTERS:
            raise PersonError(f"the SMS has {len(text)} characters")
        say(f"  {len(text)} characters, that the game's own key opens at the platform alone")
        self._deliver(text)
        say(f"  back comes: {sms_to(self.stage.services, self.number)[-1]}")
        say("The same SMS comes once more: nothing is charged")
        before = self._wallet
        self._deliver(text)
        if self._wallet != before:
            raise PersonError("an SMS was charged twice")

    def _pay_with_less(self) -> None:
        say("Olga wants a captcha to do for potions; that is laxer, so Otto has to agree")
        self._want("captcha", POTION)
        say("Anna buys a potion, and misreads the picture")
        request = self._ask(POTION, "captcha")
        picture = self.folder / "captcha.png"
        refused = self.phone.refusal(
            *("app", "confirm", request, "--picture", picture), said="QQQQQQ"
        )
        self._expect("captcha_wrong", refused)
        say("She cannot read these, and takes a code by SMS instead, which is as strict")
        self._switch(request, "sms_code")
        self._confirm(request, texted_code(self.stage.services, self.number))

    def _pay_online(self) -> None:
        say("For maps the two want the game to show on-line, by a fresh number, that it is true")
        self._want("online", MAP)
        self._confirm(self._ask(MAP, "online"), "")

    def _pay_with_token(self) -> None:
        say("Another sword, this time with her token, as a step of a chain; first, what is open")
        digits = self.anna.enrol_token()
        say(f"  {self.anna.name} enrolled token {self.anna.serial}: both sides show {digits}")
        request = self._ask(SWORD, "payment_password")
        ways = self.anna.call("GET", f"/billing/requests/{request}/strategy")["others"]
        say(f"  open to her besides: {', '.join(ways)}; and a passkey, once she has one")
        self._switch(request, "token")
        asked = self.anna.call(
            "POST", f"/billing/requests/{request}/token", {"token": self.anna.serial}
        )
        step = self.anna.call("GET", f"/steps/{asked['step']}")
        self.anna.token("respond", step["challenge"], "--yes", "--post")
        self._charged(self.phone.run("app", "status", request))

    def _repackage(self) -> Path:
        self.cheat = self.other.run("app", "register").split()[-1]
        say("Ben signs the game anew with a key of his own, to pass it on as his")
        package = self._download(self.other)
        self._start(self.other, resign(package, SigningKey.generate()), "false", "true")
        self._refused("key_mismatch")
        return package

    def _lie(self, package: Path) -> None:
        say("Ben takes the true one, makes what he likes of it, and has it say that all is well")
        self.other.run("app", "install", package)
        files = self.other.folder / "apps" / self.app / "files"
        (files / "app" / "index.html").write_text("<p>Everything is yours.</p>\n", "utf-8")
        teach_to_lie(files)
        self._show_start(self.other, "true", "true")
        self._refused("evidence_mismatch")
        level = self.olga.call("GET", f"/billing/terminals/{self.cheat}/decision")["level"]
        if not level["is_raised"]:
            raise PersonError("the terminal was not raised")
        say(f"  its level is {level['value']} from now on: {level['why']}")

    def _check_receipts(self) -> None:
        say("Every charge has left a receipt, which needs the key file alone to be verified")
        keys = self.folder / "keys.cbor"
        keys.write_bytes(keys_of(self.anna))
        pictures = [self._verified(charge, keys) for charge in self._charges]
        verify_offline(self.stage.services, pictures[-1], keys)
        say(f"Her wallet has {self._wallet / 100:.2f} EUR left")

    def _verified(self, charge: dict[str, Any], keys: Path) -> Path:
        """Verify the receipt of a charge; return its picture."""
        picture = self.folder / f"receipt-{charge['id']}.png"
        picture.write_bytes(self.anna.download(f"/charges/{charge['id']}/receipt.png"))
        told = receipt_in(picture, keys)
        say(f"  {picture.name}: {told.paid}, {told.text}, by {told.way_words}")
        return picture

    def _download(self, phone: Terminal) -> Path:
        package = self.folder / f"{phone.folder.name}.cspkg"
        phone.run("app", "download", self.app, "--output", package)
        return package

    def _start(self, phone: Terminal, package: Path, *due: str) -> None:
        phone.run("app", "install", package)
        self._show_start(phone, *due)

    def _show_start(self, phone: Terminal, *due: str) -> None:
        lines = phone.run("app", "start", self.app).splitlines()
        for line in lines:
            say(f"  {line}")
        if tuple(line.split()[-1] for line in lines) != due:
            raise PersonError(f"{due} was due, not {lines}")

    def _ask(self, item: int, strategy: str) -> str:
        line = self.phone.run("app", "bill", self.app, str(item), "--yes")
        say(f"  {line}")
        if line.split()[-1] != strategy:
            raise PersonError(f"{strategy} was due")
        return line.split()[1]

    def _want(self, strategy: str, item: int) -> None:
        """Have both operators make a rule."""
        words = {"kind": "strategy", "value": strategy, "package": self.app, "item": item}
        rule = self.olga.call("POST", "/billing/rules", words)
        waiting = [each for each in self.otto.call("GET", "/approvals") if _waits(each, rule)]
        self.otto.call("POST", f"/approvals/{waiting[0]['id']}/approve")

    def _switch(self, request: str, strategy: str) -> None:
        path = f"/billing/requests/{request}/strategy"
        self.anna.call("POST", path, {"strategy": strategy})

    def _confirm(self, request: str, said: str) -> None:
        self._charged(self.phone.run("app", "confirm", request, said=said))

    def _charged(self, line: str) -> None:
        say(f"  {line}")
        if line.split()[2] != "captured":
            raise PersonError("it was not charged")

    def _refused(self, reason: str) -> None:
        """Have Ben's game bill in vain, and show what operators see of it."""
        line = self.other.refusal("app", "bill", self.app, str(SWORD), "--yes")
        self._expect("integrity_refused", line)
        signals = self.olga.call("GET", f"/billing/signals?terminal={self.cheat}")["results"]
        if not signals or signals[0]["reason"] != reason:
            raise PersonError(f"the operator was not told of {reason}")
        say(f"  Olga sees it in the console: {reason}, terminal {self.cheat}")

    def _expect(self, code: str, line: str) -> None:
        # Behind what it asked for, if it asked.
        _, found, sentence = line.partition(f"{code}: ")
        if not found:
            raise PersonError(f"{code} was due, not {line}")
        say(f"  {found}{sentence}")

    def _deliver(self, text: str) -> None:
        status = deliver_sms(self.stage.services, self.number, text)
        if status != 204:
            raise PersonError(f"the site did not take the SMS: {status}")

    @property
    def _charges(self) -> list[dict[str, Any]]:
        """What Anna was charged, oldest first."""
        asked = self.anna.call("GET", "/charges")["results"]
        return [charge for charge in reversed(asked) if charge["state"] == "captured"]

    @property
    def _wallet(self) -> int:
        return int(self.anna.call("GET", "/wallet")["balances"][0]["wallet"])


def _waits(approval: dict[str, Any], rule: dict[str, Any]) -> bool:
    asked = (approval["action"], approval["subject"], approval["state"])
    return asked == ("rule.make", str(rule["id"]), "waiting")
