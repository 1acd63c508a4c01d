"""Settings, from the environment alone.

Every secret may be given as ``NAME`` or, as a path, ``NAME_FILE``; none has a default.
``var/authserver.env``, or the file that ``AUTHSERVER_ENV_FILE`` names, is read when it exists; the
real environment wins.

=============================== ===============================================================
``AUTHSERVER_SECRET_KEY``       Django's key; secret.
``AUTHSERVER_KEK``              Key-encryption key: base64 of 32 bytes; secret.
``AUTHSERVER_ORIGIN``           Where tokens and browsers find this host: ``https://host[:port]``.
``AUTHSERVER_DATABASE_URL``     ``postgres://…``, secret; default SQLite under ``var/``.
``AUTHSERVER_DATABASE_POOL``    Most PostgreSQL connections of one worker process; default 10.
``AUTHSERVER_DATABASE_PREPARE`` Prepare statements; ``false`` behind a transaction-mode pooler.
``AUTHSERVER_ROOT_KEY_FILE``    Host root key, needed only to certify host keys;
                                default ``var/authserver-root.key``.
``AUTHSERVER_LOG_LEVEL``        Default ``INFO``.
``AUTHSERVER_HSTS_SECONDS``     How long browsers insist on HTTPS; default a year, 0 for not.
``AUTHSERVER_HOST``, ``_PORT``  Where ``serve`` listens; default 127.0.0.1 and 8001.
``AUTHSERVER_WORKERS``          Its processes; default 2.
``AUTHSERVER_THREADS``          Threads of each; default 4.
=============================== ===============================================================
"""

import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

BASE_DIR = Path(__file__).resolve().parents[1]
VAR_DIR = BASE_DIR / "var"

_env_file = Path(os.environ.get("AUTHSERVER_ENV_FILE", VAR_DIR / "authserver.env"))
if _env_file.exists():
    environ.Env.read_env(_env_file)
env = environ.FileAwareEnv()

SECRET_NAMES = ("AUTHSERVER_SECRET_KEY", "AUTHSERVER_KEK", "AUTHSERVER_DATABASE_URL")
# Stripped, since a file of a secret usually ends with a line break.
SECRET_KEY = env.str("AUTHSERVER_SECRET_KEY").strip()
AUTHSERVER_KEK = env.str("AUTHSERVER_KEK").strip()
AUTHSERVER_ORIGIN = env.str("AUTHSERVER_ORIGIN").rstrip("/")
AUTHSERVER_ROOT_KEY_FILE = Path(
    env.str("AUTHSERVER_ROOT_KEY_FILE", default=str(VAR_DIR / "authserver-root.key"))
)
AUTHSERVER_HOST = env.str("AUTHSERVER_HOST", default="127.0.0.1")
AUTHSERVER_PORT = env.int("AUTHSERVER_PORT", default=8001)
AUTHSERVER_WORKERS = env.int("AUTHSERVER_WORKERS", default=2)
AUTHSERVER_THREADS = env.int("AUTHSERVER_THREADS", default=4)
AUTHSERVER_HSTS_SECONDS = env.int("AUTHSERVER_HSTS_SECONDS", default=31_536_000)
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"]["version"]

DEBUG = False
# No page or answer is ever built from the Host header.
ALLOWED_HOSTS = [urlsplit(AUTHSERVER_ORIGIN).hostname or "invalid"]
ROOT_URLCONF = "authserver.urls"
WSGI_APPLICATION = "authserver.wsgi.application"
INSTALLED_APPS = ["authserver"]
MIDDLEWARE = ["authserver.middleware.Boundary"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
APPEND_SLASH = False
# More is refused as too_large before Django reads it (authserver.middleware).
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
# The one page speaks the reader's language (authserver.pages); the API speaks English.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "authserver" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
# There are no sessions and no cookies to protect, and no SecurityMiddleware: the headers that
# apply to this service are set in authserver.middleware; TLS ends in front of it.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]


def _database() -> dict[str, Any]:
    default = f"sqlite:///{VAR_DIR / 'authserver.sqlite3'}"
    database: dict[str, Any] = env.db_url_config(
        env.str("AUTHSERVER_DATABASE_URL", default=default).strip()
    )
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE takes the write lock at BEGIN: there it is what select_for_update is elsewhere.
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        }
        database["CONN_MAX_AGE"] = None
    else:
        pool_size = env.int("AUTHSERVER_DATABASE_POOL", default=10)
        database["OPTIONS"] = {"pool": {"min_size": 1, "max_size": pool_size, "timeout": 10}}
        # Statements are planned once for each connection; a pooler in transaction mode forbids it.
        if env.bool("AUTHSERVER_DATABASE_PREPARE", default=True):
            database["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 1}
        # Transaction-mode poolers in front of the server keep no cursor between transactions.
        database["DISABLE_SERVER_SIDE_CURSORS"] = True
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"event": {"()": "authserver.logs.EventFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "event"}},
    "root": {
        "handlers": ["stderr"],
        "level": env.str("AUTHSERVER_LOG_LEVEL", default="INFO"),
    },
}
