"""``python -m authserver serve``: the service itself."""

import os
import sys
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

TARGET = "authserver.wsgi:application"
# SQLite writes one at a time; more processes only wait for each other.
MAX_SQLITE_WORKERS = 2


class Command(BaseCommand):
    """Becomes the production server (granian); the system checks have run by then."""

    help = "Serve the HTTP API and the enrolment page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; their defaults are settings."""
        parser.add_argument("--host", default=settings.AUTHSERVER_HOST)
        parser.add_argument("--port", type=int, default=settings.AUTHSERVER_PORT)
        parser.add_argument("--workers", type=int, default=settings.AUTHSERVER_WORKERS)
        parser.add_argument(
            "--threads", type=int, default=settings.AUTHSERVER_THREADS, help="in each worker"
        )
        parser.add_argument("--ssl-certificate", help="PEM; when TLS does not end in front of it")
        parser.add_argument("--ssl-keyfile", help="its private key: PEM, PKCS #8")

    def handle(
        self, *, host: str, port: int, workers: int, threads: int, **further: str | None
    ) -> None:
        """Run: replaces this process, so that signals reach the server."""
        if connection.vendor == "sqlite" and workers > MAX_SQLITE_WORKERS:
            raise CommandError(f"SQLite takes at most {MAX_SQLITE_WORKERS} workers.")
        options = {
            "--interface": "wsgi",
            "--host": host,
            "--port": port,
            "--workers": workers,
            "--blocking-threads": threads,
            "--log-level": "warning",
        }
        for name in ("ssl_certificate", "ssl_keyfile"):
            if further[name]:
                options[f"--{name.replace('_', '-')}"] = further[name]
        arguments = [f"{name}={value}" for name, value in options.items()]
        os.chdir(settings.BASE_DIR)
        os.execv(  # noqa: S606 (our own interpreter, and no shell)
            sys.executable,
            [sys.executable, "-m", "granian", *arguments, "--no-ws", TARGET],
        )
