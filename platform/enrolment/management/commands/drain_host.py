"""Have a host give up its tokens."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from common.commands import refusals_told
from common.errors import DomainError
from enrolment.selectors import host_by_number, living_counts
from enrolment.services import change_host_state, refresh_host
from enrolment.services.draining import Drained, drain, drain_stock

if TYPE_CHECKING:
    from enrolment.models import AuthserverHost


class Command(BaseCommand):
    """Marks a host as draining, and moves everything that lives there."""

    help = (
        "Let a host take no more tokens, and move those it has, and its stock, to others. "
        "Safe to repeat: it goes on with what is left."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("number", type=int, help="of the host")
        parser.add_argument("--to", type=int, help="number of the only host they go to")
        parser.add_argument(
            "--close", action="store_true", help="close the host when nothing is left"
        )

    def handle(self, *_: Any, number: int, to: int | None, close: bool, **__: Any) -> None:
        """Run the command."""
        with refusals_told():
            host = host_by_number(number)
            self._change(number, "draining")
            total = living_counts(now=timezone.now()).get(host.pk, 0)
            columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
            with Progress(*columns, console=Console(stderr=True)) as progress:
                tokens = progress.add_task("tokens", total=total)
                stock = progress.add_task("stock", total=None)

                def report(task: Any) -> Any:
                    return lambda so_far: progress.update(task, completed=so_far.moved)

                moved = drain(number=number, actor="system", to=to, report=report(tokens))
                stocked = drain_stock(number=number, to=to, report=report(stock))
        left = living_counts(now=timezone.now()).get(host.pk, 0)
        self.stdout.write(
            f"{moved.moved} tokens and {stocked.moved} in stock moved; "
            f"{left} tokens still live at {host}"
        )
        self._complain(moved, stocked)
        if close:
            self._close(host)

    def _close(self, host: "AuthserverHost") -> None:
        try:
            # For the last time: what it says of ends of its keys, such as a minute ago.
            refresh_host(host, now=timezone.now())
        except DomainError as error:
            self.stderr.write(f"{host} was not asked for ends of its keys: {error.code}")
        with refusals_told():
            self._change(host.number, "closed")
        self.stdout.write(f"{host} is closed")

    def _change(self, number: int, state: str) -> None:
        change_host_state(number=number, state=state, actor="system", now=timezone.now())

    def _complain(self, *drained: Drained) -> None:
        failed = sum((each.failed for each in drained), start=Counter[str]())
        if failed:
            codes = ", ".join(f"{code} {count} times" for code, count in failed.items())
            raise CommandError(f"not moved: {codes}")
