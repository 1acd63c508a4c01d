"""The commands for applications that bill inside themselves."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from protocol.application import Channel
from protocol.jwk import to_base64
from terminal.application import process, receive
from terminal.application.process import Running
from terminal.application.receive import Result
from terminal.application.send import Outbox, send_by_network, send_proof
from terminal.binding.phone import BoundPhone, hardware_of
from terminal.binding.platform import Platform
from terminal.commands.options import DEFAULT_FOLDER, CAFileOption, FolderOption, open_home
from terminal.errors import TerminalError
from terminal.home import Home
from tokens.commands.refusing import OneLineRefusals

app = typer.Typer(
    cls=OneLineRefusals,
    help="Applications that bill inside themselves.",
    no_args_is_help=True,
)
PackageArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Of the application, from its page.")
]
RequestArgument = Annotated[
    str, typer.Argument(metavar="REQUEST", help="Its id, as bill printed it.")
]
# A few, so that several applications of one terminal have some: the platform keeps twenty.
_NONCES = 5


class By(StrEnum):
    """How a request goes."""

    NETWORK = "network"
    SMS = "sms"


@app.command()
def register(folder: FolderOption = Path(DEFAULT_FOLDER), ca_file: CAFileOption = None) -> None:
    """Register this device for billing; download does it too."""
    typer.echo(f"terminal {receive.register(_platform(open_home(folder, ca_file)))}")


@app.command()
def download(
    package: PackageArgument,
    output: Annotated[
        Path | None, typer.Option(help="Where to; by default ID.cspkg here.")
    ] = None,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Download an application, packed for this device alone."""
    path = output or Path(f"{package}.cspkg")
    receive.download(_platform(open_home(folder, ca_file)), package, path)
    typer.echo(path)


@app.command()
def install(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A package (.cspkg).")],
    folder: FolderOption = Path(DEFAULT_FOLDER),
) -> None:
    """Install a package, in place of the build that was there."""
    manifest = process.install(open_home(folder), file)
    typer.echo(f"application {manifest.package.hex()} build {manifest.build}")


@app.command()
def start(package: PackageArgument, folder: FolderOption = Path(DEFAULT_FOLDER)) -> None:
    """Start an application, as every other command does: its SDK compares key and files."""
    found = process.start(open_home(folder), package).found
    typer.echo(f"key comparison        {_word(found.key_matches)}")
    typer.echo(f"signature comparison  {_word(found.files_match)}")


@app.command()
def items(package: PackageArgument, folder: FolderOption = Path(DEFAULT_FOLDER)) -> None:
    """List what an application sells."""
    running = process.start(open_home(folder), package)
    for item in running.billing.catalogue.items:
        typer.echo(f"{item.number}  {running.billing.consent(item.number)}")


@app.command()
def nonces(
    package: PackageArgument,
    count: Annotated[int, typer.Option(min=1, max=20, help="How many.")] = _NONCES,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Fetch one-time numbers, with which the application can bill by SMS later."""
    home = open_home(folder, ca_file)
    running = process.start(home, package)
    _fetch_nonces(_platform(home), running, count)
    typer.echo(f"nonces {running.billing.count_nonces()}")


@app.command()
def bill(
    package: PackageArgument,
    item: Annotated[int, typer.Argument(metavar="ITEM", help="Its number: app items.")],
    *,
    by: Annotated[By, typer.Option(help="How the request goes.")] = By.NETWORK,
    yes: Annotated[bool, typer.Option("--yes", help="I have read the sentence.")] = False,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Buy something of an application, after it has asked you."""
    home = open_home(folder, ca_file)
    running = process.start(home, package)
    sentence = running.billing.consent(item)
    typer.echo(sentence, err=True)
    if not yes:
        typer.confirm("Do you agree?", abort=True, err=True)
    if by is By.SMS:
        request = running.billing.bill(item, Channel.SMS, agreed=sentence)
        sent = Outbox(home.folder / "outbox", hardware_of(home).sim).send(request)
        typer.echo(request.text)
        typer.echo(f"The SIM has sent this SMS: {sent}", err=True)
        return
    platform = _platform(home)
    if not running.billing.count_nonces():
        _fetch_nonces(platform, running, _NONCES)
    request = running.billing.bill(item, Channel.NETWORK, agreed=sentence)
    _show(send_by_network(platform, request, _phone(home)), home)


@app.command()
def status(
    request: RequestArgument,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Show how a request stands."""
    home = open_home(folder, ca_file)
    _show(receive.read_status(_platform(home), request), home)


@app.command()
def confirm(
    request: RequestArgument,
    picture: Annotated[Path, typer.Option(help="Where a picture goes.")] = Path("captcha.png"),
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Confirm a request that waits, in the way that it waits for."""
    home = open_home(folder, ca_file)
    platform = _platform(home)
    standing = receive.read_status(platform, request)
    if not standing.state.startswith("awaiting_"):
        raise TerminalError("request_closed", "this request waits for nothing")
    typer.echo(standing.answer.get("consent", ""), err=True)
    match standing.strategy:
        case "payment_password":
            password = typer.prompt("Payment password", hide_input=True, err=True)
            proof = {"payment_password": password}
        case "sms_code":
            proof = {"code": typer.prompt("Code from the SMS", err=True)}
        case "captcha":
            receive.fetch_captcha(platform, request, picture)
            proof = {"answer": typer.prompt(f"What {picture} shows", err=True)}
        case "online":
            proof = {"sealed": _once_more(home, platform, standing)}
        case _:
            page = f"{platform.client.origin}/charges/{request}/confirm"
            raise TerminalError("page_needed", f"confirm it on {page}")
    way = standing.strategy.replace("_", "-")
    _show(send_proof(platform, request, way, **proof), home)


def _once_more(home: Home, platform: Platform, standing: Result) -> str:
    """Start the application again, and make the request anew with a fresh nonce."""
    package, item = standing.answer.get("package"), standing.answer.get("item")
    if not isinstance(package, str) or type(item) is not int:
        raise TerminalError("answer_invalid", "the platform does not say what it is for")
    running = process.start(home, package)
    sentence = running.billing.consent(item)
    if sentence != standing.answer.get("consent"):
        raise TerminalError("consent_missing", "the request is for something else than it says")
    _fetch_nonces(platform, running, 1)
    return to_base64(running.billing.bill(item, Channel.NETWORK, agreed=sentence).sealed)


def _fetch_nonces(platform: Platform, running: Running, count: int) -> None:
    running.billing.add_nonces(*receive.fetch_nonces(platform, count))


def _platform(home: Home) -> Platform:
    return Platform(home.client(), home.keys())


def _phone(home: Home) -> BoundPhone | None:
    return BoundPhone.of(home) if hardware_of(home).sim.path.exists() else None


def _show(result: Result, home: Home) -> None:
    typer.echo(f"request {result.request} {result.state} {result.strategy}".rstrip())
    if result.state.startswith("awaiting_"):
        page = f"{home.pins().origin}/charges/{result.request}/confirm"
        typer.echo(f"Confirm it: app confirm {result.request}, or {page}", err=True)


def _word(matches: bool) -> str:  # noqa: FBT001 (one value to print)
    return "true" if matches else "false"
