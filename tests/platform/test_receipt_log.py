"""The receipt log: every receipt enters it once, and nothing is taken out or changed unseen."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import Directory, Purpose
from protocol.log import Checkpoint, Proof, check_logged
from protocol.merkle import Tree, check_consistency, number, root_hash
from protocol.receipt import identity
from receipts import log, log_api, selectors, services
from receipts.log import extend_log
from receipts.models import LogCheckpoint, LogEntry, LogNode
from signing.models import PlatformKey, UnloggedReceipt
from signing.receipts import note_receipt
from signing.selectors import receipts_to_log
from signing.services import create_keys, end_key
from tests.platform.charging import Payer
from tests.platform.offline import Phone, Shop
from tests.platform.operators import auditor, browser_of, text_of
from tests.platform.world import Authserver, Person, now, receipt_bytes
from transactions.models import Step

LATER = timedelta(seconds=30)
SIZES = (3, 4, 11)


def fill(count: int, start: int = 0) -> None:
    """Have made-up receipts logged in one batch."""
    for each in range(start, start + count):
        note_receipt(f"receipt {each}".encode(), now=now())
    assert extend_log(now=now() + LATER) == count


@pytest.fixture
def filled(keys: None) -> None:
    """A log of eleven entries, in three batches."""
    before = 0
    for size in SIZES:
        fill(size - before, before)
        before = size


def directory() -> Directory:
    return Directory.open(services.directory(now=now()))


def verified(*held: Path) -> str:
    out = StringIO()
    call_command("verify_log", held=list(held), stdout=out)
    return out.getvalue()


def fault(*held: Path) -> str:
    with pytest.raises(CommandError) as caught:
        verified(*held)
    return str(caught.value)


def run_sql(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def tamper(filled: None) -> None:
    """Change the tables as somebody with the database does, who switches the triggers off."""
    tables = [f"receipts_log{name}" for name in ("entry", "node", "checkpoint", "cosignature")]
    for table in tables:
        if connection.vendor == "sqlite":
            run_sql(f"DROP TRIGGER {table}_no_update", f"DROP TRIGGER {table}_no_delete")
        else:
            run_sql(f"DROP TRIGGER {table}_append_only ON {table}")


def rebuild_nodes() -> None:
    """Make the nodes fit the entries, as a careful forger does."""
    tree, nodes = Tree(), []
    for row in LogEntry.objects.order_by("index"):
        nodes += tree.append(bytes(row.leaf))
    LogNode.objects.all().delete()
    LogNode.objects.bulk_create(LogNode(number=key, digest=digest) for key, digest in nodes)


# Growing


def test_every_step_charge_and_refusal_enters_the_log(anna: Person, ben: Person) -> None:
    first = anna.sign(anna.open())
    second = ben.sign(ben.follow(first))
    anna.lock(anna.open())

    extend_log(now=now() + LATER)

    kept = Step.objects.filter(receipt__isnull=False).values_list("receipt_id", flat=True)
    leaves = {bytes(each or b"") for each in kept}
    assert selectors.known_leaves(leaves) == leaves
    assert identity(receipt_bytes(second)) in leaves
    assert not UnloggedReceipt.objects.exists()
    assert f"{len(kept)} receipts are in it" in verified()


def test_charges_enter_the_log(phone_keys: None) -> None:
    charge = Payer.make().charged()

    extend_log(now=now() + LATER)

    assert selectors.proof_of(bytes(charge.receipt_id or b"")).index == 0
    assert "right" in verified()


def test_what_a_phone_without_a_network_was_approved_enters_the_log(phone_keys: None) -> None:
    exchange = Phone.rich().applies(Shop.of(Person.make("Shop")))
    exchange.brings()

    extend_log(now=now() + LATER)

    assert selectors.proof_of(identity(bytes(exchange.row.receipt or b""))).index == 0
    assert "right" in verified()


def test_receipts_wait_for_others_but_not_for_long(keys: None) -> None:
    note_receipt(b"receipt", now=now())

    assert extend_log(now=now()) == 0
    assert extend_log(now=now() + timedelta(seconds=21)) == 1


def test_a_receipt_that_comes_twice_is_logged_once(filled: None) -> None:
    note_receipt(b"receipt 1", now=now())
    note_receipt(b"new", now=now())
    note_receipt(b"new", now=now())

    extend_log(now=now() + LATER)

    assert LogEntry.objects.count() == SIZES[-1] + 1
    assert not UnloggedReceipt.objects.exists()
    assert "right" in verified()


def test_only_known_receipts_make_no_checkpoint(filled: None) -> None:
    note_receipt(b"receipt 1", now=now())

    extend_log(now=now() + LATER)

    assert LogCheckpoint.objects.count() == len(SIZES)


def test_many_receipts_enter_in_several_batches(
    keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "BATCH", 2)

    fill(5)

    assert [*LogCheckpoint.objects.values_list("size", flat=True).order_by("size")] == [2, 4, 5]
    assert "5 entries under 3 checkpoints" in verified()


def test_a_long_queue_is_worked_off_in_rounds(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "BATCH", 1)
    monkeypatch.setattr(log, "BATCHES", 2)
    for each in (b"a", b"b", b"c"):
        note_receipt(each, now=now())

    rounds = [extend_log(now=now() + LATER) for _ in range(3)]

    assert rounds == [2, 1, 0]


def test_the_page_warns_of_receipts_that_wait_too_long(filled: None) -> None:
    browser = browser_of(auditor("Ada"))
    note_receipt(b"fresh", now=now())
    assert "stat-warn" not in text_of(browser.get("/console/log"))
    UnloggedReceipt.objects.update(at=now() - timedelta(seconds=61))
    assert "stat-warn" in text_of(browser.get("/console/log"))


def test_without_a_key_receipts_wait(keys: None) -> None:
    PlatformKey.objects.filter(purpose="log").delete()
    note_receipt(b"receipt", now=now())

    assert extend_log(now=now() + LATER) == 0
    assert UnloggedReceipt.objects.count() == 1
    assert not LogEntry.objects.exists()


def test_of_two_workers_that_take_the_same_places_one_is_undone(
    filled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one committed after this one had read how large the log is."""
    note_receipt(b"mine", now=now())
    taken = Tree()
    monkeypatch.setattr(log, "_tree", lambda _: taken)

    assert extend_log(now=now() + LATER) == 0

    monkeypatch.undo()
    assert UnloggedReceipt.objects.count() == 1
    assert extend_log(now=now() + LATER) == 1
    assert "12 entries under 4 checkpoints" in verified()


def test_what_another_worker_logged_meanwhile_is_not_counted_again(
    keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one committed after this one had looked at what waits."""
    note_receipt(b"receipt", now=now())
    waiting = receipts_to_log(1)
    assert extend_log(now=now() + LATER) == 1
    note_receipt(b"later", now=now())
    monkeypatch.setattr(log, "receipts_to_log", lambda _: waiting)

    assert extend_log(now=now() + LATER) == 0


def test_a_log_that_can_never_grow_is_told(tamper: None, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody else takes the places: they are taken by rows without a checkpoint."""
    LogCheckpoint.objects.filter(size=11).delete()
    note_receipt(b"more", now=now())

    assert extend_log(now=now() + LATER) == 0

    assert "log.broken" in caplog.text
    assert UnloggedReceipt.objects.count() == 1


@pytest.fixture
def forged(tamper: None) -> None:
    """Somebody with the database alone changed an entry, the tree, and the newest checkpoint."""
    change(1)
    rebuild_nodes()
    root = root_hash(bytes(row.leaf) for row in LogEntry.objects.order_by("index"))
    newest = LogCheckpoint.objects.get(size=11)
    told = Checkpoint(settings.COUNTERSIGN_ORIGIN, 11, root, int(newest.at.timestamp()))
    LogCheckpoint.objects.filter(size=11).update(message=told.sign(SigningKey.generate()))


@pytest.fixture
def older(tamper: None) -> None:
    """The newest checkpoint says what an older one says, which we did sign."""
    message = LogCheckpoint.objects.get(size=4).message
    LogCheckpoint.objects.filter(size=11).update(message=message)


@pytest.fixture
def damaged(tamper: None) -> None:
    """The newest checkpoint is none."""
    LogCheckpoint.objects.filter(size=11).update(message=b"\xd2\x84broken")


@pytest.mark.parametrize("how", ["forged", "older", "damaged"])
def test_a_checkpoint_that_we_did_not_sign_is_not_signed_on(
    how: str, request: pytest.FixtureRequest, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    request.getfixturevalue(how)
    note_receipt(b"more", now=now())

    assert extend_log(now=now() + LATER) == 0

    assert "log.broken" in caplog.text
    assert UnloggedReceipt.objects.count() == 1
    for path in ("checkpoint", "checkpoint.cbor", "consistency?first=3&second=4"):
        answer = client.get(f"/api/v1/log/{path}")
        assert (answer.status_code, answer.json()["code"]) == (503, "log_broken")
    assert client.get("/log").status_code == 503
    assert "log_faulty: " in fault()


def test_a_log_goes_on_behind_what_a_key_before_signed(
    filled: None, authserver: Authserver
) -> None:
    create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])

    fill(1, 11)

    assert len({bytes(row.kid) for row in LogCheckpoint.objects.all()}) == 2
    assert "12 entries under 4 checkpoints" in verified()


def test_a_receipt_undone_with_its_transaction_is_not_logged(keys: None) -> None:
    with transaction.atomic():
        note_receipt(b"receipt", now=now())
        transaction.set_rollback(True)

    assert extend_log(now=now() + LATER) == 0


# Tampering


@pytest.mark.parametrize("table", ["logentry", "lognode", "logcheckpoint"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
def test_the_database_refuses_to_change_the_log(filled: None, table: str, statement: str) -> None:
    column = {"logentry": '"index"', "lognode": "number", "logcheckpoint": "size"}[table]
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        run_sql(statement.format(f"receipts_{table}", column, column))


def test_the_database_refuses_the_ways_around(filled: None) -> None:
    if connection.vendor == "sqlite":
        statements = [
            "INSERT OR REPLACE INTO receipts_logentry VALUES (5, x'00')",
            "INSERT OR REPLACE INTO receipts_logentry SELECT 99, leaf FROM receipts_logentry"
            ' WHERE "index" = 5',
            "INSERT OR REPLACE INTO receipts_lognode VALUES (1, x'00')",
            "INSERT OR REPLACE INTO receipts_logcheckpoint SELECT * FROM receipts_logcheckpoint",
            "INSERT OR REPLACE INTO receipts_logcheckpoint (size, follows, at, kid, message)"
            " SELECT 99, follows, at, kid, message FROM receipts_logcheckpoint WHERE size = 4",
        ]
    else:
        tables = ("entry", "node", "checkpoint")
        statements = [f"TRUNCATE receipts_log{table} CASCADE" for table in tables]
    for statement in statements:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            run_sql(statement)
    assert "11 entries" in verified()


def test_an_untouched_log_is_right(filled: None) -> None:
    assert verified() == (
        "the log is right: 11 entries under 3 checkpoints; 0 receipts are in it or wait for it\n"
    )


@pytest.mark.parametrize("index", [0, 5, 10])
def test_a_deleted_entry_is_found(tamper: None, index: int) -> None:
    LogEntry.objects.filter(index=index).delete()

    assert fault() == f"log_faulty: entry {index}: it is gone"


@pytest.mark.parametrize("index", [0, 5, 10])
def test_a_changed_entry_is_found(tamper: None, index: int) -> None:
    LogEntry.objects.filter(index=index).update(leaf=identity(b"forged"))

    assert fault() == f"log_faulty: entry {index}: it is not what was logged there"


@pytest.mark.parametrize(("one", "other"), [(0, 1), (4, 9), (9, 10)])
def test_two_entries_that_changed_places_are_found(tamper: None, one: int, other: int) -> None:
    swap(one, other)

    assert fault() == f"log_faulty: entry {one}: it is not what was logged there"


def swap(one: int, other: int) -> None:
    places = {index: LogEntry.objects.get(index=index).leaf for index in (one, other)}
    LogEntry.objects.filter(index=one).update(leaf=bytes(32))
    LogEntry.objects.filter(index=other).update(leaf=places[one])
    LogEntry.objects.filter(index=one).update(leaf=places[other])


def change(index: int) -> None:
    LogEntry.objects.filter(index=index).update(leaf=identity(b"forged"))


def move_up(index: int) -> None:
    """Delete an entry and let all behind it move up."""
    LogEntry.objects.filter(index=index).delete()
    for behind in range(index + 1, SIZES[-1]):
        LogEntry.objects.filter(index=behind).update(index=behind - 1)


@pytest.mark.parametrize(
    ("forge", "told"),
    [
        (lambda: change(0), "entries 0 to 2: not what checkpoint 3"),
        (lambda: change(3), "entries 3 to 3: not what checkpoint 4"),
        (lambda: change(10), "entries 4 to 10: not what checkpoint 11"),
        (lambda: swap(0, 1), "entries 0 to 2: not what checkpoint 3"),
        (lambda: swap(9, 10), "entries 4 to 10: not what checkpoint 11"),
        (lambda: move_up(3), "entries 3 to 3: not what checkpoint 4"),
        (lambda: move_up(7), "entries 4 to 10: "),
        (lambda: move_up(10), "entry 10: it is gone"),
    ],
    ids=range(8),
)
def test_a_forger_who_makes_the_tree_fit_is_found_by_the_checkpoints(
    tamper: None, forge: Callable[[], None], told: str
) -> None:
    forge()
    rebuild_nodes()

    # Of a log that got shorter, the last entry is gone; or else what was signed does not fit.
    assert told in fault() or "entry 10: it is gone" in fault()


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (3, "checkpoint 4: the one before it, of 3 entries, is gone"),
        (4, "checkpoint 11: the one before it, of 4 entries, is gone"),
        (11, "entry 4: no checkpoint covers it"),
    ],
)
def test_a_deleted_checkpoint_is_found(tamper: None, size: int, told: str) -> None:
    LogCheckpoint.objects.filter(size=size).delete()

    assert fault() == f"log_faulty: {told}"


def test_no_two_checkpoints_follow_on_one(filled: None) -> None:
    newest = LogCheckpoint.objects.get(size=11)
    with pytest.raises(IntegrityError), transaction.atomic():
        LogCheckpoint.objects.create(
            size=12, follows=4, at=newest.at, kid=newest.kid, message=newest.message
        )


@pytest.mark.parametrize("size", [3, 11])
def test_a_changed_checkpoint_is_found(tamper: None, size: int) -> None:
    row = LogCheckpoint.objects.get(size=size)
    message = bytes(row.message)
    LogCheckpoint.objects.filter(size=size).update(message=message[:-1] + bytes([message[-1] ^ 1]))

    assert fault().startswith(f"log_faulty: checkpoint {size}: ")


def test_a_checkpoint_with_another_time_is_found(tamper: None) -> None:
    LogCheckpoint.objects.filter(size=4).update(at=now() - timedelta(days=1))

    assert fault() == "log_faulty: checkpoint 4: its row does not say what was signed"


def test_a_log_cut_off_with_its_checkpoints_lacks_receipts_that_are_kept(
    tamper: None, anna: Person
) -> None:
    receipt = anna.sign(anna.open())
    extend_log(now=now() + LATER)
    cut = LogCheckpoint.objects.order_by("-size")[1].size
    LogCheckpoint.objects.filter(size__gt=cut).delete()
    LogEntry.objects.filter(index__gte=cut).delete()
    rebuild_nodes()

    assert "is not in the log, or was changed" in fault()
    assert receipt


def test_a_log_cut_off_is_found_by_whoever_kept_a_checkpoint(tamper: None, tmp_path: Path) -> None:
    held = tmp_path / "held.cbor"
    held.write_bytes(selectors.signed_checkpoint()[1])
    LogCheckpoint.objects.filter(size=11).delete()
    LogEntry.objects.filter(index__gte=4).delete()
    rebuild_nodes()

    assert "right" in verified()
    assert fault(held) == "log_faulty: held checkpoint 1: of 11 entries, but the log has 4"


def test_a_log_that_grew_from_a_kept_checkpoint_is_right(filled: None, tmp_path: Path) -> None:
    held = tmp_path / "held.cbor"
    held.write_bytes(selectors.signed_checkpoint()[1])
    fill(3, 11)

    assert "right" in verified(held, held)


@pytest.mark.parametrize("content", [b"", b"nothing", b"x" * 5000])
def test_a_file_that_is_no_checkpoint_is_told(
    filled: None, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "held").write_bytes(content)

    assert fault(tmp_path / "held").startswith("log_faulty: held checkpoint 1: ")
    assert fault(tmp_path / "none").startswith("file_unusable: ")


def test_a_changed_node_is_found(tamper: None) -> None:
    for node in (number(1, 0), number(3, 0)):
        kept = LogNode.objects.get(number=node).digest
        LogNode.objects.filter(number=node).update(digest=bytes(32))
        assert f"node {node} of the tree" in fault()
        LogNode.objects.filter(number=node).update(digest=kept)
    LogNode.objects.filter(number=number(0, 4)).delete()
    assert "entry 4: it is not what was logged there" in fault()


@pytest.mark.parametrize("node", [number(0, 11), number(4, 0), number(2, 2), 2**60])
def test_a_node_that_was_put_in_is_found(tamper: None, node: int) -> None:
    """It stops the log as soon as its place is wanted."""
    LogNode.objects.create(number=node, digest=bytes(32))

    assert fault() == f"log_faulty: node {node}: the tree over 11 entries has none there"


def test_a_batch_that_comes_in_meanwhile_is_no_fault(
    filled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = LogNode.objects.count

    def counted() -> int:
        before = count()
        fill(5, 11)
        return before

    monkeypatch.setattr(LogNode.objects, "count", counted)

    assert "16 entries under 4 checkpoints" in verified()


def test_nothing_is_proved_from_a_tree_that_lacks_a_node(tamper: None, client: Client) -> None:
    LogNode.objects.filter(number=number(1, 0)).delete()
    wanted = identity(b"receipt 2").hex()

    for path in (
        f"/api/v1/log/receipts/{wanted}",
        f"/api/v1/log/receipts/{wanted}/proof.cbor",
        "/api/v1/log/consistency?first=3&second=11",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "log_broken")
    # It says nothing of a receipt that were not there.
    assert client.get(f"/log?receipt={wanted}").status_code == 503
    assert client.get(f"/log?receipt={identity(b'receipt 1').hex()}").status_code == 200


def test_a_receipt_changed_where_it_is_kept_is_found(anna: Person) -> None:
    anna.sign(anna.open())
    extend_log(now=now() + LATER)
    step = Step.objects.order_by("-pk")[0]
    Step.objects.filter(pk=step.pk).update(receipt=bytes(step.receipt or b"") + b"x")

    assert fault() == (
        f"log_faulty: the receipt of step {step.public_id} is not in the log, or was changed"
    )


def test_a_receipt_kept_from_the_log_is_found(anna: Person) -> None:
    anna.sign(anna.open())
    UnloggedReceipt.objects.all().delete()

    assert "is not in the log" in fault()


@pytest.mark.parametrize("peak", [number(3, 0), number(0, 10)])
def test_nothing_is_added_to_a_log_that_was_changed(
    tamper: None, peak: int, caplog: pytest.LogCaptureFixture
) -> None:
    LogNode.objects.filter(number=peak).update(digest=bytes(32))
    note_receipt(b"more", now=now())
    assert extend_log(now=now() + LATER) == 0
    LogNode.objects.filter(number=peak).delete()
    assert extend_log(now=now() + LATER) == 0

    assert "log.broken" in caplog.text
    assert LogCheckpoint.objects.count() == len(SIZES)
    assert UnloggedReceipt.objects.count() == 1


# Proving


def test_every_receipt_is_proved_and_how_early_it_was_there(filled: None) -> None:
    for each in range(SIZES[-1]):
        message = f"receipt {each}".encode()
        proof = selectors.proof_of(identity(message))
        first = next(size for size in SIZES if size > each)
        assert check_logged(message, proof, directory()).size == first


def test_a_proof_reads_few_rows(filled: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):
        selectors.proof_of(identity(b"receipt 7"))


@pytest.fixture
def leaked(filled: None, authserver: Authserver) -> None:
    """The log key got out before anything was signed; there is another one."""
    first = PlatformKey.objects.get(purpose="log")
    create_keys(root=authserver.platform_root, now=now(), purposes=[Purpose.LOG])
    end_key(bytes(first.kid), now=now(), compromised_at=now() - timedelta(days=1))


def test_what_was_logged_before_a_key_got_out_is_proved_anew(leaked: None) -> None:
    wanted = identity(b"receipt 4")
    with pytest.raises(ProtocolError, match="the key of the log had ended"):
        check_logged(b"receipt 4", selectors.proof_of(wanted), directory())
    assert "checkpoint 11: the key of the log had ended" in fault()

    fill(1, 11)

    proof = selectors.proof_of(wanted)
    assert check_logged(b"receipt 4", proof, directory()).size == 12
    assert selectors.proof_of(wanted, is_cosigned=True) == proof
    # All before it is covered by the newest, whoever signed for it.
    assert "12 entries under 4 checkpoints" in verified()


def test_a_checkpoint_by_a_key_that_was_retired_by_then_is_passed_over(filled: None) -> None:
    at = LogCheckpoint.objects.get(size=4).at
    PlatformKey.objects.filter(purpose="log").update(retired_at=at)
    earlier = LogCheckpoint.objects.get(size=3).at.replace(microsecond=0) < at.replace(
        microsecond=0
    )
    good = selectors._oldest_good(LogCheckpoint.objects.order_by("size"))
    assert (good is not None) is earlier


def opened(rows: Iterable[LogCheckpoint]) -> list[Checkpoint]:
    return [Checkpoint.open(bytes(row.message), directory()) for row in rows]


def test_every_checkpoint_goes_on_from_those_before(filled: None) -> None:
    all_of_them = opened(LogCheckpoint.objects.order_by("size"))
    for place, old in enumerate(all_of_them):
        for new in all_of_them[place:]:
            path = selectors.consistency(old.size, new.size)
            check_consistency(old.size, old.root, new.size, new.root, path)


def test_the_command_checks_a_receipt_and_its_proof_offline(anna: Person, tmp_path: Path) -> None:
    receipt = anna.sign(anna.open())
    extend_log(now=now() + LATER)
    proof, keys = tmp_path / "proof.cbor", tmp_path / "keys.cbor"
    path = f"/log/receipts/{identity(receipt_bytes(receipt)).hex()}/proof.cbor"
    proof.write_bytes(anna.call("GET", path).raw)
    keys.write_bytes(services.directory(now=now()))

    out = StringIO()
    call_command("verify_receipt", receipt, keys=keys, proof=proof, stdout=out)

    assert "10. ok" in out.getvalue()
    assert "of the log of" in out.getvalue()


@pytest.mark.parametrize("content", [b"", b"nothing", b"x" * 5000])
def test_the_command_refuses_what_proves_nothing(
    anna: Person, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "proof").write_bytes(content)

    with pytest.raises(CommandError, match=r"^proof_invalid: "):
        call_command("verify_receipt", anna.sign(anna.open()), proof=tmp_path / "proof")


def test_the_command_refuses_the_proof_of_another_receipt(anna: Person, tmp_path: Path) -> None:
    first, second = anna.sign(anna.open()), anna.sign(anna.open())
    extend_log(now=now() + LATER)
    found = selectors.proof_of(identity(receipt_bytes(first)))
    (tmp_path / "proof").write_bytes(found.to_bytes())

    with pytest.raises(CommandError, match=r"^proof_invalid: "):
        call_command("verify_receipt", second, proof=tmp_path / "proof")


# API and page


def test_the_api_gives_what_an_auditor_needs(filled: None) -> None:
    ada = auditor("Ada")
    checkpoint = ada.call("GET", "/log/checkpoint").body
    entries = ada.call("GET", "/log/entries?start=9&count=5").body
    proof = ada.call("GET", f"/log/receipts/{entries[0]['receipt_id']}").body
    consistency = ada.call("GET", "/log/consistency?first=3&second=11").body

    assert (checkpoint["size"], checkpoint["root"]) == (11, root())
    assert [each["index"] for each in entries] == [9, 10]
    assert (proof["index"], proof["checkpoint"]) == (9, checkpoint["checkpoint"])
    assert consistency["path"] == [each.hex() for each in selectors.consistency(3, 11)]
    file = ada.call("GET", "/log/checkpoint.cbor")
    assert file.raw == selectors.signed_checkpoint()[1]


def test_whoever_knows_a_receipt_s_id_gets_its_proof_to_keep(filled: None, client: Client) -> None:
    wanted = identity(b"receipt 4")
    file = client.get(f"/api/v1/log/receipts/{wanted.hex()}/proof.cbor")

    proof = Proof.from_bytes(file.content)
    # The oldest checkpoint that covers it: of sizes 3, 4 and 11 the last.
    assert (proof.index, proof) == (4, selectors.proof_of(wanted))
    assert file["Cache-Control"] == "public, max-age=3600"
    assert file["Access-Control-Allow-Origin"] == "*"
    answer = client.get(f"/api/v1/log/receipts/{wanted.hex()}")
    assert (answer.json()["index"], answer["Cache-Control"]) == (4, file["Cache-Control"])


def test_a_receipt_that_is_not_yet_logged_is_asked_for_again(filled: None, client: Client) -> None:
    note_receipt(b"new", now=now())
    path = f"/api/v1/log/receipts/{identity(b'new').hex()}/proof.cbor"

    waiting = client.get(path)
    extend_log(now=now() + LATER)

    assert (waiting.status_code, waiting.content) == (202, b"")
    assert waiting["Cache-Control"] == "no-store"
    assert waiting["Access-Control-Allow-Origin"] == "*"
    unknown = client.get(f"/api/v1/log/receipts/{'0' * 64}/proof.cbor")
    assert (unknown.status_code, unknown["Access-Control-Allow-Origin"]) == (404, "*")
    assert client.get(path).status_code == 200


def test_an_address_that_asks_for_many_proofs_waits(
    filled: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_api.PROOFS, "num_requests", 2)
    path = f"/api/v1/log/receipts/{identity(b'receipt 4').hex()}/proof.cbor"
    # Whatever the client itself says of where it comes from.
    answers = [
        client.get(path, REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": f"192.0.2.{each}"})
        for each in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "rate_limited"
    # Another's page can tell it from a network that is gone.
    assert answers[2]["Access-Control-Allow-Origin"] == "*"
    assert 0 < int(answers[2]["Retry-After"]) <= 60
    assert client.get(path, REMOTE_ADDR="192.0.2.8").status_code == 200


def root() -> str:
    return selectors.signed_checkpoint()[0].root.hex()


def test_the_entries_are_for_auditors(filled: None, dora: Person) -> None:
    assert dora.call("GET", "/log/entries").status == 403
    assert dora.call("GET", "/log/checkpoint").status == 200


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/log/consistency?first=0&second=3", (404, "log_size_unknown")),
        ("/log/consistency?first=4&second=3", (404, "log_size_unknown")),
        ("/log/consistency?first=3&second=12", (404, "log_size_unknown")),
        ("/log/consistency?first=-1&second=3", (422, "input_invalid")),
        (f"/log/consistency?first=1&second={2**60}", (422, "input_invalid")),
        ("/log/entries?count=1001", (422, "input_invalid")),
        (f"/log/receipts/{'0' * 64}", (404, "receipt_not_logged")),
        (f"/log/receipts/{'0' * 64}/proof.cbor", (404, "receipt_not_logged")),
        ("/log/receipts/xyz", (422, "input_invalid")),
    ],
    ids=range(9),
)
def test_the_api_refuses(filled: None, path: str, refusal: tuple[int, str]) -> None:
    assert auditor("Ada").call("GET", path).refusal == refusal


@pytest.mark.parametrize("path", ["checkpoint", "checkpoint.cbor", "consistency?first=1&second=1"])
def test_an_empty_log_is_told(keys: None, path: str) -> None:
    assert auditor("Ada").call("GET", f"/log/{path}").refusal == (404, "log_empty")


def test_the_page_shows_the_log_and_finds_a_receipt(filled: None) -> None:
    browser = browser_of(auditor("Ada"))
    wanted = identity(b"receipt 4").hex()

    assert root() in text_of(browser.get("/console/log"))
    assert "It is entry 4" in text_of(browser.get(f"/console/log?receipt={wanted}"))
    for missing in ("0" * 64, "nonsense", "\x00", "é" * 64):
        page = text_of(browser.get("/console/log", {"receipt": missing}))
        assert "No receipt with this id" in page


def test_the_page_of_an_empty_log_says_what_comes(keys: None) -> None:
    assert "The log is empty" in text_of(browser_of(auditor("Ada")).get("/console/log"))


def test_the_page_is_for_auditors(keys: None, dora: Person) -> None:
    assert browser_of(dora).get("/console/log").status_code == 403
