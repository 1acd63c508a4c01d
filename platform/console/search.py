"""One box that finds whatever an operator has in hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.selectors import holders_matching
from billing.packages.selectors import packages_matching
from common import words
from console import ordered
from enrolment.selectors import approvals_named, hosts, tokens_by_id
from offline.selectors_figures import clients_named, services_named
from transactions.search import steps_by_digest_or_receipt, transactions_by_id

_MOST = 10
# How audit rows name who acted: the rest is what to look for.
_ACTORS = ("holder:", "operator:", "token:")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found.

    Attributes:
        what: Which kind of thing, in words.
        icon: Of icons.svg.
        name: Its id or name.
        more: What tells it from others.
        url: Its page.
    """

    what: Promise
    icon: str
    name: str
    more: str
    url: str


def hits(text: str) -> list[Hit]:
    """Return what bears this id, or one that begins so, or is called so: ten of each kind.

    Args:
        text: An account number, e-mail address or name; a serial or server id; the id of a
            transaction, step, receipt or application, of a phone without a network or what it
            asked for; the name of a host, application or service; or an actor as audit rows have
            it.
    """
    text = text.strip()
    for actor in _ACTORS:
        text = text.removeprefix(actor)
    if not text:
        return []
    found = (
        *(_holders, _tokens, _transactions, _steps, _hosts, _approvals, _applications),
        *(_offline_phones, _services),
    )
    return [hit for some in found for hit in some(text)]


def _holders(text: str) -> Iterator[Hit]:
    for holder in holders_matching(text)[:_MOST]:
        name = f"{holder.name} {holder.account}".strip()
        url = reverse("console-holder", args=[holder.account])
        yield Hit(_("Holder"), "person", name, holder.user.email, url)


def _tokens(text: str) -> Iterator[Hit]:
    for token in tokens_by_id(text)[:_MOST]:
        url = reverse("console-token", args=[token.serial])
        yield Hit(_("Token"), "token", token.serial, token.holder.user.email, url)


def _applications(text: str) -> Iterator[Hit]:
    for package in packages_matching(text)[:_MOST]:
        url = reverse("console-package", args=[package.public_id])
        yield Hit(_("Application"), "app", package.public_id, package.title, url)


def _offline_phones(text: str) -> Iterator[Hit]:
    for client in clients_named(text)[:_MOST]:
        url = reverse("console-offline-phone", args=[client.uid])
        more = client.device.name
        yield Hit(_("Phone without a network"), "phone", client.public_id, more, url)


def _services(text: str) -> Iterator[Hit]:
    for service in services_named(text)[:_MOST]:
        url = reverse("console-offline-service", args=[service.uid])
        yield Hit(_("Service"), "scan", service.public_id, service.title, url)


def _transactions(text: str) -> Iterator[Hit]:
    for chain in transactions_by_id(text)[:_MOST]:
        url = reverse("console-transaction", args=[str(chain)])
        more = str(words.STATES[chain.state].words)
        yield Hit(_("Transaction"), "chain", str(chain), more, url)


def _steps(text: str) -> Iterator[Hit]:
    for step in steps_by_digest_or_receipt(text)[:_MOST]:
        s = step.public_id
        url = reverse("console-transaction", args=[str(step.transaction)])
        more = str(words.STATES[step.state].words)
        yield Hit(_("Step"), "check", s, more, f"{url}#{s}")


def _hosts(text: str) -> Iterator[Hit]:
    for host in hosts():
        if text.lower() in host.name.lower():
            url = reverse("console-host", args=[host.number])
            yield Hit(_("Host"), "server", host.name, host.origin, url)


def _approvals(text: str) -> Iterator[Hit]:
    # As audit rows name it: the word, a colon and the number.
    for approval in approvals_named(text):
        url = reverse("console-approvals")
        more = str(words.STATES[approval.state].words)
        yield Hit(
            ordered.WORDS[approval.action], "clock", text, more, f"{url}#approval-{approval.pk}"
        )
