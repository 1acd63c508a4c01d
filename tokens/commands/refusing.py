"""How the commands of these programs refuse: in one line, with exit status 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from protocol.errors import ProtocolError
from tokens.commands.options import line_of
from tokens.errors import TokenError


class OneLineRefusals(TyperGroup):
    """Turns every refusal into one line, its code in front."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
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
