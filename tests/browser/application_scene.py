"""An application, somebody who is charged in it, a terminal that lies, and rules."""

from dataclasses import replace

from countersign.person import Person
from countersign.stage import fill_wallet
from tests.e2e.applications import CASTLE, POTION, SWORD, Application, Buyer
from tests.e2e.live import Live
from tests.e2e.party import Party

_COMPLAINTS = (
    "I bought one potion, and two came. 我只买了一瓶。",
    "The potion did nothing at all.",
)


def make_application(site: Live, operator: Person) -> tuple[dict[str, Person], dict[str, str]]:
    """Return the people and the places.

    ``gina`` sells the ``application``; ``rosa`` is charged in it: one ``charge`` is done, with
    the text of its ``charge_receipt``, one waits, as ``charge_waiting``, one is disputed, as
    ``charge_disputed``, and of one the dispute was answered, as ``charge_answered``.  Her
    ``terminal`` is honest, and ``liar`` is held to High.
    """
    gina, rosa = site.party("Gina Games"), site.party("Rosa Player")
    fill_wallet(rosa.person, 20_000)
    application = Application.build(site, gina, site.folder / "dungeon", "Dungeon")
    honest, liar = Buyer.of(application, rosa), Buyer.of(application, rosa)
    charge = honest.post(honest.request(POTION))
    assert honest.pay(charge).status == 200
    assert liar.outcome(liar.request(key=False)) == "integrity_refused"
    assert liar.outcome(replace(liar.request(), evidence=bytes(16))) == "integrity_refused"
    disputed, answered = (_disputed(rosa, honest, words) for words in _COMPLAINTS)
    refusal = {"answer": "reject", "words": "Our log shows that the potion was drunk at 20:14."}
    gina.post(f"/charges/{answered}/dispute/answer", refusal)
    waiting = honest.post(honest.request(SWORD))
    places = {
        "application": application.id,
        "charge": charge["request"],
        "charge_waiting": waiting["request"],
        "charge_disputed": disputed,
        "charge_answered": answered,
        "charge_receipt": rosa.download(f"/charges/{charge['request']}/receipt.txt").decode(),
        "terminal": honest.handset.home.pins().device,
        "liar": liar.handset.home.pins().device,
    }
    _make_rules(operator, places, number=honest.handset.number)
    return {"gina": gina.person, "rosa": rosa.person}, places


def _disputed(payer: Party, buyer: Buyer, words: str) -> str:
    """Be charged, and say that it is not right; return the charge's id."""
    charge = buyer.post(buyer.request(POTION))
    assert buyer.pay(charge).status == 200
    payer.post(f"/charges/{charge['request']}/dispute", {"words": words})
    return str(charge["request"])


def _make_rules(operator: Person, places: dict[str, str], *, number: str) -> None:
    """Make some that hold, and one that waits for a second operator."""
    package, terminal = places["application"], places["terminal"]
    for rule in (
        {"kind": "strategy", "value": "passkey", "package": package, "item": CASTLE},
        {"kind": "strategy", "value": "token", "package": package, "amount_from": 5_000},
        {"kind": "level", "value": "high", "number": number},
        {"kind": "level", "value": "high", "package": package},
        {"kind": "level", "value": "low", "terminal": terminal, "package": package},
    ):
        operator.call("POST", "/billing/rules", rule)
