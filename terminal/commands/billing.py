"""The command that runs the billing manager."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from terminal.binding.phone import BoundPhone, hardware_of
from terminal.commands.options import DEFAULT_FOLDER, CAFileOption, FolderOption, open_home
from terminal.home import Home
from terminal.manager import BillingManager
from terminal.serving import serving


def billing_manager(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="On loopback; 0 for any free one.")
    ] = 0,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Run the billing manager, which the resources on this terminal ask, until it is stopped."""
    home = open_home(folder, ca_file)
    manager = BillingManager(
        keys=home.keys(), pins=home.pins(), client=home.client(), phone=_phone(home)
    )
    # Whoever stops it politely finds its file gone.
    signal.signal(signal.SIGTERM, _interrupt)
    with serving(manager, home.manager_file, port=port) as server:
        typer.echo(f"The billing manager listens on 127.0.0.1:{server.server_port}.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("Stopped.", err=True)


def _phone(home: Home) -> BoundPhone | None:
    """Return the phone that this terminal is, once a security chip is in it."""
    return BoundPhone.of(home) if hardware_of(home).chip.path.exists() else None


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
