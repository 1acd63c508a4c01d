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
    "last_try": Words(
        _("One more wrong answer locks your token"),
        _(
            "Check that you use the right token before you try again. If it was not you who "
            "typed, suspend the token."
        ),
        "warn",
        "warn",
    ),
    "blocked": Words(
        _("Your token is blocked"),
        _(
            "There were too many wrong answers within 30 days, so it does not unlock by itself. "
            "Unlock it with a passkey or another token of yours, or ask an operator."
        ),
        "warn",
        "bad",
    ),
    "unlocked": Words(
        _("Your token is unlocked"),
        _("You can sign with it again. If you did not ask for this, suspend the token."),
        "check",
        "good",
    ),
    "added": Words(
        _("A token was added to your account"),
        _("It can sign in your name from now on. If you did not add it, revoke it at once."),
        "token",
        "",
    ),
    "suspended": Words(
        _("Your token is suspended"),
        _("Nobody can sign with it until it is resumed."),
        "warn",
        "warn",
    ),
    "resumed": Words(
        _("Your token is in use again"),
        _("It can sign in your name. If you did not ask for this, suspend it."),
        "check",
        "good",
    ),
    "revoked": Words(
        _("Your token is revoked"),
        _("Nobody can ever sign with it again. What it signed before stays valid."),
        "cross",
        "bad",
    ),
    "replaced": Words(
        _("Your token was replaced"),
        _("A new token took its place, and the old one never signs again."),
        "token",
        "",
    ),
    "ended": Words(
        _("Your token has come to its end"),
        _("Its time is over, so it signs nothing more. Add a new one to go on."),
        "clock",
        "warn",
    ),
    "expires_soon": Words(
        _("Your token ends soon"),
        _("Add a new one in time, so that you can go on signing without a gap."),
        "clock",
        "warn",
    ),
    "paypass_set": Words(
        _("Your payment password was set"),
        _("Purchases from your wallet ask for it. If it was not you, tell the operator at once."),
        "lock",
        "",
    ),
    "paypass_locked": Words(
        _("Your payment password is locked"),
        _(
            "It was typed wrong five times, so nothing can be paid with it for a while. If it was "
            "not you who typed, set a new one and change how you sign in."
        ),
        "warn",
        "bad",
    ),
    "wallet_frozen": Words(
        _("Your wallet is frozen"),
        _(
            "An operator stopped it: nothing is paid from it, and what you bought does not open. "
            "Your money stays yours. Ask the operator why."
        ),
        "warn",
        "bad",
    ),
    "wallet_thawed": Words(
        _("Your wallet is in use again"),
        _("An operator let it pay again, and what you bought opens."),
        "check",
        "good",
    ),
    "approval": Words(
        _("Something waits for a second operator"),
        _("An operator asked for what two have to agree to. Look at it, then approve or refuse."),
        "clock",
        "warn",
    ),
    "invited": Words(
        _("You are invited to an organisation"),
        _(
            "Its operators see the tokens of its members, and can suspend or revoke them. Look at "
            "who invites you, then accept or decline."
        ),
        "person",
        "",
    ),
    "phone_bound": Words(
        _("A phone is bound to your account"),
        _(
            "It can do what only bound phones may. If it is not yours, stop it and tell the "
            "operator at once."
        ),
        "phone",
        "",
    ),
    "phone_waits": Words(
        _("Another phone wants to take the place of yours"),
        _(
            "Its number is proved. If it is yours, agree on the phone that you have, or here "
            "after 24 hours. If not, refuse it at once."
        ),
        "warn",
        "warn",
    ),
    "phone_stopped": Words(
        _("Your phone was stopped"),
        _(
            "It can do nothing any more that only bound phones may. Look why, and whether "
            "somebody has your SIM."
        ),
        "warn",
        "bad",
    ),
    "phone_released": Words(
        _("Your phone is in use again"),
        _("It can do again what only bound phones may. If you did not ask for this, stop it."),
        "check",
        "good",
    ),
    "device_added": Words(
        _("A device was added to your account"),
        _("It can use what you bought. If it is not yours, remove it and change your password."),
        "phone",
        "",
    ),
    "bought": Words(
        _("You bought something"),
        _("It is paid, and among your resources. If it was not you, tell the operator at once."),
        "check",
        "good",
    ),
    "sold": Words(
        _("Something of yours was bought"),
        _("The money is among your earnings, less what you may have to give back."),
        "check",
        "good",
    ),
    "refund_asked": Words(
        _("A buyer asks for the money back"),
        _("Look at the reason, then give it back or refuse."),
        "clock",
        "warn",
    ),
    "refunded": Words(
        _("You have your money back"),
        _("What you bought with it does not open any more."),
        "check",
        "good",
    ),
}
