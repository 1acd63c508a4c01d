"""People with transactions and tokens in every state, so that each page has something to show."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from countersign.person import Person
from protocol.verdict import Reason
from tests.browser.account_scene import make_accounts
from tests.browser.application_scene import make_application
from tests.browser.browser import Visitor
from tests.browser.offline_scene import make_offline
from tests.browser.phone_scene import make_phones
from tests.browser.shop_scene import make_shop
from tests.browser.token_scene import make_tokens
from tests.e2e.live import Live
from tests.e2e.party import ORDER, Party
from tests.e2e.wire import Fault

# The longest life of a challenge.
TTL_SECONDS = 600
# Who looks after the host: name and password.
HOST_OPERATOR = ("otto", "a long password 42")
PAYMENT = {**ORDER, "kind": "payment", "reference": "INV-2026-0815", "due_days": 30}
# Of steps and charges, in hex.
_ID = re.compile("[0-9a-f]{64}|[0-9a-f]{16}")
APPROVAL = {"kind": "approval", "text": "Within budget 2026"}


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to be seen.

    Attributes:
        people: ``anna`` has everything, ``ben`` and ``chen`` are her parties, ``nora`` is new
            here and has nothing, ``tina`` has many tokens, ``operator`` looks after the site;
            and those of tests.browser.account_scene, tests.browser.shop_scene,
            tests.browser.phone_scene, tests.browser.application_scene and
            tests.browser.offline_scene.
        places: The address of the ``host``; ids that stand in paths: Anna's ``account``; of her
            ``transaction``, and of one that is ``stuck``; of a step in each state; of a
            ``receipt``, of one that is ``continuable``, and of a ``refusal``; of a ``token`` and
            one that is ``suspended``; and those of tests.browser.token_scene,
            tests.browser.account_scene, tests.browser.shop_scene, tests.browser.phone_scene,
            tests.browser.application_scene and tests.browser.offline_scene.
        receipt: The text of a receipt's QR code.
        refusal: The text of a refusal's QR code.
        test: The text of the QR code of a test's receipt.
    """

    people: dict[str, Person]
    places: dict[str, str]
    receipt: str
    refusal: str
    test: str

    def enter(self, visitor: Visitor, who: str) -> None:
        """Have a visitor be one of the people; nobody when ``who`` is empty."""
        if who:
            visitor.sign_in_as(self.people[who])


def renew(site: Live, scene: Scene) -> None:
    """Give steps and a charge that are under way their time again, on the pages that show them."""
    end = datetime.now(UTC) + timedelta(seconds=TTL_SECONDS)
    ids = ", ".join(f"x'{place}'" for place in scene.places.values() if _ID.fullmatch(place))
    site.change(
        "platform",
        f"UPDATE transactions_step SET expires_at = '{end:%F %T}'"  # noqa: S608
        f" WHERE state IN ('challenged', 'closing') AND s IN ({ids})",
        f"UPDATE packages_billingrequest SET expires_at = '{end:%F %T}'"  # noqa: S608
        f" WHERE state LIKE 'awaiting%' AND uid IN ({ids})",
    )


_LOG = """
from datetime import timedelta
from django.utils import timezone
from receipts.log import extend_log
extend_log(now=timezone.now() + timedelta(minutes=1))
"""


def make_scene(site: Live) -> Scene:
    """Have everything happen once."""
    anna, ben, chen = map(site.party, ("Anna Meier", "Ben Schmidt", "陈静"))
    nora, tina = site.party("Nora Neu"), site.party("Tina Token")
    accounts, account_places = make_accounts(site)
    sellers, shop_places = make_shop(site)
    callers, phone_places = make_phones(site)
    walkers, offline_places = make_offline(site)
    operator = _operator(site)
    # Somebody to agree to what the first one asks for.
    _operator(site, "Second", "--another")
    players, application_places = make_application(site, operator)
    first = anna.open(remark="Please deliver before noon 🌹")
    signed = anna.sign(first)
    second = ben.go_on(signed, demand=PAYMENT, remark="Accepted, 300 roses on Friday")
    third = chen.go_on(ben.sign(second), demand=APPROVAL, remark="同意", ttl=TTL_SECONDS)
    challenged = anna.open(token=anna.enrol(), ttl=TTL_SECONDS)
    declined, locked = _declined(anna), _locked(anna)
    closing = _closing(site, anna)
    suspended = anna.enrol()
    anna.post(f"/tokens/{suspended.serial}/suspend", {})
    _asked_of_two(site, anna, suspended.serial)
    tokens = make_tokens(site, tina)
    _add_host_operator(site)
    # As the worker does, which would also end what is to be seen under way.
    site.manage("shell", "--command", _LOG)
    return Scene(
        people={
            **{"anna": anna.person, "ben": ben.person, "chen": chen.person},
            **{"nora": nora.person, "tina": tina.person, "operator": operator},
            **accounts,
            **sellers,
            **callers,
            **players,
            **walkers,
        },
        places={
            "host": site.authserver_origin,
            "transaction": first["transaction"],
            "signed": first["id"],
            "waiting": third["id"],
            "challenged": challenged["id"],
            "declined": declined["id"],
            "locked": locked["id"],
            "cancelled": _cancelled(anna)["id"],
            "expired": _expired(site, anna)["id"],
            "closing": closing["id"],
            "stuck": closing["transaction"],
            "account": anna.account,
            "receipt": signed["receipt_id"],
            "continuable": anna.sign(anna.open())["receipt_id"],
            "refusal": declined["receipt_id"],
            "token": challenged["token"],
            "suspended": suspended.serial,
            **tokens,
            **account_places,
            **shop_places,
            **phone_places,
            **application_places,
            **offline_places,
        },
        receipt=signed["receipt"],
        refusal=anna.download(f"/receipts/{declined['receipt_id']}.txt").decode(),
        test=tina.download(f"/receipts/{tokens['tested']}.txt").decode(),
    )


def _declined(party: Party) -> Mapping[str, Any]:
    step = party.open()
    return dict(party.post(f"/steps/{step['id']}/decline", {"reason": "I ordered tulips"}))


def _locked(party: Party) -> Mapping[str, Any]:
    """Answer wrongly until the token is locked."""
    step = party.open(token=party.enrol())
    wrong = party.wrong_codes(step)
    while party.answer(step, next(wrong)).body.get("tries_left"):
        pass
    return step


def _cancelled(party: Party) -> Mapping[str, Any]:
    step = party.open()
    party.post(f"/steps/{step['id']}/cancel", {})
    return step


def _expired(site: Live, party: Party) -> Mapping[str, Any]:
    """Pass a cancelled step off as expired: a real one takes half a minute."""
    step = _cancelled(party)
    site.change(
        "platform",
        f"UPDATE transactions_step SET state = 'expired', reason = {Reason.EXPIRED.value}"  # noqa: S608
        f" WHERE s = x'{step['id']}'",
    )
    return step


def _closing(site: Live, party: Party) -> Mapping[str, Any]:
    """Cancel a step while its server does not answer."""
    step = party.open(token=party.enrol())
    with site.back.spoiled(Fault(answer=b"")):
        party.call("POST", f"/steps/{step['id']}/cancel")
    return step


def _asked_of_two(site: Live, party: Party, serial: str) -> None:
    """Have two things wait for a second operator, as if the policy asked for two."""
    now = datetime.now(UTC)
    for action, subject, arguments in (
        ("token.revoke", serial, "{}"),
        ("token.assign", "HW0001", f'{{"account": "{party.account}", "name": "Card"}}'),
    ):
        site.change(
            "platform",
            "INSERT INTO enrolment_approval"  # noqa: S608
            " (action, subject, arguments, state, asked_by_id, asked_at, expires_at, code)"
            f" SELECT '{action}', '{subject}', '{arguments}', 'waiting', id,"
            f" '{now:%F %T}', '{now + timedelta(days=1):%F %T}', ''"
            f" FROM accounts_holder WHERE account = '{party.account}'",
        )


def _add_host_operator(site: Live) -> None:
    name, password = HOST_OPERATOR
    secret = site.folder / "host-operator"
    secret.write_text(password, "utf-8")
    site.authserver("add_operator", name, "--password-file", str(secret))


def _operator(site: Live, name: str = "Operator", *options: str) -> Person:
    email = f"{name.lower()}@example.com"
    operator = Person(site.origin, email, site.folder / "mail", site.folder, name)
    command = ("first_operator", *options, "--email", email, "--password-stdin")
    site.manage(*command, said=f"{operator.password}\n")
    operator.sign_in()
    return operator
