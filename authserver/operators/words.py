"""Words for states, events, problems and refusals, in the reader's language."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from authserver.errors import Code
from authserver.models import ImportJob, Server
from authserver.services.events import EventKind
from protocol.verdict import Reason
from tokens.errors import BatchProblem


class Look(NamedTuple):
    """How something is shown: in words, and in a tone of site.css."""

    words: Promise | str
    tone: str = ""


State, Job = Server.State, ImportJob.State

STATES: dict[str, Look] = {
    State.STOCK: Look(_("In stock"), "info"),
    State.ISSUED: Look(_("Not enrolled yet"), "warn"),
    State.ENROLLED: Look(_("Not confirmed yet"), "warn"),
    State.CONFIRMED: Look(_("Not activated yet"), "warn"),
    State.ACTIVE: Look(_("Active"), "good"),
    State.SUSPENDED: Look(_("Suspended"), "warn"),
    State.REVOKED: Look(_("Revoked"), "bad"),
    State.EXPIRED: Look(_("Expired")),
    State.REPLACED: Look(_("Replaced")),
    State.MOVED: Look(_("Moved to another host")),
    "locked": Look(_("Locked"), "bad"),
}
JOBS: dict[str, Look] = {
    Job.CHECKING: Look(_("Being checked"), "info"),
    Job.READY: Look(_("Waits for you"), "warn"),
    Job.STORING: Look(_("Being stored"), "info"),
    Job.DONE: Look(_("Stored"), "good"),
    Job.REFUSED: Look(_("File refused"), "bad"),
    Job.FAILED: Look(_("Broken off"), "bad"),
}
EVENTS: dict[str, Look] = {
    EventKind.PAIRED: Look(_("Server made for a new token")),
    EventKind.ENROLLED: Look(_("Token enrolled")),
    EventKind.CONFIRMED: Look(_("Digits compared")),
    EventKind.ACTIVATED: Look(_("Activated"), "good"),
    EventKind.IMPORTED: Look(_("Imported")),
    EventKind.ASSIGNED: Look(_("Assigned to a holder")),
    EventKind.RELEASED: Look(_("Taken back into the stock")),
    EventKind.SUSPENDED: Look(_("Suspended"), "warn"),
    EventKind.RESUMED: Look(_("Resumed"), "good"),
    EventKind.REVOKED: Look(_("Revoked"), "bad"),
    EventKind.REPLACED: Look(_("Replaced by another token")),
    EventKind.EXPIRED: Look(_("Expired")),
    EventKind.MOVED: Look(_("Moved to another host")),
    EventKind.LOCKED: Look(_("Locked after wrong responses"), "bad"),
    EventKind.BLOCKED: Look(_("Blocked: too many failures in 30 days"), "bad"),
    EventKind.UNLOCKED: Look(_("Unlocked"), "good"),
    EventKind.RESYNCHRONISED: Look(_("Resynchronised")),
    EventKind.KEY_ROTATED: Look(_("Got a new signing key")),
    EventKind.EXPORTED: Look(_("Seed exported in a file"), "warn"),
}
REASONS: dict[str, Look] = {
    Reason.ACCEPTED.name.lower(): Look(pgettext_lazy("verdicts", "accepted"), "good"),
    Reason.ATTEMPTS_EXHAUSTED.name.lower(): Look(_("refused after wrong responses"), "bad"),
    Reason.DECLINED.name.lower(): Look(_("declined by the holder")),
    Reason.CANCELLED.name.lower(): Look(_("cancelled")),
    Reason.EXPIRED.name.lower(): Look(pgettext_lazy("verdicts", "expired")),
}
# What the URL of a page says was done.
DONE: dict[str, Promise] = {
    "unlock": _("Unlocked. Its failures count anew."),
    "suspend": _("Suspended. It answers nothing until it is resumed."),
    "resume": _("Resumed."),
    "revoke": _("Revoked for good."),
    "discarded": _("The import was thrown away. Nothing was stored."),
    "signed-out": _("You are signed out."),
}
REFUSALS: dict[Code, Promise] = {
    Code.STATE_CONFLICT: _("That is not possible now: somebody else was faster. Look again."),
    Code.SERVER_UNKNOWN: _("There is no such server any more."),
    Code.NOT_FOUND: _("There is nothing of this name."),
    Code.NOT_READY: _("This host is not ready for that. The overview says why."),
    Code.INPUT_INVALID: _("A field breaks its rule."),
}
PROBLEMS: dict[BatchProblem, Promise] = {
    BatchProblem.FORMAT_UNKNOWN: _("This is neither PSKC nor CSV in UTF-8 with commas."),
    BatchProblem.TOO_LARGE: _("The XML holds far too much in one place."),
    BatchProblem.XML_INVALID: _("The file is not well-formed XML."),
    BatchProblem.XML_FORBIDDEN: _(
        "A DTD, entities and external references are refused in a file of keys."
    ),
    BatchProblem.NOT_PSKC: _("This XML is not a PSKC key container."),
    BatchProblem.VERSION_UNKNOWN: _("Only version 1.0 of PSKC is known."),
    BatchProblem.KEY_NEEDED: _("The file is sealed with a shared key. Upload it with the key."),
    BatchProblem.PASSWORD_NEEDED: _(
        "The file is sealed with a password. Upload it with the password."
    ),
    BatchProblem.KEY_WRONG: _("The key or password is not the one of this file."),
    BatchProblem.DERIVATION_INVALID: _(
        "The way in which the key is derived from the password is incomplete, unknown or out of "
        "bounds."
    ),
    BatchProblem.ELEMENT_INVALID: _("An element is unknown, missing, repeated or out of place."),
    BatchProblem.VALUE_INVALID: _("A value is missing or cannot be read."),
    BatchProblem.ALGORITHM_MISSING: _("No encryption algorithm is named."),
    BatchProblem.ALGORITHM_UNKNOWN: _("An algorithm of encryption or of MACs is unknown."),
    BatchProblem.KEY_LENGTH_WRONG: _("The key's length is not that of the encryption."),
    BatchProblem.ROW_INVALID: _("The line is not CSV in UTF-8 with the columns it needs."),
    BatchProblem.SECRET_MISSING: _("The file holds no value for this key."),
    BatchProblem.SECRET_OUT_OF_REACH: _(
        "The values are sealed to a certificate; only its private key opens them."
    ),
    BatchProblem.MAC_MISSING: _(
        "The value has no MAC, and its encryption does not notice changes."
    ),
    BatchProblem.MAC_METHOD_MISSING: _("The value has a MAC, but the file names no method."),
    BatchProblem.MAC_WRONG: _(
        "The MAC does not match: the value was changed, or key or password is wrong."
    ),
    BatchProblem.SERIAL_MISSING: _("The token has no serial."),
    BatchProblem.SERIAL_INVALID: _(
        "A serial has 1 to 16 letters A to Z, digits, dots, hyphens or underscores."
    ),
    BatchProblem.KIND_UNSUPPORTED: _("Tokens of this kind are not supported."),
    BatchProblem.SUITE_REFUSED: _("The suite is not known, or may not be enrolled."),
    BatchProblem.SEED_REFUSED: _("The seed's length is not one that is taken."),
    BatchProblem.COUNTER_REFUSED: _("The counter is out of bounds."),
    BatchProblem.TIME_REFUSED: _("The token's clock is off, or counts from another beginning."),
    BatchProblem.POLICY_REFUSED: _("The key's policy wants what cannot be kept here."),
    BatchProblem.EXPIRED: _("The token has expired."),
    BatchProblem.REPEATED: _("The serial occurs earlier in this file."),
    BatchProblem.STORED_BEFORE: _("A token of this serial is stored already."),
}

_PROBLEMS_BY_CODE = {problem.value: words for problem, words in PROBLEMS.items()}


def problem(code: str, sentence: str) -> Promise | str:
    """Return the words for a problem; what the code has said of it where it is not known."""
    return _PROBLEMS_BY_CODE.get(code, sentence)
