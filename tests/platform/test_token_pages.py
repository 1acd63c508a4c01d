"""/tokens: enrol a token in the browser, name it, suspend it, give it up."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from audit.models import AuditRow
from enrolment.models import AuthserverHost, Token
from protocol.enrolment import Invitation
from tests.platform.operators import browser_of, text
from tests.platform.world import (
    DEFAULT_SUITE,
    TYPED_SUITE,
    Person,
    everything_as_bytes,
    now,
    other,
    token_client,
    unreachable,
)
from tokens.enrolment import Enrolment
from tokens.simulator import SimulatedToken
from transactions.models import Step

NEW = {"name": "Phone", "suite": DEFAULT_SUITE, "csrfmiddlewaretoken": "as masked on this page"}


@pytest.fixture
def browser(mallory: Person) -> Client:
    """A browser of somebody who has no token yet."""
    return browser_of(mallory)


def begin(browser: Client, **changes: str) -> tuple[str, str]:
    """Begin an enrolment; return the address of its page, and the link on it."""
    path = browser.post("/tokens/new", {**NEW, **changes})["Location"]
    found = re.search(r'href="(http://[^"]+/e#\d+)"', text(browser.get(path)))
    assert found
    return path, found[1]


def enrol(link: str) -> tuple[SimulatedToken, str]:
    """Give the link to a token; return it with the digits it shows."""
    enrolment = Enrolment.begin(Invitation.from_link(link), now())
    return enrolment.finish(token_client().enrol(enrolment), now())


def state_of(path: str) -> str:
    return Token.objects.get(serial=path.split("/")[2]).state


# The list.


def test_who_has_no_token_is_told_what_one_is_for(browser: Client) -> None:
    page = text(browser.get("/tokens"))

    assert "You need one to sign anything" in page
    assert 'href="/tokens/new"' in page


def test_tokens_are_listed_with_name_serial_kind_state_and_host(anna: Person) -> None:
    page = text(browser_of(anna).get("/tokens"))

    for words in ("Phone", anna.token.serial, "Scanning app", "Active", "Local host"):
        assert words in page


def test_tokens_that_were_given_up_stand_apart(anna: Person) -> None:
    anna.post(f"/tokens/{anna.token.serial}/revoke")

    page = text(browser_of(anna).get("/tokens"))

    assert page.index("Tokens that were given up") < page.index(anna.token.serial)


@pytest.mark.parametrize("path", ["", "/new", "/{}", "/{}/activate"])
def test_whoever_is_not_signed_in_signs_in_first(anna: Person, path: str) -> None:
    path = "/tokens" + path.format(anna.token.serial)

    assert Client().get(path)["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("path", ["/tokens/{}", "/tokens/{}/activate"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_sees_or_changes_the_token_of_another(
    anna: Person, browser: Client, path: str, method: str
) -> None:
    response = getattr(browser, method)(path.format(anna.token.serial), {"action": "revoke"})

    assert response.status_code == 404
    assert Token.objects.get(serial=anna.token.serial).state == "active"


# Enrolment.


def test_a_token_is_enrolled_compared_and_asked_for_its_first_response(browser: Client) -> None:
    path, link = begin(browser)
    _token, digits = enrol(link)

    response = browser.post(path, {"digits": f" {digits[:4]} {digits[4:]} "})

    step = Step.objects.get()
    assert response["Location"] == f"/steps/{bytes(step.s).hex()}"
    assert step.kind == 6
    assert state_of(path) == "confirmed"


def test_a_token_has_the_name_and_the_suite_that_were_chosen(browser: Client) -> None:
    begin(browser, name="安娜的手机", suite=TYPED_SUITE)

    token = Token.objects.get()
    assert (token.name, token.suite) == ("安娜的手机", TYPED_SUITE)


def test_the_link_stays_on_the_page_for_ten_minutes_and_no_longer(browser: Client) -> None:
    path, link = begin(browser)
    assert link in text(browser.get(path))

    with time_machine.travel(now() + timedelta(minutes=10, seconds=1), tick=False):
        page = text(browser.get(path))

    assert link not in page
    assert "is gone" in page
    assert link not in text(browser.get(path)), "what is gone stays gone"


def test_the_link_is_in_no_address_no_cache_and_not_readable_in_any_table(
    browser: Client,
) -> None:
    path, link = begin(browser)

    assert "no-store" in browser.get(path)["Cache-Control"]
    secret = link.partition("#")[2].encode()
    assert secret not in path.encode()
    assert secret not in everything_as_bytes()
    assert link not in str(Session.objects.get().get_decoded())


def test_the_link_of_one_person_is_shown_to_nobody_else_in_the_same_browser(
    browser: Client, anna: Person
) -> None:
    path, link = begin(browser)
    session = dict(browser.session)
    Token.objects.filter(serial=path.split("/")[2]).update(holder=anna.holder)
    theirs = browser_of(anna)
    kept = theirs.session
    kept.update({name: session[name] for name in session if name.startswith("disclosed")})
    kept.save()

    assert link not in text(theirs.get(path))


def test_the_page_goes_on_where_it_was_once_the_digits_were_right(browser: Client) -> None:
    path, link = begin(browser)
    _token, digits = enrol(link)
    browser.post(path, {"digits": digits})

    page = text(browser.get(path))
    assert "The digits were right" in page
    assert 'name="digits"' not in page
    response = browser.post(path, {"csrfmiddlewaretoken": "of the new page"})
    assert response["Location"].startswith("/steps/")


@pytest.mark.parametrize(
    "digits", ["", "1234567", "123456789", "1234567a", "".join(map(chr, range(0xFF11, 0xFF19)))]
)
def test_what_are_no_eight_digits_use_up_no_try(browser: Client, digits: str) -> None:
    path, link = begin(browser)
    _token, right = enrol(link)
    for number in range(3):
        response = browser.post(path, {"digits": digits, "csrfmiddlewaretoken": str(number)})
        assert response.status_code == 422

    assert browser.post(path, {"digits": right}).status_code == 302


def test_wrong_digits_are_told_with_the_tries_that_are_left(browser: Client) -> None:
    path, link = begin(browser)
    _token, digits = enrol(link)

    pages = [browser.post(path, {"digits": other(digits)}) for _ in range(2)]

    assert [page.status_code for page in pages] == [422, 422]
    assert "You can try 2 more times." in text(pages[0])
    assert "You can try once more." in text(pages[1])
    assert other(digits) in text(pages[0]), "what was typed is still there"


def test_the_third_wrong_digits_end_the_enrolment_and_say_so(browser: Client) -> None:
    path, link = begin(browser)
    _token, digits = enrol(link)
    for _ in range(2):
        browser.post(path, {"digits": other(digits)})

    response = browser.post(path, {"digits": other(digits)}, follow=True)

    assert "was given up" in text(response)
    assert "Revoked" in text(response)
    assert browser.get(path)["Location"] == f"/tokens/{path.split('/')[2]}"


def test_digits_before_the_token_answered_are_explained(browser: Client) -> None:
    path, _link = begin(browser)

    response = browser.post(path, {"digits": "12345678"})

    assert response.status_code == 409
    assert "has not answered yet" in text(response)


def test_an_outage_while_confirming_loses_nothing(browser: Client, host: AuthserverHost) -> None:
    path, link = begin(browser)
    _token, digits = enrol(link)
    with unreachable(host):
        response = browser.post(path, {"digits": digits})

    assert response.status_code == 503
    assert "cannot be reached" in text(response)
    assert browser.post(path, {"digits": digits}).status_code == 302


def test_a_form_that_is_sent_twice_pairs_one_token(browser: Client) -> None:
    first, second = (browser.post("/tokens/new", NEW)["Location"] for _ in range(2))

    assert first == second
    assert Token.objects.count() == 1


def test_digits_that_are_sent_twice_make_one_step(browser: Client) -> None:
    path, link = begin(browser)
    _token, digits = enrol(link)
    first, second = (browser.post(path, {"digits": digits})["Location"] for _ in range(2))

    assert first == second
    assert Step.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "付" * 20}, "too long"),
        ({"name": "a\u200fb"}, "cannot be signed"),
        ({"suite": "OCRA-1:HOTP-SHA256-4:QH64"}, "Select a valid choice"),
        ({"suite": ""}, "required"),
    ],
)
def test_what_is_wrong_with_a_new_token_stands_beside_the_field(
    browser: Client, fields: dict[str, str], words: str
) -> None:
    response = browser.post("/tokens/new", {**NEW, **fields})

    assert response.status_code == 422
    assert words in text(response)
    assert not Token.objects.exists()


def test_without_a_host_the_page_says_so_and_keeps_what_was_typed(
    browser: Client, host: AuthserverHost
) -> None:
    AuthserverHost.objects.update(weight=0)

    response = browser.post("/tokens/new", NEW)

    assert response.status_code == 503
    assert "No authentication server takes new tokens" in text(response)
    assert 'value="Phone"' in text(response)


def test_what_was_typed_is_still_there_after_a_lost_session(browser: Client) -> None:
    browser.logout()

    assert browser.post("/tokens/new", NEW)["Location"].startswith("/accounts/login/")
    user = Person.make("Dora").holder.user
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert 'value="Phone"' in text(browser.get("/tokens/new"))


def test_an_active_token_is_not_enrolled_again(anna: Person) -> None:
    path = f"/tokens/{anna.token.serial}"

    assert browser_of(anna).get(f"{path}/activate")["Location"] == path


# One token.


def test_a_token_is_renamed(anna: Person) -> None:
    path = f"/tokens/{anna.token.serial}"
    browser = browser_of(anna)

    assert browser.post(path, {"action": "rename", "name": "Tablet"})["Location"] == path

    assert "Tablet" in text(browser.get(path))


def test_a_name_that_cannot_be_kept_is_refused_beside_its_field(anna: Person) -> None:
    path = f"/tokens/{anna.token.serial}"

    response = browser_of(anna).post(path, {"action": "rename", "name": "付" * 20})

    assert response.status_code == 422
    assert "too long" in text(response)
    assert anna.get(path)["name"] == "Phone"


def test_a_token_is_suspended_resumed_and_revoked(anna: Person) -> None:
    path = f"/tokens/{anna.token.serial}"
    browser = browser_of(anna)

    states = []
    for action in ("suspend", "resume", "revoke"):
        assert browser.post(path, {"action": action})["Location"] == path
        states.append(anna.get(path)["state"])

    assert states == ["suspended", "active", "revoked"]
    actions = AuditRow.objects.filter(subject=anna.token.serial).values_list("action", flat=True)
    assert {"token.suspended", "token.resumed", "token.revoked"} <= set(actions)


def test_an_action_that_was_taken_already_shows_how_the_token_stands(anna: Person) -> None:
    path = f"/tokens/{anna.token.serial}"
    browser = browser_of(anna)
    browser.post(path, {"action": "revoke"})

    response = browser.post(path, {"action": "revoke"}, follow=True)

    assert response.status_code == 200
    assert "Revoked" in text(response)


def test_a_host_that_cannot_be_reached_changes_nothing(anna: Person, host: AuthserverHost) -> None:
    path = f"/tokens/{anna.token.serial}"
    with unreachable(host):
        response = browser_of(anna).post(path, {"action": "revoke"})

    assert response.status_code == 503
    assert "cannot be reached" in text(response)
    assert anna.get(path)["state"] == "active"


@pytest.mark.parametrize("action", ["", "unlock", "activate", "\x00"])
def test_an_action_that_there_is_not_is_refused(anna: Person, action: str) -> None:
    response = browser_of(anna).post(f"/tokens/{anna.token.serial}", {"action": action})

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("issued", {"rename", "revoke"}),
        ("confirmed", {"rename", "revoke"}),
        ("active", {"rename", "suspend", "revoke"}),
        ("suspended", {"rename", "resume", "revoke"}),
        ("revoked", set()),
    ],
)
def test_only_what_is_possible_is_offered(anna: Person, state: str, offered: set[str]) -> None:
    Token.objects.update(state=state)

    page = text(browser_of(anna).get(f"/tokens/{anna.token.serial}"))

    assert set(re.findall(r'name="action" value="(\w+)"', page)) == offered


def test_an_imported_suite_is_named_by_what_its_holder_sees(anna: Person) -> None:
    Token.objects.update(suite="OCRA-1:HOTP-SHA1-6:QN08", sight=1)

    page = text(browser_of(anna).get(f"/tokens/{anna.token.serial}"))

    assert "Token with a keypad" in page
    assert "OCRA-1:HOTP-SHA1-6:QN08" in page
