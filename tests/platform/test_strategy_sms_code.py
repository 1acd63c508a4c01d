"""A charge that is confirmed by a code, sent to the number that is bound to the terminal."""

import re
from datetime import timedelta

import pytest

from billing.packages.models import Prompt
from billing.packages.services.strategies import sms_code
from binding.models import Binding
from tests.platform.applications import Application, Biller
from tests.platform.phones import code_to, sms_to
from tests.platform.proving import Waiting, assert_charged, is_uncharged, want
from tests.platform.shopping import PASSPHRASE, buyer
from tests.platform.world import everything_as_bytes, now, other

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def waiting() -> Waiting:
    """Dora's sword, which waits for the code."""
    return Waiting.on(Application.make(), Biller.bound(buyer()), "sms_code")


def number(waiting: Waiting) -> str:
    assert waiting.biller.phone is not None
    return waiting.biller.phone.sim.number


def later(seconds: int) -> None:
    """Let the newest code be that much older."""
    for prompt in Prompt.objects.all():
        prompt.expires_at -= timedelta(seconds=seconds)
        prompt.save()


def test_the_code_charges(waiting: Waiting) -> None:
    assert_charged(waiting, waiting.post("sms-code", {"code": code_to(number(waiting))}))


def test_the_code_is_readable_in_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    # Letters: any six digits are in a table now and then, as part of a time.
    code = "not-in-a-table"
    monkeypatch.setattr(sms_code, "_new_code", lambda: code)
    waiting = Waiting.on(Application.make(), Biller.bound(buyer()), "sms_code")
    assert code in sms_to(number(waiting))
    assert code.encode() not in everything_as_bytes()
    assert_charged(waiting, waiting.post("sms-code", {"code": code}))


def test_the_sms_says_how_much_for_what_and_to_whom(waiting: Waiting) -> None:
    told = r"[0-9]{6} confirms that you pay 2\.50 EUR to Games for Golden sword\."
    assert re.match(told, sms_to(number(waiting)))


def test_five_wrong_codes_end_it_and_the_right_one_comes_too_late(waiting: Waiting) -> None:
    code = code_to(number(waiting))
    for left in (4, 3, 2, 1, 0):
        answer = waiting.post("sms-code", {"code": other(code)})
        assert answer.refusal == (403, "sms_code_wrong")
        assert answer.body["tries_left"] == left
    assert waiting.post("sms-code", {"code": code}).refusal == (410, "sms_code_expired")
    # Nor does another code bring new tries.
    later(120)
    assert waiting.post("sms-code/resend").refusal == (410, "sms_code_expired")
    assert is_uncharged(waiting.biller.person)


def test_after_five_minutes_a_code_is_over_and_the_next_one_is_good(waiting: Waiting) -> None:
    code = code_to(number(waiting))
    later(301)
    assert waiting.post("sms-code", {"code": code}).refusal == (410, "sms_code_expired")
    assert waiting.post("sms-code/resend").status == 200
    assert waiting.post("sms-code", {"code": code}).refusal == (403, "sms_code_wrong")
    assert_charged(waiting, waiting.post("sms-code", {"code": code_to(number(waiting))}))


def test_a_code_is_sent_again_three_times_a_minute_apart(waiting: Waiting) -> None:
    answer = waiting.post("sms-code/resend")
    assert answer.refusal == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "60"
    for _ in range(3):
        later(60)
        assert waiting.post("sms-code/resend").status == 200
    later(60)
    assert waiting.post("sms-code/resend").refusal == (410, "sms_code_expired")


def test_a_code_is_good_for_its_own_request(waiting: Waiting) -> None:
    answer = waiting.biller.bill(waiting.application)
    second = Waiting(waiting.application, waiting.biller, answer.body["request"])
    code = code_to(number(waiting))
    assert waiting.post("sms-code", {"code": code}).refusal == (403, "sms_code_wrong")
    assert second.post("sms-code", {"code": code}).body["state"] == "captured"


def test_without_a_bound_number_something_stricter_is_asked() -> None:
    application, biller = Application.make(), Biller.of(buyer())
    want("sms_code", application.package)
    answer = biller.bill(application)
    assert answer.body["strategy"] == "payment_password"
    waiting = Waiting(application, biller, answer.body["request"])
    assert waiting.post("strategy", {"strategy": "sms_code"}).refusal == (
        409,
        "strategy_unavailable",
    )


def test_a_phone_that_is_stopped_meanwhile_confirms_nothing(waiting: Waiting) -> None:
    code = code_to(number(waiting))
    Binding.objects.update(state="suspended", reason="reported")
    assert waiting.post("sms-code", {"code": code}).refusal == (403, "sender_mismatch")
    assert is_uncharged(waiting.biller.person)


def test_a_sim_that_was_swapped_meanwhile_confirms_nothing(
    waiting: Waiting, settings: object, tmp_path: object
) -> None:
    from pathlib import Path

    swapped = Path(str(tmp_path)) / "swapped"
    swapped.write_text(number(waiting))
    settings.CARRIER_URL = f"file://{swapped}"  # type: ignore[attr-defined]
    code = code_to(number(waiting))
    assert waiting.post("sms-code", {"code": code}).refusal == (403, "sim_recently_swapped")
    assert is_uncharged(waiting.biller.person)


def test_a_sim_that_replaced_another_of_late_gets_no_code(waiting: Waiting) -> None:
    bound = Binding.objects.get(state="bound")
    bound.replaces, bound.bound_at = bound, now() - timedelta(hours=23)
    bound.save()
    answer = waiting.biller.bill(waiting.application)
    assert answer.body["strategy"] == "payment_password"
    bound.bound_at = now() - timedelta(hours=25)
    bound.save()
    assert waiting.biller.bill(waiting.application).body["strategy"] == "sms_code"


def test_a_code_does_not_stand_in_for_a_password(waiting: Waiting) -> None:
    assert waiting.post("payment-password", {"payment_password": PASSPHRASE}).refusal == (
        409,
        "strategy_unavailable",
    )
