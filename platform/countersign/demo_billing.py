"""``make demo-billing``: a resource is bought, used, copied, patched and given back.

Real services, and the real programs of three people's terminals.
"""

import io
import secrets
import shutil
import wave
from pathlib import Path
from typing import Any

from countersign.person import Person, PersonError
from countersign.stage import PAYMENT_PASSWORD, Stage, fill_wallet, say
from countersign.terminals import Terminal
from protocol.content import decrypt
from protocol.errors import ProtocolError

PRICE = {"term": "permanent", "amount": 499, "currency": "EUR"}


def tell_demo_billing(stage: Stage) -> None:
    """Play it, saying each step as it happens; errors as :func:`countersign.stage.play`."""
    _Story(stage).tell()


class _Story:
    """Dana sells a song; Anna buys it; Ben would like to have it for nothing."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.folder = stage.folder
        self.dana, self.anna, self.ben = (
            stage.person(name) for name in ("Dana Records", "Anna Meier", "Ben Schmidt")
        )
        self.phone = Terminal(self.anna, self.folder / "anna-phone")
        self.other = Terminal(self.ben, self.folder / "ben-phone")
        self.song = self.folder / "song.csres"
        self.content = make_song()

    def tell(self) -> None:
        """Tell all of it, in order."""
        resource = self._publish()
        self._meet(resource)
        purchase = self._buy(resource)
        self._copy()
        self._patch()
        self._steal_sim()
        self._give_back(purchase)

    def _publish(self) -> dict[str, Any]:
        say("Dana publishes a song and asks 4.99 EUR for it")
        resource = publish(self.dana, "music", "Spring song", "song.wav", self.content)
        say(f"  resource {resource['id']}, encrypted under a key of its own")
        return resource

    def _meet(self, resource: dict[str, Any]) -> None:
        say("Anna and Ben add their phones to their accounts, and download the song")
        for terminal in (self.phone, self.other):
            terminal.add("Phone")
        self.phone.run("resource", "download", resource["id"], "--output", self.song)
        say(f"  {self.song}: anybody may have the file")
        say("Anna plays it without paying")
        self._refused(self.phone, "not_paid", self.song)

    def _buy(self, resource: dict[str, Any]) -> dict[str, Any]:
        say("Anna brings 20.00 EUR of play money into her wallet and buys the song")
        fill_wallet(self.anna, 2000)
        purchase = buy(self.anna, resource)
        say(f"  purchase {purchase['id']}: {purchase['state']}")
        say("Anna plays the song: it asks for leave by itself")
        played = self.folder / "played.wav"
        with self.phone.managed():
            self.phone.run("resource", "play", self.song, "--output", played)
        if played.read_bytes() != self.content:
            raise PersonError("what was played is not what was published")
        say(f"  {played}: byte for byte what Dana published")
        return purchase

    def _copy(self) -> None:
        say("Ben copies the file to his own phone, and plays it")
        copy = Path(shutil.copy(self.song, self.folder / "copied.csres"))
        self._refused(self.other, "not_paid", copy)

    def _patch(self) -> None:
        say("Ben patches the check out of the player, and plays it again")
        say(f"  {play_patched(self.song)}: no plaintext, since the key was never in the file")

    def _steal_sim(self) -> None:
        say("Anna binds her phone's SIM, number and security chip")
        self.stage.put_chips_in(self.phone, self.other)
        number, sim = self.stage.bind(self.phone)
        self.phone.run("phone", "permit", "billing")
        say("  all three are right: she gets a permit for one use")
        say("A thief puts her SIM into another phone")
        self.other.run("phone", "sim", number, "--code", sim)
        refused = self.other.refusal("phone", "permit", "billing")
        say(f"  {refused}")
        say(f"  her own phone is stopped, too: {self.phone.run('phone', 'status')}")

    def _give_back(self, purchase: dict[str, Any]) -> None:
        say("Anna asks for her money back; she has used it, so Dana decides, and agrees")
        give_back(self.anna, self.dana, purchase)
        wallet = self.anna.call("GET", "/wallet")["balances"]
        say(f"  her wallet: {wallet[0]['wallet'] / 100:.2f} {wallet[0]['currency']}")
        say("Anna plays the song once more")
        self._refused(self.phone, "entitlement_refunded", self.song)

    def _refused(self, terminal: Terminal, code: str, song: Path) -> None:
        with terminal.managed():
            line = terminal.refusal("resource", "play", song)
        if not line.startswith(f"{code}: "):
            raise PersonError(f"{code} was due, not {line}")
        say(f"  {line}")


def publish(
    developer: Person, kind: str, title: str, filename: str, content: bytes
) -> dict[str, Any]:
    """Have somebody sell a file; return the resource with its offer.

    Raises:
        PersonError: it was refused.
    """
    resource = developer.call("POST", "/resources", {"kind": kind, "title": title})
    path = f"/resources/{resource['id']}"
    developer.upload(f"{path}/versions", filename, content, "application/octet-stream")
    developer.call("POST", f"{path}/offers", PRICE)
    listed: dict[str, Any] = developer.call("POST", f"{path}/list")
    return listed


def buy(buyer: Person, resource: dict[str, Any]) -> dict[str, Any]:
    """Buy a resource from the wallet; return the purchase.  Errors as above."""
    asked = {"way": "wallet", "offer": resource["offers"][0]["id"]}
    purchase: dict[str, Any] = buyer.call(
        "POST", "/purchases", {**asked, "payment_password": PAYMENT_PASSWORD}
    )
    return purchase


def give_back(buyer: Person, developer: Person, purchase: dict[str, Any]) -> None:
    """Give a purchase that was used back; errors as above."""
    path = f"/purchases/{purchase['id']}/refund"
    buyer.call("POST", path, {"reason": "Not my kind of music"})
    developer.call("POST", f"{path}/grant")


def play_patched(song: Path) -> str:
    """Play a file as a player does whose check was taken out; return how that fails.

    Raises:
        PersonError: it does not.
    """
    with song.open("rb") as file:
        try:
            next(decrypt(file, secrets.token_bytes(32)))
        except ProtocolError as error:
            return error.code
    raise PersonError("a patched player opened the song")


def make_song() -> bytes:
    """Return a second of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(1)
        song.setframerate(8000)
        song.writeframes(bytes([128]) * 8000)
    return file.getvalue()
