"""What pages call the ways in which money moves."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.ledger.models import Journal, LedgerAccount

KINDS: dict[str, Promise] = {
    Journal.Kind.TOP_UP: _("Topped up"),
    Journal.Kind.PAYOUT: _("Paid out"),
    Journal.Kind.HOLD: pgettext_lazy("money", "Paid to"),
    Journal.Kind.RELEASE: pgettext_lazy("money", "Not bought, so back from"),
    Journal.Kind.CAPTURE: pgettext_lazy("money", "Sold to"),
    Journal.Kind.REFUND: pgettext_lazy("money", "Refund to"),
    Journal.Kind.RETURNED: _("Payout failed, money back"),
}
# What is called otherwise where the money comes in.
COMING_IN: dict[str, Promise] = {
    Journal.Kind.REFUND: pgettext_lazy("money", "Refund from"),
}
ACCOUNTS: dict[str, Promise] = {
    LedgerAccount.Kind.WALLET: _("Wallet"),
    LedgerAccount.Kind.EARNINGS: _("Earnings"),
    LedgerAccount.Kind.HELD: _("Held"),
    LedgerAccount.Kind.PROVIDER: _("Outside"),
}
