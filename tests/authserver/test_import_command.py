"""``import_tokens``, ``export_tokens`` and ``add_operator``, as an operator runs them."""

import getpass
import io
import sys
from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command

from authserver.management import secrets
from authserver.models import Event, ImportChunk, ImportJob, Server
from authserver.services import seals
from tests.authserver.batch_files import RFC, SEED, csv, imported
from tests.authserver.world import Bank

PASSPHRASE = "a passphrase of ours"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of three tokens."""
    path = tmp_path / "tokens.csv"
    path.write_bytes(csv("A1", "A2", "A3"))
    return path


def run(*arguments: object) -> str:
    out = io.StringIO()
    given = [str(argument) for argument in arguments]
    call_command(*given, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def run_import(file: Path, *more: object, batch: str = "May") -> str:
    return run("import_tokens", file, "--platform", "bank", "--batch", batch, *more)


def test_a_file_is_imported_and_counted_by_suite(bank: Bank, file: Path) -> None:
    told = run_import(file, "--by", "carla")
    assert "Stored 3 tokens as batch May." in told
    assert "1 HOTP:SHA1-6" in told
    assert Server.objects.filter(state="stock").count() == 3
    assert {event.actor for event in Event.objects.all()} == {"operator:carla"}


def test_a_dry_run_stores_nothing_and_tells_all(bank: Bank, file: Path) -> None:
    told = run_import(file, "--dry-run")
    assert "3 tokens can be stored, 0 are refused." in told
    assert "Nothing was stored" in told
    assert not Server.objects.exists()
    assert not ImportJob.objects.exists()


def test_bad_lines_are_named_and_stop_all(bank: Bank, file: Path) -> None:
    file.write_bytes(csv("A1", "A1") + b"A2,zz\n")
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 tokens are refused, so nothing was stored"):
        call_command(
            *("import_tokens", str(file), "--platform", "bank", "--batch", "May"), stdout=out
        )
    assert "line 2  A1  repeated" in out.getvalue()
    assert "line 3  A2  value_invalid" in out.getvalue()
    assert not Server.objects.exists()


def test_bad_lines_are_left_out_on_demand(bank: Bank, file: Path) -> None:
    file.write_bytes(csv("A1") + b"A2,zz\n")
    assert "Stored 1 tokens" in run_import(file, "--keep-going")


def test_a_second_run_names_all_as_stored_and_ends_with_an_error(bank: Bank, file: Path) -> None:
    run_import(file)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command(
            *("import_tokens", str(file), "--platform", "bank", "--batch", "May"), stdout=out
        )
    assert out.getvalue().count("stored_before") == 3
    assert "There is a batch May already." in out.getvalue()
    assert not ImportChunk.objects.exists()


@pytest.mark.parametrize(
    ("name", "option", "secret"),
    [
        ("gen-04", "--password-file", "correct horse 3"),
        (
            "gen-07",
            "--key-file",
            "ad28c26403c376c477b891a810f8a404ef635a09fff465eec6a85becbafe178b",
        ),
    ],
)
def test_a_secret_comes_from_a_file_or_is_asked_for(
    bank: Bank,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    option: str,
    secret: str,
) -> None:
    file = RFC / f"{name}.pskcxml"
    with pytest.raises(CommandError, match=f"Nobody can be asked here; use {option}"):
        run_import(file)

    path = tmp_path / "secret"
    path.write_text(secret + "\n", "utf-8")
    assert "1 tokens can be stored" in run_import(file, option, path, "--dry-run")

    monkeypatch.setattr(secrets, "asked", lambda prompt, option: secret)
    monkeypatch.setattr("authserver.management.commands.import_tokens.asked", secrets.asked)
    assert "Stored 1 tokens" in run_import(file)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "neither PSKC nor CSV"),
        (b"<a/>", "The file is refused"),
        (b"<", "The file is refused"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(
    bank: Bank, file: Path, content: bytes, sentence: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(CommandError, match=sentence):
        run_import(file)


def test_a_file_that_is_not_there_is_refused_in_a_sentence(bank: Bank, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run_import(tmp_path / "nothing")


def test_a_key_that_is_not_hexadecimal_is_not_shown(bank: Bank, file: Path) -> None:
    path = file.with_name("key")
    path.write_text("top secret\n", "utf-8")
    with pytest.raises(CommandError) as caught:
        run_import(file, "--key-file", path)
    assert "top" not in str(caught.value)


def run_export(file: Path, passphrase: str = PASSPHRASE, batch: str = "May") -> str:
    secret = file.with_name("passphrase")
    secret.write_text(passphrase + "\n", "utf-8")
    options = ("--platform", "bank", "--batch", batch, "--password-file", secret, "--by", "carla")
    return run("export_tokens", file, *options)


def test_an_export_is_sealed_and_can_be_imported_where_the_tokens_are_not(
    bank: Bank, tmp_path: Path
) -> None:
    imported(bank, "A1", "A2", "A3")
    before = [(row.serial, row.suite, row.counter, seals.seed_of(row)) for row in by_serial()]
    file = tmp_path / "out.pskcxml"
    assert "3 tokens in" in run_export(file)
    assert SEED not in file.read_text("utf-8")
    assert file.stat().st_mode & 0o77 == 0
    Event.objects.all().delete()
    Server.objects.all().delete()

    password = tmp_path / "passphrase"
    run_import(file, "--password-file", password, batch="Again")
    after = [(row.serial, row.suite, row.counter, seals.seed_of(row)) for row in by_serial()]
    assert after == before


def by_serial() -> list[Server]:
    return list(Server.objects.order_by("serial"))


def test_the_story_of_every_exported_token_says_who_exported_it(
    bank: Bank, tmp_path: Path
) -> None:
    imported(bank, "A1", "A2")
    Server.objects.filter(serial="A2").update(state="revoked")
    run_export(tmp_path / "out.pskcxml")
    events = Event.objects.filter(kind="exported")
    assert [(event.server.serial, event.actor) for event in events] == [("A1", "operator:carla")]


def test_a_weak_passphrase_an_unknown_batch_or_a_file_that_is_there_export_nothing(
    bank: Bank, tmp_path: Path
) -> None:
    imported(bank, "A1")
    file = tmp_path / "out.pskcxml"
    with pytest.raises(CommandError, match="12 characters"):
        run_export(file, passphrase="too short")
    with pytest.raises(CommandError, match="no batch June"):
        run_export(file, batch="June")
    assert not file.exists()
    file.write_text("mine", "utf-8")
    with pytest.raises(CommandError, match="cannot be made"):
        run_export(file)
    assert file.read_text("utf-8") == "mine"
    assert not Event.objects.filter(kind="exported").exists()


def run_operator(tmp_path: Path, *arguments: str, password: str = PASSPHRASE) -> str:
    path = tmp_path / "password"
    path.write_text(password + "\n", "utf-8")
    return run("add_operator", *arguments, "--password-file", path)


def test_an_operator_is_added_gets_a_new_password_and_is_retired(db: None, tmp_path: Path) -> None:
    run_operator(tmp_path, "anna")
    assert authenticate(username="anna", password=PASSPHRASE)
    run_operator(tmp_path, "anna", "--new-password", password="another long one")
    assert not authenticate(username="anna", password=PASSPHRASE)
    assert authenticate(username="anna", password="another long one")
    run_operator(tmp_path, "anna", "--retire")
    assert not authenticate(username="anna", password="another long one")


def test_passwords_are_stored_with_argon2id_as_owasp_asks(db: None, tmp_path: Path) -> None:
    run_operator(tmp_path, "anna")
    stored = get_user_model().objects.get().password
    assert stored.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("arguments", "password", "sentence"),
    [
        (["anna"], "too short", "too short"),
        (["annabella-carla"], "annabella-carla1", "similar"),
        ([""], PASSPHRASE, "needs a name"),
        (["x" * 33], PASSPHRASE, "33"),
        (["nobody", "--new-password"], PASSPHRASE, "no operator"),
        (["nobody", "--retire"], PASSPHRASE, "no operator"),
    ],
)
def test_what_cannot_be_done_with_an_operator_is_said_in_a_sentence(
    db: None, tmp_path: Path, arguments: list[str], password: str, sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        run_operator(tmp_path, *arguments, password=password)


def test_there_is_one_operator_of_a_name_however_it_is_written(db: None, tmp_path: Path) -> None:
    run_operator(tmp_path, "anna")
    with pytest.raises(CommandError, match="already"):
        run_operator(tmp_path, "ANNA")


def test_two_passwords_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["one", "two"])
    monkeypatch.setattr(secrets, "asked", lambda prompt, option: next(answers))
    with pytest.raises(CommandError, match="not the same"):
        secrets.asked_twice("Password", "--password-file")


def test_a_new_password_is_asked_for_twice_and_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []

    def unseen(prompt: str) -> str:
        prompts.append(prompt)
        return PASSPHRASE

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", unseen)
    assert secrets.asked_twice("Password", "--password-file") == PASSPHRASE
    assert prompts == ["Password: ", "Password, again: "]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(CommandError):
        secrets.from_file(path)
