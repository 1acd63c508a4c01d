"""``python -m bench.floor N``: make tables, and N users with a device each; print the latter."""

import json
import os
import secrets
import sys

import django
from django.core.management import call_command

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.floor.settings"


def main(count: int) -> None:
    """Print, as JSON, what a client needs of each: bearer key, device id, seed in hexadecimal."""
    django.setup()
    from django.contrib.auth.models import User
    from django_otp.plugins.otp_hotp.models import HOTPDevice

    from bench.floor.views import key_hash

    call_command("migrate", verbosity=0)
    made = []
    for _ in range(count):
        key = secrets.token_urlsafe(24)
        user = User.objects.create(username=key_hash(key))
        device = HOTPDevice.objects.create(user=user, name="Phone")
        made.append({"key": key, "device": device.persistent_id, "seed": device.key})
    print(json.dumps(made))


if __name__ == "__main__":
    main(int(sys.argv[1]))
