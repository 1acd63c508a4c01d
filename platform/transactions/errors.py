"""Why a transaction or step is refused; the codes of flows.md A."""

from common.errors import DomainError, NotFoundError


class ChallengeExpiredError(DomainError):
    """Nobody answered in time."""

    code = "challenge_expired"
    status = 410
    title = "The challenge expired unanswered. Start the step again."


class ChallengeVoidError(DomainError):
    """The step was ended otherwise."""

    code = "challenge_void"
    title = "This step was ended without a signature."


class ResponseReplayedError(DomainError):
    """The step is signed, by another response."""

    code = "response_replayed"
    title = "This step is signed already, by another response."


class TokenNotPairedError(DomainError):
    """The token is not one the caller may use here."""

    code = "token_not_paired"
    title = "This token is not paired with you."


class HolderUnknownError(NotFoundError):
    """Nobody has the account that is to continue."""

    code = "holder_unknown"
    title = "There is no holder of that account to invite."


class TooManyChallengesError(DomainError):
    """A token has three open challenges, or ten in the hour."""

    code = "too_many_challenges"
    status = 429
    title = "This token has too many challenges: answer or cancel one, or wait."


class ChainHeadMovedError(DomainError):
    """Somebody else continued first, or is about to."""

    code = "chain_head_moved"
    title = "Somebody else continued this transaction first."


class PreviousStepUnsignedError(DomainError):
    """The step to continue from is not signed."""

    code = "previous_step_unsigned"
    title = "Only a signed step can be continued."


class PreviousContentChangedError(DomainError):
    """The receipt does not say what was signed."""

    code = "previous_content_changed"
    status = 422
    title = "The receipt does not say what was signed."


class ReceiptSignatureInvalidError(DomainError):
    """The receipt was changed, or is not signed by this platform's key."""

    code = "receipt_signature_invalid"
    status = 422
    title = "The receipt's signature does not fit: something in it was changed."


class ReceiptNotOursError(DomainError):
    """The receipt belongs to another platform, or to none."""

    code = "receipt_not_ours"
    status = 422
    title = "This is not a receipt of this platform."


class ChainBrokenError(DomainError):
    """The steps do not hold together."""

    code = "chain_broken"
    status = 422
    title = "The steps of this chain do not hold together."


class NotYourTurnError(DomainError):
    """The caller may not take the next step."""

    code = "not_your_turn"
    status = 403
    title = "This transaction is not yours to continue."


class TransactionClosedError(DomainError):
    """The transaction takes no further steps."""

    code = "transaction_closed"
    title = "This transaction takes no further steps."


class StepClosingError(DomainError):
    """The step is being ended; the authserver has not said yet how."""

    code = "authserver_unavailable"
    status = 503
    title = (
        "The authentication server cannot be reached just now. The step is being ended and will "
        "be settled by itself."
    )


class StepNotDueError(DomainError):
    """The step may still be answered, and nobody has asked to end it."""

    code = "step_not_due"
    title = "This step still has time, so there is nothing to settle."
