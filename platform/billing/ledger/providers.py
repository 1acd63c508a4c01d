"""Where money comes from and goes to: payment providers behind one interface."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from billing.ledger.models import Movement


@dataclass(frozen=True, slots=True)
class Order:
    """What a provider is to do.

    Attributes:
        uid: Our public id of the movement; the same one is the same order, however often sent.
        direction: In (a top-up) or out (a payout).
        account: Whose: the public account number.
        amount: Minor units.
        currency: ISO 4217.
    """

    uid: bytes
    direction: Movement.Direction
    account: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider said.

    Attributes:
        state: Done, failed, or pending: it is asked again later.
        reference: The provider's own id, at most 80 characters.
    """

    state: Movement.State
    reference: str


class Provider(Protocol):
    """Moves money between a wallet and the world outside."""

    name: str
    # Said on every page that shows money.
    is_play_money: bool

    def carry_out(self, order: Order) -> Outcome:
        """Carry an order out, once for each ``uid``, or say how it stands.

        Raises:
            OSError: the provider cannot be reached; the order stays pending.
        """
        ...


class PlayMoney:
    """The built-in provider: as much money as anybody wants, worth nothing."""

    name = "play money"
    is_play_money = True

    def carry_out(self, order: Order) -> Outcome:
        """Say at once that it is done."""
        return Outcome(Movement.State.DONE, order.uid.hex())


@cache
def provider() -> Provider:
    """Return the provider that the setting ``LEDGER_PROVIDER`` names."""
    found: Provider = import_string(settings.LEDGER_PROVIDER)()
    return found
