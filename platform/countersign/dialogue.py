"""``make token``: answer challenges with somebody's token, one after the other."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from countersign.demo import NAMES
from countersign.local import ROOT
from countersign.person import Person
from countersign.playground import Playground
from countersign.stage import say

with contextlib.suppress(ImportError):
    # A terminal by itself takes no line as long as a challenge on some systems.
    import readline  # noqa: F401

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,30}")


def use_token(playground: Playground, login: str, arguments: Sequence[str]) -> int:
    """Run the token program with somebody's tokens; without arguments, ask for challenges.

    Args:
        playground: Whose people are meant.
        login: Such as ``anna``; another name has tokens of its own, none at first.
        arguments: For ``python -m tokens``.

    Returns:
        The exit status.

    Raises:
        RuntimeError: nobody was named, or ``make run`` has not made the people yet.
    """
    if not _LOGIN.fullmatch(login):
        raise RuntimeError(f"say whose token: {' or '.join(f'WHO={name}' for name in NAMES)}")
    if not playground.demo_file.exists():
        raise RuntimeError(f"there are no tokens yet: make run{playground.variables} makes them")
    person = playground.person(login)
    if arguments:
        return _tokens(person, *arguments).returncode
    say(
        f"This is {person.name}'s token. Paste a challenge (on its page: “Copy for the token "
        "program”), the path of its picture, or the ten digits for a token without a camera. "
        "Enter alone ends."
    )
    while given := _ask("\nChallenge: "):
        _answer(person, given)
    return 0


def _answer(person: Person, given: str) -> None:
    """Show one challenge, ask what to do, and do it."""
    if "/e#" in given:
        _tokens(person, "enrol", given)
        return
    if given.replace(" ", "").isdecimal():
        _tokens(person, "type", given)
        return
    if not given.startswith("http"):
        given = str(Path(given.strip("'\"")).expanduser())
    if _tokens(person, "show", given).returncode:
        return
    choice = _ask("[y] approve and send   [d] digits only, to type them   [n] this is wrong: ")
    if choice == "y":
        _respond(person, given, "--post")
    elif choice == "d":
        _respond(person, given)
    elif choice == "n" and (reason := _ask("What is wrong? ")):
        _respond(person, given, "--decline", reason)
    else:
        say("Nothing was done.")


def _respond(person: Person, given: str, *options: str) -> None:
    done = _tokens(person, "respond", given, "--yes", *options, reads=subprocess.PIPE)
    if done.stdout:
        say(f"Your digits: {done.stdout.strip()}")
    # Above its last line it shows the statement again.
    if done.returncode or options:
        say(done.stderr.strip().splitlines()[-1])


def _tokens(
    person: Person, *arguments: str, reads: int | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "tokens", *arguments],
        cwd=ROOT,
        env=person.token_environment,
        stdout=reads,
        stderr=reads,
        check=False,
        text=True,
    )


def _ask(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return ""
