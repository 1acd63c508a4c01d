"""The commands of the token simulator: ``python -m tokens``.

Results go to standard output, all else to standard error; a refusal is one line, with its code in
front and exit status 1.  What takes long to import and is not always needed (HTTP, pictures) is
imported where it is needed: answering a statement should start quickly.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from protocol.enrolment import Invitation
from protocol.errors import ProtocolError
from protocol.text import check_text, normalise
from tokens.asking import PASSPHRASE_VARIABLE, ask_passphrase, confirm
from tokens.debugging import compute, selftest
from tokens.display import Profile
from tokens.enrolment import Enrolment
from tokens.errors import RefusedError, TokenError
from tokens.scanning import read_code
from tokens.simulator import Shown, SimulatedToken, addressee
from tokens.store import TokenFile

if TYPE_CHECKING:
    from tokens.client import Client

DEFAULT_FILE = "~/.local/share/countersign/tokens.bin"
MIN_COLUMNS, MIN_ROWS = 16, 4


class _Commands(TyperGroup):
    """Turns every refusal into one line."""

    def invoke(self, ctx: Any) -> Any:
        with _one_line_refusals():
            return super().invoke(ctx)


@contextmanager
def _one_line_refusals() -> Iterator[None]:
    try:
        yield
    except (TokenError, ProtocolError) as error:
        line = _line_of(error)
    except UnicodeEncodeError:
        line = "display_unfit: this terminal cannot show every character; use one with UTF-8"
    except (typer.Abort, KeyboardInterrupt):
        line = "aborted: nothing more was done"
    else:
        return
    typer.echo(line, err=True)
    raise typer.Exit(1)


def _line_of(error: TokenError | ProtocolError) -> str:
    sentence = error.detail if isinstance(error, ProtocolError) else str(error)
    return f"{error.code}: {sentence}"


app = typer.Typer(
    cls=_Commands,
    help="A simulated challenge-response token: enrol it, and answer what its platform asks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

FileOption = Annotated[
    Path,
    typer.Option(
        "--file",
        envvar="COUNTERSIGN_TOKEN_FILE",
        help=f"The encrypted file of tokens; its passphrase: {PASSPHRASE_VARIABLE}, or asked for.",
    ),
]
CAFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        envvar="COUNTERSIGN_TOKEN_CA_FILE",
        help="Certificates (PEM) to trust for HTTPS in place of the system's.",
    ),
]
JSONOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
StatementArgument = Annotated[
    str,
    typer.Argument(help="Its QR code as a picture, its text, or a file with that text."),
]


@app.command()
def enrol(
    invitation: Annotated[
        str,
        typer.Argument(help="The host's enrolment QR code: its URL, a file, or a picture."),
    ],
    columns: Annotated[
        int | None,
        typer.Option(min=MIN_COLUMNS, help="Columns of the token's display; default no limit."),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(min=MIN_ROWS, help="Rows of the token's display; default no limit."),
    ] = None,
    file: FileOption = Path(DEFAULT_FILE),
    ca_file: CAFileOption = None,
    as_json: JSONOption = False,  # noqa: FBT002  (an option of the command line)
) -> None:
    """Enrol a new token at an authentication server, and print eight digits to compare.

    Within ten minutes the same command with the same code gives the same token again.
    """
    invited = Invitation.from_link(read_code(invitation))
    client = _client(ca_file)
    store = _open_store(file)
    with store.locked():
        contents = store.load()
        enrolment = contents.enrolment_for(invited)
        if enrolment is None:
            enrolment = Enrolment.begin(invited, _now())
            # Stored before it is sent: a second share would make the host give the token up.
            store.save(contents.with_enrolment(enrolment, _now()))
    answer = client.enrol(enrolment)
    token, digits = enrolment.finish(answer, _now(), Profile(columns, rows))
    with store.locked():
        contents = store.load()
        # When repeated, the token that is there already has perhaps counted on.
        if all(known.vk != token.vk for known in contents.tokens):
            store.save(contents.with_token(token))
    if as_json:
        _print_json({**_describe(token), "digits": digits})
        return
    typer.echo(f"serial   {token.serial}")
    typer.echo(f"platform {token.platform_id} {token.platform_origin}")
    typer.echo(f"digits   {digits}")
    typer.echo(
        f"Compare the digits with those on the page at {token.host_origin}. Only if they are the"
        " same, enter them where you asked for this token; then answer its activation with"
        " `respond`.",
        err=True,
    )


@app.command("list")
def list_tokens(
    file: FileOption = Path(DEFAULT_FILE),
    as_json: JSONOption = False,  # noqa: FBT002
) -> None:
    """List the tokens in the file, one a line: serial, server id, suite, platform, host."""
    tokens = _open_store(file).load().tokens
    if as_json:
        _print_json([_describe(token) for token in tokens])
        return
    for token in tokens:
        typer.echo(
            f"{token.serial:16}  {token.vk.hex()}  {token.suite}"
            f"  {token.platform_id} {token.platform_origin}  {token.host_origin}"
        )
    if not tokens:
        typer.echo("There are no tokens yet; `enrol` makes one.", err=True)


@app.command()
def show(
    statement: StatementArgument,
    file: FileOption = Path(DEFAULT_FILE),
    as_json: JSONOption = False,  # noqa: FBT002
) -> None:
    """Check a statement and print every field that its holder must see."""
    _, token, shown = _read_statement(statement, file)
    if as_json:
        _print_json(_describe_shown(token, shown))
        return
    for line in shown.lines:
        typer.echo(line)


@app.command()
def respond(
    statement: StatementArgument,
    post: Annotated[  # noqa: FBT002
        bool, typer.Option("--post", help="Send the response to the platform, with its tag.")
    ] = False,
    decline: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Tell the platform that you decline, and why."),
    ] = None,
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
    client = _client(ca_file) if post or reason is not None else None
    store, token, shown = _read_statement(statement, file)
    for line in shown.lines:
        # Standard error would write what it cannot show in another way, and go on.
        line.encode(sys.stderr.encoding)
        typer.echo(line, err=True)
    if not yes:
        question = "Answer this statement?" if reason is None else "Decline this statement?"
        confirm(question)
    if client is not None and reason is not None:
        _decline(client, token, shown, reason, as_json=as_json)
    else:
        response = _answer(store, token, lambda current: current.respond(shown, _now()))
        _hand_out(client, token, shown, response, as_json=as_json)


@app.command("type")
def type_question(
    question: Annotated[
        str, typer.Argument(help="The digits on the platform's page; spaces do not matter.")
    ],
    token: Annotated[
        str | None,
        typer.Option(help="Serial, or id of the server; for when several take such digits."),
    ] = None,
    file: FileOption = Path(DEFAULT_FILE),
) -> None:
    """Type digits into a token without a camera, and print the response code.

    Such a token shows nothing of the statement: its holder has only the page to go by.
    """
    plain = "".join(question.split())
    store = _open_store(file)
    contents = store.load()
    chosen = contents.find_by_name(token) if token else contents.find_for(plain)
    typer.echo(_answer(store, chosen, lambda current: current.respond_typed(plain, _now())))


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
            _print_json({**_describe_shown(token, shown), **described})
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
        _print_json({**_describe_shown(token, shown), **described})
    if outcome.accepted:
        raise RefusedError("already_accepted", "the statement had been answered before")
    typer.echo(f"The platform says: {outcome.reason}", err=True)


# Here, since help lists the commands in this order.
app.command()(compute)
app.command()(selftest)


@app.command()
def update_keys(
    file: FileOption = Path(DEFAULT_FILE),
    ca_file: CAFileOption = None,
) -> None:
    """Fetch the present statement keys of every token's platform, checked against its root."""
    client = _client(ca_file)
    store = _open_store(file)
    failed = False
    for token in store.load().tokens:
        try:
            directory = client.directory(token.platform_origin)
            with store.locked():
                contents = store.load()
                current = contents.find(token.serial, token.vk)
                store.save(contents.with_token(current.with_keys(directory)))
            typer.echo(f"updated  {token.serial}  {token.platform_origin}")
        except (TokenError, ProtocolError) as error:
            # A platform that is gone must not keep the other tokens from their keys.
            typer.echo(f"{_line_of(error)} ({token.serial})", err=True)
            failed = True
    if failed:
        raise typer.Exit(1)


@app.command()
def remove(
    token: Annotated[str, typer.Argument(help="Its serial, or the id of its server.")],
    yes: YesOption = False,  # noqa: FBT002
    file: FileOption = Path(DEFAULT_FILE),
) -> None:
    """Remove a token and its seed from the file, for good."""
    store = _open_store(file)
    found = store.load().find_by_name(token)
    if not yes:
        confirm(f"Remove token {found.serial} for good?")
    with store.locked():
        store.save(store.load().without(found))
    typer.echo(f"removed  {found.serial}")


def _now() -> datetime:
    return datetime.now(UTC)


def _open_store(path: Path) -> TokenFile:
    try:
        path = path.expanduser()
    except RuntimeError as error:
        raise RefusedError("token_file_unusable", "there is no home folder: use --file") from error
    return TokenFile(path, lambda: ask_passphrase(is_new=not path.exists()))


def _client(ca_file: Path | None) -> "Client":
    from tokens.client import Client

    return Client(ca_file)


def _read_statement(given: str, path: Path) -> tuple[TokenFile, SimulatedToken, Shown]:
    text = read_code(given)
    serial, vk = addressee(text)
    store = _open_store(path)
    token = store.load().find(serial, vk)
    return store, token, token.read(text, _now())


def _answer(
    store: TokenFile, token: SimulatedToken, respond_with: Callable[[SimulatedToken], str]
) -> str:
    if not token.suite.counter:
        return respond_with(token)
    with store.locked():
        contents = store.load()
        # Another process may have counted on while the holder was reading.
        current = contents.find(token.serial, token.vk)
        response = respond_with(current)
        # Stored before anybody sees the response: a counter is never used twice.
        store.save(contents.with_token(current.advanced()))
    return response


def _check_reason(text: str) -> str:
    reason = normalise(text)
    check_text("reason", reason, 120)
    return reason


def _describe(token: SimulatedToken) -> dict[str, Any]:
    return {
        "serial": token.serial,
        "vk": token.vk.hex(),
        "suite": str(token.suite),
        "sight": int(token.sight),
        "platform": token.platform_id,
        "origin": token.platform_origin,
        "host": token.host_origin,
    }


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


def _print_json(value: object) -> None:
    # ASCII: no terminal or locale can spoil it.
    typer.echo(json.dumps(value))
