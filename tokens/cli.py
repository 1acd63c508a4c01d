"""The commands of the token simulator: ``python -m tokens``.

Results go to standard output, all else to standard error; a refusal is one line, with its code in
front and exit status 1.  What takes long to import and is not always needed (HTTP, pictures) is
imported where it is needed: answering a statement should start quickly.
"""

import typer

from tokens.commands.answering import press, respond, show, type_question
from tokens.commands.debugging import compute, selftest
from tokens.commands.enrolling import add, enrol
from tokens.commands.keeping import list_tokens, remove, update_keys, update_server
from tokens.commands.refusing import OneLineRefusals

app = typer.Typer(
    cls=OneLineRefusals,
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
