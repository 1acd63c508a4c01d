"""What the holder's token answers to a step that a device beside it offers for signing.

The token checks the statement as it checks every other: the phone only carries it, and the answer.
"""

from collections.abc import Callable
from datetime import datetime

from protocol.bundle import Bundle
from protocol.statement import Statement
from terminal.offline.words import refused
from tokens.simulator import Shown
from tokens.store import TokenFile


def respond(
    store: TokenFile,
    bundle: bytes,
    *,
    step: bytes,
    agrees: Callable[[Shown], bool],
    now: datetime,
) -> str:
    """Have the token read a step's statement, and answer it once the holder agrees.

    Args:
        store: Where the holder's tokens are kept.
        bundle: The step's challenge, as the device passed it on.
        step: The first 8 bytes of the step's S, as it was asked for and stands in the signed tbs.
        agrees: Shows what the token shows, and asks.
        now: Current time by the token's clock, timezone-aware.

    Raises:
        TerminalError: ``tbs_mismatch`` when it is the challenge of another step, ``declined``.
        RefusedError: ``token_unknown``, or whatever the token refuses.
        ProtocolError: it is no challenge, or it was changed.
    """
    statement = Statement.from_payload(Bundle.decode(bundle).signed.payload)
    if not statement.digest.startswith(step):
        raise refused("tbs_mismatch")
    token = store.load().find(statement.serial, statement.vk)
    shown = token.read(bundle, now)
    if not agrees(shown):
        raise refused("declined")
    return store.answer(token, lambda current: current.respond(shown, now))
