"""Where key-encryption keys are: in a file or the environment, or inside an HSM.

A key-encryption key (KEK) wraps data keys and nothing else, so it is asked for when a process
meets a data key for the first time, and never by a verdict.  Its full name is the provider's
name, a colon, and the provider's name for it; every provider named so is asked, whichever the
settings choose for new keys.  Why it is so: docs/adr/0010-keys-wrap-keys.md.
"""

import uuid
from collections.abc import Collection
from functools import cache
from typing import Protocol

from django.conf import settings

from authserver.errors import KeyProviderError
from authserver.keyproviders.environment import EnvironmentProvider


class Provider(Protocol):
    """What keeps key-encryption keys.  Every method raises ``KeyProviderError``."""

    def fresh(self, used: Collection[str]) -> str:
        """Return the name of a key that is not among those used, made if there is none."""

    def wrap(self, name: str, secret: bytes, context: bytes) -> bytes:
        """Return the secret encrypted; it opens only with the same context."""

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        """Return the secret."""

    def drop(self, name: str) -> str:
        """Forget a key for good; a sentence says what is left for a person to do, if anything."""

    def problem(self) -> str:
        """Say what is wrong with the settings; empty when nothing is.  Asks no device."""


def fresh_kek(used: Collection[str]) -> str:
    """Return the full name of a key of the chosen provider that is not among those used.

    Raises:
        KeyProviderError: the provider has none and cannot make one.
    """
    chosen = settings.AUTHSERVER_KEK_PROVIDER
    own = {name for scheme, _, name in (kek.partition(":") for kek in used) if scheme == chosen}
    return f"{chosen}:{_provider(chosen).fresh(own)}"


def wrap(kek: str, secret: bytes, key_id: uuid.UUID) -> bytes:
    """Wrap a data key; raises ``KeyProviderError``."""
    scheme, _, name = kek.partition(":")
    return _provider(scheme).wrap(name, secret, key_id.bytes)


def unwrap(kek: str, wrapped: bytes, key_id: uuid.UUID) -> bytes:
    """Unwrap a data key; raises ``KeyProviderError``."""
    scheme, _, name = kek.partition(":")
    return _provider(scheme).unwrap(name, wrapped, key_id.bytes)


def drop(kek: str) -> str:
    """Forget a key-encryption key for good; what is left to do comes back as a sentence."""
    scheme, _, name = kek.partition(":")
    return _provider(scheme).drop(name)


def problem() -> str:
    """Say what is wrong with the settings of the chosen provider; empty when nothing is."""
    try:
        return _provider(settings.AUTHSERVER_KEK_PROVIDER).problem()
    except KeyProviderError as error:
        return str(error)


def key_of_before(key_id: uuid.UUID) -> tuple[str, bytes]:
    """Return the KEK of the settings as a data key, wrapped by itself: name and bytes.

    Before there were data keys, every row was sealed under the KEK itself.
    """
    before = EnvironmentProvider()
    name, key = before.first()
    return f"file:{name}", before.wrap(name, key, key_id.bytes)


@cache
def _provider(scheme: str) -> Provider:
    if scheme == "file":
        return EnvironmentProvider()
    if scheme == "pkcs11":
        try:
            from authserver.keyproviders.hsm import HSMProvider
        except ImportError as error:
            raise KeyProviderError(
                "The provider pkcs11 needs python-pkcs11: pip install -r requirements-hsm.txt"
            ) from error
        return HSMProvider()
    raise KeyProviderError(f"AUTHSERVER_KEK_PROVIDER must be file or pkcs11, not {scheme}.")
