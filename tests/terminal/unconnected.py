"""A client whose calls end in the test."""

from collections.abc import Mapping
from typing import Any

from protocol.ed25519 import SigningKey
from terminal.client import Client


class UnconnectedClient(Client):
    """Reaches nobody: whoever derives from it answers in place of a platform."""

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: SigningKey,
        headers: Mapping[str, str] | None = None,
        most: int = 0,
    ) -> dict[str, Any]:
        return self.reply(path, dict(body or {}), key.public, dict(headers or {}))

    def newer_directory(self, tag: str = "") -> tuple[bytes, str] | None:
        return None

    def reply(
        self, path: str, body: dict[str, Any], key: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        """Return the platform's answer, or raise its refusal."""
        raise NotImplementedError
