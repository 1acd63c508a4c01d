"""Reading and changing the policy, and what it says of enrolment."""

from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditRow
from common.errors import DomainError
from enrolment import rules
from enrolment.authserver_client import AuthserverClient
from enrolment.errors import AuthserverRefusedError, AuthserverUnavailableError
from enrolment.live import ask_server
from enrolment.models import AuthserverHost, Policy, Token
from enrolment.selectors import client_for, policy
from enrolment.services.policies import (
    change_policy,
    require_self_assignment,
    tell_hosts,
    tell_hosts_again,
)
from tests.platform.operators import auditor, browser_of
from tests.platform.policies import set_policy
from tests.platform.world import DEFAULT_SUITE, TYPED_SUITE, Person, now

pytestmark = pytest.mark.django_db


def shown(operator: Person, **changes: Any) -> dict[str, Any]:
    """The policy as the API shows it, with changes."""
    return {**operator.get("/policy"), **changes}


# The API.


def test_policy_begins_with_what_holds_without_one(olga: Person) -> None:
    assert shown(olga) == {
        "version": 0,
        "suites": [],
        "min_digits": 6,
        "typed_limits": {},
        "typed_kinds": ["payment", "transfer", "order", "approval", "other"],
        "ttl_seconds": 180,
        "max_ttl_seconds": 600,
        "open_challenges": 3,
        "max_failures": 5,
        "locks": [60, 300, 1800, 86400],
        "budget": 30,
        "second_person": False,
        "self_assignment": False,
        "token_at_sign_in": "allowed",
        "permits": [],
        "offline_steps": False,
    }


def test_change_has_the_next_version_and_holds_at_once(olga: Person) -> None:
    answer = olga.call("PUT", "/policy", shown(olga, ttl_seconds=90))
    assert (answer.status, answer.body["version"], answer.body["ttl_seconds"]) == (200, 1, 90)
    assert policy().ttl_seconds == 90


def test_second_of_two_who_change_one_version_is_refused(olga: Person) -> None:
    seen = shown(olga)
    assert olga.call("PUT", "/policy", {**seen, "ttl_seconds": 90}).status == 200
    refused = olga.call("PUT", "/policy", {**seen, "open_challenges": 1})
    assert refused.refusal == (409, "policy_changed")
    assert (policy().ttl_seconds, policy().open_challenges) == (90, 3)


def test_change_that_was_overtaken_between_looking_and_writing_is_refused(
    olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {name: getattr(Policy(), name) for name in rules.FIELDS}
    check = rules.check

    def overtaken(wanted: Policy) -> None:
        check(wanted)
        monkeypatch.setattr(rules, "check", check)
        change_policy(fields={**fields, "budget": 20}, version=0, actor="other", now=now())

    monkeypatch.setattr(rules, "check", overtaken)
    with pytest.raises(DomainError, match="meanwhile"):
        change_policy(fields={**fields, "budget": 10}, version=0, actor="late", now=now())
    assert (policy().budget, policy().version) == (20, 1)


def test_audit_says_what_changed_from_what_to_what(olga: Person) -> None:
    changes = {
        "ttl_seconds": 90,
        "suites": [DEFAULT_SUITE],
        "typed_limits": {"EUR": 100_000},
        "typed_kinds": ["payment", "transfer", "order", "other"],
        "locks": [60, 600, 1800, 86400],
        "second_person": False,
    }
    assert olga.call("PUT", "/policy", shown(olga, **changes)).status == 200
    lower = shown(olga, typed_limits={"EUR": 5, "JPY": 7})
    assert olga.call("PUT", "/policy", lower).status == 200

    rows = AuditRow.objects.filter(action="policy.changed").order_by("pk")
    assert set(rows.values_list("actor", flat=True)) == {f"operator:{olga.account}"}
    assert list(rows.values_list("subject", flat=True)) == [
        f"1: suites +{DEFAULT_SUITE}",
        "1: typed_limits EUR none > 100000",
        "1: typed_kinds -approval",
        "1: ttl_seconds 180 > 90",
        "1: locks 60,300,1800,86400 > 60,600,1800,86400",
        "2: typed_limits EUR 100000 > 5",
        "2: typed_limits JPY none > 7",
    ]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"min_digits": 5}, "value_out_of_range", "min_digits"),
        ({"min_digits": 10}, "value_out_of_range", "min_digits"),
        ({"suites": ["OCRA"]}, "suite_invalid", "suites"),
        ({"suites": ["OCRA-1:HOTP-SHA1-4:QN08"]}, "suite_refused", "suites"),
        ({"suites": [DEFAULT_SUITE], "min_digits": 9}, "value_out_of_range", "suites"),
        ({"suites": [DEFAULT_SUITE] * 2}, "value_out_of_range", "suites"),
        ({"typed_limits": {"EURO": 1}}, "currency_unknown", "typed_limits"),
        ({"typed_limits": {"EUR": 0}}, "value_out_of_range", "typed_limits"),
        ({"typed_kinds": ["login"]}, "value_out_of_range", "typed_kinds"),
        ({"ttl_seconds": 29}, "value_out_of_range", "ttl_seconds"),
        ({"max_ttl_seconds": 601}, "value_out_of_range", "max_ttl_seconds"),
        ({"ttl_seconds": 90, "max_ttl_seconds": 60}, "value_out_of_range", "ttl_seconds"),
        ({"open_challenges": 0}, "value_out_of_range", "open_challenges"),
        ({"open_challenges": 4}, "value_out_of_range", "open_challenges"),
        ({"max_failures": 6}, "value_out_of_range", "max_failures"),
        ({"budget": 31}, "value_out_of_range", "budget"),
        ({"locks": [59, 300, 1800, 86400]}, "value_out_of_range", "locks"),
        ({"locks": [60, 300, 1800]}, "value_out_of_range", "locks"),
        ({"locks": [900, 300, 1800, 86400]}, "value_out_of_range", "locks"),
        ({"permits": ["message"]}, "value_out_of_range", "permits"),
        ({"token_at_sign_in": "never"}, "value_out_of_range", "token_at_sign_in"),
    ],
)
def test_policy_that_cannot_be_kept_is_refused(
    olga: Person, changes: dict[str, Any], code: str, field: str
) -> None:
    answer = olga.call("PUT", "/policy", shown(olga, **changes))
    assert answer.refusal == (422, code)
    assert answer.body["field"] == field
    assert not Policy.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"ttl_seconds": "90"},
        {"ttl_seconds": 90.0},
        {"second_person": "yes"},
        {"offline_steps": 1},
        {"locks": [60.5, 300, 1800, 86400]},
        {"typed_limits": {"EUR": True}},
        {"unknown": 1},
    ],
)
def test_what_is_no_policy_at_all_is_refused(olga: Person, changes: dict[str, Any]) -> None:
    answer = olga.call("PUT", "/policy", shown(olga, **changes))
    assert answer.refusal == (422, "input_invalid")


def test_policy_is_for_operators_and_auditors_read_it(olga: Person, dora: Person) -> None:
    assert dora.call("GET", "/policy").refusal == (403, "forbidden")
    assert dora.call("PUT", "/policy", shown(olga)).refusal == (403, "forbidden")
    reader = auditor("Rita")
    assert reader.call("GET", "/policy").status == 200
    assert reader.call("PUT", "/policy", shown(reader)).refusal == (403, "forbidden")


# Enrolment.


@pytest.mark.parametrize(
    "fields", [{"suites": [DEFAULT_SUITE]}, {"min_digits": 9}], ids=["suites", "digits"]
)
def test_suite_that_is_not_allowed_is_refused_before_a_server_is_paired(
    mallory: Person, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_policy(**fields)
    monkeypatch.setattr(AuthserverClient, "pair", None)
    answer = mallory.call("POST", "/tokens", {"suite": TYPED_SUITE})
    assert answer.refusal == (422, "suite_not_allowed")


def test_default_suite_that_is_not_allowed_is_refused(mallory: Person) -> None:
    set_policy(suites=[TYPED_SUITE])
    assert mallory.call("POST", "/tokens", {}).refusal == (422, "suite_not_allowed")


def test_page_offers_only_what_may_be_enrolled(mallory: Person) -> None:
    set_policy(suites=[TYPED_SUITE])
    page = browser_of(mallory).get("/tokens/new").content.decode()
    assert TYPED_SUITE in page
    assert DEFAULT_SUITE not in page


def test_page_says_whom_to_ask_where_nothing_can_be_enrolled(mallory: Person) -> None:
    set_policy(suites=["GMT0021:SM3-8:T60-Q32"])
    page = browser_of(mallory).get("/tokens/new").content.decode()
    assert "Ask your operator to give you one" in page
    assert 'name="suite"' not in page


def test_holders_take_nothing_from_stock_unless_the_policy_says_so(db: None) -> None:
    with pytest.raises(DomainError) as refused:
        require_self_assignment()
    assert refused.value.code == "self_assignment_off"
    set_policy(self_assignment=True)
    require_self_assignment()


# Hosts.


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a host was told, which takes everything."""
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(AuthserverClient, "put_policy", lambda _, **said: heard.append(said))
    return heard


def change(**fields: Any) -> None:
    unchanged = {name: getattr(policy(), name) for name in rules.FIELDS}
    change_policy(
        fields={**unchanged, **fields}, version=policy().version, actor="system", now=now()
    )


def test_lockout_is_told_to_every_host_when_it_is_saved(
    host: AuthserverHost, told: list[dict[str, Any]]
) -> None:
    change(max_failures=3, budget=20)
    assert told == [{"max_failures": 3, "locks": [60, 300, 1800, 86400], "budget": 20}]
    host.refresh_from_db()
    assert host.policy_version == 1


def test_host_that_was_away_is_told_later_and_once(
    host: AuthserverHost, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise AuthserverUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(AuthserverClient, "put_policy", away)
        change(max_failures=3)
    host.refresh_from_db()
    assert host.policy_version == 0

    tell_hosts()
    tell_hosts()
    assert [said["max_failures"] for said in told] == [3]


def test_host_that_was_told_twice_at_once_is_told_again(
    host: AuthserverHost, told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: Any, **said: Any) -> None:
        # Meanwhile another process tells it what was saved after.
        monkeypatch.undo()
        monkeypatch.setattr(AuthserverClient, "put_policy", lambda _, **said: told.append(said))
        change(max_failures=2)

    monkeypatch.setattr(AuthserverClient, "put_policy", late)
    change(max_failures=3)
    tell_hosts()
    assert [said["max_failures"] for said in told] == [2, 2]


def test_host_is_told_anew_when_an_operator_says_so(
    host: AuthserverHost, told: list[dict[str, Any]]
) -> None:
    tell_hosts_again()
    host.refresh_from_db()
    assert (len(told), host.policy_version) == (1, 0)


def test_host_locks_as_the_policy_says(
    running_clock: None, anna: Person, host: AuthserverHost
) -> None:
    change(max_failures=2, locks=[120, 600, 3600, 90_000])
    host.refresh_from_db()
    assert host.policy_version == 1
    try:
        step = anna.open()
        answers = [anna.answer(step, anna.wrong(step, number)) for number in range(2)]
        token = Token.objects.get(serial=anna.token.serial)
        lock = ask_server(token)
    finally:
        # All tests share one host.
        change(max_failures=5, locks=[60, 300, 1800, 86_400])
    assert answers[0].body["tries_left"] == 1
    assert lock.is_locked
    assert lock.locked_until is not None
    assert timedelta(seconds=100) < lock.locked_until - now() <= timedelta(seconds=120)


def test_host_takes_nothing_laxer_than_its_own_limits(host: AuthserverHost) -> None:
    for laxer in ({"max_failures": 6}, {"budget": 31}, {"locks": [59, 300, 1800, 86_400]}):
        said = {"max_failures": 5, "locks": [60, 300, 1800, 86_400], "budget": 30, **laxer}
        with pytest.raises(AuthserverRefusedError):
            client_for(host).put_policy(**said)  # type: ignore[arg-type]  # mixed values
