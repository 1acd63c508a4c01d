"""Go on safely after an older database came back, here or at a host."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from common.commands import refusals_told
from enrolment.services import rewind_events, tell_moves_again
from enrolment.services.policies import tell_hosts_again
from transactions.services import Learned, learn_from_hosts

_SHOWN = 20


class Command(BaseCommand):
    """Learns from the hosts what was decided, and tells them what they may have forgotten."""

    help = (
        "Run once after an older copy of this site's database was put back, or of a host's. Safe "
        "to repeat. Fails when a host did not answer, or when something does not fit together."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command."""
        with refusals_told():
            learned = learn_from_hosts(now=timezone.now(), report=self._progress)
            mended, unheard = tell_moves_again(actor="system")
            tell_hosts_again()
            rewind_events()
        self.stdout.write(
            f"{learned.settled} open steps ended as their hosts say; {learned.known} verdicts "
            f"known; {learned.forgotten} on statements that are not here any more: their steps "
            "come back when somebody shows a receipt"
        )
        self._list("tokens not known here, by server id", sorted(learned.strangers))
        if mended:
            self.stdout.write(f"{mended} servers that had moved were put where they belong")
        self._list("alarms", [f"{subject} {code}" for subject, code in learned.alarms])
        self._complain(learned, unheard)

    def _progress(self, so_far: Learned) -> None:
        seen = so_far.known + so_far.settled + so_far.forgotten + len(so_far.alarms)
        self.stderr.write(f"{seen} verdicts", ending="\r")

    def _list(self, title: str, lines: list[str]) -> None:
        if lines:
            self.stdout.write(f"{len(lines)} {title}:")
            for line in lines[:_SHOWN]:
                self.stdout.write(f"  {line}")

    def _complain(self, learned: Learned, unheard: list[str]) -> None:
        if learned.silent:
            raise CommandError(f"no answer from {', '.join(learned.silent)}: repeat this later")
        if unheard:
            raise CommandError(f"{len(unheard)} servers could not be asked for: repeat this later")
        if learned.alarms:
            raise CommandError("something does not fit together: see the alarms above")
