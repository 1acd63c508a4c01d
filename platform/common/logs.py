"""Logs as events with fields, one line each."""

import json
import logging
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """Writes a record as one JSON object: time, level, event, and the fields given as extra."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback, where there is one, goes into ``error``."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **{name: str(value) for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)
