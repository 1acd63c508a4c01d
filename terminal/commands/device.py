"""The commands for this terminal as a device of an account."""

from pathlib import Path
from typing import Annotated

import typer

from protocol.keys import root_fingerprint
from terminal.adding import add_device
from terminal.commands.options import DEFAULT_FOLDER, CAFileOption, FolderOption, now, open_home
from terminal.pins import Pins
from tokens.commands.refusing import OneLineRefusals

app = typer.Typer(
    cls=OneLineRefusals, help="This terminal as a device of an account.", no_args_is_help=True
)


@app.command()
def add(
    code: Annotated[str, typer.Argument(help="From the page of your devices.")],
    platform: Annotated[
        str, typer.Option(envvar="COUNTERSIGN_PLATFORM", help="Its address, such as https://….")
    ],
    name: Annotated[str, typer.Option(help="What you call this device.")] = "Terminal",
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Add this terminal to your account; its keys are made here and stay here."""
    pins = add_device(open_home(folder, ca_file), origin=platform, code=code, name=name)
    _print(pins)


@app.command()
def show(folder: FolderOption = Path(DEFAULT_FOLDER)) -> None:
    """Show which device this is, and whom it trusts."""
    _print(open_home(folder).pins())


@app.command()
def update_keys(folder: FolderOption = Path(DEFAULT_FOLDER), ca_file: CAFileOption = None) -> None:
    """Fetch the platform's present keys now; on-line, a terminal does so every few hours."""
    trust = open_home(folder, ca_file).trust()
    trust.refresh(now())
    _print(trust.pins)


def _print(pins: Pins) -> None:
    typer.echo(f"device    {pins.device}")
    typer.echo(f"account   {pins.account}")
    typer.echo(f"platform  {pins.platform} {pins.origin}")
    typer.echo(f"root key  {root_fingerprint(pins.root)}")
