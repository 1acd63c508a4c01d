"""The chips of others: the key that a number had first is the one it must have."""

import json
from dataclasses import dataclass
from pathlib import Path

from protocol.files import replace_file
from protocol.jwk import to_base64
from terminal.errors import TerminalError


@dataclass(frozen=True, slots=True)
class Peers:
    """A file of numbers and the keys of their chips.

    The platform says which key a number's chip has.  It is believed once, so that it could put
    itself between two phones only before they first write to each other.
    """

    path: Path

    def check(self, number: str, key: bytes) -> None:
        """Remember the key of a number's chip, or compare it with the one that is remembered.

        Raises:
            TerminalError: ``peer_changed``, or ``folder_unusable``.
        """
        known = self._load()
        if known.get(number) == to_base64(key):
            return
        if number in known:
            raise TerminalError(
                "peer_changed",
                f"{number} has another security chip than before: ask its holder by another "
                "way, then phone forget",
            )
        self._save({**known, number: to_base64(key)})

    def forget(self, number: str) -> None:
        """Believe the platform once more about a number.

        Raises:
            TerminalError: ``folder_unusable``.
        """
        known = self._load()
        known.pop(number, None)
        self._save(known)

    def _load(self) -> dict[str, str]:
        try:
            known = json.loads(self.path.read_text("ascii"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._unusable() from error
        if not isinstance(known, dict):
            raise self._unusable()
        return known

    def _save(self, known: dict[str, str]) -> None:
        try:
            replace_file(self.path, json.dumps(known).encode())
        except OSError as error:
            raise self._unusable() from error

    def _unusable(self) -> TerminalError:
        return TerminalError("folder_unusable", f"{self.path} cannot be used")
