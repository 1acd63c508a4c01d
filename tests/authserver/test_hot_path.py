"""What one verdict costs: four queries and one commit."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.authserver.world import Paired


def verbs(queries: CaptureQueriesContext) -> list[str]:
    return [
        query["sql"].split()[0].strip(";")
        for query in queries.captured_queries
        # Tests run inside a transaction of their own, where a service's is a savepoint.
        if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))
    ]


def test_an_accepted_response_costs_four_queries(active: Paired) -> None:
    statement = active.statement()
    with CaptureQueriesContext(connection) as queries:
        assert active.answer(statement).body["accepted"] is True
    assert verbs(queries) == ["SELECT", "SELECT", "UPDATE", "INSERT"]


def test_a_repeat_costs_two_reads(active: Paired) -> None:
    statement = active.statement()
    active.answer(statement)
    with CaptureQueriesContext(connection) as queries:
        active.answer(statement)
    assert verbs(queries) == ["SELECT", "SELECT"]


def test_a_wrong_response_costs_what_counting_it_takes(active: Paired) -> None:
    statement = active.statement()
    with CaptureQueriesContext(connection) as queries:
        active.answer(statement, active.wrong(statement))
    assert verbs(queries) == ["SELECT", "SELECT", "INSERT", "SELECT", "UPDATE"]


def test_one_transaction_holds_it_all(active: Paired) -> None:
    with CaptureQueriesContext(connection) as queries:
        active.answer(active.statement())
    statements = [query["sql"].split()[0] for query in queries.captured_queries]
    assert statements.count("SAVEPOINT") == statements.count("RELEASE") == 1
