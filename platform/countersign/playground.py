"""The services of ``make run``, and the people who are there to be tried out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countersign import lan
from countersign.demo import NAMES
from countersign.local import ROOT, LocalServices
from countersign.person import Person

# One for all of them, and easily typed: it guards nothing, and the guide shows it to everybody.
PASSWORD = "countersign"  # noqa: S105
OPERATOR = "operator@example.com"


@dataclass
class Playground(LocalServices):
    """Both services, with demo people whom the page ``/guide`` introduces.

    Attributes:
        variables: What ``make`` was told beside its target, as further commands repeat it.
    """

    variables: str = ""

    @classmethod
    def below(
        cls, folder: Path, lan_asked: str, platform_port: int = 8000, authserver_port: int = 8001
    ) -> "Playground":
        """Find the folder of a playground; the local network's is another for each address.

        An origin stands in signed statements and in tokens, so none can change its own.

        Raises:
            RuntimeError: there is no such address.
        """
        variables = [f"LAN={lan_asked}"] if lan_asked else []
        if folder != ROOT / "var":
            variables.append(f"FOLDER={folder}")
        address = lan.own_address(lan_asked) if lan_asked else ""
        return cls(
            folder / "lan" / address if address else folder,
            platform_port,
            authserver_port,
            lan=address,
            variables="".join(f" {variable}" for variable in variables),
        )

    @property
    def demo_file(self) -> Path:
        """What the guide knows of the people; it is there when they are."""
        return self.folder / "demo-people.json"

    def environment(self, service: str) -> dict[str, str]:
        """Return the environment of a service's processes, which names the demo file."""
        return {
            **super().environment(service),
            "COUNTERSIGN_DEMO_FILE": str(self.demo_file),
        }

    def person(self, login: str) -> Person:
        """Return a demo person; or one of another name, to keep tokens of one's own under it."""
        return Person(
            self.origin,
            f"{login}@example.com" if login in NAMES else login,
            self.folder / "mail",
            self.folder / "people",
            NAMES.get(login, login),
            password=PASSWORD,
            ca_file=self.certificate.authority if self.certificate else None,
        )

    def token_command(self, login: str) -> str:
        """Return the command that answers with somebody's token."""
        return f"make token WHO={login}{self.variables}"

    def introduce(self) -> None:
        """Write the demo file."""
        env_file = self.folder / "platform.env"
        named = "" if self.folder == ROOT / "var" else f"COUNTERSIGN_ENV_FILE={env_file} "
        known: dict[str, Any] = {
            "password": PASSWORD,
            "operator": OPERATOR,
            "people": {
                login: {
                    "name": name,
                    "email": self.person(login).email,
                    "command": self.token_command(login),
                }
                for login, name in NAMES.items()
            },
            "verify": f"{named}.venv/bin/python manage.py verify_receipt",
        }
        unfinished = self.demo_file.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(known, ensure_ascii=False), "utf-8")
        unfinished.rename(self.demo_file)
