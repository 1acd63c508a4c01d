"""Settings of the site, from the environment alone; docs/settings.md lists them.

Every secret may be given as ``NAME`` or, as a path, ``NAME_FILE``.  ``var/platform.env``, or the
file that ``COUNTERSIGN_ENV_FILE`` names, is read when it exists; the real environment wins.
"""

import base64
import os
import re
import sysconfig
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from protocol.environment import Environment

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = BASE_DIR / "var"
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"]["version"]

env = Environment()
_env_file = Path(os.environ.get("COUNTERSIGN_ENV_FILE", VAR_DIR / "platform.env"))
if _env_file.exists():
    environ.Env.read_env(_env_file)

SECRET_KEY = env.str("SECRET_KEY")
COUNTERSIGN_KEK = env.str("COUNTERSIGN_KEK")
COUNTERSIGN_ORIGIN = env.str("COUNTERSIGN_ORIGIN").rstrip("/")
COUNTERSIGN_PLATFORM_ID = env.str("COUNTERSIGN_PLATFORM_ID", "countersign")
COUNTERSIGN_PLATFORM_NAME = env.str("COUNTERSIGN_PLATFORM_NAME", "Countersign")
# The root is needed only to certify keys; it may lie on a medium that is not always there.
COUNTERSIGN_ROOT_KEY_FILE = Path(
    env.str("COUNTERSIGN_ROOT_KEY_FILE", str(VAR_DIR / "platform-root.key"))
)
# Where `manage.py serve` listens, its processes, and the threads of each.
COUNTERSIGN_HOST = env.str("COUNTERSIGN_HOST", "127.0.0.1")
COUNTERSIGN_PORT = env.int("COUNTERSIGN_PORT", 8000)
COUNTERSIGN_WORKERS = env.int("COUNTERSIGN_WORKERS", 2)
COUNTERSIGN_THREADS = env.int("COUNTERSIGN_THREADS", 4)
# Certificate authorities for https to authentication servers; the system's when unset.
AUTHSERVER_CA_FILE = env.str("AUTHSERVER_CA_FILE", "")
AUTHSERVER_TIMEOUT_SECONDS = env.float("AUTHSERVER_TIMEOUT_SECONDS", 5.0)

_origin = urlsplit(COUNTERSIGN_ORIGIN)
if _origin.scheme not in ("http", "https") or not _origin.hostname or _origin.path:
    raise ImproperlyConfigured("COUNTERSIGN_ORIGIN must be like https://host or http://host:port")
_is_secure = _origin.scheme == "https"
_is_local = _origin.hostname == "localhost"
# A passkey belongs to a name: browsers make none for the number of a machine.
_has_passkeys = not set(_origin.hostname) <= set("0123456789.") and ":" not in _origin.hostname
# Names the people of `make run`, whose passwords the page /guide shows to everybody.
_demo_file = env.str("COUNTERSIGN_DEMO_FILE", "")
COUNTERSIGN_DEMO_FILE = Path(_demo_file) if _demo_file else None

DEBUG = False
ALLOWED_HOSTS = env.list("COUNTERSIGN_ALLOWED_HOSTS", default=[_origin.hostname])
CSRF_TRUSTED_ORIGINS = [COUNTERSIGN_ORIGIN]

# Its page of the API needs its files; as an app it would be imported by every command, most of
# which take less time than that.
_ninja = Path(sysconfig.get_path("purelib")) / "ninja"
INSTALLED_APPS = [
    "countersign",
    "common",
    "audit",
    "signing",
    "notices",
    "accounts",
    "billing.ledger",
    "enrolment",
    "binding",
    "transactions",
    "receipts",
    "billing.entitlements",
    "billing.packages",
    "offline",
    "console",
    "captcha",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.forms",
]
MIDDLEWARE = [
    "common.middleware.RequestMiddleware",
    "transactions.middleware.TokenOriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SeenMiddleware",
    "common.idempotency.IdempotencyMiddleware",
]
# Who repeats a request, as the apps above `common` know it.
IDEMPOTENCY_CALLER = "binding.security.caller_name"
ROOT_URLCONF = "countersign.urls"
WSGI_APPLICATION = "countersign.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates", _ninja / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "countersign.context.navigation",
            ]
        },
    }
]

# Every form looks alike: templates/components/form.html and field.html.
FORM_RENDERER = "common.renderer.FormRenderer"
CSRF_FAILURE_VIEW = "common.pages.csrf_failed"

DATABASES = {"default": env.db("DATABASE_URL", f"sqlite:///{VAR_DIR / 'platform.sqlite3'}")}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
else:
    # One connection stays open per worker thread.  One that broke costs the request that finds
    # out a 503, rather than every request a question to the database.
    _database["CONN_MAX_AGE"] = None
    # Statements are planned once for each connection; a pooler in transaction mode forbids it.
    if env.bool("DATABASE_PREPARE", True):
        _database["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": 1}
    _database["DISABLE_SERVER_SIDE_CURSORS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_secure
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = (
    env.int("COUNTERSIGN_HSTS_SECONDS", 31_536_000) if _is_secure and not _is_local else 0
)
SECURE_SSL_REDIRECT = _is_secure and not _is_local
_behind_proxy = env.bool("COUNTERSIGN_BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _behind_proxy else None
# Whose address it is that signs in, or asks too often: the last that the proxy in front has seen.
ALLAUTH_TRUSTED_PROXY_COUNT = NINJA_NUM_PROXIES = int(_behind_proxy)
SECURE_REFERRER_POLICY = "same-origin"
# The largest thing anyone sends is a picture of a receipt.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_500_000

PASSWORD_HASHERS = ["accounts.passwords.OWASPArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.SimilarityValidator"},
    {"NAME": "accounts.passwords.LengthValidator"},
    {"NAME": "accounts.passwords.UncommonValidator"},
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.entrance.AddAddressForm",
    "change_email": "accounts.entrance.ChangeAddressForm",
    "login": "accounts.entrance.SignInForm",
    "reset_password": "accounts.entrance.NewPasswordForm",
    "signup": "accounts.entrance.SignUpForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# Mail may take minutes to come.
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
# One address each: it is the login, and invitations find it.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Whoever has an account is told by e-mail what changed in how to get into it.
ACCOUNT_EMAIL_NOTIFICATIONS = True
# A token, a passkey or a recovery code behind the password, as the apps above `accounts` have it.
SECOND_FACTOR_STAGE = "transactions.sign_in.SecondFactorStage"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# The TOTP of allauth stays off: its secret would lie in this database.
MFA_SUPPORTED_TYPES = [*(["webauthn"] if _has_passkeys else []), "recovery_codes"]
# No address is kept before it is confirmed, so a passkey need not stand in the way of a new one.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "accounts.entrance.AddPasskeyForm",
    "authenticate": "accounts.entrance.RecoveryCodeForm",
    "edit_webauthn": "accounts.entrance.EditPasskeyForm",
    "generate_recovery_codes": "accounts.entrance.NewRecoveryCodesForm",
    "login_webauthn": "accounts.entrance.SignInByPasskeyForm",
    "authenticate_webauthn": "accounts.entrance.SecondPasskeyForm",
    "reauthenticate_webauthn": "accounts.entrance.ConfirmPasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = _has_passkeys
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _is_local and not _is_secure
AUTH_USER_MODEL = "accounts.User"

# Without a mail server, mail is written to files.
EMAIL_FILE_PATH = env.str("EMAIL_FILE_PATH", str(VAR_DIR / "mail"))
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
if env.str("EMAIL_URL", ""):
    vars().update(env.email_url("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"countersign@{_origin.hostname}")

# Without an SMS centre, SMS are written to files: docs/sms.md.
SMS_URL = env.str("SMS_URL", f"file://{VAR_DIR / 'sms'}")
# Who is asked whether an SMS that came in is for it: dotted paths.
SMS_HANDLERS = env.list("SMS_HANDLERS", default=["binding.sms.take", "billing.packages.sms.take"])
# The number to which phones send SMS that prove theirs.
SMS_NUMBER = env.str("SMS_NUMBER", "+12025550100")
# Who is asked whether a SIM was swapped; empty: nobody (docs/binding.md).
CARRIER_URL = env.str("CARRIER_URL", "")
CARRIER_TOKEN = env.str("CARRIER_TOKEN", "")
# Of Standard Webhooks, as in whsec_…; several while they change.  Without one nothing is taken.
try:
    SMS_INBOUND_SECRETS = [
        base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        for secret in env.list("SMS_INBOUND_SECRETS", default=[])
    ]
except ValueError as error:
    raise ImproperlyConfigured("SMS_INBOUND_SECRETS must be like whsec_… in base64") from error

# Webhooks go to public addresses alone, over TLS, unless this is set: in tests, or inside a house.
WEBHOOKS_MAY_BE_PRIVATE = env.bool("WEBHOOKS_MAY_BE_PRIVATE", False)
WEBHOOKS_CA_FILE = env.str("WEBHOOKS_CA_FILE", "")

# Font files of PDFs, the main one first; by default those that are found (common/fonts.py).
PDF_FONTS = env.list("PDF_FONTS", default=[])

# What monitoring shows to read /metrics; without one there are no figures to be had.
METRICS_TOKEN = env.str("METRICS_TOKEN", "").strip()

# Where money comes from and goes to: a class with the interface of billing.ledger.providers.
LEDGER_PROVIDER = env.str("LEDGER_PROVIDER", "billing.ledger.providers.PlayMoney")

# How often a device may call within a minute and still be given status codes.
BILLING_CALLS_PER_MINUTE = env.int("BILLING_CALLS_PER_MINUTE", 60)
# Where encrypted files of resources lie, and how large one may be before it is encrypted.
RESOURCE_STORE = Path(env.str("RESOURCE_STORE", str(VAR_DIR / "resources")))
RESOURCE_MAX_BYTES = env.int("RESOURCE_MAX_BYTES", 256 * 2**20)
# Where files as large as that are taken; everywhere else a body is small.
UPLOAD_PATHS = re.compile(r"/api/v1/resources/[0-9a-f]{16}/versions|/develop/[0-9a-f]{16}(/\w+)?")

# Where builds of applications lie, and how large one may be.
PACKAGE_STORE = Path(env.str("PACKAGE_STORE", str(VAR_DIR / "packages")))
PACKAGE_MAX_BYTES = env.int("PACKAGE_MAX_BYTES", 64 * 2**20)
# The security SDK, whose files every build carries; they are read, never run here.
PACKAGE_SDK = Path(env.str("PACKAGE_SDK", str(BASE_DIR / "terminal" / "sdk")))
# What a terminal of LOW security level must show: that the files match (SIGNATURE), or either of
# the two comparisons (ANY_ONE).  docs/application-billing.md.
LOW_RULE = env.str("LOW_RULE", "SIGNATURE")
# Until a rule says otherwise: high or low.
DEFAULT_LEVEL = env.str("DEFAULT_LEVEL", "high")
# For how long after a change of SIM no SMS confirms a charge.
SMS_BILLING_SIM_AGE_HOURS = env.int("SMS_BILLING_SIM_AGE_HOURS", 24)
# Images with letters (django-simple-captcha); the letters come from billing.packages.
CAPTCHA_FONT_SIZE = 56
CAPTCHA_LETTER_ROTATION = (-30, 30)
CAPTCHA_FOREGROUND_COLOR = "#1b2430"
CAPTCHA_BACKGROUND_COLOR = "#ffffff"
CAPTCHA_2X_IMAGE = False
# What applications may charge a payer, in minor units of any currency: a day and a month, until
# the payer says otherwise, and a day for one item.
CHARGE_DAY_CAP = env.int("CHARGE_DAY_CAP", 5_000)
CHARGE_MONTH_CAP = env.int("CHARGE_MONTH_CAP", 20_000)
CHARGE_ITEM_DAY_CAP = env.int("CHARGE_ITEM_DAY_CAP", 2_500)
# What each phone may pay without a network, in minor units of each currency, until its holder sets
# limits of their own; from this amount on it takes the offline password.
OFFLINE_DAY_CAP = env.int("OFFLINE_DAY_CAP", 5_000)
OFFLINE_MONTH_CAP = env.int("OFFLINE_MONTH_CAP", 20_000)
OFFLINE_HIGH_FROM = env.int("OFFLINE_HIGH_FROM", 2_500)
# The most that a holder may let a one-way code be worth.
OFFLINE_CODE_CAP = env.int("OFFLINE_CODE_CAP", 1_000)
# Makers' services that vouch for terminals: docs/application-billing.md, attestation.
ATTESTATION_APPS = env.json("ATTESTATION_APPS", {})
ATTESTATION_TEST_ENVIRONMENTS = env.bool("ATTESTATION_TEST_ENVIRONMENTS", False)
PLAY_INTEGRITY_URL = env.str("PLAY_INTEGRITY_URL", "https://playintegrity.googleapis.com/v1")
PLAY_INTEGRITY_ACCOUNT = env.str("PLAY_INTEGRITY_ACCOUNT", "")
APP_ATTEST_ROOT = env.str("APP_ATTEST_ROOT", "")
STOREKIT_ROOTS = env.str("STOREKIT_ROOTS", "")
STOREKIT_ONLINE_CHECKS = env.bool("STOREKIT_ONLINE_CHECKS", True)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "countersign.formats"
LANGUAGE_COOKIE_AGE = 365 * 86_400
LANGUAGE_COOKIE_SECURE = _is_secure
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
# Served by whitenoise from where the apps and npm keep them: nothing to collect at a release.
WHITENOISE_USE_FINDERS = True
# Names carry no hash, so that modules find each other: a browser asks again after a minute.
WHITENOISE_MAX_AGE = 60
_modules = BASE_DIR / "node_modules"
STATICFILES_DIRS = [
    # The tables that Python and the browser read alike.
    ("protocol", BASE_DIR / "protocol" / "tables"),
    ("ninja", _ninja / "static" / "ninja"),
    ("vendor/cborg", _modules / "cborg" / "lib"),
    ("vendor/hash-wasm", _modules / "hash-wasm" / "dist"),
    ("vendor/ggwave", _modules / "ggwave"),
    ("vendor/zxing-wasm", _modules / "zxing-wasm" / "dist" / "es"),
    # Beside their loaders, es/*/index.js.
    ("vendor/zxing-wasm/reader", _modules / "zxing-wasm" / "dist" / "reader"),
    ("vendor/zxing-wasm/writer", _modules / "zxing-wasm" / "dist" / "writer"),
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"event": {"()": "common.logs.EventFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "event"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
    # It tells each character of a receipt that is drawn.
    "loggers": {"fontTools": {"level": "WARNING"}},
}
