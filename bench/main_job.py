"""``make bench``: what is done most, beside a bare django-otp view on one PostgreSQL server.

That is the main job, the status codes of billing, and the requests of applications.  All run as in
production: granian with two workers for each service, and commits that are on the disk.  They are
measured over HTTP and in turns, so that whatever else the machine does falls on all.  Clients run
on the same machine; their CPU time is shown apart.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic

from bench.bills import LIMITS, Bill, bills
from bench.floor.service import running_floor
from bench.load import client_processes, enrol_tokens, run_clients
from bench.meters import Meters
from bench.report import Round, results, table
from bench.uses import Use, bought_uses
from bench.visitors import STEPS_PER_TOKEN, AnyVisitor, BenchError, Device, Token
from countersign.local import LocalServices
from countersign.person import Person, PersonError
from tests import postgres
from tests.e2e.party import Party
from tests.ports import free_port

CLIENTS = (1, 8, 32)
WORKERS = 2
HOLDERS = 4
# Who bill in applications, each with a few phones.
PAYERS = 4
DEVICES = 2 * max(CLIENTS)
RESULTS = Path(__file__).parent / "results" / "latest.json"
# Tokens are enrolled for so many times the steps that the fastest round so far lets expect.
_RESERVE = 1.2
_WARM_UP_SECONDS = 2.0


@dataclass
class Service(Generic[AnyVisitor]):
    """What is measured: the main job, or the floor.

    Attributes:
        port: Where clients go.
        processes: Whose CPU time counts, by their names at the meters.
        visitors: Who goes there.
        rounds: What was measured, by number of clients.
    """

    port: int
    processes: tuple[str, ...]
    visitors: list[AnyVisitor] = field(default_factory=list)
    rounds: dict[int, list[Round]] = field(default_factory=dict)

    def measure(self, pool: Executor, meters: Meters, clients: int, seconds: float) -> Round:
        """Have it visited for some time, and note what that cost."""
        before = meters.read()
        load = run_clients(
            pool, port=self.port, visitors=self.visitors, clients=clients, seconds=seconds
        )
        cost = meters.read().since(before)
        cpu = {name: cost.cpu_ms[name] for name in self.processes} | {"client": load.cpu_ms}
        self.visitors = load.visitors
        return Round(load.latencies_ms, load.seconds, replace(cost, cpu_ms=cpu))


@dataclass
class Bench:
    """Both services running, with all that is needed to measure them in turns."""

    pool: Executor
    meters: Meters
    keys: list[str]
    job: Service[Token]
    billing: Service[Use]
    network: Service[Bill]
    sms: Service[Bill]
    floor: Service[Device]
    fastest: float = 50.0

    def warm_up(self) -> None:
        """Fill caches, open connections, and learn how many tokens are needed."""
        self.measure(max(CLIENTS), _WARM_UP_SECONDS)

    def measure(self, clients: int, seconds: float) -> dict[str, Round]:
        """Measure all, the floor last, each by its name."""
        self._enrol_enough(clients, seconds)
        found = {
            name: service.measure(self.pool, self.meters, clients, seconds)
            for name, service in self.services.items()
        }
        self.fastest = max(self.fastest, found["job"].per_second)
        return found

    @property
    def services(self) -> "dict[str, Service[Any]]":
        """All that is measured, in order."""
        return {
            "job": self.job,
            "billing": self.billing,
            "network": self.network,
            "sms": self.sms,
            "floor": self.floor,
        }

    def add_round(self, clients: int, seconds: float) -> str:
        """Measure, keep what was measured, and return it as a line."""
        found = self.measure(clients, seconds)
        for name, part in found.items():
            self.services[name].rounds.setdefault(clients, []).append(part)
        rates = {name: part.per_second for name, part in found.items()}
        return (
            f"{clients:3} clients: {rates['job']:6.1f} steps/s, {rates['billing']:6.1f} status "
            f"codes/s, {rates['network']:6.1f} requests/s, {rates['sms']:6.1f} charges by SMS/s, "
            f"floor {rates['floor']:6.1f} checks/s, ratio {rates['job'] / rates['floor']:.3f}"
        )

    def _enrol_enough(self, clients: int, seconds: float) -> None:
        usable = [token for token in self.job.visitors if token.visits_left]
        expected = int(self.fastest * seconds * _RESERVE)
        missing = expected - sum(token.visits_left for token in usable)
        count = max(missing // STEPS_PER_TOKEN + 1, 2 * clients - len(usable))
        if count > 0:
            usable += enrol_tokens(self.pool, port=self.job.port, keys=self.keys, count=count)
        self.job.visitors = usable


@contextmanager
def prepared(folder: Path) -> Iterator[Bench]:
    """Start PostgreSQL, both services, the floor and the client processes; sign holders up."""
    postgres.SETTINGS["shared_preload_libraries"] = "pg_stat_statements"
    # Few devices stand for many.
    os.environ["BILLING_CALLS_PER_MINUTE"] = "1000000"
    os.environ.update(LIMITS)
    with ExitStack() as stack:
        server_url = stack.enter_context(postgres.throwaway_postgres())
        platform, authserver, floor_database = (
            postgres.create_database(server_url, name)
            for name in ("platform", "authserver", "floor")
        )
        services = LocalServices(
            folder,
            platform_port=free_port(),
            authserver_port=free_port(),
            database_url=platform,
            authserver_database_url=authserver,
            workers=WORKERS,
        )
        services.prepare()
        stack.enter_context(services.running())
        floor = stack.enter_context(
            running_floor(
                database_url=floor_database,
                log_path=folder / "floor.log",
                workers=WORKERS,
                devices=DEVICES,
            )
        )
        pids = {name: process.pid for name, process in services.processes.items()}
        meters = stack.enter_context(Meters(server_url, pids | {"floor": floor.pid}))
        everybody = [_sign_up(services, number) for number in range(HOLDERS + PAYERS)]
        parties, payers = everybody[:HOLDERS], everybody[HOLDERS:]
        by_network, by_sms = bills(services, parties[0], payers)
        yield Bench(
            pool=stack.enter_context(client_processes()),
            meters=meters,
            keys=[party.key for party in parties],
            billing=Service(
                services.platform_port, ("platform", "postgres"), bought_uses(parties)
            ),
            network=Service(services.platform_port, ("platform", "postgres"), by_network),
            sms=Service(services.platform_port, ("platform", "postgres"), by_sms),
            job=Service(services.platform_port, ("platform", "authserver", "postgres")),
            floor=Service(floor.port, ("floor", "postgres"), floor.devices),
        )


def run(*, rounds: int, seconds: float, json_path: Path) -> None:
    """Measure everything; print a table and write the figures."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as folder:
        _say("Starting PostgreSQL, both services and the floor; signing holders up")
        with prepared(Path(folder)) as bench:
            _say("Enrolling tokens, warming up")
            bench.warm_up()
            for number in range(1, rounds + 1):
                for clients in CLIENTS:
                    _say(f"round {number} of {rounds}, {bench.add_round(clients, seconds)}")
    measured = (service.rounds for service in bench.services.values())
    found = _machine(rounds, seconds) | results(*measured)
    json_path.parent.mkdir(parents=True, exist_ok=True)
    json_path.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    _say(f"\n{table(found)}\n\nFigures: {json_path}")
    middle = found["main_job"][str(CLIENTS[1])]
    _say(
        f"main job at {CLIENTS[1]} clients: {middle['steps_per_second']} steps/s, "
        f"{middle['ratio_to_floor']} of the django-otp view; "
        f"{found['billing'][str(CLIENTS[1])]['pairs_per_second']} status codes/s, "
        f"{found['charges'][str(CLIENTS[1])]['charges_per_second']} charges by SMS/s"
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description="Measure the main job, status codes, billing requests and the floor."
    )
    parser.add_argument("--quick", action="store_true", help="about a minute, for a first look")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE")
    options = parser.parse_args()
    # Whoever ends us, `timeout` for one, has the services and their folder cleared away first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    rounds, seconds = (2, 1.2) if options.quick else (3, 5.0)
    try:
        run(rounds=rounds, seconds=seconds, json_path=options.json)
    except (BenchError, PersonError, postgres.PostgresMissingError, RuntimeError) as error:
        sys.exit(f"bench: {error}")


def _sign_up(services: LocalServices, number: int) -> Party:
    person = Person(
        services.origin,
        f"holder-{number}@example.com",
        services.folder / "mail",
        services.folder,
        f"Holder {number}",
    )
    person.sign_up()
    party = Party(services.origin, person.name, person.key, person)
    return replace(party, account=party.get("/me")["account"])


def _machine(rounds: int, seconds: float) -> dict[str, Any]:
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
        "django": version("django"),
        "workers": WORKERS,
        "rounds": rounds,
        "seconds": seconds,
    }


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
