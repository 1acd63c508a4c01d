"""``python -m countersign``: what ``make demo``, ``demo-…``, ``run`` and ``token`` call."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from countersign.demo import tell_demo
from countersign.demo_app_billing import tell_demo_app_billing
from countersign.demo_billing import tell_demo_billing
from countersign.demo_offline import tell_demo_offline
from countersign.dialogue import use_token
from countersign.local import ROOT, LocalServices
from countersign.person import PersonError
from countersign.playground import Playground
from countersign.run import run
from countersign.stage import play

_DEMOS = {
    "demo": tell_demo,
    "demo-billing": tell_demo_billing,
    "demo-app-billing": tell_demo_app_billing,
    "demo-offline": tell_demo_offline,
}


def main() -> int:
    """Parse the command line and run; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a name or a QR code is no reason to stop.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # they are text streams
    options = _parser().parse_args()
    try:
        return int(options.function(options))
    except (RuntimeError, PersonError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return 0


def _parser() -> argparse.ArgumentParser:
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("--folder", type=Path, default=ROOT / "var", help="where all is kept")
    ports = argparse.ArgumentParser(add_help=False)
    ports.add_argument("--port", type=int, default=8000, help="of the platform")
    ports.add_argument("--authserver-port", type=int, default=8001)
    network = argparse.ArgumentParser(add_help=False)
    network.add_argument("--lan", default="", help="serve the local network: 1, or our address")
    parser = argparse.ArgumentParser(prog="python -m countersign")
    commands = parser.add_subparsers(required=True)
    asked = {name: {name: demo} for name, demo in _DEMOS.items()} | {"demos": _DEMOS}
    for name, demos in asked.items():
        command = commands.add_parser(name, parents=[folder, ports])
        command.set_defaults(function=_demo, demos=demos)
    command = commands.add_parser("run", parents=[folder, ports, network])
    command.set_defaults(function=_run)
    command = commands.add_parser("token", parents=[folder, network])
    command.add_argument("who", nargs="?", default="", help="anna, ben, chen, or a name of yours")
    command.add_argument("arguments", nargs=argparse.REMAINDER, help="for python -m tokens")
    command.set_defaults(function=_token)
    return parser


def _demo(options: argparse.Namespace) -> int:
    folder = options.folder.resolve()
    return play(LocalServices(folder, options.port, options.authserver_port), options.demos)


def _run(options: argparse.Namespace) -> NoReturn:
    folder = options.folder.resolve()
    run(Playground.below(folder, options.lan, options.port, options.authserver_port))


def _token(options: argparse.Namespace) -> int:
    playground = Playground.below(options.folder.resolve(), options.lan)
    return use_token(playground, options.who, options.arguments)


if __name__ == "__main__":
    sys.exit(main())
