"""Read audit rows: always by an index, since there may be millions, and never counted."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from audit.models import SUBJECT_CHARACTERS, AuditRow


def audit_rows(
    *, actor: str = "", action: str = "", subject: str = "", code: str = ""
) -> QuerySet[AuditRow]:
    """Return the rows that have all that is given, newest first."""
    wanted = {"actor": actor, "action": action, "subject": subject, "code": code}
    rows = AuditRow.objects.filter(**{field: value for field, value in wanted.items() if value})
    # Said in the words of the index on codes, or SQLite would not use it.
    return (rows.exclude(code="") if code else rows).order_by("-pk")


def rows_about(subjects: Iterable[str]) -> QuerySet[AuditRow]:
    """Return the rows on any of these things, oldest first."""
    known = [subject[:SUBJECT_CHARACTERS] for subject in subjects]
    return AuditRow.objects.filter(subject__in=known).order_by("pk")


def recent_rows(*, actors: Iterable[str], subjects: Iterable[str], limit: int) -> list[AuditRow]:
    """Return the newest rows by any of these actors or on any of these things."""
    # One query for each name: together they would make the database sort all that any has.
    found = [audit_rows(actor=actor)[:limit] for actor in actors]
    found += [audit_rows(subject=subject)[:limit] for subject in subjects]
    rows = {row.pk: row for some in found for row in some}
    return sorted(rows.values(), key=lambda row: row.pk, reverse=True)[:limit]


def failures_since(moment: datetime) -> list[tuple[str, int]]:
    """Count what failed or was refused after a moment, by its code, the most frequent first."""
    # Grouped here: the database would take the index on codes, and read all that ever was.
    rows = AuditRow.objects.filter(at__gte=moment).exclude(code="")
    return Counter(rows.values_list("code", flat=True)).most_common()
