"""The least a Django project needs to check a django-otp code: no sessions, no middleware."""

import environ

env = environ.Env()
SECRET_KEY = env.str("FLOOR_SECRET_KEY")
DATABASES = {"default": env.db_url("FLOOR_DATABASE_URL")}
# One connection stays open per worker thread.
DATABASES["default"]["CONN_MAX_AGE"] = None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_otp",
    "django_otp.plugins.otp_hotp",
]
ROOT_URLCONF = "bench.floor.urls"
ALLOWED_HOSTS = ["localhost"]
USE_TZ = True
