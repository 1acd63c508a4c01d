"""A step that a phone without a network signs, over the live site."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import sleep
from typing import Any

from countersign.stage import fill_wallet
from enrolment.selectors import POLICY_KEPT_SECONDS
from protocol.bundle import Bundle
from protocol.offline import Result, ToBeSigned
from protocol.statement import Statement
from terminal.home import Home
from terminal.links.link import Link
from tests.e2e.live import Live
from tests.e2e.offline import PASSWORD, Phone, put_up
from tests.e2e.party import Party


@dataclass(frozen=True)
class Signer:
    """A holder with a token, and a phone to sign a step with."""

    party: Party
    phone: Phone
    step: Mapping[str, Any]

    def agrees(self, asked: ToBeSigned) -> bool:
        return asked.subject == bytes.fromhex(self.step["id"])[:8]

    def password(self) -> str:
        return PASSWORD

    def response(self, bundle: bytes) -> str:
        statement = Statement.from_payload(Bundle.decode(bundle).signed.payload)
        assert statement.digest.hex() == self.step["id"]
        code = self.party.code(self.step)
        # Which is looked for in all that is kept, as any that was accepted.
        self.party.accepted.append(code)
        return code

    def sign(self, link: Link) -> Result:
        return self.phone.client(link).authorize(self, step=bytes.fromhex(self.step["id"])[:8])


def allow(live: Live) -> None:
    """Have the policy allow it."""
    operator = live.party("Olga Orlow")
    _appoint(live, operator, "TRUE")
    wanted = {**operator.get("/policy"), "offline_steps": True}
    assert operator.call("PUT", "/policy", wanted).status == 200
    _appoint(live, operator, "FALSE")
    # What each process of the site has read before is too old then.
    sleep(POLICY_KEPT_SECONDS)


def _appoint(live: Live, person: Party, is_operator: str) -> None:
    user = f"(SELECT user_id FROM accounts_holder WHERE account = '{person.account}')"  # noqa: S608
    change = f"UPDATE accounts_user SET is_staff = {is_operator} WHERE id = {user}"  # noqa: S608
    live.change("platform", change)


def open_desk(live: Live) -> Home:
    """A device where steps are signed."""
    return put_up(live, live.party("Dana Desk"), "Dana's desk", "approval", "")


def phone_of(live: Live, party: Party) -> Phone:
    """A phone with an offline password."""
    fill_wallet(party.person, 100)
    phone = Phone.of(live, party, "Signing phone")
    phone.set_password()
    return phone
