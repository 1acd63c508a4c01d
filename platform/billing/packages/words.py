"""Words for levels, strategies, rules and signals, the same on every page."""

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from billing.packages.models import BillingRequest, FraudSignal, Rule, Terminal
from common.amounts import shown_amount
from common.words import Look

LEVELS: dict[str, Promise] = {
    "high": pgettext_lazy("security level", "High"),
    "low": pgettext_lazy("security level", "Low"),
}
STRATEGIES: dict[str, Promise] = {
    "direct_sms": _("Charged at once, by SMS"),
    "captcha": _("Letters in a picture"),
    "sms_code": _("Code by SMS"),
    "online": _("The terminal checks itself on-line"),
    "payment_password": _("Payment password"),
    "token": _("Token"),
    "passkey": _("Passkey"),
}
KINDS: dict[str, Promise] = {
    Rule.Kind.LEVEL: _("Security level"),
    Rule.Kind.STRATEGY: _("How it is confirmed"),
}
CHANNELS: dict[str, Promise] = {
    BillingRequest.Channel.NETWORK: pgettext_lazy("channel", "Network"),
    BillingRequest.Channel.SMS: pgettext_lazy("channel", "SMS"),
}
_REASON = FraudSignal.Reason
SIGNALS: dict[str, Promise] = {
    _REASON.EVIDENCE: _("Claims what its evidence does not back"),
    _REASON.KEY: _("Signed with another key"),
    _REASON.FILES: _("Files changed, added or missing"),
    _REASON.SENDER: _("SMS from a number that is not its own"),
    _REASON.NONCE: _("Request sent again"),
    _REASON.AMOUNT: _("Another amount than the price"),
    _REASON.BUILD: _("Build that was revoked"),
    _REASON.ATTESTATION: _("Not vouched for by its maker"),
}
RAISED: dict[str, Promise] = {
    Terminal.Raised.EVIDENCE: _("Its evidence did not back what it claimed"),
    Terminal.Raised.ATTESTATION: _("Its maker does not vouch for it"),
    Terminal.Raised.OPERATOR: _("An operator raised it"),
}
# How a billing request stands, for its payer; a state that is not here waits for the payer.
STATES: dict[str, Look] = {
    "received": Look(_("Being checked"), "", "clock"),
    "verified": Look(_("Being checked"), "", "clock"),
    "captured": Look(_("Charged"), "good", "check"),
    "refunded": Look(_("Paid back"), "", "refund"),
    "rejected": Look(_("Not charged"), "", "cross"),
    "expired": Look(_("Not confirmed in time"), "", "clock"),
    "cancelled": Look(_("Cancelled"), "", "cross"),
}
WAITS = Look(_("Waits for you"), "warn", "clock")
DISPUTES: dict[str, Look] = {
    "open": Look(_("Disputed"), "warn", "warn"),
    "refunded": Look(_("Paid back"), "good", "refund"),
    "rejected": Look(_("Dispute refused"), "bad", "cross"),
}


def value_words(kind: str, value: str) -> str:
    """Say what a rule sets: a level, or a strategy."""
    return str((LEVELS if kind == Rule.Kind.LEVEL else STRATEGIES)[value])


def conditions(rule: Rule) -> list[tuple[str, str]]:
    """Say to what a rule applies: a label, and what stands behind it, for each condition."""
    package = rule.package
    told = [
        (gettext("Terminal"), rule.terminal.device.public_id if rule.terminal else ""),
        (gettext("Phone number"), f"…{rule.number_tail}" if rule.number_tail else ""),
        (gettext("Application"), package.title if package else ""),
        (gettext("Item"), "" if rule.item is None else str(rule.item)),
        (
            gettext("Amount from"),
            shown_amount(rule.amount_from, package.currency)
            if package and rule.amount_from is not None
            else "",
        ),
    ]
    return [(label, value) for label, value in told if value]
