"""One person with tokens in every state, hardware from stock among them."""

from typing import Any

from tests.e2e.live import Live
from tests.e2e.party import Party

TYPED_SUITE = "OCRA-1:HOTP-SHA256-8:QN10-T1M"
TTL_SECONDS = 600
# Serials of cards that show one code after the other, for the scene and for tests.
CARDS = ("CARD0001", "CARD0002", "CARD0003")
SEED = bytes(range(20))


def fill_stock(site: Live) -> None:
    """Put some cards into the stock of the host, from which holders may take them."""
    file = site.folder / "cards.csv"
    file.write_text("".join(f"{serial},{SEED.hex()},HOTP\n" for serial in CARDS), "ascii")
    site.authserver("import_tokens", str(file), "--platform", "countersign", "--batch", "cards")
    # Before anybody asks for the policy, hence at once: processes keep it for some seconds.
    rules = f"self_assignment=True, offline_steps=True, ttl_seconds={TTL_SECONDS}"
    site.manage(
        "shell",
        "--command",
        f"from enrolment.models import Policy; Policy.objects.create({rules})",
    )


def make_tokens(site: Live, tina: Party) -> dict[str, str]:
    """Have everything happen to tokens; return the ids that stand in paths."""
    old = tina.enrol()
    tina.sign(tina.open(token=old))
    new = tina.enrol(replaces=old.serial).serial
    keypad, card = tina.enrol(TYPED_SUITE).serial, CARDS[0]
    locked = _locked(tina)
    tina.post("/tokens/assign", {"serial": card, "name": "Blue card"})
    tried = tina.post(f"/tokens/{new}/test", {})
    tested = tina.sign(tried)["receipt_id"]
    first, second = tina.post(f"/tokens/{keypad}/resynchronisations", {})
    return {
        "replaced": old.serial,
        "replacing": new,
        "keypad": keypad,
        "locked_token": locked,
        "card": card,
        "card_step": tina.post(f"/tokens/{card}/activate", {})["id"],
        "typed_step": _asked(tina, keypad)["id"],
        "tried": tried["id"],
        "tested": tested,
        "unlocking": tina.post(f"/tokens/{locked}/unlock", {"by": new})["id"],
        "first": first["id"],
        "second": second["id"],
    }


def _locked(party: Party) -> str:
    token = party.enrol()
    step = party.open(token=token)
    wrong = party.wrong_codes(step)
    while party.answer(step, next(wrong)).body.get("tries_left"):
        pass
    return token.serial


def _asked(party: Party, serial: str) -> dict[str, Any]:
    body = {
        "demand": {"kind": "approval", "text": "Within budget 2026"},
        "remark": "同意",
        "token": serial,
        "ttl": TTL_SECONDS,
    }
    step: dict[str, Any] = party.post("/transactions", body)
    return step
