"""The service without its guards, for the controls of test_races.py: nobody waits for a row."""

import time
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from authserver import wsgi  # sets Django up
from authserver.services import matching, verdicts

# In a real service the gap between reading and writing is short; the race is there all the same.
GAP_SECONDS = 0.05


def _unlocked(rows: QuerySet[Any], **_: object) -> QuerySet[Any]:
    return rows


def _slow(**arguments: Any) -> matching.Place | None:
    time.sleep(GAP_SECONDS)
    return matching.find_place(**arguments)


settings.DATABASES["default"].get("OPTIONS", {}).pop("transaction_mode", None)
QuerySet.select_for_update = _unlocked  # type: ignore[assignment,method-assign]  # what is to be shown
verdicts.find_place = _slow  # type: ignore[attr-defined]  # likewise
application = wsgi.application
