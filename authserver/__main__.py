"""``python -m authserver COMMAND``: migrate, init, add_platform, serve and the rest."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # Not a default: a variable left over from the site would point at the wrong database.
    os.environ["DJANGO_SETTINGS_MODULE"] = "authserver.settings"
    try:
        execute_from_command_line(["python -m authserver", *sys.argv[1:]])
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
