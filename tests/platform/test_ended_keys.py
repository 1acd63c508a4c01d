"""Keys of the platform that ended: who signs then, what is published, what readers make of it."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, override_settings

from audit.models import AuditRow
from enrolment import authserver_client
from enrolment.models import AuthserverHost
from enrolment.services import as_listed, ended_keys, refresh_hosts
from protocol.ed25519 import SigningKey, key_id
from protocol.keys import Directory, KeyCertificate, Purpose, day_of, root_fingerprint
from protocol.qrtext import Link
from protocol.verification import verify_receipt
from receipts import services
from signing import services as signing
from signing.errors import EndRefusedError, KeysFullError
from signing.models import PlatformKey, PublishedDirectory
from signing.publishing import publish_directory
from tests.platform.world import Authserver, Person, now, read_receipt, receipt_bytes, to_base64

DIRECTORY = "/.well-known/countersign/keys"
MINUTES_3 = timedelta(minutes=3)


def directory(**late: int) -> Directory:
    return Directory.open(services.directory(now=now() + timedelta(**late)))


def newest(purpose: Purpose) -> PlatformKey:
    return PlatformKey.objects.filter(purpose=purpose).latest("pk")


def run(command: str, *arguments: object) -> str:
    said = io.StringIO()
    call_command(command, *map(str, arguments), stdout=said, stderr=said)
    return said.getvalue()


def refused(command: str, *arguments: object) -> str:
    with pytest.raises(CommandError) as refusal:
        run(command, *arguments)
    return str(refusal.value)


# --- Rotation and compromise


def test_a_receipt_from_before_a_rotation_still_verifies_and_one_dated_later_does_not(
    anna: Person, authserver: Authserver
) -> None:
    receipt = receipt_bytes(anna.sign(anna.open()))
    old = newest(Purpose.RECEIPT)
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.RECEIPT])

    assert verify_receipt(receipt, directory()).is_complete
    # As if the rotation had been before it was signed.
    PlatformKey.objects.filter(pk=old.pk).update(retired_at=now() - timedelta(minutes=5))
    report = verify_receipt(receipt, directory())
    assert [check.code for check in report.failures] == ["receipt_signature_invalid"]
    assert "had been retired" in report.failures[0].text


def test_a_new_key_signs_at_once_and_retires_those_of_its_purpose_alone(
    keys: None, authserver: Authserver
) -> None:
    before = {purpose: newest(purpose) for purpose in (Purpose.RECEIPT, Purpose.LOG)}
    [made] = signing.create_keys(
        root=authserver.platform_root, now=now(), purposes=[Purpose.RECEIPT]
    )

    assert signing.signing_key(Purpose.RECEIPT, now=now()).key.kid == bytes(made.kid)
    end = directory().end_of(receipt_key(before[Purpose.RECEIPT]))
    # Processes that still hold the old key, and hosts whose clocks are ahead, get the time.
    assert end is not None
    assert end.retired_at is not None
    assert 60 < end.retired_at - now().timestamp() <= 120
    before[Purpose.LOG].refresh_from_db()
    assert before[Purpose.LOG].retired_at is None


def receipt_key(row: PlatformKey) -> bytes:
    [key] = [
        known.key
        for known in directory().keys(Purpose(row.purpose))
        if key_id(known.key) == bytes(row.kid)
    ]
    return key


def test_a_leaked_receipt_key_leaves_certified_receipts_and_no_others(
    anna: Person, authserver: Authserver
) -> None:
    receipt = receipt_bytes(anna.sign(anna.open()))
    kid = bytes(newest(Purpose.RECEIPT).kid).hex()
    assert refused("end_key", kid, "--compromised").startswith("key_in_use: ")
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.RECEIPT])
    assert "compromised at" in run("end_key", kid, "--compromised")

    assert verify_receipt(receipt, directory()).is_complete
    hosts = directory().hosts
    without_hosts = Directory.open(publish_directory(hosts=list, now=now()))
    assert hosts
    report = verify_receipt(receipt, without_hosts)
    assert not report.is_valid
    assert report.checks[2].code == "key_compromised"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--at", "2999-01-01T00:00Z"], "end_refused"),
        (["--at", "2026-01-01T00:00"], "end_refused"),
        (["--at", "soon"], "end_refused"),
        (["--at", "0001-01-01T00:00+02:00"], "end_refused"),
        (["--at", "9999-12-31T23:59-02:00"], "end_refused"),
    ],
)
def test_a_key_ends_now_or_before(
    keys: None, authserver: Authserver, arguments: list[str], code: str
) -> None:
    row = newest(Purpose.LOG)
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])
    sentence = refused("end_key", bytes(row.kid).hex(), "--compromised", *arguments)
    assert sentence.startswith(f"{code}: ")


@pytest.mark.parametrize("at", ["0026-11-22T03:00Z", "1969-12-31T00:00Z", "before its first day"])
def test_a_key_ends_on_a_day_of_its_certificate(
    keys: None, authserver: Authserver, at: str
) -> None:
    """Else a year mistyped is published for ever, or can be in no directory at all."""
    row = newest(Purpose.LOG)
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])
    begin = datetime.fromtimestamp(row.from_day * 86_400, UTC)
    if at == "before its first day":
        at = (begin - timedelta(seconds=1)).isoformat()
    kid = bytes(row.kid).hex()

    sentence = refused("end_key", kid, "--compromised", "--at", at)

    assert sentence.startswith("end_refused: ")
    assert f"{begin:%Y-%m-%d}" in sentence
    # The right one is taken afterwards, and published.
    run("end_key", kid, "--compromised", "--at", begin.isoformat())
    [end] = [end for end in directory().ended if end.kid == bytes(row.kid)]
    assert end.compromised_at == begin.timestamp()


def test_the_end_of_a_key_moves_to_an_earlier_time_alone(
    keys: None, authserver: Authserver
) -> None:
    kid = bytes(newest(Purpose.LOG).kid)
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])
    at = now() - timedelta(hours=1)
    signing.end_key(kid, compromised_at=at, now=now())
    signing.end_key(kid, compromised_at=at - MINUTES_3, now=now())
    with pytest.raises(EndRefusedError):
        signing.end_key(kid, compromised_at=at, now=now())
    assert PlatformKey.objects.get(kid=kid).compromised_at == at - MINUTES_3


@pytest.mark.parametrize("kid", ["0011223344556677", "xyz"])
def test_only_keys_of_the_platform_can_be_ended(keys: None, kid: str) -> None:
    assert refused("end_key", kid, "--retired").startswith("key_unknown: ")


def test_a_retirement_begins_when_no_process_signs_with_the_key_any_more(
    keys: None, authserver: Authserver
) -> None:
    row = newest(Purpose.RECEIPT)
    kid = bytes(row.kid).hex()
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.RECEIPT])
    row.refresh_from_db()
    said = row.retired_at
    assert "retired at" in run("end_key", kid, "--retired")
    row.refresh_from_db()
    # Not now: receipts that other processes sign this minute would not be valid.
    assert row.retired_at == said
    sentence = refused("end_key", kid, "--retired", "--at", "2026-01-01T00:00Z")
    assert sentence.startswith("end_refused: ")
    assert AuditRow.objects.filter(action="key.retired", subject__contains=kid).exists()


def test_a_new_receipt_key_signs_what_was_decided_before_it(
    keys: None, authserver: Authserver
) -> None:
    before = newest(Purpose.RECEIPT)
    late = now() + timedelta(days=9)
    [made] = signing.create_keys(
        root=authserver.platform_root, now=late, purposes=[Purpose.RECEIPT]
    )
    assert (made.from_day, made.to_day) == (before.from_day, day_of(int(late.timestamp())) + 400)


def test_more_certificates_than_a_directory_holds_are_never_made(
    keys: None, authserver: Authserver
) -> None:
    def make(at: datetime) -> None:
        signing.create_keys(root=authserver.platform_root, now=at)

    for _ in range(13):
        make(now())
    count = PlatformKey.objects.count()
    with pytest.raises(KeysFullError):
        make(now())
    assert PlatformKey.objects.count() == count
    assert len(directory().certificates) == count
    # Those that nothing can need any more make room.
    later = now() + timedelta(days=500)
    make(later)
    newer = Directory.open(services.directory(now=later))
    assert not any(
        key.to_day < day_of(int(later.timestamp())) for key in newer.keys(Purpose.PERMIT)
    )
    assert len(newer.keys(Purpose.RECEIPT)) == 15


def test_another_root_makes_no_keys_beside_those_of_the_first(keys: None, tmp_path: Path) -> None:
    before = PlatformKey.objects.count()
    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=tmp_path / "root"):
        # Forgotten, or the wrong folder: nothing is made in its place.
        assert refused("create_keys", "--only", "receipt").startswith("root_key_invalid: ")
        assert not (tmp_path / "root").exists()
        (tmp_path / "root").write_bytes(SigningKey.generate().to_bytes())
        assert refused("create_keys", "--only", "receipt").startswith("root_key_invalid: ")
    assert PlatformKey.objects.count() == before
    assert newest(Purpose.RECEIPT).retired_at is None
    directory()


def test_keys_are_listed_with_what_became_of_them(
    keys: None, authserver: Authserver, tmp_path: Path
) -> None:
    (tmp_path / "root").write_bytes(authserver.platform_root.to_bytes())
    with override_settings(COUNTERSIGN_ROOT_KEY_FILE=tmp_path / "root"):
        said = run("create_keys", "--only", "log")
    assert said.count("made ") == 1
    listed = run("platform_keys").splitlines()
    # What `authserver add_platform --root` takes.
    assert listed[0].split()[-1] == authserver.platform_root.public.hex()
    lines = [line for line in listed if line.startswith("log")]
    assert "retired 20" in lines[0]
    assert lines[1].endswith("may sign")


# --- The published directory


def test_a_directory_is_signed_anew_when_it_changes_or_after_an_hour(
    keys: None, authserver: Authserver
) -> None:
    first = services.directory(now=now())
    assert services.directory(now=now() + timedelta(minutes=59)) == first
    later = Directory.open(services.directory(now=now() + timedelta(minutes=61)))
    Directory.open(first).check_successor(later)
    assert PublishedDirectory.objects.count() == 1
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])
    # Whatever the clock says: it was set back.
    changed = Directory.open(services.directory(now=now() - timedelta(minutes=9)))
    later.check_successor(changed)
    assert changed.number > later.number
    assert changed.issued == later.issued


def test_a_number_is_given_once_whoever_publishes(
    keys: None, authserver: Authserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.directory(now=now())
    others: list[Directory] = []

    def meanwhile() -> list[Any]:
        if not others:
            # Another process: a key ends, and it publishes that first.
            others.append(directory())
            signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])
            others.append(directory())
        return []

    mine = Directory.open(publish_directory(hosts=meanwhile, now=now()))

    others[1].check_successor(mine)
    assert mine.ended == others[1].ended != ()
    numbers = PublishedDirectory.objects.values_list("number", flat=True)
    assert len(set(numbers)) == len(numbers)


def test_after_an_older_copy_came_back_numbers_go_on(keys: None) -> None:
    published = directory(hours=2)
    PublishedDirectory.objects.all().delete()
    published.check_successor(directory(hours=2, seconds=1))


def test_a_cache_can_ask_whether_the_directory_is_the_same(keys: None) -> None:
    answer = Client().get(DIRECTORY)
    again = Client(headers={"If-None-Match": answer["ETag"]}).get(DIRECTORY)
    assert (again.status_code, again.content) == (304, b"")
    assert again["Cache-Control"] == answer["Cache-Control"]
    other = Client(headers={"If-None-Match": '"other"'}).get(DIRECTORY)
    assert other.content == answer.content


# --- Host keys


def shown(monkeypatch: pytest.MonkeyPatch, **more: object) -> None:
    keys = authserver_client.AuthserverClient.keys
    monkeypatch.setattr(
        authserver_client.AuthserverClient, "keys", lambda client: keys(client) | more
    )


def test_the_end_of_a_host_key_reaches_the_directory_and_is_never_taken_back(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, at = len(host.certificates), int(now().timestamp())
    none: list[int | None] = [None] * count
    for times in ([at, *none[1:]], [at + 5, *none[1:]], none):
        with monkeypatch.context() as patch:
            shown(patch, compromised_at=times)
            assert refresh_hosts(now=now()) == {host.name: ""}
        host.refresh_from_db()
        assert at in [end.compromised_at for end in ended_keys(host)]
    assert at in [end.compromised_at for end in directory().ended]


@pytest.mark.parametrize("whose", ["platform's", "another host's"])
def test_a_host_ends_no_key_that_is_not_its_own(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    if whose == "platform's":
        victim = directory().keys(Purpose.RECEIPT)[0].key
    else:
        victim = SigningKey.generate().public
    root = SigningKey.generate()
    AuthserverHost.objects.filter(pk=host.pk).update(root=root.public, certificates=[])
    if whose == "another host's":
        other = SigningKey.generate()
        AuthserverHost.objects.create(
            **{"number": 9, "name": "Other", "origin": "https://other.example"},
            **{"root": other.public, "sealed_key": b"", "state": "closed"},
            certificates=[listed(victim, Purpose.HOST, "Other", other)],
        )
    for purpose, name, fault in (
        (Purpose.HOST, host.name, "host_invalid"),
        (Purpose.RECEIPT, host.name, ""),
        (Purpose.HOST, "Other", ""),
    ):
        with monkeypatch.context() as patch:
            forged = listed(victim, purpose, name, root)
            shown(patch, root=to_base64(root.public), certificates=[forged], compromised_at=[1])
            assert refresh_hosts(now=now()) == {host.name: fault}
    host.refresh_from_db()
    assert host.ended == {}
    # Nor from a row, should it stand there.
    host.ended = {key_id(victim).hex(): [None, 1]}
    host.save()
    assert directory().end_of(victim) is None


def listed(key: bytes, purpose: Purpose, name: str, root: SigningKey) -> str:
    return to_base64(KeyCertificate(key, purpose, name, 0, 99_999).sign(root))


def test_the_platform_ends_a_host_key_that_the_host_does_not_end(host: AuthserverHost) -> None:
    [kid] = [key_id(key.key).hex() for key in as_listed(host).host_keys()][:1]
    number = str(host.number)
    AuthserverHost.objects.update(state="closed")
    ends = ("end_host_key", number, kid, "--compromised", "--at")
    assert "2026-01-02 00:00:00 UTC" in run(*ends, "2026-01-02T00:00Z")
    # It may become an earlier time, and never a later one.
    assert "2026-01-01 00:00:00 UTC" in run(*ends, "2026-01-01T00:00Z")
    assert "2026-01-01 00:00:00 UTC" in run(*ends, "2026-01-02T00:00Z")
    [end] = [end for end in directory().ended if end.kid.hex() == kid]
    assert end.compromised_at == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    rows = AuditRow.objects.filter(action="host.key_compromised", subject__contains=kid)
    assert rows.count() == 2
    assert refused(*ends, "2999-01-01T00:00Z").startswith("end_refused: ")
    assert refused(*ends, "0001-01-01T00:00+02:00").startswith("end_refused: ")
    assert refused(*ends, "0026-01-01T00:00Z").startswith("value_out_of_range: ")
    unknown = refused("end_host_key", number, "00" * 8, "--compromised")
    assert unknown.startswith("key_unknown: ")
    assert kid in unknown


@pytest.mark.parametrize("times", ["now", [-1], ["now"], [True]])
def test_ends_that_are_no_times_are_refused(
    host: AuthserverHost, monkeypatch: pytest.MonkeyPatch, times: object
) -> None:
    shown(monkeypatch, compromised_at=times)
    assert refresh_hosts(now=now())[host.name] in ("host_invalid", "authserver_unavailable")
    host.refresh_from_db()
    assert not any(end.compromised_at for end in ended_keys(host))


# --- The command line


@pytest.fixture
def key_file(host: AuthserverHost, tmp_path: Path) -> Path:
    run("export_keys", tmp_path / "keys.cbor")
    return tmp_path / "keys.cbor"


def test_the_root_of_a_key_file_is_told_and_compared(anna: Person, key_file: Path) -> None:
    receipt = anna.sign(anna.open())
    root = root_fingerprint(directory().root)
    options = ("verify_receipt", receipt, "--keys", key_file)
    assert f"Root key {root} (compare it" in run(*options)
    assert "as asked for" in run(*options, "--root", root.upper().replace(" ", ""))
    assert refused(*options, "--root", "0000").startswith("signature_invalid: ")
    said = json.loads(run(*options, "--json"))["keys"]
    assert (said["root"], said["number"]) == (root, directory().number)


def test_keys_older_than_those_known_are_refused(
    anna: Person, key_file: Path, authserver: Authserver, tmp_path: Path
) -> None:
    receipt = anna.sign(anna.open())
    signing.create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])
    newer = tmp_path / "newer.cbor"
    run("export_keys", newer)
    number = directory().number
    for known in (newer, number):
        options = ("--not-older-than", known)
        assert refused("verify_receipt", receipt, "--keys", key_file, *options).startswith(
            "directory_outdated: "
        )
        assert run("verify_receipt", receipt, "--keys", newer, *options)
    assert run("verify_receipt", receipt, "--keys", newer, "--not-older-than", key_file)
    # More digits than Python makes a number of.
    assert refused("verify_receipt", receipt, "--not-older-than", "9" * 5000).startswith(
        "directory_outdated: "
    )


def test_keys_are_never_exported_over_newer_ones(key_file: Path) -> None:
    services.directory(now=now() + timedelta(hours=3))
    run("export_keys", key_file)
    PublishedDirectory.objects.all().delete()
    newest = key_file.read_bytes()
    assert refused("export_keys", key_file).startswith("directory_outdated: ")
    assert key_file.read_bytes() == newest
    key_file.write_bytes(b"something else")
    run("export_keys", key_file)


def test_certificates_in_a_file_complete_a_receipt_that_brings_none(
    anna: Person, key_file: Path, tmp_path: Path
) -> None:
    receipt = anna.sign(anna.open())
    vk = receipt_vk(receipt)
    (tmp_path / "bucket.cbor").write_bytes(services.bucket_file(int(vk.hex()[:3], 16)))
    said = run(
        *("verify_receipt", bare(receipt), "--keys", key_file),
        *("--certificates", tmp_path / "bucket.cbor"),
    )
    assert f"by a certificate fetched on {now():%Y-%m-%d}." in said
    assert "not checked" not in said
    (tmp_path / "none.cbor").write_bytes(b"none")
    assert refused("verify_receipt", receipt, "--certificates", tmp_path / "none.cbor")


def receipt_vk(text: str) -> bytes:
    return read_receipt(text).steps[-1].vk


def bare(text: str) -> str:
    """The receipt as it is when its certificate does not fit into the code."""
    key = signing.signing_key(Purpose.RECEIPT, now=now()).key
    return signing.link_to(Link.RECEIPT, read_receipt(text).without_certificates().sign(key))
