"""Words for a person beside the link: amounts, and what the codes of refusals mean."""

from protocol.currency import format_amount
from protocol.offline import Money, Result
from terminal.errors import TerminalError

_SENTENCES = {
    "unknown_client": "this phone is not registered to authorize without a network",
    "serial_reused": "this application was used before",
    "serial_stale": "this application is too old, or this phone's clock is wrong",
    "service_denied": "this service is not there for this phone",
    "limit_exceeded": "this would pass the limit of this phone",
    "funds_insufficient": "there is not enough in the wallet",
    "own_payee": "nobody pays to themselves",
    "account_frozen": "this account is frozen",
    "permit_required": "this needs a fresh permit of the bound phone, on-line",
    "rate_limited": "this device asks too often: wait a minute",
    "tbs_expired": "the time to confirm is over, or this phone's clock is wrong: ask again",
    "offer_mismatch": "this is not what the device offers: ask again",
    "tbs_mismatch": "what was to be signed is not what was asked for",
    "signer_unknown": "this phone does not know the key that signed this: be on-line once "
    "(offline sync); if it was today, do not trust this device",
    "countersign_invalid": "the platform does not take this confirmation",
    "level_required": "this needs the offline password",
    "offline_password_locked": "the offline password is locked: unlock it on-line",
    "offline_password_not_set": "this needs the offline password, which is set on-line",
    "authorization_waits": "the token's response is being judged: ask again",
    "result_invalid": "the result is not the platform's word about this",
    "device_not_trusted": "this device is not set up for a service",
    "server_unavailable": "the device does not reach the platform",
    "declined": "the person declined",
    "expired": "the time to confirm is over: ask again",
}


def refused(code: str) -> TerminalError:
    """Return the error for a code that came over the link, or in a signed result."""
    return TerminalError(code, _SENTENCES.get(code, "it was refused"))


def require_approved(result: Result) -> Result:
    """Return a result that approves.

    Raises:
        TerminalError: the code with which the platform rejected.
    """
    if not result.is_approved:
        raise refused(result.code)
    return result


def price(money: Money | None) -> str:
    """Return an amount as people read it; empty for none."""
    return "" if money is None else format_amount(money.amount, money.currency)
