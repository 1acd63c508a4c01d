"""Write audit rows."""

from datetime import datetime

from audit.models import SUBJECT_CHARACTERS, AuditRow


def record(*, action: str, actor: str, subject: str, now: datetime, code: str = "") -> None:
    """Add one row, in the caller's transaction where there is one.

    Args:
        action: Dotted name, such as ``step.signed``.
        actor: ``holder:ACCOUNT``, ``operator:ACCOUNT``, ``token:SERIAL``, ``client:PREFIX`` of a
            key, or ``system``.
        subject: Public id of the thing concerned, or a path; cut where the column ends.
        now: Timezone-aware.
        code: Why it was refused; empty when it was not.
    """
    AuditRow.objects.create(
        at=now, actor=actor, action=action, subject=subject[:SUBJECT_CHARACTERS], code=code
    )
