"""The commands that need no token of one's own: a response computed, and known answers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tokens import ocra, responses
from tokens.commands.asking import octets
from tokens.errors import RefusedError
from tokens.fields import check_presence
from tokens.selftest import run
from tokens.suite import OCRASuite
from tokens.suites import parse_suite


def compute(
    suite: Annotated[str, typer.Option(help="Such as OCRA-1:HOTP-SHA256-8:QH64-T1M.")],
    seed_hex: Annotated[str, typer.Option(help="The seed in hexadecimal digits.")],
    question: Annotated[
        str | None, typer.Option(help="Digits, hexadecimal digits or text, by suite.")
    ] = None,
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
    """Compute a response of any suite: for debugging and known answers only.

    A seed on a command line is seen by every user of the machine and kept in the shell's history:
    never give that of a real token.
    """
    parsed, seed = parse_suite(suite), octets("seed", seed_hex)
    session = None if session_hex is None else octets("session", session_hex)
    step = None if time is None else _time_step(time, parsed.time_step_seconds or 1)
    if isinstance(parsed, OCRASuite):
        response = ocra.compute(
            parsed,
            seed,
            question=question or "",
            counter=counter,
            pin=pin,
            session=session,
            time_step=step,
        )
    else:
        check_presence("PIN", used=False, given=pin is not None)
        check_presence("session", used=False, given=session is not None)
        response = responses.compute(
            parsed, seed, question=question, counter=counter, time_step=step
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
