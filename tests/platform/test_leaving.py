"""Deleting an account: what keeps somebody from it, what is erased, and what others still have."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client

from accounts.models import ApiKey, Holder, Membership, Organisation, User
from accounts.services import (
    accept_invitation,
    allow_sign_in,
    create_organisation,
    erase_holder,
    holder_for,
    invite_member,
    rename_holder,
)
from audit.models import AuditRow
from billing.ledger.selectors import has_payment_password
from billing.ledger.services import pay_out, set_payment_password
from common.errors import DomainError
from enrolment.models import AuthserverHost, Token
from enrolment.selectors import client_for
from notices.models import Notice, WebhookEndpoint
from notices.services import add_endpoint
from protocol import qrtext
from protocol.qrtext import Link
from protocol.receipt import identity
from tests.platform.ledger import fill
from tests.platform.operators import text
from tests.platform.signing_in import PASSWORD, is_signed_in, type_password, with_password
from tests.platform.world import (
    PAYMENT,
    Person,
    call,
    everything_as_bytes,
    now,
    unreachable,
)
from transactions.models import ErasedStep, Step, Transaction
from transactions.services import finish_leaving, leave

PAGE = "/account/delete"
READ = {"is_read": "on"}


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hash passwords cheaply: these tests are about leaving."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def browser(person: Person) -> Client:
    """A browser in which somebody has just shown who it is."""
    client, _ = type_password(with_password(person))
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def server_state(token: Token) -> str:
    return str(client_for(token.host).server(bytes(token.vk))["state"])


def row(person: Person) -> Holder:
    return Holder.objects.select_related("user").get(pk=person.holder.pk)


# What keeps somebody from it.


def test_an_open_step_keeps_its_holder(anna: Person) -> None:
    client, step = browser(anna), anna.open()

    response = client.post(PAGE, READ)

    assert response.status_code == 409
    assert f'href="/steps/{step["id"]}"' in text(response)
    assert row(anna).leaving_at is None


def test_an_open_transaction_of_ones_own_keeps_its_owner_until_it_is_closed(anna: Person) -> None:
    client, step = browser(anna), anna.open()
    anna.sign(step)

    page = text(client.get(PAGE))
    assert f'href="/transactions/{step["transaction"]}"' in page
    assert "Delete my account" not in page

    anna.post(f"/transactions/{step['transaction']}/close")
    assert "Delete my account" in text(client.get(PAGE))
    assert client.post(PAGE, READ)["Location"] == "/"


def test_whoever_has_money_stays_until_it_is_paid_out(dora: Person) -> None:
    fill(dora, 500)
    client = browser(dora)

    assert 'href="/wallet/payout"' in text(client.get(PAGE))
    assert client.post(PAGE, READ).status_code == 409

    pay_out(holder=dora.holder, amount=500, currency="EUR", key="o", now=now())
    assert client.post(PAGE, READ)["Location"] == "/"


def test_the_payment_password_is_erased(dora: Person) -> None:
    set_payment_password(holder=dora.holder, password="violet-otter-3", now=now())
    leave(holder=dora.holder, now=now())
    assert not has_payment_password(dora.holder.pk)


def test_the_only_owner_of_others_stays(dora: Person, mallory: Person) -> None:
    made = create_organisation(holder=dora.holder, name="Flower shop", now=now())
    join(made, dora, mallory)
    client = browser(dora)

    response = client.post(PAGE, READ)

    assert response.status_code == 409
    assert "only owner" in text(response)
    assert is_signed_in(client)
    assert Membership.objects.count() == 2


@pytest.mark.parametrize("fields", [{}, {"is_read": ""}])
def test_whoever_has_not_read_it_stays(dora: Person, fields: dict[str, str]) -> None:
    assert browser(dora).post(PAGE, fields).status_code == 422
    assert row(dora).leaving_at is None


def test_whoever_does_not_show_who_it_is_stays(dora: Person) -> None:
    client, _ = type_password(with_password(dora))

    again = client.post(PAGE, READ)["Location"]

    assert again.startswith("/accounts/reauthenticate/")
    assert row(dora).leaving_at is None
    client.post(again, {"password": PASSWORD})
    assert row(dora).erased_at is not None, "what was asked for is done once it is shown"


# What is erased.


def test_nothing_that_tells_who_it_was_is_left(anna: Person) -> None:
    rename_holder(holder=anna.holder, name="Anna Alberti")
    anna.post(f"/tokens/{anna.token.serial}/suspend")
    anna.post(f"/tokens/{anna.token.serial}/resume")
    add_endpoint(holder_id=anna.holder.pk, url="https://alberti.example/", now=now())
    create_organisation(holder=anna.holder, name="Albertis", now=now())
    step = anna.open(PAYMENT | {"text": "Alberti's flowers"}, next={"email": anna.email})
    anna.sign(step)
    anna.post(f"/transactions/{step['transaction']}/cancel")
    Token.objects.update(name="Alberti's phone")
    client = browser(anna)

    response = client.post(PAGE, READ, follow=True)

    assert "Your account is deleted" in text(response)
    left = everything_as_bytes().lower()
    assert b"alberti" not in left
    assert anna.email.encode() not in left
    for model in (EmailAddress, Authenticator, ApiKey, UserSession, Notice, WebhookEndpoint):
        assert not model.objects.exists(), model
    assert not Organisation.objects.exists()
    assert mail.outbox[-1].to == [anna.email], "told once, before the address is forgotten"


def test_nobody_gets_in_any_more(anna: Person) -> None:
    client = browser(anna)
    other, _ = type_password(anna)
    client.post(PAGE, READ)

    assert not is_signed_in(client)
    assert not is_signed_in(other)
    assert not is_signed_in(type_password(anna)[0])
    assert call("GET", "/me", key=anna.key).status == 401


def test_tokens_are_revoked_where_they_are(anna: Person) -> None:
    anna.enrol()

    leave(holder=anna.holder, now=now())

    for token in Token.objects.all():
        assert (token.state, server_state(token)) == ("revoked", "revoked")


def test_what_nobody_else_took_part_in_leaves_its_digests(anna: Person) -> None:
    step = anna.open()
    receipt = anna.sign(step)
    anna.post(f"/transactions/{step['transaction']}/close")
    link = bytes(Step.objects.get(s=bytes.fromhex(step["id"])).link or b"")

    leave(holder=anna.holder, now=now())

    assert not Transaction.objects.exists()
    erased = ErasedStep.objects.get(s=bytes.fromhex(step["id"]))
    assert bytes(erased.link or b"") == link
    assert bytes(erased.tx).hex() == step["transaction"]
    report = call("POST", "/receipts/verify", {"receipt": receipt})
    assert report.status == 200, "a receipt that somebody saved goes on to verify"


def test_audit_rows_stay_and_name_nobody(anna: Person) -> None:
    before = set(AuditRow.objects.values_list("pk", flat=True))

    leave(holder=anna.holder, now=now())

    rows = AuditRow.objects.all()
    assert before < set(rows.values_list("pk", flat=True))
    assert [one.action for one in rows.filter(subject=anna.account).order_by("pk")][-2:] == [
        "holder.leaving",
        "holder.erased",
    ]


def test_the_address_can_make_an_account_anew(anna: Person) -> None:
    address = anna.email
    leave(holder=anna.holder, now=now())

    again = holder_for(User.objects.create_user(address))

    assert again.account != anna.account


# What others keep.


def test_the_receipts_of_others_go_on_to_verify(anna: Person, ben: Person) -> None:
    first = anna.open()
    middle = ben.sign(ben.follow(anna.sign(first)))
    tx = first["transaction"]
    anna.post(f"/transactions/{tx}/close")
    before = ben.call("GET", f"/receipts/{identity_of(middle)}.cbor").raw

    leave(holder=anna.holder, now=now())

    report = call("POST", "/receipts/verify", {"receipt": middle})
    assert report.status == 200
    assert all(line["outcome"] != "failed" for line in report.body["checks"]), report.body
    assert ben.call("GET", f"/receipts/{identity_of(middle)}.cbor").raw == before
    chain = ben.get(f"/transactions/{tx}")
    assert [step["state"] for step in chain["steps"]] == ["signed", "signed"]
    assert chain["steps"][0]["party"]["account"] == anna.account


def test_others_go_on_with_what_is_theirs(anna: Person, ben: Person, cora: Person) -> None:
    first = ben.open()
    second = anna.sign(anna.follow(ben.sign(first)))

    leave(holder=anna.holder, now=now())
    cora.sign(cora.follow(second))

    assert not Notice.objects.filter(holder=anna.holder).exists(), "nobody writes to who left"
    assert not Notice.objects.filter(email__contains="erased").exists()


def test_an_invitation_by_address_belongs_to_nobody_any_more(anna: Person, ben: Person) -> None:
    address = anna.email
    receipt = ben.sign(ben.open(next={"email": address}))

    leave(holder=anna.holder, now=now())

    again = Person.make("Anna")
    assert again.email == address
    again.enrol()
    assert again.try_follow(receipt).refusal == (403, "not_your_turn")


def test_whoever_left_cannot_be_named_as_the_next(anna: Person, ben: Person) -> None:
    leave(holder=anna.holder, now=now())

    refused = ben.try_open(next={"account": anna.account})

    assert refused.refusal == (404, "holder_unknown")


def test_no_operator_brings_back_who_left(anna: Person, olga: Person) -> None:
    leave(holder=anna.holder, now=now())

    with pytest.raises(DomainError, match="nothing brings it back"):
        allow_sign_in(operator=olga.holder, account=anna.account, is_allowed=True, now=now())


# Cut off in between.


def test_while_a_host_is_away_the_worker_goes_on_later(anna: Person, host: AuthserverHost) -> None:
    client = browser(anna)
    with unreachable(host):
        response = client.post(PAGE, READ, follow=True)
        assert "as soon as it can be" in text(response)
        assert not is_signed_in(client)
        assert finish_leaving(now=now()) == 1
        assert (row(anna).erased_at, row(anna).user.is_active) == (None, False)
        assert Token.objects.get().state == "active"

    assert finish_leaving(now=now()) == 0

    assert row(anna).erased_at is not None
    assert server_state(Token.objects.get()) == "revoked"


@pytest.mark.parametrize("last", ["change_state", "_erase_chain", "forget_names", "erase_holder"])
def test_a_crash_in_between_loses_nothing(
    anna: Person, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    class Crash(BaseException):
        """The process ends here."""

    def crash(*_: object, **__: object) -> None:
        raise Crash

    step = anna.open()
    anna.sign(step)
    anna.post(f"/transactions/{step['transaction']}/close")
    with monkeypatch.context() as patched:
        patched.setattr(f"transactions.services.leaving.{last}", crash)
        with pytest.raises(Crash):
            leave(holder=anna.holder, now=now())
    assert row(anna).leaving_at is not None
    assert row(anna).erased_at is None

    assert finish_leaving(now=now()) == 0

    assert row(anna).erased_at is not None
    assert anna.email.encode() not in everything_as_bytes()
    assert ErasedStep.objects.filter(s=bytes.fromhex(step["id"])).count() == 1


def test_a_step_begun_in_the_same_moment_ends_before_anything_is_erased(
    anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = anna.open()
    # What was open was begun just after it was looked for.
    monkeypatch.setattr("transactions.services.leaving.unsettled", lambda **_: None)

    assert leave(holder=anna.holder, now=now()) is False
    assert row(anna).erased_at is None
    assert Step.objects.get(s=bytes.fromhex(step["id"])).state == Step.State.CHALLENGED


def test_whoever_leaves_leaves_once(anna: Person) -> None:
    leave(holder=anna.holder, now=now())

    with pytest.raises(DomainError, match="being deleted"):
        leave(holder=anna.holder, now=now())
    before = everything_as_bytes()
    erase_holder(holder=row(anna), now=now())
    assert everything_as_bytes() == before


def join(organisation: Organisation, owner: Person, member: Person, role: str = "member") -> None:
    """Have somebody invited and accept."""
    uid = bytes(organisation.uid)
    invite_member(owner=owner.holder, uid=uid, email=member.email, role=role, now=now())
    accept_invitation(holder=member.holder, uid=uid, now=now())


def identity_of(receipt: str) -> str:
    """Return the id of a receipt given as text."""
    return identity(qrtext.decode(receipt, Link.RECEIPT)[1]).hex()
