"""``python -m authserver keys``: what to compare with a token or a platform."""

from django.core.management.base import BaseCommand

from authserver import services
from authserver.management.refusals import refusals_told
from authserver.models import Platform, TrustedHost
from protocol.ed25519 import key_id
from protocol.keys import open_certificate, root_fingerprint


class Command(BaseCommand):
    """Lists public keys, never a secret."""

    help = "List the host's root, its host keys, the platforms it serves, and hosts it trusts."

    def handle(self, **_: object) -> None:
        """Run."""
        with refusals_told():
            host = services.host_keys()
        self.stdout.write(f"host      {host.name}")
        self.stdout.write(f"root      {root_fingerprint(host.root)}  {host.root.hex()}")
        for row in host.keys:
            key = open_certificate(row.certificate, host.root)
            days = f"days {key.from_day} to {key.to_day}"
            end = "".join(
                f", {how} {at:%Y-%m-%d %H:%M} UTC"
                for how, at in (("retired", row.retired_at), ("compromised", row.compromised_at))
                if at is not None
            )
            kid = key_id(key.key).hex()
            self.stdout.write(f"host key  {root_fingerprint(key.key)}  {kid}  {days}{end}")
        for platform in Platform.objects.order_by("id"):
            fingerprint = root_fingerprint(platform.root)
            self.stdout.write(f"platform  {fingerprint}  {platform.id} {platform.origin}")
        for other in TrustedHost.objects.order_by("origin"):
            fingerprint = root_fingerprint(other.root)
            self.stdout.write(f"trusted   {fingerprint}  {other.origin}")
