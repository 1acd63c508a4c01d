"""Hosts sign for the receipt log on calls for a verdict, and never for one that forked."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from secrets import token_bytes

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client

from audit.models import AuditRow
from enrolment.models import AuthserverHost
from protocol import cose
from protocol.cosignature import check_cosignature, cosign
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.jwk import to_base64
from protocol.keys import Directory, Purpose
from protocol.log import Checkpoint, Proof, check_logged
from protocol.receipt import identity
from receipts import selectors, services, witnesses
from receipts.log import extend_log
from receipts.models import LogCheckpoint, LogCosignature, LogEntry, LogObjection
from receipts.selectors import tree_of
from signing.receipts import note_receipt
from signing.services import signing_key
from tests.platform.operators import auditor, browser_of, text_of
from tests.platform.test_receipt_log import (
    LATER,
    fault,
    fill,
    filled,
    rebuild_nodes,
    run_sql,
    tamper,
    verified,
)
from tests.platform.world import Authserver, Person, now, receipt_bytes

__all__ = ["filled", "tamper"]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every call whether there is something to sign for."""
    monkeypatch.setattr(witnesses, "LOOK_EVERY_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def hosts_forget(authserver: Authserver, request: pytest.FixtureRequest) -> None:
    """Have the hosts of all tests forget the log of the test before."""
    places = [authserver]
    if "other_host" in request.fixturenames:
        places.append(request.getfixturevalue("second"))
    for place in places:
        path = place.services.folder / "authserver.sqlite3"
        with closing(sqlite3.connect(path)) as database:
            database.execute("DELETE FROM authserver_witnessedlog")
            database.execute("DELETE FROM authserver_logrefusal")
            database.commit()


@pytest.fixture
def grown(anna: Person) -> Person:
    """A holder on a platform with a log, which was not shown to the host yet."""
    extend_log(now=now() + LATER)
    fill(3, 100)
    return anna


def grow() -> None:
    """Have another receipt logged, and whatever waits."""
    note_receipt(token_bytes(8), now=now())
    extend_log(now=now() + LATER)


def newest() -> int:
    return selectors.signed_checkpoint()[0].size


def sizes() -> list[int]:
    """Return the sizes of the log for which the host signed."""
    return [*LogCosignature.objects.order_by("checkpoint").values_list("checkpoint", flat=True)]


def sign(person: Person) -> str:
    """Have a verdict given; the log goes along."""
    return person.sign(person.open())


def directory() -> Directory:
    return Directory.open(services.directory(now=now()))


def signed_checkpoint(*, size: int, root: bytes = bytes(32), late: int = 0) -> bytes:
    """Sign a checkpoint as the platform does, for whatever log."""
    at = int(now().timestamp()) + late
    key = signing_key(Purpose.LOG, now=now()).key
    return Checkpoint(settings.COUNTERSIGN_ORIGIN, size, root, at).sign(key)


def test_a_verdict_call_brings_the_newest_checkpoint_and_comes_back_signed(grown: Person) -> None:
    sign(grown)

    row = LogCosignature.objects.get()
    checkpoint, _ = selectors.signed_checkpoint()
    found = check_cosignature(bytes(row.message), checkpoint, directory().hosts)
    assert (row.checkpoint_id, row.host) == (checkpoint.size, found.host.number)
    assert abs(row.at - now()) < timedelta(seconds=30)
    assert "right" in verified()


def test_a_log_that_grew_is_signed_again_and_one_that_did_not_is_not_shown(grown: Person) -> None:
    sign(grown)
    first = newest()
    sign(grown)
    grow()
    sign(grown)

    assert sizes() == [first, newest()]
    assert not LogObjection.objects.exists()


def test_a_process_that_knows_nothing_asks_the_host_what_it_holds(grown: Person) -> None:
    sign(grown)
    first = newest()
    witnesses.forget()
    grow()
    sign(grown)
    assert sizes() == [first]
    # The path from what it holds goes along with the very next call.
    sign(grown)
    assert sizes() == [first, newest()]


def test_a_step_that_is_cancelled_brings_the_log_as_well(grown: Person) -> None:
    grown.post(f"/steps/{grown.open()['id']}/cancel")
    assert sizes() == [newest()]


def test_most_calls_carry_nothing(grown: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "LOOK_EVERY_SECONDS", 3600.0)
    sign(grown)
    first = newest()
    grow()
    sign(grown)

    assert sizes() == [first]


def test_every_host_signs_for_itself(grown: Person, other_host: AuthserverHost) -> None:
    sign(grown)
    AuthserverHost.objects.exclude(pk=other_host.pk).update(weight=0)
    AuthserverHost.objects.filter(pk=other_host.pk).update(weight=1)
    # The activation of a token is a verdict, too.
    Person.enrolled("Zoe")

    assert sizes() == [newest(), newest()]
    assert [row.host for row in selectors.newest_cosignatures()] == [1, 2]
    page = text_of(Client().get("/log"))
    assert all(host.name in page for host in AuthserverHost.objects.all())


def test_a_host_objects_to_a_log_that_forked(tamper: None, anna: Person) -> None:
    """Somebody with the database, and the log key, rewrites all of it."""
    sign(anna)
    size = newest()
    LogCosignature.objects.all().delete()
    LogEntry.objects.filter(index=4).update(leaf=identity(b"forged"))
    rebuild_nodes()
    LogCheckpoint.objects.filter(size=size).delete()
    follows = newest()
    forged = signed_checkpoint(size=size, root=tree_of(size).root())
    LogCheckpoint.objects.create(
        size=size, follows=follows, at=now(), kid=cose.parse(forged).kid, message=forged
    )
    witnesses.forget()

    step = anna.open()
    assert anna.answer(step).body["accepted"] is True

    objection = LogObjection.objects.get()
    assert (objection.code, objection.size) == ("log_forked", size)
    assert AuditRow.objects.get(action="log.objection").code == "log_forked"
    assert sizes() == []
    for page in (Client().get("/log"), browser_of(auditor("Ada")).get("/console/log")):
        assert f"does not go on from the {size} entries" in text_of(page)
    # Each time it is shown: told once.
    witnesses.forget()
    sign(anna)
    assert LogObjection.objects.count() == 1


def test_a_log_that_came_back_from_a_copy_is_not_what_the_host_holds(
    tamper: None, anna: Person
) -> None:
    sign(anna)
    LogCosignature.objects.all().delete()
    LogCheckpoint.objects.filter(size=11).delete()
    witnesses.forget()

    sign(anna)

    assert LogObjection.objects.get().code == "log_unknown"
    # What is worse, of the same log, is kept and told as well.
    held = LogObjection.objects.get()
    witnesses._object(
        AuthserverHost.objects.get(number=held.host).origin,
        "log_forked",
        held.size,
        bytes(held.held),
    )
    assert AuditRow.objects.filter(action="log.objection").count() == 2
    assert LogObjection.objects.filter(code="log_forked").exists()


def test_trouble_with_the_log_never_blocks_a_verdict(
    grown: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(witnesses, "_keep", fail)
    sign(grown)
    assert "alongside.not_unloaded" in caplog.text
    monkeypatch.setattr(witnesses, "consistency", fail)
    witnesses._known.clear()
    grow()
    sign(grown)
    sign(grown)
    assert "alongside.not_loaded" in caplog.text
    assert sizes() == []


@pytest.mark.parametrize(
    "answer", [None, {}, [], {"refused": "input_invalid"}, {"cosignature": 5}, "text"]
)
def test_a_host_that_does_not_sign_is_written_down(
    keys: None, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    witnesses.unload("https://host.example", {}, answer)
    assert "log.not_cosigned" in caplog.text


def test_a_signature_of_nobody_or_for_another_log_is_not_kept(
    grown: Person, host: AuthserverHost
) -> None:
    checkpoint, message = selectors.signed_checkpoint()
    sent = {"checkpoint": to_base64(message)}
    stranger = SigningKey.generate()
    wrong = [
        (cosign(checkpoint, stranger, int(now().timestamp())), "signature_invalid"),
        (cosign(replace(checkpoint, root=bytes(32)), stranger, 0), "cosignature_wrong"),
        (message, "typ_wrong"),
        (b"", "encoding_invalid"),
    ]
    for cosignature, code in wrong:
        with pytest.raises(ProtocolError) as caught:
            witnesses.unload(host.origin, sent, {"cosignature": to_base64(cosignature)})
        assert caught.value.code == code
    assert sizes() == []


def test_an_objection_counts_only_with_a_checkpoint_of_ours(host: AuthserverHost) -> None:
    foreign = Checkpoint("https://pay.example", 9, bytes(32), 0).sign(SigningKey.generate())
    told = {"held": to_base64(foreign), "refused": "log_forked"}
    with pytest.raises(ProtocolError) as caught:
        witnesses.unload(host.origin, {}, told)
    assert caught.value.code == "signature_invalid"
    assert not LogObjection.objects.exists()


def test_a_proof_file_has_the_signatures_of_hosts_when_asked(grown: Person) -> None:
    receipt = sign(grown)
    extend_log(now=now() + LATER)
    grow()
    sign(grown)
    message = receipt_bytes(receipt)
    address = f"/api/v1/log/receipts/{identity(message).hex()}/proof.cbor"

    plain = Proof.from_bytes(Client().get(address).content)
    cosigned = Proof.from_bytes(Client().get(f"{address}?cosigned=true").content)

    assert plain.cosignatures == ()
    # Under a later checkpoint, since nobody signed for the one before.
    checkpoint = check_logged(message, cosigned, directory())
    assert checkpoint.size > check_logged(message, plain, directory()).size
    [signature] = cosigned.cosignatures
    assert check_cosignature(signature, checkpoint, directory().hosts).host.number == 1
    told = Client().get("/api/v1/log/cosignatures").json()
    assert [(each["host"], each["size"]) for each in told] == [(1, checkpoint.size)]


def test_without_a_host_s_signature_the_proof_is_the_plain_one(grown: Person) -> None:
    wanted = identity(b"receipt 101")
    assert selectors.proof_of(wanted, is_cosigned=True) == selectors.proof_of(wanted)


def test_a_signature_that_was_changed_is_found(tamper: None, grown: Person) -> None:
    sign(grown)
    row = LogCosignature.objects.order_by("-pk")[0]
    changed = bytes(row.message)[:-1] + bytes([bytes(row.message)[-1] ^ 1])
    LogCosignature.objects.filter(pk=row.pk).update(message=changed)

    assert fault().startswith(f"log_faulty: checkpoint {row.checkpoint_id}, signed by host 1: ")


@pytest.mark.parametrize("table", ["logcosignature", "logobjection"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET host = host"])
def test_the_database_refuses_to_change_what_hosts_said(
    grown: Person, host: AuthserverHost, table: str, statement: str
) -> None:
    sign(grown)
    LogObjection.objects.create(host=1, code="log_forked", size=3, held=b"", at=now())
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        run_sql(statement.format(f"receipts_{table}"))


def test_the_page_for_auditors_is_for_everybody(grown: Person) -> None:
    page = text_of(Client().get("/log"))
    assert selectors.signed_checkpoint()[0].root.hex() in page
    assert "No host has signed yet" in page
    sign(grown)
    wanted = identity(b"receipt 101").hex()
    assert "With the signatures of hosts" in text_of(Client().get(f"/log?receipt={wanted}"))
    for missing in ("0" * 64, "nonsense", "\x00"):
        assert "No receipt with this id" in text_of(Client().get("/log", {"receipt": missing}))


def test_the_page_of_an_empty_log_says_what_comes(keys: None) -> None:
    assert "The log is empty" in text_of(Client().get("/log"))
