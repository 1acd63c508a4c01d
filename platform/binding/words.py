"""What pages say of phones: how one stands, what it means, and what became of it."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from binding.models import Binding
from common.words import Look

_State, _Reason = Binding.State, Binding.Reason

# How a phone stands, in plain words, by its state and why it is in it.
STANDINGS: dict[tuple[str, str], Promise] = {
    (_State.BOUND, ""): _(
        "This phone, its SIM and its number belong together. Each use is checked against all "
        "three."
    ),
    (_State.PENDING_PROOF, ""): _(
        "The number is not proved yet. Type the code that was sent by SMS on the phone itself, or "
        "have it send the SMS that it was told to send."
    ),
    (_State.SUSPENDED, _Reason.MISMATCH): _(
        "The SIM or the number was seen with another security chip, or three times in a row "
        "something did not match. If you have phone and SIM, let it go on. If not, have the SIM "
        "blocked by your carrier."
    ),
    (_State.SUSPENDED, _Reason.SIM_SWAP): _(
        "The carrier says that this number was given to another SIM. If it was not you who asked "
        "for that, call your carrier at once: somebody may be receiving your messages. An "
        "operator has to let the phone go on."
    ),
    (_State.SUSPENDED, _Reason.REPORTED): _(
        "You stopped it. If you have it again, let it go on with your payment password. If it is "
        "lost, end it, and bind another one."
    ),
    (_State.SUSPENDED, _Reason.OPERATOR): _(
        "An operator stopped it, and has to let it go on. Ask the operator why."
    ),
    (_State.SUSPENDED, _Reason.DEVICE_REMOVED): _(
        "Its device was removed from your account. Add the device again and bind it, or end this."
    ),
    (_State.REVOKED, _Reason.REBOUND): _("Another phone took its place."),
    (_State.REVOKED, _Reason.REPORTED): _("You ended it."),
    (_State.REVOKED, _Reason.OPERATOR): _("An operator ended it."),
    (_State.REVOKED, _Reason.DEVICE_REMOVED): _("Its device was removed before it was bound."),
    (_State.REVOKED, _Reason.NOT_PROVED): _("Its number was never proved."),
}
WAITS = _(
    "The number is proved. The phone whose place it takes can agree now; you can, with your "
    "payment password, once 24 hours are over. Until then whoever has the other phone can object."
)
ENDED = _("It is ended.")
# What audit rows say of a phone.
EVENTS: dict[str, Look] = {
    "binding.registered": Look(_("Asked to be bound"), "", "plus"),
    "binding.proved": Look(_("Its number was proved"), "", "check"),
    "binding.bound": Look(pgettext_lazy("phone", "Bound"), "good", "check"),
    "binding.mismatch": Look(_("Something did not match"), "warn", "warn"),
    "binding.suspended": Look(pgettext_lazy("phone", "Stopped"), "bad", "warn"),
    "binding.resumed": Look(_("Let go on"), "good", "check"),
    "binding.revoked": Look(pgettext_lazy("phone", "Ended"), "bad", "cross"),
}


def standing(binding: Binding) -> Promise:
    """Say in plain words how a phone stands."""
    if binding.waits_for_consent:
        return WAITS
    return STANDINGS.get((binding.state, binding.reason), ENDED)
