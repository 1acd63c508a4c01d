"""Tokens to GM/T 0021 go the whole way: enrolled, activated, and a transaction signed."""

import pytest

from tests.e2e.live import LOOPBACK, Live

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.mark.parametrize("suite", ["GMT0021:SM3-8:T60-Q64", "GMT0021:SM4-8:T60-Q8"])
def test_a_token_to_gmt_0021_signs_a_step(on_sqlite: Live, suite: str) -> None:
    meilin = on_sqlite.party("Meilin Guo")
    step = meilin.open(token=meilin.enrol(suite))
    assert (step["question"] or "").isdigit() is ("SM4" in suite)
    signed = meilin.sign(step)
    report = meilin.post("/receipts/verify", {"receipt": signed["receipt"]})
    assert report["is_valid"] is True
