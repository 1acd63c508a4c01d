"""One form of a page sent many times at once takes effect once, and leads all to one step."""

import re
from functools import partial
from urllib.parse import urlencode

import pytest
import urllib3

from countersign.person import Person
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import at_once

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

AT_ONCE = 8
PATH = "/transactions/new"


def send(person: Person, method: str, body: str = "") -> urllib3.BaseHTTPResponse:
    """Ask for the page, or send its form, as a browser with a session."""
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items()),
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": person.origin,
    }
    pool = urllib3.PoolManager(retries=False)
    return pool.request(method, person.origin + PATH, headers=headers, body=body, redirect=False)


def filled_in(person: Person, serial: str) -> str:
    """Have the page drawn, and fill in its form."""
    drawn = send(person, "GET").data.decode()
    form = drawn[drawn.index("data-compose") :]
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)[:1]
    fields = {"kind": "approval", "currency": "EUR", "remark": "Yes", "token": serial}
    rules = {"next": "anyone", "ttl": "180", "is_open_to_anyone": "on"}
    return urlencode({"csrfmiddlewaretoken": token, **fields, **rules})


def sent(services: Live, *, drawings: int) -> tuple[int, list[urllib3.BaseHTTPResponse]]:
    """Send eight forms at once, of so many drawings of the page; return the steps and answers."""
    anna = services.party("Anna Meier")
    serial = anna.enrol().serial
    forms = [filled_in(anna.person, serial) for _ in range(drawings)]
    calls = [
        partial(send, anna.person, "POST", forms[number % drawings]) for number in range(AT_ONCE)
    ]
    answers = at_once(calls)
    of_token = "token_id = (SELECT id FROM enrolment_token WHERE serial = ?) AND kind <> 6"
    return services.count("platform", "transactions_step", of_token, serial), answers


def test_a_form_sent_eight_times_at_once_makes_one_step_and_leads_all_to_it(
    services: Live,
) -> None:
    steps, answers = sent(services, drawings=1)
    assert steps == 1
    assert {answer.status for answer in answers} == {302}
    (location,) = {answer.headers["Location"] for answer in answers}
    assert location.startswith("/steps/")


def test_forms_of_pages_drawn_one_by_one_each_make_a_step(services: Live) -> None:
    # As many as a token may have open: the fourth page's form is refused.
    steps, answers = sent(services, drawings=4)
    assert steps == 3
    assert {answer.status for answer in answers} == {302, 429}
