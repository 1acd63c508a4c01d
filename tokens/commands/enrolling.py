"""The commands that bring a token into the file."""

from pathlib import Path
from typing import Annotated

import typer

from protocol.enrolment import Invitation
from protocol.errors import ProtocolError
from protocol.provisioning import Provision
from protocol.text import check_ascii
from tokens.commands.asking import ask_seed
from tokens.commands.calling import CAFileOption, new_client
from tokens.commands.options import (
    DEFAULT_FILE,
    FileOption,
    JSONOption,
    describe,
    now,
    open_store,
    print_json,
)
from tokens.display import Profile
from tokens.enrolment import Enrolment, provisioned
from tokens.errors import RefusedError
from tokens.question import DIGEST_OCTETS, question_for
from tokens.scanning import read_code
from tokens.simulator import SimulatedToken
from tokens.store import TokenFile
from tokens.suites import parse_suite
from tokens.token import Token

MIN_COLUMNS, MIN_ROWS = 16, 4


def enrol(
    code: Annotated[
        str,
        typer.Argument(
            metavar="INVITATION",
            help="The host's enrolment QR code: its URL, a file, or a picture. Or the one that"
            " the host shows for a token without a network.",
        ),
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
    text = read_code(code)
    profile = Profile(columns, rows)
    store = open_store(file)
    provision = _provision(text)
    if provision is not None:
        token, digits = provisioned(provision, now(), profile)
    else:
        token, digits = _exchange(Invitation.from_link(text), profile, store, ca_file)
    with store.locked():
        contents = store.load()
        # When repeated, the token that is there already has perhaps counted on.
        if all(known.vk != token.vk for known in contents.tokens):
            store.save(contents.with_token(token))
    if as_json:
        print_json({**describe(token), "digits": digits})
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


def add(
    serial: Annotated[str, typer.Argument(help="The serial on its back.")],
    suite: Annotated[str, typer.Argument(help="Such as HOTP:SHA1-6, or OCRA-1:….")],
    counter: Annotated[int, typer.Option(min=0, help="Its next counter.")] = 0,
    file: FileOption = Path(DEFAULT_FILE),
) -> None:
    """Add a card or a keypad token by hand, for tests; its seed is asked for, or read.

    The seed comes from standard input, in hexadecimal digits: on a command line every user of the
    machine would see it.
    """
    check_ascii("serial", serial, 16)
    card = Token(serial=serial, suite=parse_suite(suite), seed=ask_seed(), counter=counter)
    # Refuses here and not later what it could never answer with.
    card.answer(question_for(card.suite, bytes(DIGEST_OCTETS)), now())
    store = open_store(file)
    with store.locked():
        contents = store.load()
        if any(serial in known.names for known in (*contents.tokens, *contents.cards)):
            raise RefusedError("token_exists", f"there is a token {serial} already")
        store.save(contents.with_token(card))
    typer.echo(f"added    {serial}  {card.suite}")


def _provision(text: str) -> Provision | None:
    try:
        return Provision.from_link(text)
    except ProtocolError as error:
        if error.code != "not_ours":
            raise
        return None


def _exchange(
    invited: Invitation, profile: Profile, store: TokenFile, ca_file: Path | None
) -> tuple[SimulatedToken, str]:
    client = new_client(ca_file)
    with store.locked():
        contents = store.load()
        enrolment = contents.enrolment_for(invited)
        if enrolment is None:
            enrolment = Enrolment.begin(invited, now())
            # Stored before it is sent: a second share would make the host give the token up.
            store.save(contents.with_enrolment(enrolment, now()))
    return enrolment.finish(client.enrol(enrolment), now(), profile)
