"""``python -m authserver rotate_host_key``: a new key to certify servers with."""

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from authserver import services
from authserver.management.refusals import refusals_told
from protocol.keys import open_certificate, root_fingerprint


class Command(BaseCommand):
    """Certifies a new host key by the root key file, and retires those before it."""

    help = (
        "Make a new host key, certified by the root key file, and retire those before it. "
        "Servers keep their certificates, and retired keys stay in the directory."
    )

    def handle(self, **_: object) -> None:
        """Run."""
        with refusals_told():
            key = services.rotate_host_key(
                root_key_file=settings.AUTHSERVER_ROOT_KEY_FILE, now=timezone.now()
            )
            host = services.host_keys()
            certified = open_certificate(key.certificate, host.root)
        retired = sum(known.retired_at is not None for known in host.keys)
        self.stdout.write(
            f"Host key {root_fingerprint(certified.key)}, days {certified.from_day} to "
            f"{certified.to_day}; {retired} retired. Have each platform run refresh_hosts."
        )
