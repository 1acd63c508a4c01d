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


class PreviousStepForgottenError(DomainError):
    """The receipt is ours, but what it builds on was lost with a newer database."""

    code = "previous_step_forgotten"
    title = (
        "This site was restored from a backup and has forgotten what this receipt builds on. "
        "Show the receipt of the step before it first."
    )


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


class NothingToResynchroniseError(DomainError):
    """The token has neither a clock nor a counter."""

    code = "nothing_to_resynchronise"
    title = "This token has neither a clock nor a counter, so it cannot run away."


class NotToBeContinuedError(DomainError):
    """The step concerned a token alone, such as a test; nothing was agreed in it."""

    code = "not_to_be_continued"
    title = "A test, an activation or the like is no base for a step."


class KindNotAllowedError(DomainError):
    """The policy bars this kind for tokens that show no text."""

    code = "kind_not_allowed"
    status = 422
    title = "Tokens of this sort may not sign this kind of statement here."


class AmountAboveLimitError(DomainError):
    """The policy limits what tokens may sign that show no text."""

    code = "amount_above_limit"
    status = 422
    title = "This amount is more than this token may sign here."


class LifetimeAboveLimitError(DomainError):
    """The policy has challenges live less long."""

    code = "lifetime_above_limit"
    status = 422
    title = "Challenges do not live as long as that here."


class SignInUsedError(DomainError):
    """A sign-in by token lets somebody in once."""

    code = "sign_in_used"
    title = "Nobody can sign in by this any more."


class TokenRequiredError(DomainError):
    """The policy asks everybody for a token."""

    code = "token_required"
    title = "Everybody with a token is asked for it here."


class NotFreeToLeaveError(DomainError):
    """Others may still wait for the holder."""

    code = "not_free_to_leave"
    title = "End your open steps and transactions first."
