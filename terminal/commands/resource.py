"""The commands by which a person gets and uses resources."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress

from protocol.billing import Operation
from protocol.content import open_file
from protocol.currency import EXPONENTS, format_amount
from protocol.errors import ProtocolError
from terminal.asking import RemoteManager
from terminal.commands.options import (
    DEFAULT_FOLDER,
    CAFileOption,
    FolderOption,
    now,
    open_home,
)
from terminal.downloading import download as fetch
from terminal.errors import OperationProhibited, TerminalError
from terminal.resource import ResourceInterface
from tokens.commands.refusing import OneLineRefusals

app = typer.Typer(
    cls=OneLineRefusals,
    help="Get resources, and use what you have paid for.",
    no_args_is_help=True,
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A resource's file (.csres).")]


@app.command()
def download(
    resource: Annotated[str, typer.Argument(metavar="ID", help="Of the resource, from its page.")],
    output: Annotated[
        Path | None, typer.Option(help="Where to; by default ID.csres here.")
    ] = None,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Download a resource's file; when it is cut off, the same command goes on."""
    home = open_home(folder, ca_file)
    path = output or Path(f"{resource}.csres")
    columns = (BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        fetch(
            home.client(),
            home.keys().signing,
            resource,
            path,
            progress=lambda have, whole: bar.update(task, completed=have, total=whole),
        )
    typer.echo(path)


@app.command()
def play(
    file: FileArgument,
    operation: Annotated[
        Operation | None, typer.Option(help="By default what is usual for such a resource.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the content to a file; - for standard output.")
    ] = None,
    folder: FolderOption = Path(DEFAULT_FOLDER),
    ca_file: CAFileOption = None,
) -> None:
    """Use a resource: it asks the billing manager and the platform by itself."""
    home = open_home(folder, ca_file)
    trust = home.trust()
    manager = RemoteManager.find(home.manager_file)
    interface = ResourceInterface(file, trust=trust, manager=manager, clock=now)
    try:
        with interface.operate(operation) as opened:
            size = _write(opened.content, output)
            header = opened.header
    except OperationProhibited as error:
        raise TerminalError(
            error.code, f"operation prohibited: {_reason(error, trust.pins.origin)}"
        ) from error
    typer.echo(f"{header.title}: {header.filename}, {header.media_type}, {size} bytes", err=True)


@app.command()
def show(file: FileArgument) -> None:
    """Show what a resource's file says of itself; that needs no leave and proves nothing."""
    try:
        with file.open("rb") as opened:
            header = open_file(opened)
    except OSError as error:
        raise TerminalError("file_unreadable", f"{file} cannot be read") from error
    typer.echo(f"resource  {header.resource.hex()}, version {header.version}")
    typer.echo(f"title     {header.title} ({header.kind})")
    typer.echo(f"content   {header.filename}, {header.media_type}, {header.size} bytes")
    typer.echo(f"platform  {header.platform}")


def _write(content: Iterable[bytes], output: Path | None) -> int:
    """Write the content where it is wanted, or use it up; return its size."""
    if output is None:
        return sum(map(len, content))
    if output == Path("-"):
        return _copy(content, sys.stdout.buffer)
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as file:
            size = _copy(content, file)
        part.replace(output)
    except ProtocolError:
        # What came before the damage is not the content.
        part.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise TerminalError("file_unwritable", f"{output} cannot be written") from error
    return size


def _copy(content: Iterable[bytes], file: BinaryIO) -> int:
    return sum(file.write(piece) for piece in content)


def _reason(error: OperationProhibited, origin: str) -> str:
    """Say why, and what it costs where that is what is missing."""
    price, currency, order = (error.members.get(n) for n in ("price", "currency", "order_url"))
    if type(price) is not int or not isinstance(currency, str) or currency not in EXPONENTS:
        return str(error)
    # A billing manager that is not ours must not send anybody elsewhere to pay.
    if not str(order).startswith(f"{origin}/"):
        return str(error)
    return f"{error} It costs {format_amount(price, currency)}: {order}"
