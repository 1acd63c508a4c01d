"""What the pages' scripts load: served by ourselves, as what it is, and complete."""

import re
from contextlib import closing
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest
from django.conf import settings
from django.test import Client

VENDOR = "/static/vendor"
READER = f"{VENDOR}/zxing-wasm/reader"
IMPORT = re.compile(r"""^(?:import|export)\b[^'"]*['"](\.[^'"]+)['"]""", re.MULTILINE)

pytestmark = [
    # No file asks the database, but the end of every answer looks after its connection.
    pytest.mark.django_db,
    pytest.mark.skipif(
        not Path(settings.BASE_DIR, "node_modules").exists(),
        reason="node_modules is missing (make setup)",
    ),
]


@pytest.mark.parametrize(
    ("url", "media_type"),
    [
        (f"{VENDOR}/cborg/decode.js", "text/javascript"),
        (f"{READER}/index.js", "text/javascript"),
        (f"{READER}/zxing_reader.wasm", "application/wasm"),
    ],
)
def test_a_file_says_what_it_is_and_when_to_ask_again(
    client: Client, url: str, media_type: str
) -> None:
    answer = client.head(url)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith(media_type)
    assert answer["Cache-Control"] == "max-age=60, public"
    assert client.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_the_reader_travels_compressed(client: Client) -> None:
    url = f"{READER}/zxing_reader.wasm"
    answer = client.head(url, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert int(answer["Content-Length"]) < 500_000


@pytest.mark.parametrize("url", [f"{VENDOR}/cborg/decode.js", f"{READER}/index.js"])
def test_every_module_that_a_module_imports_is_served(client: Client, url: str) -> None:
    seen, waiting = set(), {url}
    while waiting:
        module = waiting.pop()
        seen.add(module)
        with closing(client.get(module)) as answer:
            assert answer.status_code == 200, module
            text = answer.getvalue().decode()
        found = {normpath(join(dirname(module), name)) for name in IMPORT.findall(text)}
        waiting |= found - seen
    assert len(seen) > 1
