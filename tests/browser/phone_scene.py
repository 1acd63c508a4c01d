"""One person with three phones: bound, stopped, and one that is to take the first one's place."""

from countersign.person import Person
from tests.e2e.live import Live
from tests.e2e.phones import Handset


def make_phones(site: Live) -> tuple[dict[str, Person], dict[str, str]]:
    """Return the people and Paula's phones: ``bound_phone``, ``stolen_phone``, ``new_phone``."""
    paula = site.party("Paula Phone")
    stolen = _id(Handset.bound(site, paula))
    paula.post(f"/bindings/{stolen}/suspend", {})
    bound, new = Handset.bound(site, paula), Handset.of(site, paula)
    bound.put_sim_into(new)
    assert new.send_sms(new.phone.register(new.number, from_phone=True).text) == 204
    return {"paula": paula.person}, {
        "bound_phone": _id(bound),
        "stolen_phone": stolen,
        "new_phone": _id(new),
    }


def _id(handset: Handset) -> str:
    return str(handset.phone.requests.standing()[0]["binding"])
