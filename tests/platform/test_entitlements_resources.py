"""Developers publish, upload, price and list; everybody looks; files are encrypted at once."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from audit.models import AuditRow
from billing.entitlements.errors import VersionMovedError
from billing.entitlements.models import Resource, Version
from billing.entitlements.selectors import content_key
from billing.entitlements.services import add_version
from protocol.content import Kind, decrypt, open_file
from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.platform.shopping import CONTENT, bought, buyer, draft, offer, on_shelf, upload
from tests.platform.world import Person, call, everything_stored, now


@pytest.fixture(autouse=True)
def _keys(db: None) -> None:
    create_keys(root=SigningKey.generate(), now=now())


@pytest.fixture
def dev(db: None) -> Person:
    """A developer."""
    return Person.make("Dev")


def shelf(**query: str) -> list[str]:
    """Titles of what everybody finds in the shop."""
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = call("GET", f"/resources?{text}")
    assert answer.status == 200, answer
    return [item["title"] for item in answer.body["results"]]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_resource_is_sold(dev: Person, kind: str) -> None:
    on_shelf(dev, kind=kind, title=f"A {kind}")
    on_shelf(dev, kind="app" if kind != "app" else "music", title="Something else")
    assert shelf(kind=kind) == [f"A {kind}"]


def test_all_words_of_a_search_must_occur(dev: Person) -> None:
    dev.post("/me", {"name": "Studio Nord"})
    on_shelf(dev, title="Morning birds", summary="Recorded at five")
    on_shelf(dev, title="Evening 50% birds", summary="Recorded at nine")

    assert shelf(q="birds five") == ["Morning birds"]
    assert shelf(q="nord BIRDS") == ["Evening 50% birds", "Morning birds"]
    assert shelf(q="50%25") == ["Evening 50% birds"]
    assert shelf(q="birds nowhere") == []
    assert shelf(kind="nonsense") == []


def test_a_draft_is_its_developers_alone(dev: Person, dora: Person) -> None:
    resource = draft(dev)
    assert shelf() == []
    assert call("GET", f"/resources/{resource}").refusal == (404, "not_found")
    assert dora.call("GET", f"/resources/{resource}").refusal == (404, "not_found")
    assert dev.get(f"/resources/{resource}")["state"] == "draft"
    assert [own["id"] for own in dev.get("/resources/own")["results"]] == [resource]


def test_nothing_is_listed_without_file_and_price(dev: Person) -> None:
    resource = draft(dev)
    path = f"/resources/{resource}/list"
    assert dev.call("POST", path, {}).refusal == (409, "resource_incomplete")
    upload(dev, resource)
    assert dev.call("POST", path, {}).refusal == (409, "resource_incomplete")
    offer(dev, resource)
    assert dev.post(path)["state"] == "listed"
    assert dev.post(path)["state"] == "listed"
    assert AuditRow.objects.filter(action="resource.listed").count() == 1


def test_what_is_taken_out_for_a_while_comes_back(dev: Person) -> None:
    sold = on_shelf(dev)
    assert dev.post(f"/resources/{sold.id}/unlist")["state"] == "draft"
    assert shelf() == []
    assert dev.post(f"/resources/{sold.id}/list")["state"] == "listed"


@pytest.mark.parametrize("action", ["list", "unlist", "versions", "offers", "edit"])
def test_nothing_is_done_with_a_withdrawn_resource(dev: Person, action: str) -> None:
    sold = on_shelf(dev)
    dev.post(f"/resources/{sold.id}/withdraw")
    dev.post(f"/resources/{sold.id}/withdraw")
    before = everything_stored()

    if action == "versions":
        answer = upload(dev, sold.id)
    elif action == "edit":
        body = {"title": "x", "summary": "", "device_limit": 1, "refund_days": 1}
        answer = dev.call("POST", f"/resources/{sold.id}", body)
    else:
        body = {"term": "permanent", "amount": 1, "currency": "EUR"}
        answer = dev.call(
            "POST", f"/resources/{sold.id}/{action}", body if action == "offers" else {}
        )

    assert answer.refusal == (410, "resource_withdrawn")
    assert everything_stored() == before


@pytest.mark.parametrize(
    "path", ["", "/list", "/unlist", "/withdraw", "/offers", "/versions", "/versions/1/withdraw"]
)
def test_nobody_touches_the_resource_of_another(dev: Person, dora: Person, path: str) -> None:
    sold = on_shelf(dev)
    body: dict[str, Any] = {}
    if path == "":
        body = {"title": "x", "summary": "", "device_limit": 1, "refund_days": 1}
    elif path == "/offers":
        body = {"term": "permanent", "amount": 1, "currency": "EUR"}
    answer = (
        upload(dora, sold.id)
        if path == "/versions"
        else dora.call("POST", f"/resources/{sold.id}{path}", body)
    )
    assert answer.refusal == (404, "not_found")
    assert dora.call("GET", f"/resources/{sold.id}/versions").refusal == (404, "not_found")
    assert dora.call("POST", f"/offers/{sold.offer}/end", {}).refusal == (404, "not_found")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": ""}, "text_empty"),
        ({"title": "x" * 81}, "text_too_long"),
        ({"title": "木" * 41}, "text_too_long"),
        ({"title": "a\u202eb"}, "text_refused"),
        ({"summary": "x" * 501}, "text_too_long"),
        ({"device_limit": 0}, "value_out_of_range"),
        ({"device_limit": 21}, "value_out_of_range"),
        ({"refund_days": -1}, "value_out_of_range"),
        ({"refund_days": 91}, "value_out_of_range"),
        ({"kind": "game"}, "input_invalid"),
        ({"price": 1}, "input_invalid"),
    ],
)
def test_what_is_said_of_a_resource_keeps_the_rules(
    dev: Person, fields: dict[str, Any], code: str
) -> None:
    body = {"kind": "music", "title": "Morning", **fields}
    assert dev.call("POST", "/resources", body).refusal == (422, code)
    assert not Resource.objects.exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": 0}, "value_out_of_range"),
        ({"amount": -5}, "value_out_of_range"),
        ({"amount": 10**16}, "value_out_of_range"),
        ({"currency": "XXQ"}, "currency_unknown"),
        ({"term": "until"}, "type_wrong"),
        ({"term": "until", "days": 0}, "value_out_of_range"),
        ({"term": "until", "days": 3651}, "value_out_of_range"),
        ({"term": "until", "days": 3, "uses": 4}, "field_unexpected"),
        ({"term": "metered", "uses": 0}, "value_out_of_range"),
        ({"term": "permanent", "days": 3}, "field_unexpected"),
    ],
)
def test_an_offer_says_what_it_costs_and_how_long_it_lasts(
    dev: Person, fields: dict[str, Any], code: str
) -> None:
    resource = draft(dev)
    body = {"term": "permanent", "amount": 499, "currency": "EUR", **fields}
    assert dev.call("POST", f"/resources/{resource}/offers", body).refusal == (422, code)


def test_an_offer_ends_once(dev: Person) -> None:
    sold = on_shelf(dev)
    first = dev.post(f"/offers/{sold.offer}/end")["ended_at"]
    assert first is not None
    assert dev.post(f"/offers/{sold.offer}/end")["ended_at"] == first
    assert dev.get(f"/resources/{sold.id}")["offers"] == []


def test_an_uploaded_file_lies_encrypted_in_the_store(dev: Person) -> None:
    resource = draft(dev, title="Morning")
    content = b"all of this is secret " * 10_000
    answer = upload(dev, resource, content)

    assert answer.status == 201, answer
    assert answer.body["number"] == 1
    version = Version.objects.get()
    path = Path(settings.RESOURCE_STORE) / version.path
    assert path.stat().st_mode & 0o777 == 0o600
    stored = path.read_bytes()
    assert b"secret" not in stored
    assert answer.body["size"] == len(stored)
    assert answer.body["content_size"] == len(content)
    header = open_file(io.BytesIO(stored))
    assert (header.resource.hex(), header.version, header.title) == (resource, 1, "Morning")
    assert (header.filename, header.media_type) == ("song.ogg", "audio/ogg")
    key = content_key(version)
    assert key not in bytes(version.sealed_key)
    assert b"".join(decrypt(io.BytesIO(stored), key)) == content
    assert [path.name for path in path.parent.iterdir()] == [path.name]


def test_every_version_has_a_key_of_its_own(dev: Person) -> None:
    resource = draft(dev)
    numbers = [upload(dev, resource).body["number"] for _ in range(2)]
    listed = dev.get(f"/resources/{resource}/versions")
    assert numbers == [1, 2]
    assert [version["number"] for version in listed] == [2, 1]
    assert len({version["key_fingerprint"] for version in listed}) == 2


def test_a_withdrawn_version_is_not_downloaded_any_more(dev: Person) -> None:
    sold = on_shelf(dev)
    upload(dev, sold.id)
    dev.post(f"/resources/{sold.id}/versions/2/withdraw")
    assert dev.get(f"/resources/{sold.id}")["file"]["number"] == 1
    assert call("GET", f"/resources/{sold.id}/file?version=2").refusal == (404, "not_found")
    assert dev.call("POST", f"/resources/{sold.id}/versions/9/withdraw").refusal[0] == 404


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\song.ogg", "song.ogg"),
        (".hidden", "hidden"),
        ("x" * 300 + ".ogg", "x" * 116 + ".ogg"),
    ],
)
def test_of_a_file_name_the_plain_part_is_kept(dev: Person, name: str, kept: str) -> None:
    resource = draft(dev)
    version = add_version(
        developer=dev.holder,
        resource_uid=bytes.fromhex(resource),
        file=io.BytesIO(CONTENT),
        size=len(CONTENT),
        filename=name,
        media_type="nonsense",
        now=now(),
    )
    assert version.filename == kept
    assert version.media_type == "application/octet-stream"


def test_an_empty_file_is_refused(dev: Person) -> None:
    assert upload(dev, draft(dev), b"").refusal == (422, "upload_empty")
    assert not Version.objects.exists()


def test_a_file_larger_than_the_setting_is_refused(dev: Person, settings: Any) -> None:
    settings.RESOURCE_MAX_BYTES = 100
    assert upload(dev, draft(dev), b"x" * 101).refusal == (413, "upload_too_large")
    # Far too large a body is not even read.
    assert upload(dev, draft(dev), b"x" * 1_100_000).refusal == (413, "too_large")
    assert not Version.objects.exists()


def test_a_file_larger_than_other_requests_may_be_is_taken(dev: Person) -> None:
    assert upload(dev, draft(dev), b"x" * 1_600_000).status == 201
    assert upload(dev, "0" * 16, b"x" * 1_600_000).refusal == (404, "not_found")


def test_a_large_file_is_not_kept_in_memory_for_its_repetition(dev: Person) -> None:
    resource = draft(dev)
    sent = [upload(dev, resource, b"x" * 1_600_000, key="k1") for _ in range(2)]
    assert [answer.body["number"] for answer in sent] == [1, 2]


def test_of_two_files_at_once_the_second_is_sent_again(dev: Person) -> None:
    resource = draft(dev)
    uid = bytes.fromhex(resource)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            # While this one streams, another comes in and is done first.
            if not Version.objects.exists():
                assert upload(dev, resource).status == 201
            return super().read(size)

    with pytest.raises(VersionMovedError):
        add_version(
            developer=dev.holder,
            resource_uid=uid,
            file=Slow(CONTENT),
            size=len(CONTENT),
            filename="song.ogg",
            now=now(),
        )
    folder = Path(settings.RESOURCE_STORE) / resource
    assert [path.name for path in folder.iterdir()] == [Path(Version.objects.get().path).name]


def test_a_file_that_ends_early_leaves_nothing_behind(dev: Person) -> None:
    resource = draft(dev)
    with pytest.raises(Exception, match="ends too early"):
        add_version(
            developer=dev.holder,
            resource_uid=bytes.fromhex(resource),
            file=io.BytesIO(b"short"),
            size=50,
            filename="song.ogg",
            now=now(),
        )
    assert not list((Path(settings.RESOURCE_STORE) / resource).iterdir())
    assert not Version.objects.exists()


def test_a_buyer_still_sees_what_is_not_sold_any_more(dev: Person) -> None:
    sold = on_shelf(dev)
    dora = buyer()
    bought(dora, sold)
    dev.post(f"/resources/{sold.id}/withdraw")
    assert dora.get(f"/resources/{sold.id}")["state"] == "withdrawn"
    assert call("GET", f"/resources/{sold.id}").refusal == (404, "not_found")
