"""Words, tones and icons for kinds and states, the same on every page."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from protocol.binding import Purpose
from protocol.statement import Kind, Sight


class Look(NamedTuple):
    """How a state is shown: in words, in a tone of site.css, and by a symbol of icons.svg."""

    words: Promise | str
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
    Kind.TEST: _("TEST, nothing is approved"),
    Kind.BILLING: _("Billing of a resource"),
    Kind.OFFLINE: _("Service without a network"),
}
SIGHTS: dict[Sight, Promise] = {
    Sight.NONE: _("The token shows nothing of this."),
    Sight.TYPED: _("Digits are typed; the token shows no text."),
    Sight.SHOWN: _("The token shows all of this."),
}
# What somebody may do in an organisation.
ROLES: dict[str, Promise] = {
    "owner": _("Owner"),
    "operator": _("Operator"),
    "auditor": _("Auditor"),
    "member": _("Member"),
}
# What a policy may allow to bound phones alone.
PERMITTED: dict[Purpose, Promise] = {
    Purpose.BILLING: _("To use a resource that is paid for"),
    Purpose.STEP: _("To begin or continue a transaction"),
    Purpose.COUNTERSIGN: _("To sign a step with a token"),
    Purpose.OFFLINE: _("To authorise a service without a network"),
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
    # Phones.
    "pending_proof": Look(_("Not bound yet"), "warn", "clock"),
    "bound": Look(_("Bound"), "good", "check"),
    # Holders.
    "leaving": Look(_("Being deleted"), "warn", "clock"),
    "erased": Look(_("Deleted"), "", "cross"),
    # Tokens.
    "issued": Look(_("Not enrolled yet"), "warn", "clock"),
    "confirmed": Look(_("Not activated yet"), "warn", "clock"),
    "active": Look(pgettext_lazy("token", "Active"), "good", "check"),
    "suspended": Look(_("Suspended"), "warn", "warn"),
    "revoked": Look(_("Revoked"), "bad", "cross"),
    "locked": Look(_("Locked"), "bad", "warn"),
    "replaced": Look(_("Replaced"), "", "cross"),
    "released": Look(_("Back in stock"), "", "cross"),
    # Tokens, as only their hosts have them.
    "stock": Look(_("In stock"), "", "server"),
    "enrolled": Look(_("Not confirmed yet"), "warn", "clock"),
    "moved": Look(_("Moved to another host"), "", "server"),
    # Hosts.
    "draining": Look(_("Gives up its tokens"), "warn", "clock"),
    # What two operators have to agree to.
    "waiting": Look(_("Waits for a second operator"), "warn", "clock"),
    "approved": Look(_("Being done"), "warn", "clock"),
    "done": Look(_("Done"), "good", "check"),
    "failed": Look(_("Not possible"), "bad", "cross"),
    "withdrawn": Look(_("Taken back"), "", "cross"),
}
# Of a verdict: why it is as it is.
REASONS: dict[str, Promise] = {
    "accepted": _("The response was right"),
    "attempts_exhausted": _("Wrong responses too often"),
    "declined": _("The holder said that it is wrong"),
    "cancelled": _("Called off"),
    "expired": _("Nobody answered in time"),
}
# What audit rows say of a token.
TOKEN_EVENTS: dict[str, Look] = {
    "token.issued": Look(_("A server was paired with it"), "", "plus"),
    "token.confirmed": Look(_("Its eight digits were confirmed"), "", "check"),
    "token.assigned": Look(_("Given out from stock"), "", "person"),
    "token.released": Look(_("Went back to stock"), "", "server"),
    "token.activated": Look(_("Activated"), "good", "check"),
    "token.suspended": Look(_("Suspended"), "warn", "warn"),
    "token.resumed": Look(_("Resumed"), "good", "check"),
    "token.last_try": Look(_("One try left"), "warn", "warn"),
    "token.locked": Look(_("Locked after wrong responses"), "bad", "warn"),
    "token.blocked": Look(_("Blocked after wrong responses"), "bad", "warn"),
    "token.unlocked": Look(_("Unlocked"), "good", "check"),
    "token.resynchronised": Look(_("Resynchronised"), "", "clock"),
    "token.unlock_refused": Look(_("Not unlocked: only its host can do that now"), "bad", "warn"),
    "token.replaced": Look(_("Replaced by another token"), "", "cross"),
    "token.expired": Look(_("Came to its end"), "", "clock"),
    "token.revoked": Look(_("Revoked"), "bad", "cross"),
    "token.key_rotated": Look(_("Its server has a new key"), "", "gear"),
    "token.moved": Look(_("Moved to another host"), "", "server"),
}
