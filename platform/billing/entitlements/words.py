"""Words, tones and icons for what is sold, the same on every page."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.words import Look

# In the singular for one of them, in the plural for the shelf.
KINDS: dict[str, Promise] = {
    "app": pgettext_lazy("resource", "App"),
    "picture": pgettext_lazy("resource", "Picture"),
    "music": pgettext_lazy("resource", "Music"),
    "theme": pgettext_lazy("resource", "Theme"),
    "video": pgettext_lazy("resource", "Video"),
}
SHELVES: dict[str, Promise] = {
    "app": _("Apps"),
    "picture": _("Pictures"),
    "music": pgettext_lazy("resources", "Music"),
    "theme": _("Themes"),
    "video": _("Videos"),
}
# What is done with it once it is bought.
OPERATIONS: dict[str, Promise] = {
    "app": pgettext_lazy("operation", "open"),
    "picture": pgettext_lazy("operation", "view"),
    "music": pgettext_lazy("operation", "play"),
    "theme": pgettext_lazy("operation", "apply"),
    "video": pgettext_lazy("operation", "play"),
}
RESOURCES: dict[str, Look] = {
    "draft": Look(_("Draft"), "", "clock"),
    "listed": Look(_("In the shop"), "good", "shop"),
    "withdrawn": Look(_("Withdrawn"), "", "cross"),
}
PURCHASES: dict[str, Look] = {
    "pending": Look(_("Waits for your token"), "warn", "clock"),
    "paid": Look(_("Paid"), "good", "check"),
    "cancelled": Look(pgettext_lazy("purchase", "Not bought"), "", "cross"),
    "refunded": Look(_("Refunded"), "", "refund"),
}
ENTITLEMENTS: dict[str, Look] = {
    "pending_payment": Look(_("Waits for payment"), "warn", "clock"),
    "active": Look(_("Unlocked"), "good", "unlock"),
    "suspended": Look(pgettext_lazy("entitlement", "Suspended"), "warn", "lock"),
    "expired": Look(_("Run out"), "", "clock"),
    "refunded": Look(_("Refunded"), "", "refund"),
    "revoked": Look(pgettext_lazy("entitlement", "Taken away"), "bad", "lock"),
}
WAYS: dict[str, Promise] = {"wallet": _("From the wallet"), "token": _("With a token")}
