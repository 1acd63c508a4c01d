"""``python -m authserver keys``: what to compare with a token or a platform."""

from django.core.management.base import BaseCommand

from authserver import services
from authserver.management.refusals import refusals_told
from authserver.models import Platform
from protocol.keys import open_certificate, root_fingerprint


class Command(BaseCommand):
    """Lists public keys, never a secret."""

    help = "List the host's root, its host keys, and the platforms it serves."

    def handle(self, **_: object) -> None:
        """Run."""
        with refusals_told():
            host = services.host_keys()
        self.stdout.write(f"host      {host.name}")
        self.stdout.write(f"root      {root_fingerprint(host.root)}  {host.root.hex()}")
        for message in host.certificates:
            key = open_certificate(message, host.root)
            days = f"days {key.from_day} to {key.to_day}"
            self.stdout.write(f"host key  {root_fingerprint(key.key)}  {days}")
        for platform in Platform.objects.order_by("id"):
            fingerprint = root_fingerprint(platform.root)
            self.stdout.write(f"platform  {fingerprint}  {platform.id} {platform.origin}")
