"""What a party puts into its step, checked and written as a statement."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from accounts.selectors import holder_by_account
from common.errors import InputInvalidError, NotFoundError
from enrolment.errors import TokenNotActiveError, TokenSignsInOnlyError
from enrolment.selectors import policy, token_of
from protocol.errors import ProtocolError
from protocol.fields import NONCE_BYTES
from protocol.fitting import require_room
from protocol.statement import CLOCK_LEEWAY_SECONDS, Demand, Kind, Party, Sight, Statement
from protocol.text import normalise
from signing.services import platform_information
from transactions.errors import ChainBrokenError, HolderUnknownError, TokenNotPairedError
from transactions.limits import require_allowed
from transactions.models import Step, Transaction
from transactions.selectors_messages import stored_receipt_step

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

# What a card may be asked that shows one code after the other and takes no question.
_WITHOUT_QUESTION = ("activation", "login")


@dataclass(frozen=True, slots=True)
class Invited:
    """Who comes next: a holder by account, an e-mail address, or nobody named."""

    account: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one party puts into its step, as it came in.

    Attributes:
        demand: Fields of :class:`protocol.statement.Demand`; ``kind`` by name.
        remark: The holder's word on the demand.
        serial: Which of the holder's tokens answers.
        next: Who is invited to continue.
        ttl: Life of the challenge in seconds; ``None`` for what the policy says.
    """

    demand: dict[str, Any]
    remark: str
    serial: str
    next: Invited = Invited()
    ttl: int | None = None


def usable_token(holder: "Holder", asked: Asked, states: Collection[str] = ("active",)) -> "Token":
    """Return the holder's token that is to answer.

    Args:
        holder: Whose it has to be.
        asked: Names it, and what it is asked.
        states: In which it may be.

    Raises:
        TokenNotPairedError, TokenNotActiveError, TokenSignsInOnlyError: it cannot answer.
    """
    try:
        token = token_of(holder=holder, serial=asked.serial)
    except NotFoundError as error:
        raise TokenNotPairedError from error
    if token.state not in states:
        raise TokenNotActiveError(f"This token is {token.state}, not {' or '.join(states)}.")
    if not token.can_sign and asked.demand.get("kind") not in _WITHOUT_QUESTION:
        raise TokenSignsInOnlyError
    return token


def invited_holder(invited: Invited) -> "Holder | None":
    """Return the holder who comes next; ``None`` where no account is named.

    Raises:
        HolderUnknownError: nobody has that account, or its holder is leaving.
    """
    if not invited.account:
        return None
    holder = holder_by_account(invited.account)
    if holder is None or holder.leaving_at is not None:
        raise HolderUnknownError
    return holder


def statement_of(
    chain: Transaction,
    head: Step | None,
    holder: "Holder",
    token: "Token",
    asked: Asked,
    now: datetime,
) -> Statement:
    """Return the statement of a step; its nonce is drawn last, when nothing can change any more.

    Args:
        chain: The transaction; it need not be stored.
        head: The signed step before; ``None`` for the first.
        holder: Who is asked.
        token: Which answers.
        asked: What.
        now: Timezone-aware.

    Raises:
        InputInvalidError: a field breaks a rule, or the whole does not fit.
        ChainBrokenError: the step before is dated in the future.
        And as :func:`transactions.limits.require_allowed`.
    """
    try:
        statement = Statement(
            platform=platform_information(),
            tx=bytes(chain.tx),
            pos=head.position + 1 if head else 0,
            prev=bytes(head.link or b"") if head else None,
            party=Party(holder.account, normalise(asked.remark), holder.name or None),
            demand=_demand(asked.demand),
            serial=token.serial,
            vk=bytes(token.vk),
            sight=Sight(token.sight),
            nonce=secrets.token_bytes(NONCE_BYTES),
            issued=int(now.timestamp()),
            ttl=policy().ttl_seconds if asked.ttl is None else asked.ttl,
        )
        before = stored_receipt_step(head) if head else None
        require_room(statement=statement, before=before.content if before else None)
    except ProtocolError as error:
        raise InputInvalidError(error) from error
    require_allowed(token, statement.demand, statement.ttl)
    if before and statement.issued < before.content.decided - CLOCK_LEEWAY_SECONDS:
        raise ChainBrokenError("The step before is dated in the future.")
    return statement


def _demand(fields: dict[str, Any]) -> Demand:
    named: dict[str, Any] = {
        name: normalise(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if value not in (None, "")
    }
    kind = str(named.pop("kind", "")).upper()
    if kind not in Kind.__members__:
        raise ProtocolError("value_out_of_range", "kind is unknown", "kind")
    return Demand(Kind[kind], **named)
