"""People with money, for the tests of the ledger and of whatever is paid from it."""

from uuid import uuid4

from billing.ledger import selectors, services
from billing.ledger.models import Movement
from billing.ledger.providers import Order, Outcome
from tests.platform.world import Person, now


def rich(name: str, amount: int, currency: str = "EUR") -> Person:
    """Return a new holder with money in the wallet."""
    person = Person.make(name)
    fill(person, amount, currency)
    return person


def fill(person: Person, amount: int, currency: str = "EUR") -> None:
    """Top a wallet up."""
    services.top_up(
        holder=person.holder, amount=amount, currency=currency, key=f"fill {uuid4()}", now=now()
    )


def money(person: Person, currency: str = "EUR") -> dict[str, int]:
    """Return how much a holder has where, without what is empty."""
    accounts = selectors.balances(person.holder.pk)
    return {a.kind: a.balance for a in accounts if a.currency == currency and a.balance}


class Slow:
    """A provider that says what it is told to say."""

    name = "slow bank"
    is_play_money = False

    def __init__(self, state: str) -> None:
        self.state = state
        self.orders: list[Order] = []

    def carry_out(self, order: Order) -> Outcome:
        """Give the outcome, or be out of reach."""
        self.orders.append(order)
        if self.state == "unreachable":
            raise ConnectionError("nobody there")
        return Outcome(Movement.State(self.state), f"bank-{order.uid.hex()}")
