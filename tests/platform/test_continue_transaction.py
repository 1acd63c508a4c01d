"""POST /transactions/{tx}/steps: what may be continued, by whom, and what a receipt must be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine

from accounts.models import Holder
from common.sealing import sealer
from protocol import cose, qrtext
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.qrtext import Link
from protocol.statement import Kind, Platform
from signing.models import PlatformKey
from tests.platform.world import (
    APPROVAL,
    PAYMENT,
    Person,
    everything_stored,
    long_part,
    now,
    read_receipt,
    receipt_bytes,
    statements,
    step_row,
    to_base64,
)
from transactions import services
from transactions.errors import ReceiptNotOursError
from transactions.models import Step

ORIGIN = "http://localhost:8000"


def receipt_key() -> SigningKey:
    """The platform's own receipt key: what a thief of it could sign."""
    row = PlatformKey.objects.get(purpose="receipt")
    return SigningKey.from_bytes(sealer().open(bytes(row.sealed_private), bytes(row.kid)))


def as_text(message: bytes, origin: str = ORIGIN) -> str:
    return qrtext.encode(origin, Link.RECEIPT, message)


# The chain itself.


def test_the_second_statement_includes_the_first_by_its_link(anna: Person, ben: Person) -> None:
    first = anna.sign(anna.open(remark="please"))

    second = ben.sign(ben.follow(first, remark="gladly"))

    earlier, later = statements(second)
    assert earlier.party.account == anna.account
    assert earlier.party.remark == "please"
    assert later.party.account == ben.account
    assert later.party.remark == "gladly"
    assert later.prev is not None
    assert later.pos == 1


def test_the_second_token_shows_what_the_first_party_signed(anna: Person, ben: Person) -> None:
    first = anna.sign(anna.open(remark="please"))

    shown = ben.look(ben.follow(first))

    assert [statement.party.remark for statement in shown.earlier] == ["please"]
    assert any("please" in line for line in shown.lines)


def test_a_chain_of_seven_is_continued_from_its_folded_receipt(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    for person in (ben, anna, ben, anna, ben, anna):
        receipt = person.sign(person.follow(receipt))

    assert read_receipt(receipt).length == 7
    assert read_receipt(receipt).folded > 0


def test_a_receipt_may_be_given_as_bytes(anna: Person, ben: Person) -> None:
    message = receipt_bytes(first := anna.sign(anna.open()))

    answer = ben.try_follow(first, shown=to_base64(message))

    assert answer.status == 201


def test_a_statement_that_does_not_fit_beside_the_first_is_refused_with_the_excess(
    anna: Person, ben: Person
) -> None:
    first = anna.sign(anna.open(**long_part(1)))

    answer = ben.try_follow(first, **long_part(2))

    assert answer.refusal == (422, "statement_too_large")
    assert "bytes too long" in answer.body["detail"]


def test_a_short_reply_always_fits_behind_the_longest_first_statement(
    anna: Person, ben: Person
) -> None:
    first = anna.sign(anna.open(**long_part(1)))

    assert ben.follow(first, remark="I agree")["position"] == 1


# What is no base for a step.


@pytest.mark.parametrize(
    "receipt",
    [
        "",
        "   ",
        "hello",
        "http",
        "http://localhost:8000/r#",
        "http://localhost:8000/r#12",
        "http://localhost:8000/r#" + "9" * 17,
        "http://localhost:8000/r#" + "0" * 11_000,
        "http://localhost:8000/t#000000",
        "https://evil.example/r?x=1#000",
        "\x00",
        "付款",
        "A" * 12_000,
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_no_receipt_is_refused(anna: Person, receipt: str) -> None:
    before = everything_stored()

    answer = anna.call("POST", f"/transactions/{'0' * 16}/steps", anna.part(receipt=receipt))

    assert answer.refusal == (422, "receipt_not_ours")
    assert everything_stored() == before


@pytest.mark.parametrize("text", ["AAA=", "AAB", "AA A", "AAA+"])
def test_base64url_of_a_receipt_has_one_spelling(text: str) -> None:
    with pytest.raises(ReceiptNotOursError):
        services.receipt_bytes(text)
    assert services.receipt_bytes(" AAA\n") == bytes(2)


def test_a_challenge_is_no_receipt(anna: Person) -> None:
    step = anna.open()

    answer = anna.call(
        "POST",
        f"/transactions/{step['transaction']}/steps",
        anna.part(receipt=step["challenge"]),
    )

    assert answer.refusal == (422, "receipt_not_ours")


def test_a_receipt_cut_short_is_refused(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())

    answer = ben.try_follow(receipt, shown=receipt[:-17])

    assert answer.refusal == (422, "receipt_not_ours")


def test_a_receipt_of_another_platform_is_refused(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    other = replace(read_receipt(receipt), platform=Platform("other", "Other", ORIGIN))

    answer = ben.try_follow(receipt, shown=as_text(other.sign(receipt_key())))

    assert answer.refusal == (422, "receipt_not_ours")


def test_a_receipt_signed_by_another_key_is_refused(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    forged = read_receipt(receipt).sign(SigningKey.generate())

    assert ben.try_follow(receipt, shown=as_text(forged)).refusal == (
        422,
        "receipt_signature_invalid",
    )


def test_a_receipt_with_one_changed_bit_in_its_signature_is_refused(
    anna: Person, ben: Person
) -> None:
    receipt = anna.sign(anna.open())
    message = receipt_bytes(receipt)
    changed = message[:-1] + bytes([message[-1] ^ 1])

    assert ben.try_follow(receipt, shown=as_text(changed)).refusal == (
        422,
        "receipt_signature_invalid",
    )


def test_a_receipt_whose_content_was_changed_is_refused(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open(remark="ten chairs"))
    message = receipt_bytes(receipt).replace(b"ten chairs", b"ten thairs")

    assert ben.try_follow(receipt, shown=as_text(message)).refusal == (
        422,
        "receipt_signature_invalid",
    )


def test_a_receipt_that_we_signed_but_do_not_hold_is_refused(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    content = read_receipt(receipt)
    (step,) = content.steps
    other = replace(content, steps=(replace(step, nonce=bytes(12)),)).sign(receipt_key())

    assert ben.try_follow(receipt, shown=as_text(other)).refusal == (
        422,
        "previous_content_changed",
    )


def test_a_receipt_of_another_transaction_breaks_the_chain(anna: Person, ben: Person) -> None:
    receipt, other = anna.sign(anna.open()), anna.sign(anna.open())

    answer = ben.try_follow(receipt, shown=other)

    assert answer.refusal == (422, "chain_broken")


def test_a_refusal_is_never_continued(anna: Person, ben: Person) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/decline", {"reason": "too dear"})
    refusal = as_text(bytes(step_row(step).receipt or b""))

    assert ben.try_follow(refusal).refusal == (409, "previous_step_unsigned")


def test_a_refusal_that_we_do_not_hold_is_never_continued(anna: Person, ben: Person) -> None:
    step = anna.open()
    anna.post(f"/steps/{step['id']}/cancel")
    refusal = read_receipt(as_text(bytes(step_row(step).receipt or b"")))
    (content,) = refusal.steps
    forged = replace(refusal, steps=(replace(content, nonce=bytes(12)),)).sign(receipt_key())

    assert ben.try_follow(as_text(forged)).refusal == (409, "previous_step_unsigned")


def test_an_activation_is_never_continued(anna: Person, ben: Person) -> None:
    step = step_row({"id": statement_of_activation(anna)})
    receipt = as_text(bytes(step.receipt or b""))

    assert step.kind == Kind.ACTIVATION
    assert ben.try_follow(receipt).refusal == (409, "not_to_be_continued")


def statement_of_activation(person: Person) -> str:
    return bytes(Step.objects.get(holder=person.holder).s).hex()


def test_a_signed_statement_of_another_kind_is_no_receipt(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    message = cose.sign(receipt_key(), Typ.STATEMENT, read_receipt(receipt).payload())

    assert ben.try_follow(receipt, shown=as_text(message)).refusal == (422, "receipt_not_ours")


def test_a_step_that_is_dated_in_the_future_breaks_the_chain(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())

    with time_machine.travel(now() - timedelta(seconds=90), tick=False):
        answer = ben.try_follow(receipt)

    assert answer.refusal == (422, "chain_broken")


# Who may continue.


def test_a_head_that_was_continued_has_moved(anna: Person, ben: Person, cora: Person) -> None:
    receipt = anna.sign(anna.open())
    ben.sign(ben.follow(receipt))

    assert cora.try_follow(receipt).refusal == (409, "chain_head_moved")


def test_a_head_that_somebody_is_answering_has_moved(
    anna: Person, ben: Person, cora: Person
) -> None:
    receipt = anna.sign(anna.open())
    ben.follow(receipt)

    assert cora.try_follow(receipt).refusal == (409, "chain_head_moved")


def test_nobody_signs_twice_in_a_row(anna: Person) -> None:
    receipt = anna.sign(anna.open())

    answer = anna.try_follow(receipt)

    assert answer.refusal == (403, "not_your_turn")
    assert "You signed the step before" in answer.body["detail"]


def test_the_creator_may_allow_to_sign_twice_in_a_row(anna: Person) -> None:
    receipt = anna.sign(anna.open(may_repeat_holder=True))

    assert anna.follow(receipt)["position"] == 1


def test_only_the_invited_holder_continues(anna: Person, ben: Person, cora: Person) -> None:
    receipt = anna.sign(anna.open(next={"account": ben.account}))

    assert cora.try_follow(receipt).refusal == (403, "not_your_turn")
    assert ben.follow(receipt)["position"] == 1


@pytest.mark.parametrize("spell", [str, str.upper], ids=["as signed up", "in capitals"])
def test_only_the_invited_address_continues(
    anna: Person, ben: Person, cora: Person, spell: Callable[[str], str]
) -> None:
    receipt = anna.sign(anna.open(next={"email": spell(ben.email)}))

    assert cora.try_follow(receipt).refusal == (403, "not_your_turn")
    assert ben.follow(receipt)["position"] == 1


def test_an_account_and_an_address_cannot_both_be_invited(anna: Person, ben: Person) -> None:
    answer = anna.try_open(next={"account": ben.account, "email": "cora@example.com"})

    assert answer.refusal == (422, "input_invalid")


def test_a_closed_circle_takes_only_whom_a_signer_invites(
    anna: Person, ben: Person, cora: Person
) -> None:
    receipt = anna.sign(anna.open(is_open_to_anyone=False))

    assert ben.try_follow(receipt).refusal == (403, "not_your_turn")


def test_the_owner_of_a_closed_circle_may_always_add_a_step(anna: Person, ben: Person) -> None:
    first = anna.sign(anna.open(is_open_to_anyone=False, next={"account": ben.account}))
    second = ben.sign(ben.follow(first))

    assert anna.follow(second)["position"] == 2


def test_a_closed_transaction_is_not_continued(anna: Person, ben: Person) -> None:
    receipt = anna.sign(anna.open())
    anna.post(f"/transactions/{read_receipt(receipt).tx.hex()}/close")

    assert ben.try_follow(receipt).refusal == (409, "transaction_closed")


def test_a_third_try_after_two_unsigned_steps_is_refused(
    anna: Person, ben: Person, cora: Person
) -> None:
    receipt = anna.sign(anna.open())
    for _ in range(2):
        ben.post(f"/steps/{ben.follow(receipt)['id']}/cancel")

    assert ben.try_follow(receipt).refusal == (403, "not_your_turn")
    assert cora.follow(receipt)["position"] == 1


def test_the_name_of_a_party_is_what_it_was_when_it_was_asked(anna: Person, ben: Person) -> None:
    anna.post("/me", {"name": "Anna of Old"})
    receipt = anna.sign(anna.open(PAYMENT))
    Holder.objects.update(name="Anna the New")

    (earlier, _) = statements(ben.sign(ben.follow(receipt, APPROVAL)))

    assert earlier.party.name == "Anna of Old"
