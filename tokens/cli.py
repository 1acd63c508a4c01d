"""The commands of the token simulator: ``python -m tokens``.

Results go to standard output, all else to standard error; a refusal is one line, with its code in
front and exit status 1.  What takes long to import and is not always needed (HTTP, pictures) is
imported where it is needed: answering a statement should start quickly.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from protocol.errors import ProtocolError
from tokens.commands.answering import press, respond, show, type_question
from tokens.commands.debugging import compute, selftest
from tokens.commands.enrolling import add, enrol
from tokens.commands.keeping import list_tokens, remove, update_keys, update_server
from tokens.commands.options import line_of
from tokens.errors import TokenError


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
        line = line_of(error)
    except UnicodeEncodeError:
        line = "display_unfit: this terminal cannot show every character; use one with UTF-8"
    except (typer.Abort, KeyboardInterrupt):
        line = "aborted: nothing more was done"
    else:
        return
    typer.echo(line, err=True)
    raise typer.Exit(1)


app = typer.Typer(
    cls=_Commands,
    help="A simulated challenge-response token: enrol it, and answer what its platform asks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Help lists them in this order.
app.command()(enrol)
app.command()(add)
app.command("list")(list_tokens)
app.command()(show)
app.command()(respond)
app.command("type")(type_question)
app.command()(press)
app.command()(compute)
app.command()(selftest)
app.command()(update_keys)
app.command()(update_server)
app.command()(remove)
