"""The commands for this terminal as a phone: its chip and SIM, their binding, and its use."""

from pathlib import Path
from typing import Annotated

import typer

from protocol.binding import PERMITTED, Purpose
from terminal.binding.binding_request import Requested
from terminal.binding.phone import BoundPhone, hardware_of, peers_of
from terminal.binding.platform import text
from terminal.chip import LIST_HEADER, Chip
from terminal.commands.options import DEFAULT_FOLDER, CAFileOption, FolderOption, open_home
from terminal.errors import TerminalError
from tokens.commands.refusing import OneLineRefusals

app = typer.Typer(
    cls=OneLineRefusals,
    help="This terminal as a phone: a simulated chip and SIM, bound to your account.",
    no_args_is_help=True,
)
NumberArgument = Annotated[str, typer.Argument(help="With its country, such as +46701740605.")]


@app.command()
def chip(
    serial: Annotated[str, typer.Option(help="Its serial; a new one if you give none.")] = "",
    folder: FolderOption = Path(DEFAULT_FOLDER),
) -> None:
    """Put a security chip into this phone; prints it as a manufacturer's list."""
    home = open_home(folder)
    home.make()
    made = Chip.make(hardware_of(home).chip.path, serial=serial)
    typer.echo(LIST_HEADER)
    typer.echo(made.listing)


@app.command()
def sim(
    number: Annotated[str, typer.Argument(help="Its number, such as +46701740605.")] = "",
    code: Annotated[str, typer.Option(help="Its ICCID or IMSI; a new ICCID if none.")] = "",
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take it out instead.")] = False,
    folder: FolderOption = Path(DEFAULT_FOLDER),
) -> None:
    """Put a SIM into this phone, in place of the one that is there."""
    home = open_home(folder)
    home.make()
    slot = hardware_of(home).sim
    if remove:
        slot.remove()
    else:
        typer.echo(f"SIM {slot.insert(number, code=code).code}")


@app.command()
def register(
    number: NumberArgument,
    *,
    from_phone: Annotated[
        bool, typer.Option("--from-phone", help="Prove it by an SMS that this phone sends.")
    ] = False,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Ask for the SIM of a number to be bound to this phone."""
    requested = _phone(folder, ca_file).register(number, from_phone=from_phone)
    typer.echo(f"binding {requested.binding} {requested.state}")
    typer.echo(_next(requested), err=True)


@app.command()
def prove(
    code: Annotated[str, typer.Argument(help="The six digits that came by SMS.")],
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Prove the number by the code that came."""
    phone = _phone(folder, ca_file)
    standing = phone.requests.standing()
    waiting = [each for each in standing if each.get("state") == "pending_proof"]
    if not waiting:
        raise TerminalError("nothing_to_prove", "this phone waits for no code: phone register")
    binding = text(waiting[0], "binding")
    typer.echo(f"binding {binding} {phone.requests.prove(binding, code)}")


@app.command()
def approve(
    binding: Annotated[str, typer.Argument(help="Of the new phone, as /phones shows it.")],
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Agree, on this bound phone, to a new one that takes its place."""
    typer.echo(f"binding {binding} {_phone(folder, ca_file).requests.approve(binding)}")


@app.command()
def status(folder: FolderOption = Path(DEFAULT_FOLDER), ca_file: CAFileOption = None) -> None:
    """Show what this phone is, was, or is about to be bound to, newest first."""
    for each in _phone(folder, ca_file).requests.standing():
        shown = [text(each, name) for name in ("binding", "number", "state", "reason")]
        typer.echo("  ".join(shown).rstrip())


@app.command()
def permit(
    purpose: Annotated[
        str, typer.Argument(help=f"One of {', '.join([*PERMITTED, Purpose.MESSAGE])}.")
    ],
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Have chip, SIM and number verified now; prints a permit for one use within a minute."""
    if purpose not in (*PERMITTED, Purpose.MESSAGE):
        raise TerminalError("purpose_unknown", "there are no permits for this purpose")
    typer.echo(_phone(folder, ca_file).permit(purpose))


@app.command()
def send(
    number: NumberArgument,
    words: Annotated[str, typer.Argument(help="What the other phone alone can read.")],
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Send a message to another bound phone."""
    typer.echo(f"message {_phone(folder, ca_file).messages.send(number, words)}")


@app.command()
def inbox(folder: FolderOption = Path(DEFAULT_FOLDER), ca_file: CAFileOption = None) -> None:
    """Show what other bound phones wrote to this one, oldest first."""
    for each in _phone(folder, ca_file).messages.inbox():
        typer.echo(f"{each.sent_at}  {each.sender or '?'}  {each.text or each.problem}")


@app.command()
def forget(number: NumberArgument, folder: FolderOption = Path(DEFAULT_FOLDER)) -> None:
    """Accept that the phone of a number has another security chip than before."""
    peers_of(open_home(folder)).forget(number)


def _phone(folder: Path, ca_file: Path | None) -> BoundPhone:
    return BoundPhone.of(open_home(folder, ca_file))


def _next(requested: Requested) -> str:
    if requested.text:
        return f"Send this SMS from your phone to {requested.send_to}: {requested.text}"
    return "Type the code that comes by SMS: phone prove CODE"
