"""Key-encryption keys inside an HSM, by PKCS #11; they never leave it.

A session lives for one call, since calls are few: one when a process meets a data key for the
first time.  The module is opened by the process that calls it, never inherited over a fork.

Imported only where it is chosen: python-pkcs11 is an extra (requirements-hsm.in).
"""

import os
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar

import pkcs11
from django.conf import settings
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass

from authserver.errors import KeyProviderError

Answer = TypeVar("Answer")

_NAME_BYTES = 8
_NONCE_BYTES = 12
_TAG_BITS = 128
# Seconds before each further try.
_PAUSES = (0.0, 0.05, 0.15, 0.3)
# In place of the process that opened the module: nobody did so that it could still be used.
_ANEW = -1
_PIN_REFUSED = (
    *(pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange),
    *(pkcs11.PinLocked, pkcs11.PinExpired),
)


class HSMProvider:
    """AES-256 keys of one label; they differ in their CKA_ID, which names them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opened_by = 0
        self._refused_pin = ""
        os.register_at_fork(after_in_child=self._renew_lock)

    def fresh(self, used: Collection[str]) -> str:
        """Make a key: which of those with our label are free is not for us to guess."""

        def generate(session: pkcs11.Session) -> str:
            name = secrets.token_bytes(_NAME_BYTES)
            session.generate_key(
                KeyType.AES,
                256,
                label=settings.AUTHSERVER_PKCS11_KEY,
                id=name,
                store=True,
                capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
            )
            return name.hex()

        return self._ask(generate, rw=True)

    def wrap(self, name: str, secret: bytes, context: bytes) -> bytes:
        """Return nonce (12 bytes) ‖ ciphertext and tag, by AES-256-GCM."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._ask(
            lambda session: bytes(_key(session, name).encrypt(secret, **_gcm(nonce, context)))
        )

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        """Unwrap."""
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        return self._ask(
            lambda session: bytes(_key(session, name).decrypt(sealed, **_gcm(nonce, context)))
        )

    def drop(self, name: str) -> str:
        """Destroy a key; no sentence is left to say."""

        def destroy(session: pkcs11.Session) -> None:
            with suppress(pkcs11.NoSuchKey):
                _key(session, name).destroy()

        self._ask(destroy, rw=True)
        return ""

    def problem(self) -> str:
        """Say which settings are missing."""
        names = [f"AUTHSERVER_PKCS11_{name}" for name in ("MODULE", "TOKEN", "KEY", "PIN")]
        missing = [name for name in names if not getattr(settings, name)]
        return f"The provider pkcs11 needs {', '.join(missing)}." if missing else ""

    def _ask(self, work: Callable[[pkcs11.Session], Answer], *, rw: bool = False) -> Answer:
        """Log in, do some work, and log out; one at a time, since a login is the process's.

        What fails is tried again with the module opened anew: that is how modules find again an
        HSM that was away, and how SoftHSM gets over what another process was just writing.
        """
        problem, pin = self.problem(), settings.AUTHSERVER_PKCS11_PIN
        if problem:
            raise KeyProviderError(problem)
        with self._lock:
            if pin == self._refused_pin:
                # A few tries more, and the HSM would lock it.
                raise KeyProviderError("The HSM refused AUTHSERVER_PKCS11_PIN before.")
            try:
                return self._try_again(work, pin, rw=rw)
            except _PIN_REFUSED as error:
                self._refused_pin = pin
                raise KeyProviderError(
                    "The HSM refuses AUTHSERVER_PKCS11_PIN. It is not tried again before a "
                    "restart."
                ) from error
            except pkcs11.PKCS11Error as error:
                raise KeyProviderError(_sentence(error)) from error

    def _try_again(
        self, work: Callable[[pkcs11.Session], Answer], pin: str, *, rw: bool
    ) -> Answer:
        for seconds in _PAUSES:
            try:
                return self._try(work, pin, rw=rw)
            except _PIN_REFUSED:
                raise
            except pkcs11.PKCS11Error:
                self._opened_by = _ANEW
                time.sleep(seconds)
        return self._try(work, pin, rw=rw)

    def _try(self, work: Callable[[pkcs11.Session], Answer], pin: str, *, rw: bool) -> Answer:
        library = pkcs11.lib(settings.AUTHSERVER_PKCS11_MODULE)
        if self._opened_by not in (0, os.getpid()):
            # Opened before a fork, it is not ours (PKCS #11 v2.40, usage guide, 2.6).
            with suppress(pkcs11.PKCS11Error):
                library.finalize()
            library.initialize()
        self._opened_by = os.getpid()
        token = library.get_token(token_label=settings.AUTHSERVER_PKCS11_TOKEN)
        with token.open(rw=rw, user_pin=pin) as session:
            return work(session)

    def _renew_lock(self) -> None:
        self._lock = Lock()


def _key(session: pkcs11.Session, name: str) -> Any:
    """Return a key; what it can do is mixed into its class when it is found."""
    return session.get_key(
        object_class=ObjectClass.SECRET_KEY,
        label=settings.AUTHSERVER_PKCS11_KEY,
        id=bytes.fromhex(name),
    )


def _gcm(nonce: bytes, context: bytes) -> dict[str, Any]:
    parameters = GCMParams(nonce, context, _TAG_BITS)
    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": parameters}


def _sentence(error: pkcs11.PKCS11Error) -> str:
    if isinstance(error, pkcs11.NoSuchToken):
        label = settings.AUTHSERVER_PKCS11_TOKEN
        return f"There is no token labelled {label} behind AUTHSERVER_PKCS11_MODULE."
    if isinstance(error, pkcs11.NoSuchKey):
        label = settings.AUTHSERVER_PKCS11_KEY
        return f"The HSM has no longer the key labelled {label} that wraps a data key."
    # The name of its answer, such as DeviceRemoved; or why the module cannot be loaded.
    return f"The HSM does not answer as it should: {str(error) or type(error).__name__}."
