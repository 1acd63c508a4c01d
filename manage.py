#!/usr/bin/env python
"""Run a management command of the site."""

import base64
import os
import sys
from pathlib import Path


def main() -> None:
    # platform/ is a source root: its apps import by their own names.
    sys.path.insert(0, str(Path(__file__).parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "countersign.settings")
    # Any way to write --keys that argparse understands.
    has_keys = any(argument.startswith("--k") for argument in sys.argv)
    if sys.argv[1:2] == ["verify_receipt"] and has_keys:
        # A fresh clone has no settings; with a file of keys none of these is used.
        secret = base64.b64encode(os.urandom(32)).decode()
        for name in ("SECRET_KEY", "COUNTERSIGN_KEK"):
            os.environ.setdefault(name, secret)
        os.environ.setdefault("COUNTERSIGN_ORIGIN", "http://localhost")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
