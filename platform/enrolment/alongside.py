"""What goes to hosts along with calls for verdicts, for an app that stands above this one.

Its trouble is never the verdict's: whatever goes wrong here is written down, and that is all.
"""

import logging
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)

# Gives what goes to the host at an origin, if anything does; most calls carry nothing.
Load = Callable[[str], dict[str, Any] | None]
# Takes what was sent to an origin, and what the host said of it.
Unload = Callable[[str, dict[str, Any], object], None]

_carriers: list[tuple[Load, Unload]] = []


def carry(load: Load, unload: Unload) -> None:
    """Register who has something to send; when the app starts."""
    _carriers[:] = [(load, unload)]


def load(origin: str) -> dict[str, Any] | None:
    """Return what goes along to a host."""
    for each, _ in _carriers:
        try:
            return each(origin)
        except Exception:
            logger.exception("alongside.not_loaded")
    return None


def unload(origin: str, sent: dict[str, Any], answer: object) -> None:
    """Take what the host said of it."""
    for _, each in _carriers:
        try:
            each(origin, sent, answer)
        except Exception:
            logger.exception("alongside.not_unloaded")
