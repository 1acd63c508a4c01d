"""Run the token simulator: ``python -m tokens``."""

from tokens.cli import app

app(prog_name="python -m tokens")
