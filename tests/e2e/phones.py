"""Phones of parties over the live site: the terminal's own units, and the SMS centre's part."""

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from countersign.local import ROOT
from countersign.sms_centre import deliver_sms, sms_to
from protocol.binding import Purpose
from terminal.adding import add_device
from terminal.binding.phone import BoundPhone, hardware_of
from terminal.chip import LIST_HEADER, Chip
from terminal.home import Home
from tests.e2e.live import Live
from tests.e2e.party import Party

_CHIPS_IN_A_BOX = 40


# Each once, in an order of this run's own: drawn by chance, two of a hundred phones would
# have one number in a third of all runs.
_NUMBERS = iter(secrets.SystemRandom().sample(range(10**4), k=10**4))


def new_number() -> str:
    """Return a number nobody has yet: of those that are nobody's in truth."""
    return f"+1202555{next(_NUMBERS):04}"


def _listed_chip(live: Live) -> Path:
    """Return a chip of the manufacturer's list; they are made and listed by the box."""
    box = live.folder / "chips"
    if not any(box.glob("*.json")):
        box.mkdir(exist_ok=True)
        made = [Chip.make(box / f"{secrets.token_hex(8)}.json") for _ in range(_CHIPS_IN_A_BOX)]
        path = box / "list.csv"
        path.write_text("\n".join([LIST_HEADER, *(chip.listing for chip in made), ""]))
        live.manage("import_chips", str(path))
    return next(box.glob("*.json"))


@dataclass(frozen=True)
class Handset:
    """One phone: a folder with its keys, chip and SIM, as a device of a party's account."""

    live: Live
    party: Party
    home: Home

    @classmethod
    def of(cls, live: Live, party: Party, number: str = "", *, listed: bool = True) -> "Handset":
        """Return a new phone of a party's, with a chip of the manufacturer's list and a SIM."""
        home = Home(live.folder / "handsets" / secrets.token_hex(4))
        home.make()
        code = party.post("/devices/codes", None)["code"]
        add_device(home, origin=live.origin, code=code, name="Phone")
        handset = cls(live, party, home)
        if listed:
            _listed_chip(live).rename(hardware_of(home).chip.path)
        else:
            Chip.make(hardware_of(home).chip.path)
        hardware_of(home).sim.insert(number or new_number())
        return handset

    @classmethod
    def bound(cls, live: Live, party: Party) -> "Handset":
        """Return one that is bound."""
        handset = cls.of(live, party)
        handset.bind()
        return handset

    @property
    def phone(self) -> BoundPhone:
        """What runs in it."""
        return BoundPhone.of(self.home)

    @property
    def number(self) -> str:
        """Number of its SIM."""
        return hardware_of(self.home).sim.read().number

    @property
    def state(self) -> str:
        """How its newest binding stands."""
        return str(self.phone.requests.standing()[0]["state"])

    @property
    def chip_proof(self) -> str:
        """A proof for the purpose ``register``, fresh."""
        return self.phone.platform.chip_proof(self.phone.acquisition, Purpose.REGISTER)

    def bind(self) -> None:
        """Register, and prove the number by an SMS that the phone sends."""
        requested = self.phone.register(self.number, from_phone=True)
        assert self.send_sms(requested.text) == 204
        assert self.state == "bound"

    def put_sim_into(self, other: "Handset") -> None:
        """Have a thief do so."""
        card = hardware_of(self.home).sim.read()
        hardware_of(other.home).sim.insert(card.number, code=card.code)

    def send_sms(self, text: str) -> int:
        """Have the SMS centre tell the site of an SMS from this phone's number."""
        return deliver_sms(self.live, self.number, text)

    def read_sms(self) -> str:
        """Return the newest SMS that the site sent to this phone's number."""
        return sms_to(self.live, self.number)[-1]

    def run(self, *arguments: str) -> str:
        """Run the phone's own commands, and return what they printed."""
        return self.run_program("phone", *arguments)

    def run_program(self, *arguments: str, path: Path = ROOT) -> str:
        """Run the program, with modules of a folder before all others; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "terminal", *arguments],
            cwd=ROOT,
            env={
                "PYTHONPATH": f"{path}{os.pathsep}{ROOT}",
                "COUNTERSIGN_TERMINAL_FOLDER": str(self.home.folder),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
