"""List the hosts."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from rich import box
from rich.console import Console
from rich.table import Table

from common.commands import refusals_told
from enrolment.live import condition
from enrolment.selectors import hosts, living_counts


class Command(BaseCommand):
    """Prints every host: state, weight, tokens, and whether it answers."""

    help = "List the authentication server hosts, and whether each of them answers now."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command."""
        now = timezone.now()
        with refusals_told():
            asked = {found.host.pk: found.fault or "ready" for found in condition(now=now).hosts}
        counts = living_counts(now=now)
        table = Table(
            "number", "name", "origin", "state", "weight", "tokens", "now", box=box.SIMPLE
        )
        for host in hosts():
            count, answer = counts.get(host.pk, 0), asked.get(host.pk, "not asked")
            row = (host.number, host.name, host.origin, host.state, host.weight, count, answer)
            table.add_row(*map(str, row))
        # Of fixed width, so that a program reads the same wherever it runs.
        Console(width=120).print(table)
