"""The services without some of their constraints: there, every race must be lost sometimes."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.live import Live

# So many races without a guard are enough for one to go wrong, also where the machine is so busy
# that most of them are none.  The first that goes wrong is the last.
ROUNDS = 200


@contextmanager
def unguarded(services: Live, *indexes: str) -> Iterator[None]:
    """Drop unique indexes of the platform for a while; open steps come to nothing at the end."""
    definitions = [_definition(services, index) for index in indexes]
    services.change("platform", *(f"DROP INDEX {index}" for index in indexes))
    try:
        yield
    finally:
        open_steps = "state IN ('challenged', 'closing')"
        mended = f"UPDATE transactions_step SET state = 'expired' WHERE {open_steps}"  # noqa: S608
        services.change("platform", mended, *definitions)


def _definition(services: Live, index: str) -> str:
    query = (
        "SELECT indexdef FROM pg_indexes WHERE indexname = ?"
        if services.is_postgres
        else "SELECT sql FROM sqlite_master WHERE name = ?"
    )
    return str(services.rows("platform", query, index)[0][0])
