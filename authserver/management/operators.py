"""Who gives a command."""

import getpass
from argparse import ArgumentParser


def add_operator(parser: ArgumentParser) -> None:
    """Declare ``--by``: the operator's name, as it will stand in the token's story."""
    parser.add_argument("--by", default=_account(), help="your name (default: %(default)s)")


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # An account without a name, as containers have.
        return "unnamed"
