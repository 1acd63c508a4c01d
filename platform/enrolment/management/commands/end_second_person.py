"""Let one operator act alone again: for when no second one is left."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from common.commands import refusals_told
from enrolment.services.policies import end_second_person


class Command(BaseCommand):
    """Whoever may run commands here could change the database anyway."""

    help = "Change the policy so that one operator acts alone, when no second one is left."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run the command."""
        with refusals_told():
            changed = end_second_person(now=timezone.now())
        self.stdout.write(f"policy {changed.version}: one operator acts alone")
