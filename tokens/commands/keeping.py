"""The commands that look after the tokens in the file."""

from pathlib import Path
from typing import Annotated

import typer

from protocol import qrtext
from protocol.errors import ProtocolError
from protocol.qrtext import Link
from tokens.commands.asking import confirm
from tokens.commands.calling import CAFileOption, new_client
from tokens.commands.options import (
    DEFAULT_FILE,
    FileOption,
    JSONOption,
    YesOption,
    describe,
    line_of,
    open_store,
    print_json,
)
from tokens.errors import RefusedError, TokenError
from tokens.scanning import read_code
from tokens.simulator import SimulatedToken
from tokens.store import TokenFile


def list_tokens(
    file: FileOption = Path(DEFAULT_FILE),
    as_json: JSONOption = False,  # noqa: FBT002
) -> None:
    """List the tokens in the file, one a line: serial, server id, suite, platform, host."""
    contents = open_store(file).load()
    if as_json:
        print_json([describe(token) for token in (*contents.tokens, *contents.cards)])
        return
    for token in contents.tokens:
        typer.echo(
            f"{token.serial:16}  {token.vk.hex()}  {token.suite}"
            f"  {token.platform_id} {token.platform_origin}  {token.host_origin}"
        )
    for card in contents.cards:
        typer.echo(f"{card.serial:16}  {'-':16}  {card.suite}")
    if not contents.tokens and not contents.cards:
        typer.echo("There are no tokens yet; `enrol` makes one.", err=True)


def update_keys(
    code: Annotated[
        str, typer.Argument(help="A key's code: its text, or a file with that or a picture of it.")
    ] = "",
    file: FileOption = Path(DEFAULT_FILE),
    ca_file: CAFileOption = None,
) -> None:
    """Fetch the present statement keys of every token's platform, checked against its root.

    Without a network: take the key in a code that the platform's page shows.
    """
    store = open_store(file)
    if code:
        _take_key(store, read_code(code))
        return
    client = new_client(ca_file)
    failed = False
    for token in store.load().tokens:
        try:
            directory = client.directory(token.platform_origin)
            with store.locked():
                contents = store.load()
                store.save(contents.with_token(contents.present(token).with_keys(directory)))
            typer.echo(f"updated  {token.serial}  {token.platform_origin}")
        except (TokenError, ProtocolError) as error:
            # A platform that is gone must not keep the other tokens from their keys.
            typer.echo(f"{line_of(error)} ({token.serial})", err=True)
            failed = True
    if failed:
        raise typer.Exit(1)


def _take_key(store: TokenFile, text: str) -> None:
    """Add the key to the tokens of the platform that the code is from."""
    origin, _ = qrtext.decode(text, Link.KEY)
    with store.locked():
        contents = store.load()
        tokens = [each for each in contents.tokens if each.platform_origin.lower() == origin]
        if not tokens:
            raise RefusedError("wrong_platform", "the code is from another platform")
        for token in tokens:
            contents = contents.with_token(token.with_key(text))
        store.save(contents)
    for token in tokens:
        typer.echo(f"updated  {token.serial}  {token.platform_origin}")


def update_server(
    token: Annotated[str, typer.Argument(help="Its serial, or the id of its server.")],
    file: FileOption = Path(DEFAULT_FILE),
    ca_file: CAFileOption = None,
) -> None:
    """Fetch the present certificate of a token's paired server, checked against its host's root.

    Needed after the host gave the server a new key: statements then name another server.
    """
    client = new_client(ca_file)
    store = open_store(file)
    found = store.load().find_by_name(token)
    if not isinstance(found, SimulatedToken):
        raise RefusedError("token_has_no_server", "a card knows nothing of a server")
    certificate, keys = client.server_certificate(found)
    with store.locked():
        contents = store.load()
        current = contents.present(found)
        renewed = current.with_server(certificate, keys)
        store.save(contents.without(current).with_token(renewed))
    typer.echo(f"server   {renewed.serial}  {renewed.vk.hex()}")


def remove(
    token: Annotated[str, typer.Argument(help="Its serial, or the id of its server.")],
    yes: YesOption = False,  # noqa: FBT002
    file: FileOption = Path(DEFAULT_FILE),
) -> None:
    """Remove a token and its seed from the file, for good."""
    store = open_store(file)
    found = store.load().find_by_name(token)
    if not yes:
        confirm(f"Remove token {found.serial} for good?")
    with store.locked():
        store.save(store.load().without(found))
    typer.echo(f"removed  {found.serial}")
