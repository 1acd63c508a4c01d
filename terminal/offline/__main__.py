"""The phone without a network: ``python -m terminal.offline``.

Nothing here knows a network, and the process refuses every socket, whoever asks for one.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from protocol.currency import EXPONENTS
from protocol.errors import ProtocolError
from protocol.fields import ID_BYTES, check_bytes
from protocol.offline import Level, Money, Result, ToBeSigned
from terminal.commands.folder import DEFAULT_FOLDER, FolderOption
from terminal.commands.link import (
    IncomingOption,
    LinkKind,
    LinkOption,
    OutgoingOption,
    open_link,
)
from terminal.errors import TerminalError
from terminal.folder import Folder, expanded
from terminal.offline.client import OfflineClient
from terminal.offline.store import Store
from terminal.offline.token import respond
from terminal.offline.words import price, refused
from tokens.commands.options import DEFAULT_FILE, FileOption, open_store
from tokens.commands.refusing import OneLineRefusals
from tokens.simulator import Shown
from tokens.store import TokenFile

app = typer.Typer(
    cls=OneLineRefusals,
    help="Authorize without a network, through a device that stands beside this phone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@dataclass(frozen=True, slots=True)
class Typing:
    """Whoever sits at the terminal.

    Attributes:
        agrees_to_all: Whether they said before that they agree.
        step: Id of the step that their token is to sign, if any.
        tokens: Where their tokens are.
    """

    agrees_to_all: bool
    step: bytes | None
    tokens: TokenFile

    def agrees(self, asked: ToBeSigned) -> bool:
        """Show what the platform signed, and ask."""
        _tell(f"{asked.title}, of {asked.payee.name or asked.payee.account}")
        _tell(f"  account  {asked.payee.account}")
        if asked.money is not None:
            _tell(f"  pay      {price(asked.money)}")
        if asked.level is Level.HIGH:
            _tell("  needs    the offline password")
        return self.agrees_to_all or _confirmed("Do you agree?")

    def password(self) -> str:
        """Have the offline password typed; nobody sees it."""
        try:
            return str(typer.prompt("Offline password", hide_input=True, err=True))
        except typer.Abort as error:
            raise refused("declined") from error

    def response(self, bundle: bytes) -> str:
        """Have the token show the step's statement, and answer it."""
        now = datetime.now(UTC)
        return respond(self.tokens, bundle, step=self.step or b"", agrees=self._agrees_to, now=now)

    def _agrees_to(self, shown: Shown) -> bool:
        for line in shown.lines:
            _tell(line)
        return self.agrees_to_all or _confirmed("Answer this statement?")


@app.command()
def authorize(
    outgoing: OutgoingOption,
    incoming: IncomingOption,
    *,
    link: LinkOption = LinkKind.QR,
    high: Annotated[
        bool, typer.Option("--high", help="Want the offline password to be asked for.")
    ] = False,
    step: Annotated[
        str, typer.Option(help="Sign this step, 16 hex digits, with your token.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="I agree to what is shown.")] = False,
    tokens: FileOption = Path(DEFAULT_FILE),
    folder: FolderOption = Path(DEFAULT_FOLDER),
) -> None:
    """Ask for what the device offers, read what is to be signed, and sign it."""
    client = _client(folder, link, outgoing, incoming)
    level = Level.HIGH if high else Level.ORDINARY
    subject = _id_of(step) if step else None
    person = Typing(yes, subject, open_store(tokens))
    _show(client.authorize(person, level=level, step=subject))


@app.command()
def code(
    amount: Annotated[int, typer.Argument(min=1, help="At most so much, minor units.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217, such as EUR.")],
    outgoing: OutgoingOption,
    incoming: IncomingOption,
    *,
    link: LinkOption = LinkKind.QR,
    folder: FolderOption = Path(DEFAULT_FOLDER),
) -> None:
    """Show a one-way code: whoever takes it within a minute takes up to so much, once."""
    if currency not in EXPONENTS:
        raise TerminalError("currency_unknown", "this is no currency of ISO 4217")
    client = _client(folder, link, outgoing, incoming)
    typer.echo(f"code {bytes(client.show_code(Money(amount, currency))).hex()}")


@app.command()
def journal(folder: FolderOption = Path(DEFAULT_FOLDER)) -> None:
    """List what the platform has not yet been told on-line: offline sync does that."""
    for entry in Store(expanded(folder)).entries():
        at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds")
        typer.echo(f"{entry.serial.hex()}  {at}  {entry.state}  {entry.text}".rstrip())


def _client(folder: Path, link: LinkKind, outgoing: Path, incoming: Path) -> OfflineClient:
    return OfflineClient.of(Folder(expanded(folder)), open_link(link, outgoing, incoming))


def _id_of(step: str) -> bytes:
    try:
        subject = bytes.fromhex(step)
        check_bytes("step", subject, ID_BYTES)
    except (ProtocolError, ValueError) as error:
        raise TerminalError("step_unknown", "the id of a step has 16 hex digits") from error
    return subject


def _tell(line: str) -> None:
    # Standard error would write what it cannot show in another way, and go on.
    line.encode(sys.stderr.encoding)
    typer.echo(line, err=True)


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        # Whoever goes away declines: the device beside it is told, and waits no longer.
        return False


def _show(result: Result) -> None:
    receipt = "" if result.receipt is None else result.receipt.hex()
    words = ("approved", bytes(result.serial).hex(), price(result.money), "receipt", receipt)
    typer.echo(" ".join(filter(None, words)))


def refuse_network(event: str, _arguments: tuple[Any, ...]) -> None:
    """Refuse every socket, as an audit hook (PEP 578); one cannot be taken back."""
    if event.startswith("socket."):
        raise TerminalError("network_refused", "this program works without a network")


if __name__ == "__main__":
    sys.addaudithook(refuse_network)
    app(prog_name="python -m terminal.offline")
