"""One row per decision."""

from typing import Any, NoReturn

from django.db import models
from django.db.models import Q

SUBJECT_CHARACTERS = 80


class AppendOnlyError(Exception):
    """Audit rows are never changed or deleted."""


class AuditQuerySet(models.QuerySet["AuditRow"]):
    """Rows may be read and added, nothing else."""

    def update(self, **_: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AppendOnlyError


class AuditRow(models.Model):
    """Who did what to which thing, and how it ended."""

    at = models.DateTimeField(db_index=True)
    actor = models.CharField(
        max_length=40, help_text="holder:ACCOUNT, operator:ACCOUNT, token:SERIAL or system"
    )
    action = models.CharField(max_length=40, help_text="Dotted name, such as step.signed.")
    subject = models.CharField(max_length=SUBJECT_CHARACTERS, help_text="Public id of the thing.")
    code = models.CharField(max_length=40, blank=True, help_text="Why it was refused.")

    objects = AuditQuerySet.as_manager()

    class Meta:
        # Operators read the newest rows first, by any one of these.
        indexes = [
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["subject", "-id"], name="audit_by_subject"),
            models.Index(fields=["code", "-id"], condition=~Q(code=""), name="audit_by_code"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject} by {self.actor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert a new row.

        Raises:
            AppendOnlyError: the row exists already.
        """
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise AppendOnlyError
