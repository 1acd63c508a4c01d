"""The commands that need no token of one's own: a response computed, and known answers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tokens import ocra
from tokens.errors import RefusedError
from tokens.selftest import run
from tokens.suite import OCRASuite


def compute(
    suite: Annotated[str, typer.Option(help="Such as OCRA-1:HOTP-SHA256-8:QH64-T1M.")],
    seed_hex: Annotated[str, typer.Option(help="The seed in hexadecimal digits.")],
    question: Annotated[str, typer.Option(help="Digits, hexadecimal digits or text, by suite.")],
    counter: Annotated[int | None, typer.Option(help="For suites with C.")] = None,
    pin: Annotated[str | None, typer.Option(help="For suites with P: the PIN in clear.")] = None,
    session_hex: Annotated[
        str | None, typer.Option(help="For suites with S: its octets in hexadecimal digits.")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            help="For suites with T: the number of time steps since 1970, decimal or 0x…; or an"
            " instant: 'now', or such as 2008-03-25T12:06:30Z."
        ),
    ] = None,
) -> None:
    """Compute an OCRA response (RFC 6287): for debugging and known answers only.

    A seed on a command line is seen by every user of the machine and kept in the shell's history:
    never give that of a real token.
    """
    parsed = OCRASuite.parse(suite)
    response = ocra.compute(
        parsed,
        _octets("seed", seed_hex),
        question=question,
        counter=counter,
        pin=pin,
        session=None if session_hex is None else _octets("session", session_hex),
        time_step=None if time is None else _time_step(time, parsed.time_step_seconds or 1),
    )
    typer.echo(response)


def selftest(
    files: Annotated[list[Path], typer.Argument(help="Files of known answers, JSON.")],
) -> None:
    """Check the algorithms against known answers; ends with `N passed, M failed`."""
    summary = run(files)
    for row in summary.skipped:
        typer.echo(f"skipped  {row}")
    for row in summary.failed:
        typer.echo(f"FAILED   {row}")
    typer.echo(str(summary))
    if summary.failed:
        raise typer.Exit(1)


def _octets(name: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        # Without its cause and the text, which may be a seed.
        raise RefusedError("hexadecimal_invalid", f"the {name} is not hexadecimal") from None


def _time_step(text: str, step_seconds: int) -> int:
    try:
        return int(text, 0)
    except ValueError:
        pass  # then it is an instant
    try:
        instant = datetime.now(UTC) if text == "now" else datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise RefusedError("time_invalid", "give a number, 'now', or an instant with its zone")
    return int(instant.timestamp()) // step_seconds
