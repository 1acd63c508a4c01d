"""What the demos share: the services, a folder, people and their phones."""

import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from countersign.local import LocalServices
from countersign.person import Person, PersonError
from countersign.sms_centre import texted_code
from countersign.terminals import Terminal
from protocol import qrtext
from protocol.charge import Charge
from protocol.keys import Directory
from protocol.qrtext import Link
from protocol.verification import verify_receipt
from receipts.images import read_codes

PAYMENT_PASSWORD = "green apples 7"  # noqa: S105  # of somebody made up here


@dataclass(frozen=True)
class Stage:
    """Where a demo is played.

    Attributes:
        services: The site, which runs.
        folder: The demo's own.
    """

    services: LocalServices
    folder: Path

    def person(self, name: str, login: str = "") -> Person:
        """Sign somebody up, by their first name unless a login is given; errors as Person's."""
        person = self._named(name, login)
        person.sign_up()
        return person

    def operator(self, name: str) -> Person:
        """Make another operator, and sign in as they; errors as :class:`Person`."""
        person = self._named(name)
        options = ("--another", "--email", person.email, "--password-stdin")
        self.services.manage("first_operator", *options, said=person.password)
        person.sign_in()
        return person

    def put_chips_in(self, *phones: Terminal) -> None:
        """Put a security chip into each phone; their maker's list goes to the platform."""
        lists = [phone.run("phone", "chip").splitlines() for phone in phones]
        header, chips = lists[0][0], [chip for _, chip in lists]
        path = self.folder / "chips.csv"
        path.write_text("\n".join([header, *chips, ""]))
        self.services.manage("import_chips", str(path))

    def bind(self, phone: Terminal) -> tuple[str, str]:
        """Put a SIM into a phone that has a chip, and bind all three; return number and SIM.

        Raises:
            PersonError: it was refused.
        """
        # Another one each time: what an earlier demo bound stays bound.
        number = f"+1202555{secrets.randbelow(10**4):04}"
        sim = phone.run("phone", "sim", number).removeprefix("SIM ")
        phone.run("phone", "register", number)
        say(f"  {phone.run('phone', 'prove', texted_code(self.services, number))}")
        return number, sim

    def _named(self, name: str, login: str = "") -> Person:
        login = login or name.split()[0].lower()
        email = f"{login}-{secrets.token_hex(3)}@example.com"
        return Person(
            self.services.origin, email, self.services.folder / "mail", self.folder, name
        )


def receipt_in(picture: Path, keys: Path) -> Charge:
    """Return what the receipt of a charge in a picture says, once it is verified.

    Raises:
        PersonError: it is no such receipt, or not a good one.
    """
    _, message = qrtext.decode(read_codes(picture.read_bytes())[0], Link.RECEIPT)
    report = verify_receipt(message, Directory.open(keys.read_bytes()))
    if not report.is_valid or report.charge is None:
        raise PersonError(f"{picture.name} does not verify")
    return report.charge


def play(services: LocalServices, demos: Mapping[str, Callable[[Stage], None]]) -> int:
    """Play demos on real services, and check the ledger after them; return the exit status.

    Args:
        services: What is set up and run.
        demos: What happens in each, by the name of its folder, which is emptied before.

    Raises:
        PersonError: something went otherwise than it must.
        subprocess.CalledProcessError: a command failed; its output was shown.
    """
    say("Setting up both services: databases, keys, pairing")
    services.prepare()
    with services.running():
        say(
            f"Platform at {services.origin}, authentication server at {services.authserver_origin}"
        )
        for name, tell in demos.items():
            say(f"== {name}")
            folder = services.folder / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            tell(Stage(services, folder))
    say("Checking every journal, balance and payment of the ledger")
    say(f"  {services.manage('verify_ledger').strip()}")
    say("Done.")
    return 0


def fill_wallet(buyer: Person, amount: int) -> None:
    """Fill somebody's wallet (euro cents) and set a payment password.

    Raises:
        PersonError: it was refused.
    """
    buyer.call("POST", "/wallet/top-ups", {"amount": amount, "currency": "EUR"})
    password = {"password": PAYMENT_PASSWORD, "current": buyer.password}
    buyer.call("POST", "/wallet/payment-password", password)


def verify_offline(services: LocalServices, picture: Path, keys: Path) -> None:
    """Verify a receipt's picture with a key file alone, and show what is said of it.

    Raises:
        subprocess.CalledProcessError: a check failed; its output was shown.
    """
    say(f"Verifying {picture.name} offline, with the key file alone")
    say(indented(services.manage("verify_receipt", str(picture), "--keys", str(keys))))


def keys_of(person: Person) -> bytes:
    """Return the key directory of somebody's platform."""
    return person.http.request("GET", f"{person.origin}/.well-known/countersign/keys").data


def say(text: str) -> None:
    """Print at once, whatever the output is."""
    print(text, flush=True)  # noqa: T201  # it is what people read


def indented(text: str) -> str:
    """Set what a program printed apart from what is said of it."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines())
