"""The WSGI application that granian serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "authserver.settings"
application = get_wsgi_application()

# What is loaded by now stays: collections need not look through it again, nor run as often.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
