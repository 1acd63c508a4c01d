"""What our receipts say, put on paper: from the signed bytes, as their QR codes hold them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.paper import Part, Sheet
from common.templatetags.countersign import amount, due_on
from common.words import KINDS, REASONS, SIGHTS
from protocol import cose
from protocol.charge import Charge, Side
from protocol.cose import Typ
from protocol.rebuild import rebuild
from protocol.receipt import Receipt
from protocol.statement import Kind, Platform, Statement

Line = tuple[str, str | None]
# Words that run from right to left must not turn round what stands beside them (UAX #9).
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
# How many of the steps that are folded away have a line.
EARLIER = 12


def sheet_of(message: bytes, earlier: Iterable[Statement] = ()) -> Sheet:
    """Return what a receipt, a refusal, or the receipt of a charge says.

    Args:
        message: Its COSE_Sign1 bytes, whose signatures are not checked here.
        earlier: The steps that it folds away, oldest first, as far as the reader may see them.

    Raises:
        ProtocolError: whatever rule it breaks.
    """
    signed = cose.parse(message)
    if signed.typ == Typ.CHARGE:
        return _charge(Charge.from_signed(signed))
    return _chain(Receipt.from_signed(signed), tuple(earlier))


def _chain(receipt: Receipt, earlier: Sequence[Statement]) -> Sheet:
    steps = [rebuilt.statement for rebuilt in rebuild(receipt)]
    decided = [step.decided for step in receipt.steps]
    newest = steps[-1]
    title = _("Receipt of a signed step")
    if not receipt.is_accepted:
        title = _("Record of a step that was not signed")
    facts: list[Line] = [
        (_("What"), str(KINDS[newest.demand.kind])),
        (_("Amount"), amount(newest.demand)),
        (_("Steps so far"), str(receipt.length)),
        (_("Transaction"), receipt.tx.hex()),
        (_("Decided"), _moment(receipt.decided)),
    ]
    if not receipt.is_accepted:
        facts.insert(0, (_("Outcome"), str(REASONS[receipt.reason.name.lower()])))
    return Sheet(
        title=title,
        facts=Part(str(receipt.platform.name), _present(facts)),
        parts=tuple(
            _step(step, moment, is_accepted=receipt.is_accepted)
            for step, moment in zip(steps, decided, strict=True)
        ),
        notes=_notes(
            receipt.platform,
            _("It proves what was signed, not who held the token. A later step may exist."),
        ),
        made=datetime.fromtimestamp(receipt.decided, UTC),
        mark=_mark(receipt, newest),
        earlier=tuple(_brief(step) for step in earlier[-EARLIER:]),
        earlier_title=_earlier_title(receipt.folded),
    )


def _charge(charge: Charge) -> Sheet:
    facts: list[Line] = [
        (_("What"), charge.text),
        (_("Amount"), amount(charge) or _("Nothing was paid")),
        (_("From"), _side(charge.payer)),
        (_("To"), _side(charge.payee)),
        (_("Confirmed by"), charge.way_words),
        (_("Charge"), charge.uid.hex()),
        (_("Booked"), _moment(charge.captured)),
    ]
    return Sheet(
        title=_("Receipt of a charge") if charge.paid else _("Receipt of a right that was used"),
        facts=Part(str(charge.platform.name), _present(facts)),
        parts=(),
        notes=_notes(charge.platform, _("It is the platform's word, not a token's signature.")),
        made=datetime.fromtimestamp(charge.captured, UTC),
    )


def _step(statement: Statement, decided: int, *, is_accepted: bool) -> Part:
    demand, party = statement.demand, statement.party
    lines: list[Line] = [
        (_("What"), str(KINDS[demand.kind])),
        (_("Amount"), amount(demand)),
        (_("To"), demand.payee_name),
        (_("To account"), demand.payee_account),
        (_("Text"), demand.text),
        (_("Reference"), demand.reference),
        (_("Due"), _due(statement)),
        (_("Remark"), party.remark),
        (_("Who"), _side(Side(party.account, party.name))),
        (_("Token"), f"{statement.serial}\n{SIGHTS[statement.sight]}"),
        (_("Signed") if is_accepted else _("Decided"), _moment(decided)),
    ]
    title = _("Step %(step)s") % {"step": statement.pos + 1}
    return Part(title, _present(lines), _brief(statement))


def _brief(statement: Statement) -> str:
    """Return a step in one line."""
    demand, party = statement.demand, statement.party
    said = (
        str(statement.pos + 1),
        party.name or party.account,
        str(KINDS[demand.kind]),
        amount(demand),
        demand.payee_name or demand.payee_account,
        demand.text,
    )
    return " · ".join(f"{_ISOLATE}{words}{_END_ISOLATE}" for words in said if words)


def _mark(receipt: Receipt, newest: Statement) -> str:
    if newest.demand.kind is Kind.TEST:
        return str(KINDS[Kind.TEST])
    return "" if receipt.is_accepted else _("Nothing was signed.")


def _earlier_title(folded: int) -> str:
    if not folded:
        return ""
    said = ngettext(
        "%(count)s earlier step is bound to the code, but not in it:",
        "%(count)s earlier steps are bound to the code, but not in it:",
        folded,
    )
    said %= {"count": folded}
    if folded <= EARLIER:
        return said
    newest = _("the newest of them")
    return f"{said} {newest}"


def _notes(platform: Platform, claim: str) -> tuple[str, ...]:
    how = _("Words on paper can be altered: only the code proves them. Scan it, or show it here:")
    return f"{how} {platform.origin}/scan", claim


def _present(lines: Iterable[Line]) -> tuple[tuple[str, str], ...]:
    return tuple((label, value) for label, value in lines if value)


def _side(side: Side) -> str:
    return f"{side.name}\n{side.account}" if side.name else side.account


def _due(statement: Statement) -> str | None:
    due = due_on(statement)
    return date_format(due, "DATE_FORMAT") if due else None


def _moment(seconds: int) -> str:
    return f"{date_format(datetime.fromtimestamp(seconds, UTC), 'DATETIME_FORMAT')} UTC"
