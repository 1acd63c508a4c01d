"""``python -m countersign demo`` and ``python -m countersign run``: what the Makefile calls."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from countersign.demo import people, run_demo
from countersign.local import ROOT, LocalServices
from countersign.person import PersonError


def main() -> int:
    """Parse the command line and run; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m countersign")
    parser.add_argument("command", choices=["demo", "run"])
    parser.add_argument("--port", type=int, default=8000, help="of the platform")
    parser.add_argument("--authserver-port", type=int, default=8001)
    parser.add_argument("--folder", type=Path, default=ROOT / "var", help="where the demo works")
    options = parser.parse_args()
    services = LocalServices(
        options.folder.resolve(),
        platform_port=options.port,
        authserver_port=options.authserver_port,
    )
    try:
        return run_demo(services) if options.command == "demo" else run(services)
    except (RuntimeError, PersonError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode


def run(services: LocalServices) -> int:
    """Serve both in the foreground, with demo people on the first run, until interrupted."""
    services.prepare()
    logins = services.folder / "demo-people.txt"
    if not logins.exists():
        with services.running():
            folder = services.folder / "people"
            folder.mkdir(exist_ok=True)
            lines = []
            for person in people(services, folder):
                person.sign_up()
                person.enrol_token()
                lines.append(
                    f"  {person.name}: {person.email}  password: {person.password}\n"
                    f"    API key {person.key}  token {person.serial}\n"
                    f"    COUNTERSIGN_TOKEN_FILE='{folder / person.email}.tokens'"
                    f" COUNTERSIGN_TOKEN_PASSPHRASE='{person.password}'"
                )
            logins.touch(mode=0o600)
            logins.write_text("\n".join(lines) + "\n", "utf-8")
    print(_first_steps(services, logins.read_text("utf-8")), flush=True)  # noqa: T201
    environment = {
        **os.environ,
        "PATH": os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"])),  # noqa: PTH120
        "COUNTERSIGN_PORT": str(services.platform_port),
        "AUTHSERVER_PORT": str(services.authserver_port),
    }
    os.chdir(ROOT)
    os.execve(  # noqa: S606  # honcho takes over, so that its exit is ours
        sys.executable, [sys.executable, "-m", "honcho", "start"], environment
    )


def _first_steps(services: LocalServices, logins: str) -> str:
    return f"""
Countersign runs at   {services.origin}
  Try the API at      {services.origin}/api/v1/docs
Authentication server {services.authserver_origin}

People to be (sign in with the e-mail address, or send the API key as a bearer):
{logins}
First transaction: send POST /api/v1/transactions on the API page, save the `challenge` it
answers with to a file, then, with the two variables of that person set:
  .venv/bin/python -m tokens show FILE
  .venv/bin/python -m tokens respond FILE --post
Mail is written to {services.folder / "mail"}. Stop with Ctrl-C.
"""


if __name__ == "__main__":
    sys.exit(main())
