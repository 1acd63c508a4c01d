"""``python -m authserver serve``: the service itself."""

from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

TARGET = "authserver.wsgi:application"
# SQLite writes one at a time; more processes only wait for each other.
MAX_SQLITE_WORKERS = 2


class Command(BaseCommand):
    """Runs the production server, granian; the system checks have run by then."""

    help = "Serve the HTTP API and the enrolment page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; their defaults are settings."""
        parser.add_argument("--host", default=settings.AUTHSERVER_HOST)
        parser.add_argument("--port", type=int, default=settings.AUTHSERVER_PORT)
        parser.add_argument("--workers", type=int, default=settings.AUTHSERVER_WORKERS)
        parser.add_argument(
            "--threads", type=int, default=settings.AUTHSERVER_THREADS, help="in each worker"
        )
        parser.add_argument(
            "--ssl-certificate", type=Path, help="PEM; when TLS does not end in front of it"
        )
        parser.add_argument("--ssl-keyfile", type=Path, help="its private key: PEM, PKCS #8")

    def handle(
        self,
        *,
        host: str,
        port: int,
        workers: int,
        threads: int,
        ssl_certificate: Path | None,
        ssl_keyfile: Path | None,
        **_: object,
    ) -> None:
        """Run until a signal ends it."""
        if connection.vendor == "sqlite" and workers > MAX_SQLITE_WORKERS:
            raise CommandError(f"SQLite takes at most {MAX_SQLITE_WORKERS} workers.")
        # Loaded once, before the workers fork: each begins with all of it, and at once.
        import_module("authserver.wsgi")
        # None of them may share a connection with another.
        connections.close_all()
        Granian(
            TARGET,
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=threads,
            websockets=False,
            log_level=LogLevels.warning,
            ssl_cert=ssl_certificate,
            ssl_key=ssl_keyfile,
        ).serve()
