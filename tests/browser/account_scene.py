"""Two people for the pages of accounts: one signs in by token, the other owns an organisation."""

from countersign.person import Person
from tests.e2e.live import Live


def make_accounts(site: Live) -> tuple[dict[str, Person], dict[str, str]]:
    """Return the people and the places.

    ``sina`` is asked for her token at every sign-in, and is invited to a second organisation;
    ``orla`` owns the first, to which Sina belongs: ``organisation``; ``member`` is her account.
    """
    sina, orla = site.party("Sina Sommer"), site.party("Orla O'Brien")
    sina.enrol()
    hers = f"email = '{sina.person.email}'"
    site.change("platform", f"UPDATE accounts_user SET asks_token = TRUE WHERE {hers}")  # noqa: S608
    shop = orla.post("/organisations", {"name": "Blumen Schmidt KG"})["id"]
    guild = orla.post("/organisations", {"name": "花商公会"})["id"]
    for organisation, email, role in (
        (shop, sina.person.email, "operator"),
        (shop, "a.rather.long.address@department.example.com", "auditor"),
        (guild, sina.person.email, "member"),
    ):
        orla.post(f"/organisations/{organisation}/invitations", {"email": email, "role": role})
    sina.post(f"/organisations/{shop}/accept", {})
    people = {"sina": sina.person, "orla": orla.person}
    return people, {"organisation": shop, "member": sina.account}
