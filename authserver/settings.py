"""Settings of the authentication server, from the environment alone; docs/settings.md lists them.

Every secret may be given as ``NAME`` or, as a path, ``NAME_FILE``; none has a default.
``var/authserver.env``, or the file that ``AUTHSERVER_ENV_FILE`` names, is read when it exists; the
real environment wins.
"""

import os
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

from protocol.environment import Environment
from protocol.moving import MAX_PACKAGE_BYTES

BASE_DIR = Path(__file__).resolve().parents[1]
VAR_DIR = BASE_DIR / "var"

_env_file = Path(os.environ.get("AUTHSERVER_ENV_FILE", VAR_DIR / "authserver.env"))
if _env_file.exists():
    environ.Env.read_env(_env_file)
env = Environment()

SECRET_NAMES = (
    *("AUTHSERVER_SECRET_KEY", "AUTHSERVER_KEK", "AUTHSERVER_PKCS11_PIN"),
    *("AUTHSERVER_DATABASE_URL", "AUTHSERVER_METRICS_TOKEN"),
)
# Stripped, since a file of a secret usually ends with a line break.
SECRET_KEY = env.str("AUTHSERVER_SECRET_KEY").strip()
AUTHSERVER_KEK_PROVIDER = env.str("AUTHSERVER_KEK_PROVIDER", default="file")
_kek_file = env.str("AUTHSERVER_KEK_FILE", default="")
# Its path alone: the file is read each time, so that a key put into it needs no restart.
AUTHSERVER_KEK_FILE = Path(_kek_file) if _kek_file else None
# Whether there is one is for a system check to say: with an HSM there need be none.
AUTHSERVER_KEK = os.environ.get("AUTHSERVER_KEK", "").strip()
AUTHSERVER_PKCS11_MODULE = env.str("AUTHSERVER_PKCS11_MODULE", default="")
AUTHSERVER_PKCS11_TOKEN = env.str("AUTHSERVER_PKCS11_TOKEN", default="")
AUTHSERVER_PKCS11_KEY = env.str("AUTHSERVER_PKCS11_KEY", default="")
AUTHSERVER_PKCS11_PIN = env.str("AUTHSERVER_PKCS11_PIN", default="").strip()
AUTHSERVER_ORIGIN = env.str("AUTHSERVER_ORIGIN").rstrip("/")
AUTHSERVER_ROOT_KEY_FILE = Path(
    env.str("AUTHSERVER_ROOT_KEY_FILE", default=str(VAR_DIR / "authserver-root.key"))
)
AUTHSERVER_METRICS_TOKEN = env.str("AUTHSERVER_METRICS_TOKEN", default="").strip()
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
INSTALLED_APPS = [
    *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"),
    "authserver",
]
MIDDLEWARE = [
    "authserver.middleware.Boundary",
    "whitenoise.middleware.WhiteNoiseMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
APPEND_SLASH = False
# More is refused as too_large before Django reads it (authserver.middleware).
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
# Pages speak the reader's language (authserver.pages); the API speaks English.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "authserver" / "locale"]
# Set by the token app's own choice of language; it says nothing else.
LANGUAGE_COOKIE_NAME = "token-language"
USE_TZ = True
TIME_ZONE = "UTC"
# No SecurityMiddleware: the headers that apply to this service are set in authserver.middleware;
# TLS ends in front of it.  Sessions and forged forms are looked at by authserver.operators.access,
# for the operator pages alone.  Their cookies are Secure unless the origin is this machine itself.
SILENCED_SYSTEM_CHECKS = [f"security.{number}" for number in ("W001", "W002", "W003", "W010")]

# Operators of this host, and their sessions.
PASSWORD_HASHERS = ["authserver.passwords.OWASPArgon2"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
]
# Seconds without a page after which an operator has to sign in again.
SESSION_COOKIE_AGE = 15 * 60
# Browsers send the cookies of one host name to all its ports: names of our own, and only there.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "authserver-operator", "authserver-form"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = "/operator"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = AUTHSERVER_ORIGIN.startswith("https://")
CSRF_COOKIE_HTTPONLY = True
# Behind whatever ends TLS the request itself does not say that it came by https.
CSRF_TRUSTED_ORIGINS = [AUTHSERVER_ORIGIN]
CSRF_FAILURE_VIEW = "authserver.operators.views.forged"
# Files of tokens, and servers from other hosts, by the address that takes them.
UPLOADS = {
    "/operator/import": 64 * 1024 * 1024 + DATA_UPLOAD_MAX_MEMORY_SIZE,
    "/v1/servers/import": MAX_PACKAGE_BYTES,
}
FILE_UPLOAD_HANDLERS = ["authserver.operators.uploads.SealedUploadHandler"]

# The token app, served from where its parts are kept.  What it reads like the scanning app are
# that one's own modules, by their place on the disk: nothing of the site is imported.
STATIC_URL = "/token/"
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
_modules, _site = BASE_DIR / "node_modules", BASE_DIR / "platform"
STATICFILES_DIRS = [
    ("app", BASE_DIR / "authserver" / "static" / "token"),
    ("receipts", _site / "receipts" / "static" / "receipts"),
    ("offline", _site / "offline" / "static" / "offline"),
    ("protocol", BASE_DIR / "protocol" / "tables"),
    ("vendor/cborg", _modules / "cborg" / "lib"),
    ("vendor/hash-wasm", _modules / "hash-wasm" / "dist"),
    ("vendor/sm-crypto", _modules / "sm-crypto" / "dist"),
    ("vendor/zxing-wasm", _modules / "zxing-wasm" / "dist" / "es"),
    # Beside their loaders, es/*/index.js.
    ("vendor/zxing-wasm/reader", _modules / "zxing-wasm" / "dist" / "reader"),
    ("vendor/zxing-wasm/writer", _modules / "zxing-wasm" / "dist" / "writer"),
    # Its tokens and components: holders know the family.
    ("site", _site / "countersign" / "static" / "countersign"),
]
WHITENOISE_USE_FINDERS = True
# Names carry no hash, so that modules find each other: a browser asks again after a minute.
WHITENOISE_MAX_AGE = 60


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
