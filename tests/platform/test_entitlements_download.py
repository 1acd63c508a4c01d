"""An encrypted file is sent whole, or from where a download was cut off (RFC 9110)."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from billing.entitlements.models import Version
from protocol.ed25519 import SigningKey
from signing.services import create_keys
from tests.platform.shopping import Sold, draft, on_shelf, upload
from tests.platform.world import API, Person, now

CONTENT = bytes(range(256)) * 800


@pytest.fixture
def sold(db: None) -> Sold:
    create_keys(root=SigningKey.generate(), now=now())
    sold = on_shelf(Person.make("Dev"))
    upload(sold.developer, sold.id, CONTENT)
    return sold


@pytest.fixture
def stored(sold: Sold) -> bytes:
    version = Version.objects.get(number=2)
    return (Path(settings.RESOURCE_STORE) / version.path).read_bytes()


def fetch_version(sold: Sold, number: int) -> bytes:
    return body(Client().get(f"{API}/resources/{sold.id}/file?version={number}"))


def fetch(sold: Sold, method: str = "GET", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().generic(method, f"{API}/resources/{sold.id}/file", headers=named)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def etag(stored: bytes) -> str:
    return f'"{hashlib.sha256(stored).hexdigest()}"'


def test_anybody_downloads_the_encrypted_file(sold: Sold, stored: bytes) -> None:
    response = fetch(sold)
    assert response.status_code == 200
    assert body(response) == stored
    assert CONTENT[:256] not in stored
    assert response["Content-Length"] == str(len(stored))
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"] == etag(stored)
    assert response["Content-Disposition"] == f'attachment; filename="{sold.id}-2.csres"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_head_tells_length_and_tag_without_the_file(sold: Sold, stored: bytes) -> None:
    response = fetch(sold, "HEAD")
    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == str(len(stored))
    assert response["ETag"] == etag(stored)


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=70000-", 70_000, None),
        ("bytes=-10", -10, None),
        ("bytes=100-999999999", 100, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_a_part_is_sent_from_where_it_was_cut_off(
    sold: Sold, stored: bytes, wanted: str, start: int, stop: int | None
) -> None:
    response = fetch(sold, Range=wanted, If_Range=etag(stored))
    part = stored[start:stop]
    assert response.status_code == 206
    assert body(response) == part
    assert response["Content-Length"] == str(len(part))
    first = start % len(stored) if start else 0
    expected = f"bytes {first}-{first + len(part) - 1}/{len(stored)}"
    assert response["Content-Range"] == expected


def test_parts_put_together_are_the_file(sold: Sold, stored: bytes) -> None:
    first = body(fetch(sold, Range="bytes=0-65535"))
    rest = body(fetch(sold, Range="bytes=65536-", If_Range=etag(stored)))
    assert first + rest == stored


@pytest.mark.parametrize(
    "wanted",
    ["bytes=0-1,5-6", "items=0-5", "bytes=5-2", "bytes=", "bytes=-", "nonsense", "bytes=a-b"],
)
def test_a_range_that_says_nothing_clear_gets_the_whole_file(
    sold: Sold, stored: bytes, wanted: str
) -> None:
    response = fetch(sold, Range=wanted)
    assert response.status_code == 200
    assert body(response) == stored


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused_with_the_length(
    sold: Sold, stored: bytes, wanted: str
) -> None:
    response = fetch(sold, Range=wanted)
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(stored)}"


@pytest.mark.parametrize("tag", ['"another"', "Wed, 21 Oct 2026 07:28:00 GMT", 'W/"{digest}"'])
def test_a_part_of_another_file_begins_anew(sold: Sold, stored: bytes, tag: str) -> None:
    tag = tag.replace('"{digest}"', etag(stored))
    response = fetch(sold, Range="bytes=100-", If_Range=tag)
    assert response.status_code == 200
    assert body(response) == stored


def test_who_has_the_file_already_is_told_so(sold: Sold, stored: bytes) -> None:
    response = fetch(sold, If_None_Match=f'"other", {etag(stored)}')
    assert (response.status_code, response.content) == (304, b"")


def test_an_older_version_is_downloaded_by_its_number(sold: Sold) -> None:
    older = Version.objects.get(number=1)
    digest = hashlib.sha256(fetch_version(sold, 1)).digest()
    assert digest == bytes(older.build_digest)


def test_a_file_that_the_store_lost_is_our_trouble(sold: Sold) -> None:
    (Path(settings.RESOURCE_STORE) / Version.objects.get(number=2).path).unlink()
    response = fetch(sold)
    assert response.status_code == 503
    assert response.json()["code"] == "file_unavailable"


def test_the_file_of_a_draft_is_its_developers_alone(sold: Sold) -> None:
    hidden = draft(sold.developer)
    upload(sold.developer, hidden)
    path = f"{API}/resources/{hidden}/file"
    assert Client().get(path).status_code == 404
    own = Client().head(path, headers={"Authorization": f"Bearer {sold.developer.key}"})
    assert own.status_code == 200
