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
    "refund_refused": Words(
        _("You do not get your money back"),
        _("The developer refused. Look at why; what you bought still opens."),
        "cross",
        "warn",
    ),
    "charge_waits": Words(
        _("An application asks you to pay"),
        _("Nothing is charged until you confirm it. If you asked for nothing, cancel it."),
        "clock",
        "warn",
    ),
    "charged": Words(
        _("An application charged you"),
        _("The receipt is among your charges. If it was not you, dispute it there."),
        "check",
        "good",
    ),
    "charge_refunded": Words(
        _("A charge was paid back to you"),
        _("The money is in your wallet again."),
        "check",
        "good",
    ),
    "charge_disputed": Words(
        _("Somebody disputes a charge of your application"),
        _("Look at what they say, then pay it back or say why not."),
        "clock",
        "warn",
    ),
    "dispute_answered": Words(
        _("A disputed charge was decided"),
        _("Look at what was answered."),
        "info",
        "",
    ),
    "caps_raised": Words(
        _("Your spending limits rise tomorrow"),
        _(
            "More of your money may be spent from then on. If it was not you, lower the limits "
            "now, which holds at once, and change your password."
        ),
        "warn",
        "warn",
    ),
    "terminal_raised": Words(
        _("A device of yours was raised to high security"),
        _(
            "An application on it was changed, or could not show that it was not. It bills no "
            "more until it is genuine: download it anew."
        ),
        "warn",
        "bad",
    ),
    "service_suspended": Words(
        _("A service of yours was stopped"),
        _("An operator stopped it: nobody opens or pays anything there. Ask the operator why."),
        "warn",
        "bad",
    ),
    "service_resumed": Words(
        _("A service of yours goes on"),
        _("An operator let it go on. Phones without a network can use it again."),
        "check",
        "good",
    ),
    "offline_added": Words(
        _("A phone can authorize without a network"),
        _(
            "It can open and pay what your limits allow, also while it is off-line. If it is not "
            "yours, remove it and change your passwords."
        ),
        "phone",
        "",
    ),
    "offline_password": Words(
        _("The offline password of a phone was set"),
        _("Higher amounts ask for it. If it was not you, remove the phone at once."),
        "lock",
        "",
    ),
    "offline_codes": Words(
        _("One-way codes of a phone may be worth more"),
        _(
            "Whoever reads such a code may take up to its limit, once. If it was not you, turn "
            "the codes off and change your passwords."
        ),
        "gear",
        "warn",
    ),
    "offline_locked": Words(
        _("The offline password of your phone is locked"),
        _(
            "It was wrong five times, so the phone authorizes nothing. If it was you, unlock it "
            "here. If not, somebody has your phone: remove it."
        ),
        "warn",
        "bad",
    ),
    "offline_stopped": Words(
        _("A phone authorizes nothing any more"),
        _("It was stopped. Nothing is opened or paid with it until it is resumed."),
        "warn",
        "warn",
    ),
    "offline_cloned": Words(
        _("Somebody may have a copy of your phone"),
        _(
            "One number was signed twice, or something was approved that your phone does not "
            "know. It authorizes nothing any more. Look at its history, then remove it and add "
            "it anew."
        ),
        "warn",
        "bad",
    ),
    "offline_resumed": Words(
        _("A phone can authorize without a network again"),
        _("If you did not ask for this, suspend it and change your passwords."),
        "check",
        "good",
    ),
    "offline_paid": Words(
        _("You paid with your phone, without a network"),
        _("The receipt is in the history of your phones. If it was not you, suspend the phone."),
        "check",
        "good",
    ),
    "receipt_sent": Words(
        _("Somebody sends you a receipt"),
        _(
            "One of its parties gave this address. Your browser checks the receipt and shows what "
            "it says. Whoever has the link can read it."
        ),
        "scan",
        "",
    ),
}
