"""The simulated token: it answers what it was shown, and refuses everything else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cose, qrtext
from protocol.bundle import Bundle
from protocol.cose import Typ
from protocol.digests import link_digest
from protocol.ed25519 import SigningKey
from protocol.ended import EndedKey
from protocol.enrolment import post_tag
from protocol.errors import ProtocolError
from protocol.keys import KeyCertificate, Purpose
from protocol.qrtext import Link
from protocol.statement import Demand, Kind, Sight
from tests.tokens.world import (
    COUNTER_SUITE,
    NOW,
    SECONDS,
    TODAY,
    FakeHost,
    FakePlatform,
    V,
    certificate,
)
from tokens import responses
from tokens.display import Profile
from tokens.errors import RefusedError, TokenError
from tokens.question import question_for
from tokens.simulator import SimulatedToken, addressee

PLATFORM = FakePlatform()
HOST = FakeHost(PLATFORM)
TOKEN = HOST.enrol()


def refusal(code: str | bytes, token: SimulatedToken = TOKEN, **later: int) -> str:
    with pytest.raises((TokenError, ProtocolError)) as refused:
        token.read(code, NOW + timedelta(**later))
    assert isinstance(refused.value, TokenError | ProtocolError)
    return refused.value.code


def challenge(**changes: Any) -> str:
    return PLATFORM.challenge(PLATFORM.statement(TOKEN, **changes))


def test_a_statement_for_this_token_is_shown() -> None:
    statement = PLATFORM.statement(TOKEN)
    shown = TOKEN.read(PLATFORM.challenge(statement), NOW)
    assert shown.statement == statement
    assert (shown.earlier, shown.hidden) == ((), 0)
    assert shown.lines[0] == "Payment"


def test_the_bytes_of_a_bundle_are_read_like_its_text() -> None:
    text = challenge()
    _, content = qrtext.decode(text, Link.BUNDLE)
    assert TOKEN.read(content, NOW) == TOKEN.read(text, NOW)


def test_earlier_steps_are_shown_and_folded_ones_counted() -> None:
    steps = PLATFORM.chain(TOKEN, 4)
    anchor = link_digest(steps[0].digest, V)
    shown = TOKEN.read(PLATFORM.challenge(steps[3], steps[1:3], anchor), NOW)
    assert shown.earlier == (steps[1], steps[2])
    assert shown.hidden == 1


def test_an_earlier_step_that_does_not_fit_the_display_counts_as_hidden() -> None:
    steps = PLATFORM.chain(TOKEN, 2)
    small = replace(TOKEN, profile=Profile(columns=40, rows=12))
    shown = small.read(PLATFORM.challenge(steps[1], steps[:1]), NOW)
    assert (shown.earlier, shown.hidden) == ((), 1)


def test_a_statement_too_large_for_the_display_is_refused() -> None:
    small = replace(TOKEN, profile=Profile(columns=16, rows=4))
    assert refusal(challenge(), small) == "statement_too_large_for_token"


def test_a_code_of_another_platform_is_refused() -> None:
    other = FakePlatform("https://other.example")
    assert refusal(other.challenge(other.statement(TOKEN))) == "wrong_platform"


def test_a_statement_that_names_another_origin_than_its_link_is_refused() -> None:
    info = replace(PLATFORM.info, origin="https://other.example")
    assert refusal(challenge(platform=info)) == "wrong_platform"


def test_a_statement_that_names_another_platform_id_is_refused() -> None:
    assert refusal(challenge(platform=replace(PLATFORM.info, id="other"))) == "wrong_platform"


def test_a_statement_signed_with_an_unknown_key_is_refused() -> None:
    text = PLATFORM.challenge(PLATFORM.statement(TOKEN), key=SigningKey.generate())
    assert refusal(text) == "statement_key_unknown"


def test_a_key_certified_for_another_purpose_signs_no_statement() -> None:
    other = certificate(PLATFORM.statement_key, PLATFORM.root, Purpose.RECEIPT, PLATFORM.info.id)
    assert refusal(challenge(), replace(TOKEN, certificates=(other,))) == "statement_key_unknown"


def test_a_key_certified_for_another_platform_signs_no_statement() -> None:
    other = certificate(PLATFORM.statement_key, PLATFORM.root, Purpose.STATEMENT, "other")
    assert refusal(challenge(), replace(TOKEN, certificates=(other,))) == "statement_key_unknown"


def test_a_certificate_of_another_root_is_refused() -> None:
    other = certificate(
        PLATFORM.statement_key, SigningKey.generate(), Purpose.STATEMENT, PLATFORM.info.id
    )
    assert refusal(challenge(), replace(TOKEN, certificates=(other,))) == "signature_invalid"


def test_a_key_out_of_its_days_signs_no_statement() -> None:
    old = KeyCertificate(
        PLATFORM.statement_key.public, Purpose.STATEMENT, PLATFORM.info.id, TODAY - 9, TODAY - 1
    ).sign(PLATFORM.root)
    assert refusal(challenge(), replace(TOKEN, certificates=(old,))) == "statement_key_expired"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"serial": "T-0002"}, "token_not_addressed"),
        ({"vk": bytes(8)}, "token_not_addressed"),
        ({"sight": Sight.TYPED}, "sight_wrong"),
    ],
)
def test_a_statement_for_another_token_is_refused(change: dict[str, Any], code: str) -> None:
    assert refusal(challenge(**change)) == code


def test_a_statement_of_unknown_kind_is_refused() -> None:
    statement = PLATFORM.statement(TOKEN, demand=Demand(kind=Kind.OTHER))
    payload = statement.payload().replace(b"\xa1\x01\x05", b"\xa1\x01\x18\x63", 1)
    message = cose.sign(PLATFORM.statement_key, Typ.STATEMENT, payload)
    assert refusal(Bundle(message, None).encode()) == "value_out_of_range"


def test_a_signed_message_of_another_type_is_refused() -> None:
    payload = PLATFORM.statement(TOKEN).payload()
    message = cose.sign(PLATFORM.statement_key, Typ.VERDICT, payload)
    assert refusal(Bundle(message, None).encode()) == "typ_wrong"


def test_an_expired_statement_is_refused_once_the_clocks_leeway_is_over() -> None:
    text = challenge(ttl=180)
    TOKEN.read(text, NOW + timedelta(seconds=240))
    assert refusal(text, seconds=241) == "challenge_expired"


def test_a_statement_from_the_future_is_refused() -> None:
    TOKEN.read(challenge(issued=SECONDS + 60), NOW)
    assert refusal(challenge(issued=SECONDS + 61)) == "clock_wrong"


def test_altered_earlier_content_is_refused() -> None:
    first, second = PLATFORM.chain(TOKEN, 2)
    changed = replace(first, party=replace(first.party, remark="altered"))
    assert refusal(PLATFORM.challenge(second, [changed])) == "previous_content_changed"


def test_an_earlier_step_dated_after_the_statement_is_refused() -> None:
    late = PLATFORM.statement(TOKEN, issued=SECONDS + 121)
    second = PLATFORM.statement(TOKEN, pos=1, prev=link_digest(late.digest, V))
    assert refusal(PLATFORM.challenge(second, [late])) == "chain_broken"


@pytest.mark.parametrize("kind", [Kind.TEST, Kind.ACTIVATION, Kind.LOGIN])
def test_what_is_no_business_never_stands_in_a_chain(kind: Kind) -> None:
    first, second = PLATFORM.chain(TOKEN, 2)
    test = replace(second, demand=Demand(kind=kind))
    assert refusal(PLATFORM.challenge(test, [first])) == "chain_broken"
    base = replace(first, demand=Demand(kind=kind))
    after = replace(second, prev=link_digest(base.digest, V))
    assert refusal(PLATFORM.challenge(after, [base])) == "chain_broken"


def test_an_activation_stands_alone() -> None:
    shown = TOKEN.read(challenge(demand=Demand(kind=Kind.ACTIVATION)), NOW)
    assert shown.lines[0].startswith("ACTIVATION")


@pytest.mark.parametrize("link", [Link.RECEIPT, Link.ENROLMENT])
def test_another_kind_of_code_is_refused(link: Link) -> None:
    assert refusal(qrtext.encode(PLATFORM.info.origin, link, b"\x01")) == "not_ours"


def test_any_changed_byte_of_a_bundle_is_refused() -> None:
    first, second = PLATFORM.chain(TOKEN, 2)
    _, content = qrtext.decode(PLATFORM.challenge(second, [first]), Link.BUNDLE)
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert refusal(changed)


@given(code=st.text() | st.binary() | st.text("0123456789").map("https://p.example/t#".__add__))
def test_nothing_but_a_refusal_comes_of_anything_else(code: str | bytes) -> None:
    assert refusal(code)


def test_the_response_is_ocra_over_the_digest_at_the_present_time_step() -> None:
    shown = TOKEN.read(challenge(), NOW)
    later = NOW + timedelta(seconds=61)
    assert TOKEN.respond(shown, later) == responses.compute(
        TOKEN.suite,
        TOKEN.seed,
        question=shown.statement.digest.hex(),
        time_step=SECONDS // 60 + 1,
    )


def test_a_typed_suite_answers_its_digits() -> None:
    typed = FakeHost(PLATFORM)
    token = replace(TOKEN, suite=type(TOKEN.suite).parse("OCRA-1:HOTP-SHA256-8:QN10"))
    statement = typed.platform.statement(token)
    shown = token.read(PLATFORM.challenge(statement), NOW)
    question = question_for(token.suite, statement.digest)
    assert question is not None
    assert len(question) == 10
    assert token.respond(shown, NOW) == responses.compute(
        token.suite, token.seed, question=question
    )


def test_a_counter_suite_uses_each_counter_once() -> None:
    token = FakeHost(PLATFORM).enrol(COUNTER_SUITE)
    shown = token.read(PLATFORM.challenge(PLATFORM.statement(token)), NOW)
    question = shown.statement.digest.hex()
    expected = [
        responses.compute(token.suite, token.seed, question=question, counter=counter)
        for counter in (0, 1)
    ]
    assert [token.respond(shown, NOW), token.advanced().respond(shown, NOW)] == expected


def test_a_suite_without_a_counter_has_none_to_advance() -> None:
    assert TOKEN.advanced() is TOKEN


def test_a_holder_who_takes_too_long_gets_no_response() -> None:
    shown = TOKEN.read(challenge(), NOW)
    with pytest.raises(RefusedError, match="expired"):
        TOKEN.respond(shown, NOW + timedelta(seconds=241))


def test_what_another_token_showed_is_not_answered() -> None:
    shown = TOKEN.read(challenge(), NOW)
    with pytest.raises(RefusedError, match="another token"):
        replace(TOKEN, serial="T-0002").respond(shown, NOW)


def test_tags_cover_the_statement_and_the_answer() -> None:
    shown = TOKEN.read(challenge(), NOW)
    s = shown.statement.digest
    assert TOKEN.response_tag(shown, "12345678") == post_tag(TOKEN.post_key, s, "12345678")
    assert TOKEN.decline_tag(shown, "no") == post_tag(TOKEN.post_key, s, "declineno")


def test_new_statement_keys_come_with_a_directory_of_the_pinned_root() -> None:
    renewed = FakePlatform()
    renewed.root = PLATFORM.root
    text = renewed.challenge(renewed.statement(TOKEN))
    assert refusal(text) == "statement_key_unknown"
    updated = TOKEN.with_keys(renewed.directory())
    updated.read(text, NOW)
    assert updated.certificates == (renewed.statement_certificate,)


def key_code(message: bytes, origin: str = PLATFORM.info.origin, link: Link = Link.KEY) -> str:
    return qrtext.encode(origin, link, message)


def test_a_new_statement_key_comes_with_a_code_of_the_pinned_root() -> None:
    renewed = FakePlatform()
    renewed.root = PLATFORM.root
    updated = TOKEN.with_key(key_code(renewed.statement_certificate))
    updated.read(renewed.challenge(renewed.statement(TOKEN)), NOW)
    updated.read(PLATFORM.challenge(PLATFORM.statement(TOKEN)), NOW)
    again = updated.with_key(key_code(renewed.statement_certificate))
    assert again.certificates == updated.certificates


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        (key_code(FakePlatform().statement_certificate), "signature_invalid"),
        (key_code(PLATFORM.statement_certificate, "https://other.example"), "wrong_platform"),
        (key_code(PLATFORM.statement_certificate, link=Link.BUNDLE), "not_ours"),
        (key_code(PLATFORM.directory()), "typ_wrong"),
        *(
            (key_code(certificate(PLATFORM.statement_key, PLATFORM.root, *what)), "wrong_platform")
            for what in (
                (Purpose.RECEIPT, PLATFORM.info.id),
                (Purpose.STATEMENT, "other"),
            )
        ),
    ],
)
def test_a_key_s_code_that_is_not_of_the_token_s_platform_is_refused(
    code: str, refused: str
) -> None:
    with pytest.raises((ProtocolError, RefusedError)) as raised:
        TOKEN.with_key(code)
    assert getattr(raised.value, "code", "") == refused


def test_a_key_that_has_ended_does_not_come_back_with_a_code() -> None:
    for end in ((SECONDS, None), (None, SECONDS)):
        ended = (EndedKey(PLATFORM.statement_key.kid, *end),)
        updated = TOKEN.with_keys(PLATFORM.directory(ended=ended))
        with pytest.raises(RefusedError, match="given this key up"):
            updated.with_key(key_code(PLATFORM.statement_certificate))


def test_a_directory_of_another_root_is_refused() -> None:
    with pytest.raises(ProtocolError, match="root"):
        TOKEN.with_keys(FakePlatform().directory())


def test_a_directory_of_another_platform_under_the_same_root_is_refused() -> None:
    with pytest.raises(RefusedError, match="another platform"):
        TOKEN.with_keys(PLATFORM.directory(id="other"))


def test_a_directory_older_than_the_one_held_is_refused() -> None:
    updated = TOKEN.with_keys(PLATFORM.directory())
    assert updated.with_keys(PLATFORM.directory()) == updated
    with pytest.raises(RefusedError, match="newer"):
        updated.with_keys(PLATFORM.directory(issued=SECONDS - 1))


def test_a_statement_key_that_got_out_is_forgotten_and_stays_so() -> None:
    ended = (EndedKey(PLATFORM.statement_key.kid, None, SECONDS),)
    updated = TOKEN.with_keys(PLATFORM.directory(ended=ended))
    assert updated.certificates == ()
    with pytest.raises(RefusedError, match="does not know"):
        updated.read(challenge(), NOW)
    with pytest.raises(ProtocolError, match="takes back"):
        updated.with_keys(PLATFORM.directory(issued=SECONDS + 1))


def test_a_retired_statement_key_is_forgotten_once_its_time_has_come() -> None:
    for at, kept in ((SECONDS, 0), (SECONDS + 1, 1)):
        ended = (EndedKey(PLATFORM.statement_key.kid, at, None),)
        assert len(TOKEN.with_keys(PLATFORM.directory(ended=ended)).certificates) == kept


def test_the_addressee_of_a_challenge_is_read_without_proof() -> None:
    assert addressee(challenge()) == (TOKEN.serial, TOKEN.vk)


def test_repr_shows_no_secret() -> None:
    assert repr(TOKEN) == "SimulatedToken(T-0001)"
