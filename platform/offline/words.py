"""Words for clients, services and what was authorized, the same on every page."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from common.errors import DomainError
from common.sentences import is_told, sentence
from common.words import Look
from offline import errors
from offline.models import Authorization, Client, Service

_State, _Reason = Client.State, Client.Reason

KINDS: dict[str, Promise] = {
    Service.Kind.GATE: _("Gate"),
    Service.Kind.CHECKOUT: _("Checkout"),
    Service.Kind.APPROVAL: _("Approval"),
}
KINDS_EXPLAINED: dict[str, Promise] = {
    Service.Kind.GATE: _("It opens. Nothing is paid."),
    Service.Kind.CHECKOUT: _("An amount is paid to you."),
    Service.Kind.APPROVAL: _("A step of a transaction is signed by a token."),
}
KIND_ICONS: dict[str, str] = {
    Service.Kind.GATE: "unlock",
    Service.Kind.CHECKOUT: "wallet",
    Service.Kind.APPROVAL: "token",
}
# How it was confirmed, as receipts name it.
WAYS: dict[str, Promise] = {
    "offline": _("On the phone"),
    "offline_high": _("On the phone, with the offline password"),
    "offline_code": _("One-way code"),
}
STATES: dict[str, Look] = {
    Authorization.State.APPLIED: Look(_("Begun"), "warn", "clock"),
    Authorization.State.TBS_ISSUED: Look(_("Waits for the phone"), "warn", "clock"),
    Authorization.State.COUNTERSIGNED: Look(_("Being checked"), "warn", "clock"),
    Authorization.State.APPROVED: Look(
        pgettext_lazy("authorization", "Approved"), "good", "check"
    ),
    Authorization.State.REJECTED: Look(_("Refused"), "bad", "cross"),
    Authorization.State.EXPIRED: Look(_("Not confirmed in time"), "", "clock"),
}
ACTIVE = Look(pgettext_lazy("offline phone", "Ready"), "good", "check")
NO_PASSWORD = Look(_("No offline password"), "warn", "warn")
LOCKED = Look(_("Locked"), "bad", "warn")
REMOVED = Look(_("Removed"), "", "cross")
STOPPED = Look(pgettext_lazy("phone", "Stopped"), "bad", "warn")
# How a client stands, in plain words for its holder.
STANDINGS: dict[tuple[str, str], Promise] = {
    (_State.SUSPENDED, _Reason.HOLDER): _(
        "You stopped it: whatever it signs is refused. If you have it again, let it go on with "
        "your payment password. If it is lost, remove it."
    ),
    (_State.SUSPENDED, _Reason.OPERATOR): _(
        "An operator stopped it, and has to let it go on. Ask the operator why."
    ),
    (_State.SUSPENDED, _Reason.CLONED): _(
        "Two phones used its key: somebody may have a copy of it. Look through the history for "
        "what was not you. Remove it and set the phone up anew, which gives it another key."
    ),
}
LOCKED_STANDING = _(
    "The offline password was wrong five times, so this phone authorizes nothing. Unlock it with "
    "your payment password, or set a new one."
)
NO_PASSWORD_STANDING = _(
    "It opens gates and pays small amounts. For larger ones set an offline password."
)
ACTIVE_STANDING = _("It works where there is no network, within the limits below.")
REMOVED_STANDING = _("It was removed for good.")
# How clients stand, as operators look through them: offline.selectors_figures.
LISTED: dict[str, Promise] = {
    "active": _("Ready to use"),
    "locked": _("Offline password locked"),
    "suspended": pgettext_lazy("phones", "Stopped"),
    "cloned": _("Perhaps copied"),
    "removed": _("Removed"),
}
# With which they are refused, too: while something is paid or signed, and while they are set up.
_OTHER_REFUSALS = (
    *("account_frozen", "amount_invalid", "funds_insufficient", "own_payee"),
    *("challenge_expired", "challenge_void"),
    *("paypass_locked", "paypass_not_set", "paypass_wrong", "permit_required"),
    *("device_code_invalid", "device_known", "device_proof_invalid", "too_many_devices"),
    *("not_authenticated", "rate_limited", "session_lost", "too_many_requests"),
)
# What audit rows say of a client.
EVENTS: dict[str, Look] = {
    "offline.added": Look(_("Set up"), "good", "plus"),
    "offline.password_set": Look(_("Offline password set"), "", "lock"),
    "offline.locked": Look(_("Locked after five wrong offline passwords"), "bad", "lock"),
    "offline.unlocked": Look(_("Unlocked"), "good", "unlock"),
    "offline.codes_set": Look(_("Limit of one-way codes changed"), "", "gear"),
    "offline.suspended": Look(pgettext_lazy("phone", "Stopped"), "bad", "warn"),
    "offline.resumed": Look(_("Let go on"), "good", "check"),
    "offline.removed": Look(_("Removed"), "", "cross"),
}


def client_look(client: Client) -> Look:
    """Say in a word how a client stands."""
    if client.state != _State.ACTIVE:
        return STOPPED if client.state == _State.SUSPENDED else REMOVED
    if client.locked_at is not None:
        return LOCKED
    return ACTIVE if client.sealed_password else NO_PASSWORD


def standing(client: Client) -> Promise:
    """Say in plain words how a client stands."""
    if client.state != _State.ACTIVE:
        return STANDINGS.get((client.state, client.reason), REMOVED_STANDING)
    if client.locked_at is not None:
        return LOCKED_STANDING
    return ACTIVE_STANDING if client.sealed_password else NO_PASSWORD_STANDING


def service_look(service: Service) -> Look:
    """Say in a word how a service stands."""
    if service.ended_at is not None:
        return Look(pgettext_lazy("service", "Ended"), "", "cross")
    if service.suspended_at is not None:
        return Look(pgettext_lazy("service", "Stopped"), "bad", "warn")
    return Look(pgettext_lazy("service", "In use"), "good", "check")


def refusal_sentences() -> dict[str, str]:
    """Return what the codes mean with which phones and devices are refused, for scripts."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = [kind.code for kind in kinds if issubclass(kind, DomainError)]
    told = filter(is_told, (*codes, *_OTHER_REFUSALS))
    return {code: sentence(code) for code in told}
