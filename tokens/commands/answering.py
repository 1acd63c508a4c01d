"""The commands by which a token answers."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protocol.text import check_text, normalise
from tokens.commands.asking import ask, confirm
from tokens.commands.calling import CAFileOption, new_client
from tokens.commands.options import (
    DEFAULT_FILE,
    FileOption,
    JSONOption,
    YesOption,
    now,
    open_store,
    print_json,
)
from tokens.errors import RefusedError
from tokens.question import question_for
from tokens.scanning import read_code
from tokens.simulator import Shown, SimulatedToken, addressee
from tokens.store import TokenFile
from tokens.token import Token

if TYPE_CHECKING:
    from tokens.client import Client

StatementArgument = Annotated[
    str,
    typer.Argument(help="Its QR code as a picture, its text, or a file with that text."),
]
MutualOption = Annotated[
    bool,
    typer.Option("--mutual", help="First let the platform prove itself: ask it a challenge."),
]


def show(
    statement: StatementArgument,
    file: FileOption = Path(DEFAULT_FILE),
    as_json: JSONOption = False,  # noqa: FBT002
) -> None:
    """Check a statement and print every field that its holder must see."""
    _, token, shown = _read_statement(statement, file)
    if as_json:
        print_json(_describe_shown(token, shown))
        return
    for line in shown.lines:
        typer.echo(line)


def respond(
    statement: StatementArgument,
    post: Annotated[  # noqa: FBT002
        bool, typer.Option("--post", help="Send the response to the platform, with its tag.")
    ] = False,
    decline: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Tell the platform that you decline, and why."),
    ] = None,
    mutual: MutualOption = False,  # noqa: FBT002
    yes: YesOption = False,  # noqa: FBT002
    file: FileOption = Path(DEFAULT_FILE),
    ca_file: CAFileOption = None,
    as_json: JSONOption = False,  # noqa: FBT002
) -> None:
    """Show a statement, ask, and print the response code.

    The display and the question go to standard error, so that standard output is the code alone.
    """
    if post and decline is not None:
        raise typer.BadParameter("--decline posts by itself, and no response with it")
    reason = None if decline is None else _check_reason(decline)
    client = new_client(ca_file) if post or reason is not None else None
    store, token, shown = _read_statement(statement, file)
    question = question_for(token.suite, shown.statement.digest)
    challenge = _prove_platform(token, question) if mutual else ""
    for line in shown.lines:
        # Standard error would write what it cannot show in another way, and go on.
        line.encode(sys.stderr.encoding)
        typer.echo(line, err=True)
    if not yes:
        confirm("Answer this statement?" if reason is None else "Decline this statement?")
    if client is not None and reason is not None:
        _decline(client, token, shown, reason, as_json=as_json)
    else:
        response = store.answer(token, lambda current: current.respond(shown, now(), challenge))
        _hand_out(client, token, shown, response, as_json=as_json)


def type_question(
    question: Annotated[
        str, typer.Argument(help="The digits on the platform's page; spaces do not matter.")
    ],
    token: Annotated[
        str | None,
        typer.Option(help="Serial, or id of the server; for when several take such digits."),
    ] = None,
    mutual: MutualOption = False,  # noqa: FBT002
    file: FileOption = Path(DEFAULT_FILE),
) -> None:
    """Type digits into a token without a camera, and print the response code.

    Such a token shows nothing of the statement: its holder has only the page to go by.
    """
    plain = "".join(question.split())
    store = open_store(file)
    contents = store.load()
    chosen = contents.find_by_name(token) if token else contents.find_for(plain)
    challenge = _prove_platform(chosen, plain) if mutual else ""
    code = store.answer(chosen, lambda current: current.respond_typed(plain, now(), challenge))
    typer.echo(code)


def press(
    token: Annotated[str, typer.Argument(help="Serial of the card.")],
    file: FileOption = Path(DEFAULT_FILE),
) -> None:
    """Press the button of a card that is asked nothing, and print its code."""
    store = open_store(file)
    card = store.load().find_by_name(token)
    typer.echo(store.answer(card, lambda current: current.press(now())))


def _prove_platform(token: Token, question: str | None) -> str:
    """Show the token's own challenge, and go on only if the page gives the right answer to it."""
    challenge = token.challenge()
    typer.echo(f"Challenge of the token, to be typed into the page: {challenge}", err=True)
    answer = ask("The page's answer:")
    token.check_platform(question or "", challenge, answer, now())
    typer.echo("The platform is the true one.", err=True)
    return challenge


def _hand_out(
    client: "Client | None",
    token: SimulatedToken,
    shown: Shown,
    response: str,
    *,
    as_json: bool,
) -> None:
    outcome = None
    if not as_json:
        # Before it is posted: whatever comes of that, the holder can type it.
        typer.echo(response)
    try:
        if client is not None:
            outcome = client.respond(token, shown, response)
    finally:
        if as_json:
            posted = None if outcome is None else asdict(outcome)
            described = {"response": response, "posted": posted}
            print_json({**_describe_shown(token, shown), **described})
    if outcome is None:
        return
    if not outcome.accepted:
        left = "" if outcome.tries_left is None else f"; {outcome.tries_left} tries left"
        raise RefusedError(outcome.reason, f"the response was not accepted{left}")
    typer.echo(f"The platform says: {outcome.reason}", err=True)


def _decline(
    client: "Client", token: SimulatedToken, shown: Shown, reason: str, *, as_json: bool
) -> None:
    outcome = client.decline(token, shown, reason)
    if as_json:
        described = {"declined": reason, "posted": asdict(outcome)}
        print_json({**_describe_shown(token, shown), **described})
    if outcome.accepted:
        raise RefusedError(
            "already_accepted", "too late: it was signed; if that was not you, tell the operator"
        )
    typer.echo(f"The platform says: {outcome.reason}", err=True)


def _read_statement(given: str, path: Path) -> tuple[TokenFile, SimulatedToken, Shown]:
    text = read_code(given)
    serial, vk = addressee(text)
    store = open_store(path)
    token = store.load().find(serial, vk)
    return store, token, token.read(text, now())


def _check_reason(text: str) -> str:
    reason = normalise(text)
    check_text("reason", reason, 120)
    return reason


def _describe_shown(token: SimulatedToken, shown: Shown) -> dict[str, Any]:
    statement = shown.statement
    return {
        "serial": token.serial,
        "vk": token.vk.hex(),
        "s": statement.digest.hex(),
        "tx": statement.tx.hex(),
        "step": statement.pos + 1,
        "earlier_shown": len(shown.earlier),
        "earlier_hidden": shown.hidden,
        "issued": statement.issued,
        "expires": statement.expires,
        "lines": list(shown.lines),
    }
