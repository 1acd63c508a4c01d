"""What each notice says, in the inbox and by e-mail."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Words(NamedTuple):
    """A notice in words, with its icon and tone as in :class:`common.words.Look`."""

    title: Promise
    text: Promise
    icon: str
    tone: str


WORDS = {
    "step_waits": Words(
        _("A transaction waits for you"),
        _("You are invited to add the next step. Look at what was signed before, then decide."),
        "clock",
        "warn",
    ),
    "continued": Words(
        _("Your transaction was continued"),
        _("The next party has signed. You can look at the new step and its receipt."),
        "check",
        "good",
    ),
    "declined": Words(
        _("A step of your transaction was declined"),
        _("The next party says that something is wrong. Nothing was signed. Look at the reason."),
        "cross",
        "bad",
    ),
    "refused": Words(
        _("A step of your transaction was refused"),
        _("Wrong digits were typed too often. Nothing was signed. It can be started again."),
        "cross",
        "bad",
    ),
    "expired": Words(
        _("A step expired"),
        _("Nobody answered in time. Nothing was signed. It can be started again."),
        "clock",
        "",
    ),
    "cancelled": Words(
        _("A step was cancelled"),
        _("It was ended before anybody signed it. It can be started again."),
        "cross",
        "",
    ),
    "locked": Words(
        _("Your token is locked"),
        _(
            "Wrong digits were typed too often, so the step ended unsigned. The token unlocks by "
            "itself after a while. If it was not you who typed, suspend the token."
        ),
        "warn",
        "bad",
    ),
}
