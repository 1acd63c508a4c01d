"""The commands of ``manage.py``: good and bad input, a clear sentence and exit status."""

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client, override_settings

from accounts.models import User
from common.models import IdempotentRequest
from common.sealing import sealer
from enrolment.models import AuthserverHost
from protocol.ed25519 import SigningKey
from protocol.keys import Directory, KeyCertificate, Purpose, day_of
from protocol.statement import Platform
from signing import services as signing
from signing.models import PlatformKey
from tests.platform.test_verify_receipt import picture_of
from tests.platform.world import (
    Authserver,
    Person,
    now,
    receipt_bytes,
    seconds_ago,
    step_row,
    unreachable,
)
from transactions.models import Step


def run(command: str, *arguments: object, **options: object) -> str:
    """Run a command and return what it said."""
    said = io.StringIO()
    call_command(command, *map(str, arguments), stdout=said, stderr=said, **options)
    return said.getvalue()


def refused(command: str, *arguments: object, **options: object) -> str:
    """Run a command that must refuse, and return its sentence."""
    with pytest.raises(CommandError) as refusal:
        run(command, *arguments, **options)
    return str(refusal.value)


# verify_receipt


@pytest.fixture
def key_file(host: AuthserverHost, tmp_path: Path) -> Path:
    file = tmp_path / "keys.cbor"
    run("export_keys", file)
    return file


def test_a_receipt_is_verified_from_its_text(anna: Person, key_file: Path) -> None:
    said = run("verify_receipt", anna.sign(anna.open()), "--keys", key_file)

    checks = [line for line in said.splitlines() if line[0].isdigit()]
    assert checks
    assert all(re.match(r"\d+\. ok ", line) for line in checks)


def test_a_receipt_is_verified_from_a_picture_a_text_file_and_its_bytes(
    anna: Person, key_file: Path, tmp_path: Path
) -> None:
    body = anna.answer(anna.open()).body
    forms = {
        "picture.png": anna.call("GET", f"/receipts/{body['receipt_id']}.png").raw,
        "text.txt": body["receipt"].encode() + b"\n",
        "bytes.cbor": receipt_bytes(body["receipt"]),
    }

    reports = set()
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
        reports.add(run("verify_receipt", tmp_path / name, "--keys", key_file))

    assert len(reports) == 1


def test_without_a_key_file_the_platform_s_own_keys_serve(anna: Person) -> None:
    assert "FAILED" not in run("verify_receipt", anna.sign(anna.open()))


def test_a_report_is_printed_as_json(anna: Person) -> None:
    report = json.loads(run("verify_receipt", anna.sign(anna.open()), "--json"))

    assert report["is_complete"] is True


def test_a_changed_receipt_fails_with_its_code(
    anna: Person, key_file: Path, tmp_path: Path
) -> None:
    message = receipt_bytes(anna.sign(anna.open(remark="please")))
    (tmp_path / "r").write_bytes(message.replace(b"please", b"pleaze"))

    sentence = refused("verify_receipt", tmp_path / "r", "--keys", key_file)

    assert sentence.startswith("receipt_signature_invalid: ")


def test_a_refusal_is_not_taken_for_a_receipt(anna: Person, tmp_path: Path) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/cancel")
    (tmp_path / "r").write_bytes(bytes(step_row(step).receipt or b""))

    assert refused("verify_receipt", tmp_path / "r").startswith("refused: Nothing was signed")


def test_keys_of_another_platform_verify_nothing(anna: Person, tmp_path: Path) -> None:
    receipt = anna.sign(anna.open())
    (tmp_path / "keys").write_bytes(another_directory())

    sentence = refused("verify_receipt", receipt, "--keys", tmp_path / "keys")

    assert sentence.startswith("receipt_not_ours: ")


def another_directory() -> bytes:
    root, key = SigningKey.generate(), SigningKey.generate()
    today = day_of(int(now().timestamp()))
    certificate = KeyCertificate(key.public, Purpose.DIRECTORY, "other", today, today + 1)
    return Directory(
        platform=Platform("other", "Other", "https://other.example"),
        number=1,
        issued=int(now().timestamp()),
        root=root.public,
        certificates=(certificate.sign(root),),
        ended=(),
        hosts=(),
    ).sign(key)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "receipt_not_ours"),
        (b"hello", "receipt_not_ours"),
        (b"\xd2hello", "encoding_invalid"),
        (b"\xd2" * 5000, "too_large"),
        (b"\xff\xfe", "image_unreadable"),
        (b"\x89PNG\r\n\x1a\n", "image_unreadable"),
        (b"x" * 1_000_001, "receipt_not_ours"),
        (b"\xff" * 1_000_001, "image_unreadable"),
        (picture_of("hello"), "receipt_not_ours"),
        (b"http://localhost:8000/r#12", "receipt_not_ours"),
        (b"http://localhost:8000/t#000", "receipt_not_ours"),
    ],
    ids=range(11),
)
def test_a_file_that_is_no_receipt_is_refused(
    host: AuthserverHost, tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / "file").write_bytes(content)

    assert refused("verify_receipt", tmp_path / "file").startswith(f"{code}: ")


@pytest.mark.parametrize(
    "given", ["nowhere", ".", "x" * 5000, "\udcff", "", "http://", "https://x/r#1"]
)
def test_what_names_no_receipt_is_refused(host: AuthserverHost, given: str) -> None:
    code, _, sentence = refused("verify_receipt", given).partition(": ")

    assert code in ("file_unusable", "receipt_not_ours")
    assert sentence


@pytest.mark.parametrize("content", [b"", b"hello", b"\xd2", b"x" * 70_000])
def test_a_key_file_that_is_none_is_refused(anna: Person, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").write_bytes(content)
    receipt = anna.sign(anna.open())

    assert "the key file" in refused("verify_receipt", receipt, "--keys", tmp_path / "keys")
    assert refused("verify_receipt", receipt, "--keys", tmp_path / "none").startswith(
        "file_unusable: "
    )


def test_a_key_file_with_a_changed_bit_is_refused(anna: Person, key_file: Path) -> None:
    content = key_file.read_bytes()
    key_file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    sentence = refused("verify_receipt", anna.sign(anna.open()), "--keys", key_file)

    assert sentence.startswith("signature_invalid: the key file")


def test_without_any_keys_nothing_is_verified(db: None, tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"\xd2")

    assert refused("verify_receipt", tmp_path / "r").startswith("keys_missing: ")


# export_keys


def test_without_keys_none_are_exported(db: None, tmp_path: Path) -> None:
    assert refused("export_keys", tmp_path / "keys").startswith("keys_missing: ")
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("name", ["nowhere/keys", "."])
def test_keys_are_not_exported_to_where_they_cannot_be(
    host: AuthserverHost, tmp_path: Path, name: str
) -> None:
    assert refused("export_keys", tmp_path / name).startswith("file_unusable: ")


# create_keys


@pytest.fixture
def root_file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "root.key"


def test_the_root_is_made_on_the_first_run_for_its_owner_alone(db: None, root_file: Path) -> None:
    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=root_file):
        said = run("create_keys")

    assert root_file.stat().st_mode & 0o777 == 0o600
    assert "root key: " in said
    assert PlatformKey.objects.count() == len(Purpose) - 1
    assert str(PlatformKey.objects.get(purpose="receipt")).startswith("receipt key ")


def test_the_same_root_certifies_later_keys(db: None, root_file: Path, tmp_path: Path) -> None:
    public = tmp_path / "root.hex"
    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=root_file):
        run("create_keys", "--root-public", public)
        run("create_keys")

    roots = {bytes(root) for root in PlatformKey.objects.values_list("root", flat=True)}
    assert roots == {bytes.fromhex(public.read_text())}
    assert PlatformKey.objects.count() == 2 * (len(Purpose) - 1)


def test_the_private_keys_are_sealed(db: None, root_file: Path) -> None:
    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=root_file):
        run("create_keys")

    row = PlatformKey.objects.get(purpose="receipt")
    secret = sealer().open(bytes(row.sealed_private), bytes(row.kid))
    assert secret not in bytes(row.sealed_private)
    assert SigningKey.from_bytes(secret).kid == bytes(row.kid)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_root_file_that_is_none_makes_no_keys(db: None, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "root").write_bytes(content)

    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=tmp_path / "root"):
        sentence = refused("create_keys")

    assert sentence.startswith("root_key_invalid: ")
    assert not PlatformKey.objects.exists()


def test_a_root_file_that_cannot_be_read_makes_no_keys(db: None, tmp_path: Path) -> None:
    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=tmp_path):
        assert refused("create_keys").startswith("file_unusable: ")

    assert not PlatformKey.objects.exists()


def test_no_keys_are_made_where_the_public_root_cannot_be_written(
    db: None, root_file: Path, tmp_path: Path
) -> None:
    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=root_file):
        sentence = refused("create_keys", "--root-public", tmp_path / "nowhere" / "root")

    assert sentence.startswith("file_unusable: ")
    assert not PlatformKey.objects.exists()


# first_operator


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a password come from standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_the_first_operator_is_led_from_nothing_to_the_next_step(
    db: None, root_file: Path, typed: Callable[[str], None]
) -> None:
    typed("correct horse battery\n")

    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=root_file):
        said = run("first_operator", "--email", "Boss@Example.com", "--password-stdin")

    user = User.objects.get()
    assert (user.email, user.is_staff, user.is_superuser) == ("boss@example.com", True, True)
    assert user.check_password("correct horse battery")
    assert EmailAddress.objects.get(user=user).verified
    assert "Signing keys: made" in said
    assert "add_host" in said
    assert f"--root {SigningKey.from_bytes(root_file.read_bytes()).public.hex()} " in said
    assert signing.signing_key(Purpose.RECEIPT, now=now()).certificate


def test_the_first_operator_can_sign_in(
    host: AuthserverHost, typed: Callable[[str], None]
) -> None:
    typed("correct horse battery\n")
    run("first_operator", "--email", "Boss@Example.com", "--password-stdin")
    browser = Client()

    browser.post(
        "/accounts/login/",
        {"login": "boss@example.com", "password": "correct horse battery"},
    )

    assert 'href="/console/"' in browser.get("/").content.decode()


def test_a_second_run_changes_nothing_and_says_so(
    host: AuthserverHost, typed: Callable[[str], None]
) -> None:
    typed("correct horse battery\n")
    run("first_operator", "--email", "boss@example.com", "--password-stdin")

    said = run("first_operator")

    assert said.count("there already") == 3
    assert "You are ready" in said
    assert User.objects.count() == 1


def test_another_operator_is_added_when_one_is_asked_for(
    host: AuthserverHost, typed: Callable[[str], None]
) -> None:
    for name in ("boss", "deputy"):
        typed("correct horse battery\n")
        run("first_operator", "--another", "--email", f"{name}@example.com", "--password-stdin")

    assert User.objects.filter(is_staff=True).count() == 2


def test_the_address_and_the_password_are_asked_for(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: " boss@example.com ")
    monkeypatch.setattr("getpass.getpass", lambda _: "correct horse battery")

    run("first_operator")

    assert User.objects.get().email == "boss@example.com"


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("nobody", "correct horse battery"),
        ("", "correct horse battery"),
        ("boss@example.com", "short"),
        ("boss@example.com", "password"),
        ("boss@example.com", ""),
        (f"{'b' * 300}@example.com", "correct horse battery"),
        ("boss@example.com\nx", "correct horse battery"),
    ],
    ids=repr,
)
def test_an_operator_without_address_or_password_is_refused(
    host: AuthserverHost,
    typed: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    email: str,
    password: str,
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    typed(f"{password}\n")

    assert refused("first_operator", "--email", email, "--password-stdin")
    assert not User.objects.exists()


def test_nobody_to_ask_is_a_clear_refusal(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)

    assert "--email" in refused("first_operator")


def test_the_address_of_a_holder_is_no_operator_s(
    anna: Person, typed: Callable[[str], None]
) -> None:
    typed("correct horse battery\n")

    sentence = refused("first_operator", "--email", "ANNA@example.com", "--password-stdin")

    assert "belongs to a holder" in sentence


# add_host


@pytest.fixture
def bearer(authserver: Authserver, tmp_path: Path) -> Path:
    file = tmp_path / "host.key"
    file.write_text(authserver.key + "\n")
    return file


def test_a_host_is_registered_under_its_root(
    keys: None, authserver: Authserver, bearer: Path
) -> None:
    said = run(
        "add_host",
        authserver.origin + "/",
        key_file=bearer,
        fingerprint=authserver.fingerprint.upper(),
    )

    row = AuthserverHost.objects.get()
    assert said == f"host 1 is Local host at {authserver.origin}\n"
    assert row.origin == authserver.origin
    assert authserver.key.encode() not in bytes(row.sealed_key)


def test_a_host_that_is_known_is_renewed(
    host: AuthserverHost, authserver: Authserver, bearer: Path
) -> None:
    AuthserverHost.objects.update(certificates=[])

    run("add_host", authserver.origin, key_file=bearer, fingerprint=authserver.fingerprint)

    row = AuthserverHost.objects.get()
    assert (row.number, bool(row.certificates)) == (host.number, True)


@pytest.mark.parametrize("fingerprint", ["", "0000", "0" * 32, "付款"])
def test_a_host_with_another_root_is_refused(
    keys: None, authserver: Authserver, bearer: Path, fingerprint: str
) -> None:
    sentence = refused("add_host", authserver.origin, key_file=bearer, fingerprint=fingerprint)

    assert sentence.startswith("host_invalid: ")
    assert not AuthserverHost.objects.exists()


def test_a_second_host_of_the_same_name_is_refused(
    host: AuthserverHost, authserver: Authserver, bearer: Path
) -> None:
    AuthserverHost.objects.update(origin="https://elsewhere.example")

    sentence = refused(
        "add_host", authserver.origin, key_file=bearer, fingerprint=authserver.fingerprint
    )

    assert sentence.startswith("host_invalid: ")
    assert "is called" in sentence


@pytest.mark.parametrize(
    "origin",
    [
        "nonsense",
        "",
        "http://",
        "http://127.0.0.1:1",
        "http://localhost:99999",
        "ftp://localhost",
        "http://[::1",
        "http://a b",
        "http://ä.example",
        "file:///etc/passwd",
        "http://localhost:1/" + "x" * 100,
    ],
)
def test_a_host_that_cannot_be_reached_is_refused(
    keys: None, authserver: Authserver, bearer: Path, origin: str
) -> None:
    code, _, sentence = refused(
        "add_host", origin, key_file=bearer, fingerprint=authserver.fingerprint
    ).partition(": ")

    assert code in ("authserver_unavailable", "host_invalid")
    assert sentence
    assert not AuthserverHost.objects.exists()


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff\xfe", "schlüssel".encode()])
def test_a_key_file_without_a_key_is_refused(
    keys: None, authserver: Authserver, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "key").write_bytes(content)

    sentence = refused(
        "add_host",
        authserver.origin,
        key_file=tmp_path / "key",
        fingerprint=authserver.fingerprint,
    )

    assert sentence.startswith("key_invalid: ")


def test_a_key_file_that_there_is_not_is_refused(
    keys: None, authserver: Authserver, tmp_path: Path
) -> None:
    sentence = refused(
        "add_host",
        authserver.origin,
        key_file=tmp_path / "none",
        fingerprint=authserver.fingerprint,
    )

    assert sentence.startswith("file_unusable: ")


# worker: it closes connections that are of no use, as one inside a test's transaction would be.


@pytest.mark.django_db(transaction=True)
def test_one_round_settles_steps_sends_notices_and_forgets(anna: Person, ben: Person) -> None:
    anna.sign(anna.open(next={"account": ben.account}))
    with seconds_ago(600):
        late = anna.open()
    anna.call("POST", "/me", {"name": "Anna"}, headers={"Idempotency-Key": "k"})
    IdempotentRequest.objects.update(claimed_at=now() - timedelta(days=2))

    run("worker", "--once")

    assert step_row(late).state == Step.State.EXPIRED
    # Whose turn it is, and whose own step expired.
    assert [message.to for message in mail.outbox] == [[ben.email], [anna.email]]
    assert not IdempotentRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_survives_a_database_that_is_away(
    anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: object) -> None:
        raise OperationalError("gone")

    anna.sign(anna.open(next={"account": ben.account}))
    with monkeypatch.context() as patched:
        patched.setattr("countersign.management.commands.worker.reconcile_steps", away)
        run("worker", "--once")
    assert mail.outbox == []

    run("worker", "--once")

    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_goes_on_until_it_is_stopped(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[float] = []

    def stop_after_two(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", stop_after_two)

    with pytest.raises(KeyboardInterrupt):
        run("worker", "--seconds", "0.5")

    assert rounds == [0.5, 0.5]


@pytest.mark.django_db(transaction=True)
def test_a_worker_survives_a_host_that_gives_no_answer(anna: Person, host: AuthserverHost) -> None:
    with seconds_ago(600):
        late = anna.open()

    with unreachable(host):
        run("worker", "--once")
    run("worker", "--once")

    assert step_row(late).state == Step.State.EXPIRED


# serve


def test_serve_runs_the_production_server() -> None:
    with mock.patch("countersign.management.commands.serve.Granian") as server:
        run("serve", "--port", "1234", "--ssl-certificate", "a.crt", "--ssl-keyfile", "a.key")
    server.return_value.serve.assert_called_once_with()
    assert server.call_args.args == ("countersign.wsgi:application",)
    asked = server.call_args.kwargs
    assert (asked["address"], asked["port"], asked["workers"]) == ("127.0.0.1", 1234, 2)
    assert (asked["ssl_cert"], asked["ssl_key"]) == (Path("a.crt"), Path("a.key"))
