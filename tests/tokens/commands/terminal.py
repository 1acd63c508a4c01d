"""A terminal at which the commands are run, and the file of tokens beside it."""

import io
from pathlib import Path

from typer.testing import CliRunner, Result

from tests.tokens.world import SECONDS
from tokens.cli import app
from tokens.responses import compute
from tokens.simulator import SimulatedToken
from tokens.store import Contents, TokenFile

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "tests" / "vectors"
PASSPHRASE = "correct horse"
RUNNER = CliRunner()


class Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        """Tell that it is one."""
        return True


def save(path: Path, *tokens: SimulatedToken) -> None:
    """Write a file with these tokens and nothing else."""
    save_all(path, Contents(tokens))


def save_all(path: Path, contents: Contents) -> None:
    """Write a file."""
    file = TokenFile(path, lambda: PASSPHRASE)
    with file.locked():
        file.save(contents)


def load(path: Path) -> Contents:
    """Read a file."""
    return TokenFile(path, lambda: PASSPHRASE).load()


def run(*arguments: object, typed: str = "") -> Result:
    """Run a command."""
    return RUNNER.invoke(app, [str(argument) for argument in arguments], input=typed)


def succeed(*arguments: object, typed: str = "") -> str:
    """Run a command that must succeed; return its standard output."""
    result = run(*arguments, typed=typed)
    assert (result.exit_code, result.exception) == (0, None), result.output
    return result.stdout


def refuse(*arguments: object, typed: str = "") -> str:
    """Run a command that must end with one line, ``code: sentence``; return the code."""
    result = run(*arguments, typed=typed)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    line = result.stderr.splitlines()[-1]
    assert line.isprintable()
    return line.partition(": ")[0]


def expected_response(token: SimulatedToken, s: str, counter: int | None = None) -> str:
    """The right response at the tests' time."""
    time_step = SECONDS // 60 if counter is None else None
    return compute(token.suite, token.seed, question=s, counter=counter, time_step=time_step)
