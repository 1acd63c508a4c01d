#!/usr/bin/env python
"""Run a management command of the site."""

import os
import sys
from pathlib import Path


def main() -> None:
    # platform/ is a source root: its apps import by their own names.
    sys.path.insert(0, str(Path(__file__).parent / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "countersign.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
