"""Serve the site."""

from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels


class Command(BaseCommand):
    """Runs the production server, granian; the system checks have run by then."""

    help = "Serve the pages and the API."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; their defaults are settings."""
        parser.add_argument("--host", default=settings.COUNTERSIGN_HOST)
        parser.add_argument("--port", type=int, default=settings.COUNTERSIGN_PORT)
        parser.add_argument(
            "--workers", type=int, default=settings.COUNTERSIGN_WORKERS, help="processes"
        )
        parser.add_argument(
            "--threads", type=int, default=settings.COUNTERSIGN_THREADS, help="in each worker"
        )
        parser.add_argument(
            "--ssl-certificate", type=Path, help="PEM; when TLS does not end in front of it"
        )
        parser.add_argument("--ssl-keyfile", type=Path, help="its private key: PEM, PKCS #8")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run until a signal ends it."""
        # Loaded once, before the workers fork: each begins with all of it, and at once.
        import_module("countersign.wsgi")
        # None of them may share a connection with another.
        connections.close_all()
        Granian(
            "countersign.wsgi:application",
            address=options["host"],
            port=options["port"],
            interface=Interfaces.WSGI,
            workers=options["workers"],
            blocking_threads=options["threads"],
            websockets=False,
            log_level=LogLevels.warning,
            ssl_cert=options["ssl_certificate"],
            ssl_key=options["ssl_keyfile"],
        ).serve()
