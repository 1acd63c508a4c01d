"""Read the platform's certificates."""

from functools import lru_cache

from protocol import cose
from protocol.keys import KeyCertificate, Purpose, open_certificate
from signing.errors import KeysMissingError
from signing.models import PlatformKey


def signer_certificate(message: bytes) -> bytes:
    """Return the certificate of the key of ours that signed a message, retired or not.

    Raises:
        KeysMissingError: we have no such key.
    """
    return _certificate_of(cose.parse(message).kid)


@lru_cache(maxsize=64)
def _certificate_of(kid: bytes) -> bytes:
    row = PlatformKey.objects.filter(kid=kid).only("certificate").first()
    if row is None:
        raise KeysMissingError
    return bytes(row.certificate)


def certificates(purpose: Purpose) -> list[KeyCertificate]:
    """Return the certificates of all keys of a purpose, retired ones included."""
    rows = PlatformKey.objects.filter(purpose=purpose).values_list("certificate", "root")
    return [open_certificate(bytes(message), bytes(root)) for message, root in rows]


def root_key() -> bytes:
    """Return the root that certified the newest of our keys, 32 bytes.

    Raises:
        KeysMissingError: we have none.
    """
    row = PlatformKey.objects.order_by("-pk").only("root").first()
    if row is None:
        raise KeysMissingError
    return bytes(row.root)
