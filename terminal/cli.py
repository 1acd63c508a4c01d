"""The commands of the terminal: ``python -m terminal``.

Results go to standard output, all else to standard error; a refusal is one line, with its code in
front and exit status 1.
"""

import typer

from terminal.commands import app as application
from terminal.commands import device, offline, phone, resource
from terminal.commands.billing import billing_manager
from tokens.commands.refusing import OneLineRefusals

app = typer.Typer(
    cls=OneLineRefusals,
    help="What runs on the user's side: device, billing manager, resources, phone, applications.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Help lists them in this order.
app.add_typer(device.app, name="device")
app.command()(billing_manager)
app.add_typer(resource.app, name="resource")
app.add_typer(phone.app, name="phone")
app.add_typer(application.app, name="app")
app.add_typer(offline.app, name="offline")
