"""Organisations: who joins, who may do what with whose tokens, and that an owner is left."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import Invitation, Membership, Organisation
from audit.models import AuditRow
from notices.services import deliver_notices
from tests.platform.operators import browser_of, text
from tests.platform.policies import set_policy
from tests.platform.world import Answer, Person, call, now


@pytest.fixture
def shop(dora: Person) -> str:
    """An organisation that Dora owns; its id."""
    return str(dora.post("/organisations", {"name": "Flower shop"})["id"])


def invite(owner: Person, uid: str, email: str, role: str = "member") -> Answer:
    body = {"email": email, "role": role}
    return owner.call("POST", f"/organisations/{uid}/invitations", body)


def join(owner: Person, uid: str, member: Person, role: str = "member") -> None:
    """Have somebody invited, and accept."""
    assert invite(owner, uid, member.email, role).status == 201
    assert member.post(f"/organisations/{uid}/accept")["role"] == role


def roles(person: Person, uid: str) -> dict[str, str]:
    members = person.get(f"/organisations/{uid}")["members"]
    return {member["account"]: member["role"] for member in members}


def set_role(owner: Person, uid: str, member: Person, role: str) -> Answer:
    path = f"/organisations/{uid}/members/{member.account}/role"
    return owner.call("POST", path, {"role": role})


# Joining.


def test_whoever_makes_an_organisation_owns_it(dora: Person, shop: str) -> None:
    assert roles(dora, shop) == {dora.account: "owner"}
    rows = AuditRow.objects.filter(action="organisation.created")
    assert {row.subject for row in rows} == {shop, dora.account}


def test_an_invitation_reaches_whoever_has_an_account(
    dora: Person, mallory: Person, shop: str
) -> None:
    assert invite(dora, shop, mallory.email.upper(), "auditor").status == 201
    deliver_notices(now=now())

    assert mail.outbox[-1].to == [mallory.email]
    assert "/organisations" in str(mail.outbox[-1].body)
    assert "Flower shop" not in str(mail.outbox[-1].body), "no names of theirs in our mail"
    (waiting,) = mallory.get("/organisations")["invitations"]
    assert waiting["organisation"]["id"] == shop
    (notice,) = mallory.get("/notices")
    assert (notice["kind"], notice["organisation"]) == ("invited", shop)

    assert mallory.post(f"/organisations/{shop}/accept")["role"] == "auditor"
    assert roles(dora, shop)[mallory.account] == "auditor"
    assert not Invitation.objects.exists()


def test_an_invitation_waits_for_whoever_has_no_account_yet(dora: Person, shop: str) -> None:
    invite(dora, shop, "emil@example.com")

    emil = Person.make("Emil")

    assert emil.post(f"/organisations/{shop}/accept")["role"] == "member"


def test_nobody_joins_uninvited(dora: Person, mallory: Person, shop: str) -> None:
    invite(dora, shop, "somebody.else@example.com")

    assert mallory.call("POST", f"/organisations/{shop}/accept").refusal == (404, "not_found")
    assert mallory.call("GET", f"/organisations/{shop}").refusal == (404, "not_found")


def test_an_invitation_is_answered_once(dora: Person, mallory: Person, shop: str) -> None:
    invite(dora, shop, mallory.email)

    assert mallory.call("POST", f"/organisations/{shop}/decline").status == 204
    assert mallory.call("POST", f"/organisations/{shop}/accept").refusal == (404, "not_found")


def test_a_withdrawn_invitation_is_none(dora: Person, mallory: Person, shop: str) -> None:
    pk = invite(dora, shop, mallory.email).body["id"]

    assert dora.call("DELETE", f"/organisations/{shop}/invitations/{pk}").status == 204

    assert mallory.call("POST", f"/organisations/{shop}/accept").refusal == (404, "not_found")


def test_an_address_is_invited_once(dora: Person, mallory: Person, shop: str) -> None:
    invite(dora, shop, mallory.email)
    assert invite(dora, shop, mallory.email).refusal == (409, "already_invited")

    mallory.post(f"/organisations/{shop}/accept")
    assert invite(dora, shop, mallory.email).refusal == (409, "already_invited")


def test_nobody_mails_to_half_the_world(
    dora: Person, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.services.organisations.MAX_INVITATIONS", 1)
    invite(dora, shop, "first@example.com")

    assert invite(dora, shop, "second@example.com").refusal == (409, "too_many")


# An owner is always left.


def test_the_last_owner_stays_one(dora: Person, mallory: Person, shop: str) -> None:
    join(dora, shop, mallory, "operator")
    mine = f"/organisations/{shop}/members/{dora.account}"

    assert set_role(dora, shop, dora, "member").refusal == (409, "last_owner")
    assert dora.call("DELETE", mine).refusal == (409, "last_owner")
    assert dora.call("POST", f"/organisations/{shop}/leave").refusal == (409, "last_owner")
    assert roles(dora, shop)[dora.account] == "owner"


def test_one_of_two_owners_may_go(dora: Person, mallory: Person, shop: str) -> None:
    join(dora, shop, mallory, "owner")

    assert dora.call("POST", f"/organisations/{shop}/leave").status == 204

    assert roles(mallory, shop) == {mallory.account: "owner"}
    assert dora.get("/organisations")["memberships"] == []


def test_an_organisation_that_nobody_is_left_in_is_gone(dora: Person, shop: str) -> None:
    invite(dora, shop, "emil@example.com")

    assert dora.call("POST", f"/organisations/{shop}/leave").status == 204

    assert not Organisation.objects.exists()
    assert not Invitation.objects.exists()
    assert AuditRow.objects.filter(action="member.left", subject=shop).exists()


# Who may do what.

OWNERS_ONLY: list[tuple[str, str, Any]] = [
    ("POST", "/invitations", {"email": "emil@example.com"}),
    ("POST", "/name", {"name": "Other"}),
    ("DELETE", "/invitations/1", None),
    ("POST", "/members/{}/role", {"role": "owner"}),
    ("DELETE", "/members/{}", None),
    ("GET", "/keys", None),
    ("POST", "/keys", {"name": "Till"}),
    ("DELETE", "/keys/1", None),
]


@pytest.mark.parametrize("role", ["operator", "auditor", "member"])
def test_only_owners_say_who_belongs_to_it(
    dora: Person, mallory: Person, shop: str, role: str
) -> None:
    join(dora, shop, mallory, role)

    for method, what, body in OWNERS_ONLY:
        path = f"/organisations/{shop}{what.format(mallory.account)}"
        assert mallory.call(method, path, body).refusal == (403, "not_yours_to_manage"), path
    assert roles(dora, shop) == {dora.account: "owner", mallory.account: role}


def test_to_strangers_there_is_no_organisation(mallory: Person, shop: str) -> None:
    for method, what, body in OWNERS_ONLY:
        path = f"/organisations/{shop}{what.format(mallory.account)}"
        assert mallory.call(method, path, body).refusal == (404, "not_found"), path


@pytest.mark.parametrize(
    ("role", "seen", "acted"),
    [
        ("owner", 200, 200),
        ("operator", 200, 200),
        ("auditor", 200, 403),
        ("member", 403, 403),
    ],
)
def test_a_role_says_what_one_may_do_with_the_tokens_of_others(
    dora: Person, anna: Person, mallory: Person, shop: str, role: str, seen: int, acted: int
) -> None:
    join(dora, shop, anna)
    join(dora, shop, mallory, role)
    tokens = f"/organisations/{shop}/members/{anna.account}/tokens"

    assert mallory.call("GET", tokens).status == seen
    assert mallory.call("POST", f"{tokens}/{anna.token.serial}/suspend").status == acted

    state = anna.get(f"/tokens/{anna.token.serial}")["state"]
    assert state == ("suspended" if acted == 200 else "active")


def test_an_operator_of_the_organisation_acts_and_it_is_told(
    dora: Person, anna: Person, shop: str
) -> None:
    join(dora, shop, anna)
    tokens = f"/organisations/{shop}/members/{anna.account}/tokens"
    serial = anna.token.serial

    for action in ("suspend", "resume", "unlock", "revoke"):
        assert dora.call("POST", f"{tokens}/{serial}/{action}").status == 200, action
        row = AuditRow.objects.get(action=f"member.token_{action}")
        assert (row.actor, row.subject) == (dora.holder.actor, shop)
    assert AuditRow.objects.get(action="token.revoked", subject=serial).actor == dora.holder.actor
    assert {"suspended", "revoked"} <= {one["kind"] for one in anna.get("/notices")}


def test_nobody_reaches_the_tokens_of_other_people(
    dora: Person, anna: Person, ben: Person, shop: str
) -> None:
    join(dora, shop, anna)
    members = f"/organisations/{shop}/members"

    for path in (
        f"{members}/{ben.account}/tokens/{ben.token.serial}/revoke",
        f"{members}/{anna.account}/tokens/{ben.token.serial}/revoke",
    ):
        assert dora.call("POST", path).refusal == (404, "not_found")
    assert ben.get(f"/tokens/{ben.token.serial}")["state"] == "active"


def test_whoever_left_is_not_looked_after_any_more(dora: Person, anna: Person, shop: str) -> None:
    join(dora, shop, anna)
    anna.call("POST", f"/organisations/{shop}/leave")

    path = f"/organisations/{shop}/members/{anna.account}/tokens"
    assert dora.call("GET", path).refusal == (404, "not_found")


def test_where_two_operators_have_to_agree_no_single_one_of_an_organisation_does(
    dora: Person, anna: Person, shop: str
) -> None:
    set_policy(second_person=True)
    join(dora, shop, anna)
    token = f"/organisations/{shop}/members/{anna.account}/tokens/{anna.token.serial}"

    assert dora.call("POST", f"{token}/revoke").refusal == (403, "two_persons_needed")
    assert dora.call("POST", f"{token}/suspend").status == 200


# Programs.


@pytest.fixture
def program(dora: Person, anna: Person, shop: str) -> str:
    """The key of a program that Anna lets act for her."""
    join(dora, shop, anna)
    assert anna.post(f"/organisations/{shop}/programs", {"allowed": True})["role"] == "member"
    return str(dora.post(f"/organisations/{shop}/keys", {"name": "Till"})["key"])


def test_a_program_begins_a_transaction_that_its_holder_signs(
    anna: Person, shop: str, program: str
) -> None:
    step = call("POST", "/transactions", anna.part(holder=anna.account), key=program)
    assert step.status == 201, step
    assert step.body["party"]["account"] == anna.account
    answer = {"holder": anna.account, "response": anna.response(step.body)}

    signed = call("POST", f"/steps/{step.body['id']}/response", answer, key=program)

    assert signed.body["accepted"] is True
    rows = AuditRow.objects.filter(action="client.called").order_by("pk")
    assert [row.subject for row in rows] == [
        "/api/v1/transactions",
        f"/api/v1/steps/{step.body['id']}/response"[:80],
    ]
    assert {row.actor for row in rows} == {f"client:{program[:9]}"}


def test_a_program_that_repeats_itself_asks_once(anna: Person, program: str) -> None:
    body, again = anna.part(holder=anna.account), {"Idempotency-Key": "till-1"}

    first, second = (
        call("POST", "/transactions", body, key=program, headers=again) for _ in range(2)
    )

    assert first.body == second.body
    assert AuditRow.objects.filter(action="client.called").count() == 2


def test_a_program_reads_what_it_needs(anna: Person, program: str) -> None:
    mine = f"?holder={anna.account}"

    for path in ("/me", "/tokens", "/transactions"):
        assert call("GET", path + mine, key=program).status == 200, path


def test_a_program_does_nothing_beside_transactions(anna: Person, shop: str, program: str) -> None:
    mine, body = f"?holder={anna.account}", {"holder": anna.account}

    for method, path in (
        ("POST", "/me"),
        ("POST", "/api-keys"),
        ("GET", "/api-keys"),
        ("GET", "/notices"),
        ("POST", "/tokens"),
        ("POST", f"/tokens/{anna.token.serial}/revoke"),
        ("GET", f"/organisations/{shop}"),
        ("POST", "/webhooks"),
    ):
        answer = call(method, path + mine, body if method == "POST" else None, key=program)
        assert answer.refusal == (403, "client_not_allowed"), path
    assert anna.get(f"/tokens/{anna.token.serial}")["state"] == "active"


def test_a_program_acts_for_nobody_who_does_not_let_it(
    dora: Person, anna: Person, ben: Person, shop: str, program: str
) -> None:
    join(dora, shop, ben)
    ben_stays_silent = ben.part(holder=ben.account)
    nobody_named = anna.part()
    for body in (ben_stays_silent, nobody_named, anna.part(holder=1), anna.part(holder="x\x00")):
        refused = call("POST", "/transactions", body, key=program)
        assert refused.refusal == (403, "not_represented"), body

    anna.post(f"/organisations/{shop}/programs", {"allowed": False})

    body = anna.part(holder=anna.account)
    assert call("POST", "/transactions", body, key=program).refusal == (403, "not_represented")


def test_a_program_ends_with_its_key_and_with_the_membership(
    dora: Person, anna: Person, shop: str, program: str
) -> None:
    path = f"/me?holder={anna.account}"
    second = dora.post(f"/organisations/{shop}/keys", {"name": "Other"})
    (listed, _) = dora.get(f"/organisations/{shop}/keys")
    assert listed["id"] == second["id"]
    assert "key" not in listed
    dora.call("DELETE", f"/organisations/{shop}/keys/{second['id']}")
    assert call("GET", path, key=second["key"]).refusal == (401, "not_authenticated")
    assert call("GET", path, key=program).status == 200

    anna.call("POST", f"/organisations/{shop}/leave")

    assert call("GET", path, key=program).refusal == (403, "not_represented")


def test_the_holder_of_an_own_key_is_nobody_else(anna: Person, ben: Person) -> None:
    body = anna.part(holder=ben.account)

    assert anna.call("POST", "/transactions", body).refusal == (422, "input_invalid")


# Pages.


def test_the_pages_lead_from_an_invitation_to_the_tokens_of_a_member(
    dora: Person, anna: Person, db: None
) -> None:
    owner, member = browser_of(dora), browser_of(anna)
    owner.post("/organisations", {"action": "create", "name": "Flower shop"})
    place = f"/organisations/{Organisation.objects.get()}"
    fields = {"action": "invite", "invite-email": anna.email, "invite-role": "member"}
    assert owner.post(place, fields)["Location"] == place
    assert anna.email in text(owner.get(place))

    page = text(member.get("/organisations"))
    assert "Flower shop" in page
    uid = str(Organisation.objects.get())
    member.post("/organisations", {"action": "accept", "organisation": uid})

    tokens = f"{place}/members/{anna.account}"
    assert f'href="{tokens}"' in text(owner.get(place))
    assert anna.token.serial in text(owner.get(tokens))
    owner.post(tokens, {"action": "suspend", "serial": anna.token.serial})
    assert anna.get(f"/tokens/{anna.token.serial}")["state"] == "suspended"
    assert member.get(tokens).status_code == 403, "plain members do not look at others"

    assert owner.post(tokens, {"action": "role", "role": "auditor"})["Location"] == tokens
    assert member.get(tokens).status_code == 200
    assert owner.post(tokens, {"action": "remove"})["Location"] == place
    assert member.get(place).status_code == 404


WRONG: list[tuple[str, dict[str, str], int]] = [
    ("", {"action": "create", "name": ""}, 422),
    ("", {"action": "create", "name": "\u202ename"}, 422),
    ("", {"action": "accept", "organisation": "nonsense"}, 404),
    ("", {"action": "accept", "organisation": "00" * 8}, 404),
    ("/{}", {"action": "invite", "invite-email": "nobody", "invite-role": "member"}, 422),
    ("/{}", {"action": "invite", "invite-email": "a@b.example", "invite-role": "king"}, 422),
    ("/{}", {"action": "withdraw", "invitation": "x"}, 404),
    ("/{}/members/{}", {"action": "role", "role": "king"}, 422),
    ("/{}/members/{}", {"action": "role", "role": "member"}, 409),
    ("/{}/members/{}", {"action": "remove"}, 409),
    ("/{}/members/000000000000", {"action": "remove"}, 404),
    ("/{}", {"action": "leave-me"}, 400),
    ("/{}", {"action": "rename", "name": "x" * 50}, 422),
    ("/{}", {"action": "create-key", "key-name": ""}, 422),
    ("/{}", {"action": "revoke-key", "key": "1"}, 404),
    ("/{}/members/{}", {"action": "sell"}, 400),
    ("/{}/members/000000000000", {"action": "suspend", "serial": "X"}, 404),
]


def test_what_the_pages_cannot_do_is_said(dora: Person, shop: str) -> None:
    client: Client = browser_of(dora)

    for path, fields, status in WRONG:
        response = client.post(f"/organisations{path.format(shop, dora.account)}", fields)
        assert response.status_code == status, fields
    assert Membership.objects.count() == 1


def test_a_key_is_made_and_revoked_on_the_page(dora: Person, shop: str) -> None:
    client, path = browser_of(dora), f"/organisations/{shop}"
    client.post(path, {"action": "create-key", "key-name": "Till"})
    page = text(client.get(path))
    assert len(re.findall(r">co_[\w-]{32}<", page)) == 1, "shown once, to whoever asked"

    key = dora.get(f"{path}/keys")[0]["id"]
    client.post(path, {"action": "revoke-key", "key": key})
    assert dora.get(f"{path}/keys") == []


def test_programs_are_let_on_the_page(dora: Person, shop: str) -> None:
    client, path = browser_of(dora), f"/organisations/{shop}"

    for programs in ("on", "off"):
        client.post(path, {"action": "let-programs", "programs": programs})
        assert Membership.objects.get().lets_programs is (programs == "on")


def test_without_a_key_there_is_nothing(shop: str) -> None:
    assert call("GET", f"/organisations/{shop}").refusal == (401, "not_authenticated")
    assert Client().get(f"/organisations/{shop}").status_code == 302
