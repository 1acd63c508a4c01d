"""Import and export by the operator pages: upload, check, confirm; and a sealed download."""

import io
import re
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from authserver import services
from authserver.errors import AuthserverError, Code, KeyProviderError
from authserver.models import Event, ImportJob, Server
from authserver.operators import jobs
from authserver.operators.uploads import SealedFile
from authserver.services import imports
from tests.authserver.batch_files import RFC, SEED, csv, imported
from tests.authserver.test_operator_pages import anna, text_of
from tests.authserver.world import Bank
from tokens.batches import Format, read_batch
from tokens.batches_entry import Entry

__all__ = ["anna"]

PASSPHRASE = "a passphrase of ours"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do in the request what else is done in a thread, which a test's transaction hides from."""
    monkeypatch.setattr(jobs, "begin", jobs.run)


def upload(client: Client, content: bytes, **changes: str) -> str:
    """Upload a file; return the path of its page, or of the form's."""
    form = {"platform": "bank", "batch": "May", **changes}
    file = SimpleUploadedFile("tokens", content)
    answer = client.post("/operator/import", {**form, "file": file})
    return str(answer.headers.get("Location", "")).removeprefix("/operator/")


def test_a_file_is_checked_and_stored_when_the_operator_says_so(anna: Client, bank: Bank) -> None:
    path = upload(anna, csv("A1", "A2", "A3"))
    page = text_of(anna, path)
    assert "Store 3 tokens" in page
    assert "HOTP:SHA1-6" in page
    assert not Server.objects.exists()

    anna.post(f"/operator/{path}", {"action": "store"})
    assert "3 tokens are in stock." in text_of(anna, path)
    assert Server.objects.filter(state="stock").count() == 3
    assert {event.actor for event in Event.objects.all()} == {"operator:anna"}


def test_refused_tokens_are_named_and_left_out_only_when_the_operator_says_so(
    anna: Client, bank: Bank
) -> None:
    path = upload(anna, csv("A1") + b"A2,zz\n<b>,\n")
    page = text_of(anna, path)
    assert "A value is missing or cannot be read." in page
    assert "&lt;b&gt;" in page
    anna.post(f"/operator/{path}", {"action": "store"})
    assert not Server.objects.exists()
    assert "Nothing was stored." in text_of(anna, path)

    anna.post(f"/operator/{path}", {"action": "store", "partial": "on"})
    assert Server.objects.get().serial == "A1"
    assert "A2" in text_of(anna, path)


def test_all_that_was_refused_can_be_had_as_a_text_file(anna: Client, bank: Bank) -> None:
    path = upload(anna, csv(*("A1",) * 300))
    assert text_of(anna, path).count("occurs earlier") == 100
    answer = anna.get(f"/operator/{path}/report")
    assert len(b"".join(answer).decode().splitlines()) == 299
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_what_was_checked_can_be_thrown_away(anna: Client, bank: Bank) -> None:
    path = upload(anna, csv("A1"))
    answer = anna.post(f"/operator/{path}", {"action": "discard"})
    assert answer.headers["Location"] == "/operator/import?done=discarded"
    assert not ImportJob.objects.exists()
    assert anna.get(f"/operator/{path}").status_code == 404


def test_an_import_is_stored_once_however_often_the_form_is_sent(anna: Client, bank: Bank) -> None:
    path = upload(anna, csv("A1"))
    assert anna.post(f"/operator/{path}", {"action": "store"}).status_code == 302
    assert anna.post(f"/operator/{path}", {"action": "store"}).status_code == 409
    assert Server.objects.count() == 1


def test_a_second_upload_names_all_tokens_as_stored(anna: Client, bank: Bank) -> None:
    imported(bank, "A1", "A2")
    page = text_of(anna, upload(anna, csv("A1", "A2"), batch="June"))
    assert page.count("A token of this serial is stored already.") == 2
    assert "There is no token in this file that could be stored." in page


@pytest.mark.parametrize(
    ("name", "secret", "words"),
    [
        ("gen-04", {}, "Upload it with the password."),
        ("gen-07", {}, "Upload it with the key."),
        ("gen-04", {"password": "correct horse 3"}, "Store 1 token"),
        ("rfc6030-figure8", {}, "only its private key opens them"),
    ],
)
def test_a_sealed_file_asks_for_what_opens_it(
    anna: Client, bank: Bank, name: str, secret: dict[str, str], words: str
) -> None:
    content = (RFC / f"{name}.pskcxml").read_bytes()
    assert words in text_of(anna, upload(anna, content, **secret))


@pytest.mark.parametrize(
    ("content", "changes", "words"),
    [
        (b"", {}, "neither PSKC nor CSV"),
        (b"hello", {}, "neither PSKC nor CSV"),
        (csv("A1"), {"batch": ""}, "required"),
        (csv("A1"), {"batch": "x\u202ey"}, "no signs that hide others"),
        (csv("A1"), {"batch": "ü" * 21}, "at most 40 bytes"),
        (csv("A1"), {"platform": "nobody"}, "Select a valid choice"),
        (csv("A1"), {"key": "top secret"}, "not hexadecimal"),
        (csv("A1"), {"format": "xls"}, "Select a valid choice"),
    ],
)
def test_a_form_that_breaks_a_rule_is_shown_again_with_the_reason(
    anna: Client, bank: Bank, content: bytes, changes: dict[str, str], words: str
) -> None:
    file = SimpleUploadedFile("tokens", content)
    form = {"platform": "bank", "batch": "May", "file": file, **changes}
    answer = anna.post("/operator/import", form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "top secret" not in answer.content.decode()
    assert not ImportJob.objects.exists()


def test_a_name_that_a_batch_has_already_is_refused(anna: Client, bank: Bank) -> None:
    imported(bank, "A1")
    assert upload(anna, csv("A2")) == ""


def test_what_breaks_in_the_background_is_noted_and_may_be_tried_again(
    anna: Client, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(imports, "check_import", broken)
        page = text_of(anna, upload(anna, csv("A1")))
    assert "The check broke off." in page
    assert "ZeroDivision" not in page
    path = upload(anna, csv("A1"), batch="June")
    with monkeypatch.context() as patch:
        patch.setattr(imports, "store_import", broken)
        anna.post(f"/operator/{path}", {"action": "store"})
    assert "Store 1 token" in text_of(anna, path)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyProviderError("The HSM does not answer."), "The HSM does not answer."),
        (AuthserverError(Code.NOT_READY), "This host is not ready."),
    ],
)
def test_trouble_of_the_host_itself_is_told(
    anna: Client, bank: Bank, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(imports, "check_import", broken)
    assert words in text_of(anna, upload(anna, csv("A1")))


def test_an_export_that_is_not_possible_is_refused_in_words(
    anna: Client, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AuthserverError(Code.NOT_READY)

    batch = imported(bank, "A1")
    monkeypatch.setattr(services, "export_batch", broken)
    form = {"batch": str(batch.pk), "passphrase": PASSPHRASE, "again": PASSPHRASE}
    answer = anna.post("/operator/export", form)
    assert "This host is not ready for that." in answer.content.decode()


def test_long_work_is_done_in_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    done = threading.Event()
    threads: list[int] = []

    def work() -> None:
        threads.append(threading.get_ident())
        done.set()

    jobs.begin(work, lambda sentence: None)
    assert done.wait(60)
    assert threads != [threading.get_ident()]


def test_a_check_in_progress_says_how_far_it_is(anna: Client, bank: Bank) -> None:
    path = upload(anna, csv("A1"))
    ImportJob.objects.update(state="checking", octets_read=40)
    page = text_of(anna, path)
    assert re.search(r'<progress max="\d+" value="40"', page)
    assert 'data-again="1500"' in page


def test_an_upload_of_more_than_64_mb_is_refused_unread(anna: Client, bank: Bank) -> None:
    answer = anna.post(
        "/operator/import", headers={"Content-Length": str(65 * 1024 * 1024)}, data={}
    )
    assert answer.status_code in (413, 422)
    refused = anna.generic("POST", "/operator/import", b"", CONTENT_LENGTH=str(70 * 1024 * 1024))
    assert refused.status_code == 413


def test_a_stranger_s_upload_is_not_read(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(SealedFile, "append", read)
    assert upload(Client(), csv("A1")).startswith("sign-in")


def test_an_uploaded_file_is_on_the_disk_in_no_clear_letter() -> None:
    file = SealedFile()
    file.append(csv("A1", "A2"))
    file._file.seek(0)
    assert SEED.encode() not in file._file.read()
    file.rewind()
    assert io.BufferedReader(file).read() == csv("A1", "A2")


def test_an_export_is_a_sealed_file_and_told_in_every_story(anna: Client, bank: Bank) -> None:
    batch = imported(bank, "A1", "A2")
    form = {"batch": str(batch.pk), "passphrase": PASSPHRASE, "again": PASSPHRASE}
    answer = anna.post("/operator/export", form)
    content = b"".join(answer)
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Content-Length"] == str(len(content))
    stream = io.BufferedReader(io.BytesIO(content))
    found = list(read_batch(stream, Format.PSKC, now=batch.imported_at, password=PASSPHRASE))
    assert [entry.serial for entry in found if isinstance(entry, Entry)] == ["A1", "A2"]
    events = Event.objects.filter(kind="exported", actor="operator:anna")
    assert events.count() == 2


@pytest.mark.parametrize(
    ("passphrase", "again"), [("short", "short"), (PASSPHRASE, PASSPHRASE + "x"), ("", "")]
)
def test_an_export_without_a_good_passphrase_is_refused(
    anna: Client, bank: Bank, passphrase: str, again: str
) -> None:
    batch = imported(bank, "A1")
    form = {"batch": str(batch.pk), "passphrase": passphrase, "again": again}
    answer = anna.post("/operator/export", form)
    assert answer.status_code == 422
    assert not Event.objects.filter(kind="exported").exists()
