"""Logs as events with fields, one JSON object a line; never a seed, key, response or digits."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

trace_id: ContextVar[str] = ContextVar("trace_id", default="")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """Writes time, level, event, trace id, and the fields given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback, where there is one, goes into ``error``."""
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "trace_id": trace_id.get(),
        }
        event |= {key: str(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)
