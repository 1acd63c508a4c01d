"""Settings come from the environment alone, and nonsense in them stops a release."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings

ROOT = Path(__file__).parents[2]
GOOD = {
    "SECRET_KEY": "x" * 60,
    "COUNTERSIGN_KEK": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "COUNTERSIGN_ORIGIN": "https://platform.example",
    "DATABASE_URL": "sqlite://:memory:",
}
SETTINGS = """
import json
from countersign import settings
print(json.dumps({name: str(value) for name, value in vars(settings).items() if name.isupper()}))
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the settings to where no var/ has settings of its own."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "platform" / "countersign", folder / "platform" / "countersign")
    shutil.copytree(ROOT / "protocol", folder / "protocol")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def python(elsewhere: Path, code: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """Run code with the platform's settings read anew from an environment of its own."""
    environment = {**GOOD, **changes, "PYTHONPATH": str(elsewhere / "platform")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env={name: value for name, value in environment.items() if value != "UNSET"},
        capture_output=True,
        check=False,
        text=True,
    )


def read(elsewhere: Path, **changes: str) -> dict[str, str]:
    done = python(elsewhere, SETTINGS, **changes)
    assert done.returncode == 0, done.stderr
    values: dict[str, str] = json.loads(done.stdout)
    return values


@pytest.mark.parametrize("name", ["SECRET_KEY", "COUNTERSIGN_KEK", "COUNTERSIGN_ORIGIN"])
def test_what_has_no_default_must_be_set(elsewhere: Path, name: str) -> None:
    done = python(elsewhere, SETTINGS, **{name: "UNSET"})

    assert done.returncode == 1
    assert name in done.stderr


@pytest.mark.parametrize(
    "origin",
    ["platform.example", "ftp://platform.example", "https://", "https://platform.example/app"],
)
def test_an_origin_that_is_none_stops_the_start(elsewhere: Path, origin: str) -> None:
    done = python(elsewhere, SETTINGS, COUNTERSIGN_ORIGIN=origin)

    assert done.returncode == 1
    assert "COUNTERSIGN_ORIGIN must be like https://host" in done.stderr


@pytest.mark.parametrize("secret", ["whsec_é", "whsec_abc", "plain words"])
def test_a_secret_of_webhooks_that_is_none_stops_the_start_unshown(
    elsewhere: Path, secret: str
) -> None:
    done = python(elsewhere, SETTINGS, SMS_INBOUND_SECRETS=secret)

    assert done.returncode == 1
    assert "SMS_INBOUND_SECRETS must be like whsec_" in done.stderr
    assert f"{secret!r}" not in done.stderr


def test_a_number_that_is_none_stops_every_command_in_one_line() -> None:
    done = subprocess.run(  # our own program
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**GOOD, "AUTHSERVER_TIMEOUT_SECONDS": "x"},
        capture_output=True,
        check=False,
        text=True,
    )
    said = "AUTHSERVER_TIMEOUT_SECONDS in the environment must be a number.\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_in_service_cookies_travel_over_https_alone(elsewhere: Path) -> None:
    values = read(elsewhere)

    assert values["SESSION_COOKIE_SECURE"] == values["CSRF_COOKIE_SECURE"] == "True"
    assert values["SECURE_SSL_REDIRECT"] == "True"
    assert int(values["SECURE_HSTS_SECONDS"]) >= 31_536_000
    assert values["DEBUG"] == "False"
    assert values["ALLOWED_HOSTS"] == "['platform.example']"
    assert values["MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN"] == "False"


def test_browsers_are_not_told_to_insist_on_https_where_that_is_set_to_0(elsewhere: Path) -> None:
    values = read(elsewhere, COUNTERSIGN_HSTS_SECONDS="0")

    assert values["SECURE_HSTS_SECONDS"] == "0"
    assert values["SECURE_SSL_REDIRECT"] == "True"


@pytest.mark.parametrize(
    ("host", "has_passkeys"),
    [("platform.example", True), ("192.168.1.5", False), ("[fd00::1]", False)],
)
def test_passkeys_are_offered_under_a_name_alone(
    elsewhere: Path, host: str, *, has_passkeys: bool
) -> None:
    values = read(elsewhere, COUNTERSIGN_ORIGIN=f"https://{host}:8000")

    assert values["MFA_PASSKEY_LOGIN_ENABLED"] == str(has_passkeys)
    assert ("webauthn" in values["MFA_SUPPORTED_TYPES"]) is has_passkeys


def test_a_file_of_settings_may_be_named(elsewhere: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.env"
    file.write_text("COUNTERSIGN_PLATFORM_NAME=From the file\nSECRET_KEY=not this one\n")

    values = read(elsewhere, COUNTERSIGN_ENV_FILE=str(file))

    assert values["COUNTERSIGN_PLATFORM_NAME"] == "From the file"
    assert values["SECRET_KEY"] == GOOD["SECRET_KEY"]


def test_on_this_machine_plain_http_will_do(elsewhere: Path) -> None:
    values = read(elsewhere, COUNTERSIGN_ORIGIN="http://localhost:8000/")

    assert values["COUNTERSIGN_ORIGIN"] == "http://localhost:8000"
    assert values["SESSION_COOKIE_SECURE"] == "False"
    assert values["MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN"] == "True"


def test_a_secret_may_lie_in_a_file(elsewhere: Path, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file" * 6)

    values = read(elsewhere, SECRET_KEY="UNSET", SECRET_KEY_FILE=str(file))

    assert values["SECRET_KEY"] == "from a file" * 6


def test_where_it_listens_may_stand_in_a_file_of_settings(elsewhere: Path, tmp_path: Path) -> None:
    names = [f"COUNTERSIGN_{name}" for name in ("HOST", "PORT", "WORKERS", "THREADS")]
    assert [read(elsewhere)[name] for name in names] == ["127.0.0.1", "8000", "2", "4"]
    file = tmp_path / "other.env"
    file.write_text("COUNTERSIGN_HOST=192.0.2.1\nCOUNTERSIGN_PORT=80\nCOUNTERSIGN_WORKERS=3\n")

    values = read(elsewhere, COUNTERSIGN_ENV_FILE=str(file), COUNTERSIGN_THREADS="5")

    assert [values[name] for name in names] == ["192.0.2.1", "80", "3", "5"]


def test_who_takes_sms_can_be_changed_without_touching_the_source(elsewhere: Path) -> None:
    both = "['binding.sms.take', 'billing.packages.sms.take']"
    assert read(elsewhere)["SMS_HANDLERS"] == both
    assert read(elsewhere, SMS_HANDLERS="binding.sms.take")["SMS_HANDLERS"] == (
        "['binding.sms.take']"
    )
    assert read(elsewhere, SMS_HANDLERS="")["SMS_HANDLERS"] == "[]"


@pytest.mark.parametrize("service", ["platform/countersign", "authserver"])
def test_every_setting_is_documented(service: str) -> None:
    source = (ROOT / service / "settings.py").read_text("utf-8")
    names = set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', source))
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert names
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_mail_goes_to_a_server_where_one_is_named(elsewhere: Path) -> None:
    assert read(elsewhere)["EMAIL_BACKEND"].endswith("filebased.EmailBackend")
    values = read(elsewhere, EMAIL_URL="smtp://user:pass@mail.example:25")
    assert values["EMAIL_BACKEND"].endswith("smtp.EmailBackend")
    assert values["EMAIL_HOST"] == "mail.example"


def test_sqlite_takes_the_write_lock_at_once_and_syncs(elsewhere: Path) -> None:
    values = read(elsewhere, DATABASE_URL="sqlite:////tmp/never-opened.sqlite3")

    assert "IMMEDIATE" in values["DATABASES"]
    assert "synchronous=FULL" in values["DATABASES"]


def test_the_settings_of_the_tests_pass_their_checks() -> None:
    assert run_checks() == []


def faults(**changes: object) -> set[str | None]:
    with override_settings(**changes):
        return {message.id for message in run_checks(include_deployment_checks=True)}


@pytest.mark.parametrize("path", ["take", "binding.sms.nothing", "nowhere.sms.take"])
def test_who_cannot_be_asked_about_sms_stops_a_release(path: str) -> None:
    assert "countersign.E013" in faults(SMS_HANDLERS=["binding.sms.take", path])
    assert "countersign.E013" not in faults(SMS_HANDLERS=["binding.sms.take"])


@pytest.mark.parametrize("kek", ["", "short", "!!!!", "A" * 44, "QUFBQQ=="])
def test_a_sealing_key_that_is_none_stops_a_release(kek: str) -> None:
    assert "countersign.E001" in faults(COUNTERSIGN_KEK=kek)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COUNTERSIGN_PLATFORM_ID", "i" * 17),
        ("COUNTERSIGN_PLATFORM_ID", "ä"),
        ("COUNTERSIGN_PLATFORM_NAME", "n" * 41),
        ("COUNTERSIGN_PLATFORM_NAME", ""),
        ("COUNTERSIGN_ORIGIN", "https://" + "o" * 40),
        ("COUNTERSIGN_ORIGIN", "https://Platform.example"),
    ],
)
def test_what_could_not_stand_in_a_statement_stops_a_release(name: str, value: str) -> None:
    assert "countersign.E002" in faults(**{name: value})


def test_plain_http_stops_a_release() -> None:
    assert "countersign.E003" in faults()
    assert "countersign.E003" not in faults(COUNTERSIGN_ORIGIN="https://platform.example")


def test_a_page_that_shows_passwords_stops_a_release(tmp_path: Path) -> None:
    assert "countersign.E004" in faults(COUNTERSIGN_DEMO_FILE=tmp_path / "demo-people.json")
    assert "countersign.E004" not in faults()


def test_a_release_is_stopped_by_the_command() -> None:
    with override_settings(COUNTERSIGN_KEK="short"), pytest.raises(CommandError, match="E001"):
        call_command("check", "--tag", "security", "--fail-level", "CRITICAL")


def test_the_tests_write_no_mail_to_files() -> None:
    assert settings.EMAIL_BACKEND.endswith("locmem.EmailBackend")
