"""Run the terminal's programs: ``python -m terminal``."""

from terminal.cli import app

app(prog_name="python -m terminal")
