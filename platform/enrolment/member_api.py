"""Endpoints on the tokens of an organisation's members."""

from typing import Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from accounts.security import HOLDER_AUTH, caller
from common.schemas import Account, Hex8
from enrolment.members import change_member_token, tokens_of_member
from enrolment.models import Token
from enrolment.schemas import Serial, TokenOut

router = Router(auth=HOLDER_AUTH, tags=["organisations"])

_TOKENS = "/organisations/{uid}/members/{account}/tokens"
Action = Literal["suspend", "resume", "unlock", "revoke"]


@router.get(_TOKENS, response=list[TokenOut])
def list_member_tokens(request: HttpRequest, uid: Hex8, account: Account) -> list[Token]:
    """List a member's tokens; for owners, operators and auditors."""
    found = tokens_of_member(viewer=caller(request), uid=bytes.fromhex(uid), account=account)
    return list(found)


@router.post(_TOKENS + "/{serial}/{action}", response=TokenOut)
def act_on_member_token(
    request: HttpRequest, uid: Hex8, account: Account, serial: Serial, action: Action
) -> Token:
    """Suspend, resume, unlock or revoke a member's token; for owners and operators."""
    return change_member_token(
        operator=caller(request),
        uid=bytes.fromhex(uid),
        account=account,
        serial=serial,
        action=action,
        now=timezone.now(),
    )
