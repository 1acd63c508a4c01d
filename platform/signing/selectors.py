"""Read the platform's certificates."""

from protocol.keys import KeyCertificate, Purpose, open_certificate
from signing.models import PlatformKey


def certificates(purpose: Purpose) -> list[KeyCertificate]:
    """Return the certificates of all keys of a purpose, retired ones included."""
    rows = PlatformKey.objects.filter(purpose=purpose).values_list("certificate", "root")
    return [open_certificate(bytes(message), bytes(root)) for message, root in rows]
