"""A person's terminal: its programs as processes of their own, as demo and tests play them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from countersign.local import ROOT
from countersign.person import Person, PersonError

# As long as a busy machine takes; a program that ends by itself is noticed at once.
_START_SECONDS = 120
_STOP_SECONDS = 60


@dataclass
class Terminal:
    """A terminal with a folder of its own.

    Attributes:
        owner: Whose device it is to be.
        folder: What it keeps; other terminals have others.
    """

    owner: Person
    folder: Path

    def add(self, name: str) -> str:
        """Make it a device of its owner, by a code from the owner's page; return what it prints.

        Raises:
            PersonError: it was refused.
        """
        code = self.owner.call("POST", "/devices/codes")["code"]
        return self.run("device", "add", code, "--platform", self.owner.origin, "--name", name)

    def run(self, *arguments: str | Path, said: str = "") -> str:
        """Run a program of the terminal, with something typed, and return what it printed.

        Raises:
            PersonError: it refused; its line is the message.
        """
        done = subprocess.run(  # noqa: S603  # our own program
            self._command(*arguments),
            cwd=ROOT,
            env=self._environment,
            input=f"{said}\n",
            capture_output=True,
            check=False,
            text=True,
            # A password is asked for at the terminal, if there is one.
            start_new_session=True,
        )
        if done.returncode:
            raise PersonError(done.stderr.strip())
        return done.stdout.strip()

    def refusal(self, *arguments: str | Path, said: str = "") -> str:
        """Return the line with which a program refuses; arguments as :meth:`run`.

        Raises:
            PersonError: it did not.
        """
        try:
            self.run(*arguments, said=said)
        except PersonError as error:
            return str(error).splitlines()[-1]
        raise PersonError(f"{arguments[0]} {arguments[1]} was not refused")

    def begin(
        self, *arguments: str | Path, said: str = "", without_network: bool = False
    ) -> "subprocess.Popen[str]":
        """Have a program of the terminal run beside others.

        Args:
            arguments: Of it.
            said: What is typed.
            without_network: Whether it is the one that knows no network.
        """
        module = "terminal.offline" if without_network else "terminal"
        return self._begin("-m", module, *arguments, said=said)

    def cheat(self, program: Path, *arguments: str | Path) -> "subprocess.Popen[str]":
        """Have somebody's own program run in this terminal, beside others."""
        return self._begin(program, *arguments)

    def _begin(self, *arguments: str | Path, said: str = "") -> "subprocess.Popen[str]":
        process = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A password is asked for at the terminal, if there is one.
            start_new_session=True,
        )
        if process.stdin is not None:
            process.stdin.write(f"{said}\n")
            process.stdin.flush()
        return process

    @contextmanager
    def managed(self) -> Iterator[None]:
        """Have its billing manager run for a while.

        Raises:
            PersonError: it did not start.
        """
        process = subprocess.Popen(  # noqa: S603  # our own program
            self._command("billing-manager"),
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._await(process)
            yield
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not (self.folder / "manager.json").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise PersonError("the billing manager did not start")
            time.sleep(0.02)

    def _command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "terminal", *map(str, arguments)]

    @property
    def _environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": str(ROOT), "COUNTERSIGN_TERMINAL_FOLDER": str(self.folder)}
        if self.owner.ca_file is not None:
            own["COUNTERSIGN_TERMINAL_CA_FILE"] = str(self.owner.ca_file)
        return {**os.environ, **own}
