"""System checks and settings: what stops every command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

ROOT = Path(__file__).parents[2]


def ids() -> list[str | None]:
    return [message.id for message in run_checks() if not message.is_silenced()]


def test_the_settings_of_these_tests_are_fine() -> None:
    assert ids() == []


def test_the_settings_are_fine_for_deployment(settings: Settings) -> None:
    settings.AUTHSERVER_ORIGIN = "https://auth.example"
    found = run_checks(include_deployment_checks=True)
    assert [message for message in found if not message.is_silenced()] == []


@pytest.mark.parametrize(
    "name", ["AUTHSERVER_SECRET_KEY", "AUTHSERVER_KEK", "AUTHSERVER_DATABASE_URL"]
)
def test_a_secret_given_twice_is_a_contradiction(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    monkeypatch.setenv(f"{name}_FILE", "/x")
    assert ids() == ["authserver.E001"]


@pytest.mark.parametrize("kek", ["", "short", "not base64!", "A" * 43, "AAAA"])
def test_a_kek_that_is_none_is_refused(settings: Settings, kek: str) -> None:
    settings.AUTHSERVER_KEK = kek
    assert ids() == ["authserver.E002"]


@pytest.mark.parametrize(
    "origin",
    [
        *("", "localhost", "https://Auth.example", "https://a.example/path", "ftp://a.example"),
        "https://" + "a" * 34,
    ],
)
def test_an_origin_that_no_link_can_carry_is_refused(settings: Settings, origin: str) -> None:
    settings.AUTHSERVER_ORIGIN = origin
    assert ids() == ["authserver.E003"]


@pytest.mark.parametrize("origin", ["http://auth.example", "http://localhost.example"])
def test_http_is_for_this_machine_alone(settings: Settings, origin: str) -> None:
    settings.AUTHSERVER_ORIGIN = origin
    assert ids() == ["authserver.E004"]


@pytest.mark.parametrize("origin", ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8001"])
def test_this_machine_may_do_without_tls(settings: Settings, origin: str) -> None:
    settings.AUTHSERVER_ORIGIN = origin
    assert ids() == []


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with no settings of ours but these."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("AUTHSERVER_")
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept | {"AUTHSERVER_ENV_FILE": "none"} | environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_secrets_may_come_from_files_and_the_sites_settings_do_not_matter(
    tmp_path: Path,
) -> None:
    environment = {
        "AUTHSERVER_ORIGIN": "https://auth.example/",
        "DJANGO_SETTINGS_MODULE": "countersign.settings",
    }
    for name in ("SECRET_KEY", "KEK", "DATABASE_URL"):
        file = tmp_path / name
        file.write_text(os.environ[f"AUTHSERVER_{name}"] + "\n")
        environment[f"AUTHSERVER_{name}_FILE"] = str(file)
    done = run(environment, "-m", "authserver", "check")
    assert (done.returncode, done.stderr) == (0, "")


NEEDED = {
    name: os.environ[name]
    for name in ("AUTHSERVER_SECRET_KEY", "AUTHSERVER_KEK", "AUTHSERVER_ORIGIN")
}


@pytest.mark.parametrize("missing", NEEDED)
def test_no_secret_has_a_default(missing: str) -> None:
    rest = {name: value for name, value in NEEDED.items() if name != missing}
    done = run(rest, "-m", "authserver", "check")
    assert done.returncode != 0
    assert missing in done.stderr


def test_a_number_that_is_none_stops_every_command_in_one_line() -> None:
    done = run(NEEDED | {"AUTHSERVER_WORKERS": "x"}, "-m", "authserver", "check")
    said = "AUTHSERVER_WORKERS in the environment must be a whole number.\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_file_may_give_the_settings_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("".join(f"{name}={NEEDED[name]}\n" for name in NEEDED))
    environment = {
        "AUTHSERVER_ENV_FILE": str(tmp_path / "env"),
        "AUTHSERVER_ORIGIN": "https://wins.example",
    }
    code = "from authserver import settings as s; print(s.AUTHSERVER_ORIGIN, s.SECRET_KEY)"
    said = run(environment, "-c", code).stdout.split()
    assert said == ["https://wins.example", NEEDED["AUTHSERVER_SECRET_KEY"]]


def test_postgresql_is_reached_through_a_pool() -> None:
    code = "from authserver import settings; print(settings.DATABASES['default'])"
    url = {"AUTHSERVER_DATABASE_URL": "postgres://u:p@h:1/n"}
    said = run(NEEDED | url, "-c", code).stdout
    assert "'pool': {'min_size': 1, 'max_size': 10" in said
