"""What test_secrets_stay.py searches with finds whatever is planted."""

import base64
import copy
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.leaks import columns, files, find_codes, find_seeds
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture
def scratch(on_sqlite: Live, tmp_path: Path) -> Live:
    """A copy of the services' folder, to plant in it what must not be there."""
    # There must be a row to plant it in.
    on_sqlite.party("Anna Meier").token()
    scratch = copy.copy(on_sqlite)
    scratch.folder = tmp_path / "copy"
    # The files beside a database come and go while its service runs.
    not_databases = shutil.ignore_patterns("*.sqlite3*")
    shutil.copytree(on_sqlite.folder, scratch.folder, ignore=not_databases)
    for path in on_sqlite.folder.glob("*.sqlite3"):
        with (
            closing(sqlite3.connect(path, timeout=20)) as source,
            closing(sqlite3.connect(scratch.folder / path.name)) as target,
        ):
            source.backup(target)
    return scratch


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "hex": lambda seed: seed.hex().encode(),
    "upper_hex": lambda seed: seed.hex().upper().encode(),
    "base32": base64.b32encode,
    "base64": base64.b64encode,
    "base64url_of_more": lambda seed: base64.urlsafe_b64encode(b"K=" + seed + b"."),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_seed_is_found(scratch: Live, form: str) -> None:
    seed = scratch.seeds[:1]
    planted = FORMS[form](*seed)
    assert find_seeds(seed, columns(scratch, "platform")) == []
    scratch.change("platform", f"UPDATE enrolment_token SET certificate = x'{planted.hex()}'")  # noqa: S608
    with (scratch.folder / "platform.log").open("ab") as log:
        log.write(b'{"event": "' + planted + b'"}\n')
    assert find_seeds(seed, columns(scratch, "platform"))
    assert "platform.log" in find_seeds(seed, files(scratch))


def test_a_planted_response_is_found(scratch: Live) -> None:
    anna = scratch.party("Anna Meier")
    code = ""
    # One that is not there by chance, as a number of another kind.
    while not code or find_codes([code], [*columns(scratch, "platform"), *files(scratch)]):
        anna.sign(anna.open())
        code = anna.accepted[-1]
    scratch.change(
        "platform",
        f"UPDATE accounts_apikey SET name = 'code {code}'",  # noqa: S608
        f"UPDATE enrolment_token SET certificate = x'61{code.encode().hex()}62'",  # noqa: S608
    )
    with (scratch.folder / "authserver.log").open("a") as log:
        log.write(f'{{"response": "{code}"}}\n')
    assert len(find_codes([code], columns(scratch, "platform"))) == 2
    assert "authserver.log" in find_codes([code], files(scratch))
