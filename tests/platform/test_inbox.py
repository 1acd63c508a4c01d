"""/inbox: what happened, in the browser."""

from datetime import timedelta

import pytest
from django.test import Client

from notices.models import Notice
from notices.words import WORDS
from tests.platform.operators import browser_of, text
from tests.platform.world import Person, now


def notify(person: Person, kind: str, number: int = 0) -> Notice:
    return Notice.objects.create(
        kind=kind,
        holder=person.holder,
        email=person.email,
        transaction=f"{number:016x}",
        created_at=now() - timedelta(minutes=number),
    )


def inbox(person: Person, query: str = "") -> str:
    page = text(browser_of(person).get(f"/inbox{query}"))
    return page.partition("<main")[2].partition("</main>")[0]


def test_an_empty_inbox_says_what_it_is_for(dora: Person) -> None:
    page = inbox(dora)

    assert "Nothing has happened yet" in page
    assert "Mark all as read" not in page


def test_every_kind_of_notice_has_words() -> None:
    assert set(WORDS) == set(Notice.Kind.values)


@pytest.mark.parametrize("kind", Notice.Kind.values)
def test_a_notice_says_what_happened_when_and_leads_to_the_transaction(
    dora: Person, kind: str
) -> None:
    notice = notify(dora, kind)

    page = inbox(dora)

    assert str(WORDS[kind].title) in page
    assert f'href="/transactions/{notice.transaction}"' in page
    assert f'datetime="{notice.created_at.isoformat(timespec="seconds")}"' in page


def test_what_is_unread_is_marked_in_words(dora: Person) -> None:
    notify(dora, "continued")
    assert ">New<" in inbox(dora)

    Notice.objects.update(read_at=now())
    assert ">New<" not in inbox(dora)


def test_looking_marks_nothing_as_read(dora: Person) -> None:
    notify(dora, "continued")

    inbox(dora)

    assert Notice.objects.get().read_at is None


def test_the_newest_notice_comes_first(dora: Person) -> None:
    notify(dora, "step_waits")
    notify(dora, "declined")

    page = inbox(dora)

    first, second = (page.index(str(WORDS[kind].title)) for kind in ("declined", "step_waits"))
    assert first < second


def test_all_are_marked_as_read_at_once_and_only_one_s_own(dora: Person) -> None:
    other = Person.make("Emil")
    for person in (dora, dora, other):
        notify(person, "continued")

    assert browser_of(dora).post("/inbox")["Location"] == "/inbox"

    unread = Notice.objects.filter(read_at=None)
    assert [notice.holder_id for notice in unread] == [other.holder.pk]


def test_an_inbox_is_read_in_parts(dora: Person) -> None:
    for number in range(21):
        notify(dora, "continued", number)

    assert inbox(dora).count('href="/transactions/') == 20
    assert inbox(dora, "?page=2").count('href="/transactions/') == 1
    assert inbox(dora, "?page=nonsense").count('href="/transactions/') == 20


def test_nobody_sees_the_inbox_of_another(dora: Person) -> None:
    notify(dora, "continued")

    assert "Nothing has happened yet" in inbox(Person.make("Emil"))
    assert Client().get("/inbox")["Location"] == "/accounts/login/?next=/inbox"
    assert Client().post("/inbox")["Location"].startswith("/accounts/login/")
    assert Notice.objects.get().read_at is None
