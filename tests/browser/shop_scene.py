"""A developer who sells all five kinds, and a buyer with purchases in every state."""

from pathlib import Path
from typing import Any

from countersign.demo_billing import buy
from countersign.person import Person
from countersign.stage import fill_wallet
from terminal.downloading import download
from tests.e2e.live import Live
from tests.e2e.party import Party
from tests.e2e.shop import Device

CONTENT = bytes(70_000)
_GOODS = (
    ("app", "Pocket Ledger", "Keeps your household in order, offline, on every device of yours."),
    ("picture", "Morning over the lake", "A photograph of 24 million points, for a wall."),
    ("music", "夜曲 Nocturnes", "Twelve pieces for piano, recorded in one evening."),
    ("theme", "Linden dark", "Quiet colours for long evenings."),
    (
        "video",
        "How bees find home",
        "A film of forty minutes with subtitles in seven languages, and so much to say about it "
        "that two lines of a card cannot hold it all.",
    ),
)
_FOR_GOOD = {"term": "permanent", "amount": 1990, "currency": "EUR"}
_FOR_USES = {"term": "metered", "uses": 10, "amount": 250, "currency": "EUR"}
_FOR_DAYS = {"term": "until", "days": 30, "amount": 125_000, "currency": "EUR"}


def make_shop(site: Live) -> tuple[dict[str, Person], dict[str, str]]:
    """Return the people and the places.

    ``dana`` sells the five kinds, ``bea`` has bought four of them; ``price`` is an offer of the
    ``video``, which she has not; her purchases are called by how they stand.
    """
    dana, bea = site.party("Studio Linden"), site.party("Bea Buyer")
    goods = {kind: sold(dana.person, kind, title, more) for kind, title, more in _GOODS}
    draft = dana.post("/resources", {"kind": "app", "title": "Not yet"})["id"]
    fill_wallet(bea.person, 20_000)
    places = _purchases(site, bea, goods)
    places["draft"], places["price"] = draft, goods["video"]["offers"][0]["id"]
    places.update({kind: resource["id"] for kind, resource in goods.items()})
    return {"dana": dana.person, "bea": bea.person}, places


def sold(developer: Person, kind: str, title: str, summary: str) -> dict[str, Any]:
    """Publish, upload, price and list a resource for one device of each buyer."""
    said = {"kind": kind, "title": title, "summary": summary, "device_limit": 1}
    path = f"/resources/{developer.call('POST', '/resources', said)['id']}"
    developer.upload(f"{path}/versions", f"{kind}.bin", CONTENT, "application/octet-stream")
    for price in (_FOR_USES, _FOR_GOOD, _FOR_DAYS):
        developer.call("POST", f"{path}/offers", price)
    listed: dict[str, Any] = developer.call("POST", f"{path}/list")
    return listed


def _purchases(site: Live, bea: Party, goods: dict[str, dict[str, Any]]) -> dict[str, str]:
    bought = {kind: buy(bea.person, goods[kind])["id"] for kind in ("app", "picture", "theme")}
    used = buy(bea.person, goods["music"])["id"]
    _use(bea, site.folder / "bea", goods["music"]["id"])
    bea.post(f"/purchases/{used}/refund", {"reason": "The third piece has a click in it."})
    bea.post(f"/purchases/{bought['theme']}/refund", {})
    site.change(
        "platform",
        "UPDATE entitlements_entitlement SET state = 'suspended' WHERE purchase_id ="  # noqa: S608
        f" (SELECT id FROM entitlements_purchase WHERE uid = x'{bought['app']}')",
    )
    token = bea.enrol()
    offer = goods["picture"]["offers"][1]["id"]
    asked = {"offer": offer, "way": "token", "token": token.serial}
    return {
        "unlocked": bought["picture"],
        "given_back": bought["theme"],
        "stopped": bought["app"],
        "asked_back": used,
        "pending": bea.post("/purchases", asked)["id"],
    }


def _use(party: Party, folder: Path, resource: str) -> None:
    """Add a device, and use there what was bought."""
    device = Device.add(party, folder)
    path = folder / "file.csres"
    download(device.home.client(), device.home.keys().signing, resource, path)
    device.use(path)
