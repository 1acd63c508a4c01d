"""What a device was told once, when it was added, and trusts from then on."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from protocol import cose
from protocol.errors import ProtocolError
from protocol.files import replace_file
from protocol.jwk import from_base64, to_base64
from protocol.keys import Directory, KeyCertificate, Purpose, find_signer, open_certificate
from terminal.errors import TerminalError

_BYTES = ("root", "thumbprint", "directory")


@dataclass(frozen=True, slots=True)
class Pins:
    """The platform, by its root key, and what this device is called there.

    Attributes:
        origin: The platform's address; nobody else is called.
        platform: Its id, which its certificates name.
        root: Its root key, 32 bytes.
        certificates: ``cs-key`` messages of its billing and permit keys.
        account: Of the device's holder.
        device: Public id of the device, 16 hex digits.
        thumbprint: Of the device's key, 32 bytes.
        directory: The ``cs-directory`` message that the certificates are from; empty before the
            first.
        tag: The ETag that it came with.
        asked: When the platform was last asked for a newer one, Unix seconds.
    """

    origin: str
    platform: str
    root: bytes
    certificates: tuple[bytes, ...]
    account: str
    device: str
    thumbprint: bytes
    directory: bytes = b""
    tag: str = ""
    asked: int = 0

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of :meth:`save`.

        Raises:
            TerminalError: ``device_not_added``.
        """
        try:
            # Files of earlier versions have no directory.
            kept: dict[str, Any] = {"directory": "", **json.loads(path.read_text("utf-8"))}
            for name in _BYTES:
                kept[name] = from_base64(kept[name])
            kept["certificates"] = tuple(map(from_base64, kept["certificates"]))
            return cls(**kept)
        except (OSError, ValueError, KeyError, TypeError, ProtocolError) as error:
            raise TerminalError(
                "device_not_added", "this terminal is no device of an account yet: device add"
            ) from error

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            TerminalError: ``folder_unusable``.
        """
        kept = asdict(self)
        for name in _BYTES:
            kept[name] = to_base64(kept[name])
        kept["certificates"] = [to_base64(message) for message in self.certificates]
        try:
            replace_file(path, json.dumps(kept, indent=1).encode())
        except OSError as error:
            raise TerminalError("folder_unusable", f"{path} cannot be written") from error

    def signer(self, message: bytes, purpose: Purpose, now: datetime) -> KeyCertificate:
        """Return the certificate of the key that signed a message, checked against the root.

        Args:
            message: COSE_Sign1, not trusted yet.
            purpose: What its key must be certified for, today.
            now: Current time, timezone-aware.

        Raises:
            TerminalError: ``signer_unknown``.
            ProtocolError: the message is none, or a pinned certificate is not the root's.
        """
        known = (open_certificate(each, self.root) for each in self.certificates)
        seconds = int(now.timestamp())
        fit = [
            certificate
            for certificate in known
            if certificate.purpose is purpose
            and certificate.subject == self.platform
            and certificate.covers(seconds)
            and not self._is_over(certificate, seconds)
        ]
        signer = find_signer(cose.parse(message), fit)
        if signer is None:
            raise TerminalError("signer_unknown", f"no {purpose} key of the platform signed this")
        return signer

    def with_keys(self, directory: bytes) -> Self:
        """Return the pins with the certificates of a newer directory of the same root.

        Raises:
            ProtocolError: the directory breaks a rule, or another root signed it;
                ``directory_outdated`` when it is older than the one here, and as
                :meth:`Directory.check_successor` what else takes back what that one says.
            TerminalError: ``wrong_platform``.
        """
        opened = Directory.open(directory, root=self.root)
        if opened.platform.id != self.platform:
            raise TerminalError("wrong_platform", "the directory is another platform's")
        if self.directory:
            self._directory().check_successor(opened)
        return replace(self, certificates=opened.certificates, directory=directory)

    def renewed(self, newer: tuple[bytes, str] | None, asked: int) -> Self:
        """Return the pins after the platform was asked.

        Args:
            newer: The directory that it answered, with its ETag; ``None`` when it has no newer.
            asked: When, Unix seconds.

        Raises:
            ProtocolError, TerminalError: as :meth:`with_keys`.
        """
        if newer is None:
            return replace(self, asked=asked)
        directory, tag = newer
        return replace(self.with_keys(directory), tag=tag, asked=asked)

    def _directory(self) -> Directory:
        return Directory.open(self.directory, root=self.root)

    def _is_over(self, certificate: KeyCertificate, seconds: int) -> bool:
        end = self._directory().end_of(certificate.key) if self.directory else None
        return end is not None and (end.compromised_at is not None or end.is_retired(seconds))

    def check_certificates(self) -> None:
        """Refuse pins whose certificates the root did not sign.

        Raises:
            TerminalError: ``answer_invalid``.
        """
        try:
            for message in self.certificates:
                open_certificate(message, self.root)
        except ProtocolError as error:
            raise TerminalError(
                "answer_invalid", "the platform's keys are not certified by its root"
            ) from error
