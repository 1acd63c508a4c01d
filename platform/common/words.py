"""Words, tones and icons for kinds and states, the same on every page."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from protocol.statement import Kind, Sight


class Look(NamedTuple):
    """How a state is shown: in words, in a tone of site.css, and by a symbol of icons.svg."""

    words: Promise
    tone: str
    icon: str


KINDS: dict[Kind, Promise] = {
    Kind.PAYMENT: _("Payment"),
    Kind.TRANSFER: _("Transfer"),
    Kind.ORDER: pgettext_lazy("kind", "Order"),
    Kind.APPROVAL: _("Approval"),
    Kind.OTHER: _("Other agreement"),
    Kind.ACTIVATION: _("Activation of a token"),
    Kind.LOGIN: _("Sign-in by token"),
    Kind.UNLOCK: _("Unlocking of a token"),
    Kind.TEST: _("Test"),
    Kind.BILLING: _("Billing of a resource"),
    Kind.OFFLINE: _("Service without a network"),
}
SIGHTS: dict[Sight, Promise] = {
    Sight.NONE: _("The token has no display."),
    Sight.TYPED: _("Digits are typed; the token shows no text."),
    Sight.SHOWN: _("The token shows all of this."),
}
STATES: dict[str, Look] = {
    # Steps.
    "challenged": Look(_("Waits for the token"), "warn", "clock"),
    # Nobody answered in time, which the authentication server has yet to confirm.
    "overdue": Look(_("Out of time"), "", "clock"),
    "closing": Look(_("Being ended"), "warn", "clock"),
    "signed": Look(_("Signed"), "good", "check"),
    "refused": Look(_("Refused"), "bad", "cross"),
    "expired": Look(pgettext_lazy("step", "Expired"), "", "clock"),
    "cancelled": Look(_("Cancelled"), "", "cross"),
    # Transactions.
    "open": Look(pgettext_lazy("transaction", "Open"), "info", "chain"),
    "closed": Look(_("Closed"), "good", "check"),
    "disputed": Look(_("Disputed"), "bad", "warn"),
    # Tokens.
    "issued": Look(_("Not enrolled yet"), "warn", "clock"),
    "confirmed": Look(_("Not activated yet"), "warn", "clock"),
    "active": Look(pgettext_lazy("token", "Active"), "good", "check"),
    "suspended": Look(_("Suspended"), "warn", "warn"),
    "revoked": Look(_("Revoked"), "bad", "cross"),
}
