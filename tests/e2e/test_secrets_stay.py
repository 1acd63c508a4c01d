"""Seeds stay in tokens and authserver, responses in nobody's records; searched after all else."""

from itertools import chain
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
