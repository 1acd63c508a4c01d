"""Seeds stay in tokens and authserver, responses in nobody's records; searched after all else."""

import base64
import copy
import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from uuid import UUID

import pytest

from protocol.sealing import Sealer
from tests.e2e.leaks import columns, conversations, files, find_codes, find_seeds, urls
from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

SERVICES = ("platform", "authserver")
KEK_FILE = "authserver.kek"


@pytest.fixture
def used(services: Live) -> Live:
    """The services after whatever ran before, and at least one wrong and one right response."""
    anna = services.party("Anna Meier")
    step = anna.open()
    anna.answer(step, next(anna.wrong_codes(step)))
    anna.sign(step)
    assert services.seeds
    assert services.codes
    return services


def test_no_seed_is_in_either_database(used: Live) -> None:
    places = chain.from_iterable(columns(used, service) for service in SERVICES)
    assert find_seeds(used.seeds, places) == []


def test_no_seed_is_in_any_file(used: Live) -> None:
    assert find_seeds(used.seeds, files(used)) == []


def test_no_seed_went_over_http(used: Live) -> None:
    assert find_seeds(used.seeds, conversations(used)) == []


def test_no_accepted_response_is_in_either_database(used: Live) -> None:
    places = chain.from_iterable(columns(used, service) for service in SERVICES)
    assert find_codes(used.codes, places) == []


def test_no_accepted_response_is_in_any_log_or_url(used: Live) -> None:
    logs = [place for place in files(used) if not place[0].endswith((".sqlite3", "-wal"))]
    assert {"platform.log", "authserver.log"} <= {name for name, _ in logs}
    assert find_codes(used.codes, [*logs, *urls(used)]) == []


@pytest.fixture
def rotated(used: Live) -> list[bytes]:
    """All keys of a host, of before and after they are rotated while it serves."""
    before = host_keys(used)
    used.authserver("rotate_kek")
    anna = used.party("Anna Meier")
    anna.sign(anna.open())
    return [*before, *host_keys(used)]


def host_keys(live: Live) -> list[bytes]:
    """Return the host's key-encryption key, and the data key that it wraps."""
    sealer = Sealer.from_base64((live.folder / KEK_FILE).read_text().strip())
    wrapping = Sealer(sealer.keyed_hash("wrap", b""))
    ((key_id, wrapped),) = live.rows("authserver", "SELECT id, wrapped FROM authserver_datakey")
    return [sealer.kek, wrapping.kek, wrapping.open(bytes(wrapped), UUID(str(key_id)).bytes)]


def test_the_keys_of_the_host_are_in_its_file_alone(used: Live, rotated: list[bytes]) -> None:
    assert len(set(rotated)) == 6
    places = [*chain.from_iterable(columns(used, service) for service in SERVICES)]
    places += [*files(used), *conversations(used)]
    assert find_seeds(rotated, places) == [KEK_FILE]


def test_the_search_sees_all_of_them(used: Live) -> None:
    # The digest of a statement is no secret: it must be found wherever a seed must not be.
    anna = used.party("Anna Meier")
    step = anna.open()
    anna.sign(step)
    public = [bytes.fromhex(step["id"])]
    for service in SERVICES:
        assert find_seeds(public, columns(used, service))
    assert len(find_seeds(public, conversations(used))) == 2


@pytest.fixture
def scratch(on_sqlite: Live, tmp_path: Path) -> Live:
    """A copy of the services' folder, to plant in it what must not be there."""
    shutil.copytree(on_sqlite.folder, tmp_path / "copy")
    scratch = copy.copy(on_sqlite)
    scratch.folder = tmp_path / "copy"
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
    scratch.party("Anna Meier").token()
    planted = FORMS[form](scratch.seeds[0])
    assert find_seeds(scratch.seeds, columns(scratch, "platform")) == []
    scratch.change("platform", f"UPDATE enrolment_token SET certificate = x'{planted.hex()}'")  # noqa: S608
    with (scratch.folder / "platform.log").open("ab") as log:
        log.write(b'{"event": "' + planted + b'"}\n')
    assert find_seeds(scratch.seeds, columns(scratch, "platform"))
    assert "platform.log" in find_seeds(scratch.seeds, files(scratch))


def test_a_planted_response_is_found(scratch: Live) -> None:
    anna = scratch.party("Anna Meier")
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
