"""The directory of keys and the buckets of server certificates, for anybody's scanner."""

import cbor2
import pytest
from django.core.management import call_command

from common.sealing import sealer
from enrolment.models import AuthserverHost, Token
from protocol import cose
from protocol.ed25519 import SigningKey
from protocol.keys import Directory, Purpose, ServerCertificate
from protocol.verification import verify_receipt
from signing import services as signing
from signing.models import PlatformKey
from tests.platform.world import Authserver, Person, call, now, receipt_bytes

DIRECTORY = "/.well-known/countersign/keys"


def bucket(prefix: str) -> list[list[object]]:
    answer = call("GET", f"/.well-known/countersign/servers/{prefix}.cbor")
    assert answer.status == 200
    version, entries = cbor2.loads(answer.raw)
    assert version == 1
    return list(entries)


def test_the_directory_opens_under_the_platform_s_root(
    host: AuthserverHost, authserver: Authserver
) -> None:
    answer = call("GET", DIRECTORY)

    directory = Directory.open(answer.raw, root=authserver.platform_root.public)
    assert directory.platform.origin == "http://localhost:8000"
    assert [listed.name for listed in directory.hosts] == [host.name]
    assert directory.keys(Purpose.RECEIPT)
    assert answer.headers["Content-Type"] == "application/cbor"
    assert "max-age" in answer.headers["Cache-Control"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_the_directory_alone_verifies_a_receipt(anna: Person) -> None:
    receipt = receipt_bytes(anna.sign(anna.open()))

    report = verify_receipt(receipt, Directory.open(call("GET", DIRECTORY).raw))

    assert report.is_complete


def test_retired_keys_stay_in_the_directory(host: AuthserverHost, authserver: Authserver) -> None:
    signing.create_keys(root=authserver.platform_root, now=now())

    directory = Directory.open(call("GET", DIRECTORY).raw)

    assert len(directory.keys(Purpose.RECEIPT)) == 2


def test_the_directory_holds_no_private_key(host: AuthserverHost) -> None:
    published = call("GET", DIRECTORY).raw
    for row in PlatformKey.objects.all():
        secret = sealer().open(bytes(row.sealed_private), bytes(row.kid))
        assert secret not in published
        assert SigningKey.from_bytes(secret).public in published


def test_a_bucket_holds_the_certificates_of_its_servers(anna: Person) -> None:
    row = Token.objects.get(serial=anna.token.serial)

    entries = bucket(anna.token.vk.hex()[:3])

    assert [bytes(row.certificate), None] in entries
    for message, _ in entries:
        assert isinstance(message, bytes)
        certificate = ServerCertificate.from_payload(cose.parse(message).payload)
        assert certificate.vk.hex()[:3] == anna.token.vk.hex()[:3]


def test_a_bucket_says_when_a_server_was_revoked(anna: Person) -> None:
    anna.post(f"/tokens/{anna.token.serial}/revoke")

    ((_, revoked_at),) = [
        entry
        for entry in bucket(anna.token.vk.hex()[:3])
        if entry[0] == bytes(Token.objects.get(serial=anna.token.serial).certificate)
    ]

    assert isinstance(revoked_at, int)
    assert abs(revoked_at - now().timestamp()) < 60


@pytest.mark.parametrize("prefix", ["000", "fff"])
def test_the_outermost_buckets_are_there_though_empty(db: None, prefix: str) -> None:
    assert bucket(prefix) == []


@pytest.mark.parametrize("prefix", ["00", "0000", "xyz", "FFF", "%00", "..", "-01"])
def test_a_bucket_that_there_is_not_is_not_found(db: None, prefix: str) -> None:
    answer = call("GET", f"/.well-known/countersign/servers/{prefix}.cbor")

    assert answer.status == 404


def test_the_published_keys_are_only_read(db: None) -> None:
    assert call("POST", DIRECTORY).status in (403, 405)
    assert call("POST", "/.well-known/countersign/servers/000.cbor").status in (403, 405)


def test_without_keys_there_is_no_directory_and_the_answer_says_so(db: None) -> None:
    assert call("GET", DIRECTORY).refusal == (503, "keys_missing")


def test_the_command_writes_the_same_directory(host: AuthserverHost, tmp_path: object) -> None:
    file = f"{tmp_path}/keys.cbor"

    call_command("export_keys", file)

    with open(file, "rb") as written:  # noqa: PTH123
        assert Directory.open(written.read()).hosts[0].name == host.name
