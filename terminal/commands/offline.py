"""The commands for authorizing without a network that need one: setting up, and the device."""

from pathlib import Path
from typing import Annotated

import typer

from protocol.offline import Money
from terminal.commands.link import (
    IncomingOption,
    LinkKind,
    LinkOption,
    OutgoingOption,
    open_link,
)
from terminal.commands.options import (
    DEFAULT_FOLDER,
    CAFileOption,
    FolderOption,
    now,
    open_home,
)
from terminal.errors import TerminalError
from terminal.offline.registering import Registrar
from terminal.offline.relay import Checkout, Gate, Post
from terminal.offline.store import Registration
from terminal.offline.words import price
from tokens.commands.refusing import OneLineRefusals

app = typer.Typer(
    cls=OneLineRefusals,
    help="Authorizing without a network: set this phone up, or be the device at a service.",
    no_args_is_help=True,
)


@app.command()
def register(folder: FolderOption = Path(DEFAULT_FOLDER), ca_file: CAFileOption = None) -> None:
    """Let this device authorize without a network; asks for the payment password."""
    _show(Registrar.of(open_home(folder, ca_file)).register(_payment_password()))


@app.command()
def password(folder: FolderOption = Path(DEFAULT_FOLDER), ca_file: CAFileOption = None) -> None:
    """Set the offline password, or unlock it; asks for the payment password first."""
    registrar = Registrar.of(open_home(folder, ca_file))
    payment = _payment_password()
    new = typer.prompt("Offline password, 6 characters or more", hide_input=True, err=True)
    registrar.set_password(payment, new)
    typer.echo("offline password set")


@app.command()
def sync(folder: FolderOption = Path(DEFAULT_FOLDER), ca_file: CAFileOption = None) -> None:
    """Tell the platform what this phone signed, learn what became of it, and fetch its keys."""
    registrar = Registrar.of(open_home(folder, ca_file))
    for entry, outcome in registrar.reconcile(now()):
        typer.echo(f"{entry.serial.hex()} {outcome}")
    _show(registrar.store.registration())


@app.command()
def relay(
    outgoing: OutgoingOption,
    incoming: IncomingOption,
    *,
    link: LinkOption = LinkKind.QR,
    amount: Annotated[int, typer.Option(min=0, help="To be paid, minor units; a checkout's.")] = 0,
    by_code: Annotated[
        bool, typer.Option("--code", help="Take it by a one-way code; nothing is said back.")
    ] = False,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Be the device at a service for one client: a gate, or a checkout."""
    home, end = open_home(folder, ca_file), open_link(link, outgoing, incoming)
    device = Checkout.of(home, end) if amount else Gate.of(home, end)
    typer.echo(f"{device.post.title} ({device.post.kind})", err=True)
    if isinstance(device, Gate):
        result = device.admit()
    else:
        money = _money(amount, device.post)
        result = device.take_code(money) if by_code else device.charge(money)
    typer.echo(f"open {bytes(result.serial).hex()} {price(result.money)}".rstrip())


def _money(amount: int, post: Post) -> Money:
    if not post.currency:
        raise TerminalError("service_denied", "nothing is paid at this service")
    return Money(amount, post.currency)


def _payment_password() -> str:
    return str(typer.prompt("Payment password", hide_input=True, err=True))


def _show(registration: Registration) -> None:
    typer.echo(f"client {registration.client.hex()}")
    typer.echo(f"offline password {'set' if registration.has_password else 'not set'}")
