"""Hardware: cards that lie in the stock of the authentication server that all tests share."""

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.platform.policies import set_policy
from tests.platform.world import Authserver, Person, now
from tokens.suites import parse_suite
from tokens.token import Token

HOTP, TOTP = "HOTP:SHA1-6", "TOTP:SHA1-6:T30"
TYPED, COUNTING = "OCRA-1:HOTP-SHA256-8:QN10-T1M", "OCRA-1:HOTP-SHA1-6:C-QN08"
CLOCKLESS = "OCRA-1:HOTP-SHA256-8:QN10"
_EACH = 100


@dataclass
class Stock:
    """What is left of a batch; no card is given out twice, since the host forgets nothing."""

    cards: dict[str, list[Token]] = field(default_factory=dict)

    def fill(self, authserver: Authserver) -> None:
        """Import some of every kind."""
        numbers = itertools.count(1)
        for suite in (HOTP, TOTP, TYPED, COUNTING, CLOCKLESS):
            self.cards[suite] = [
                Token(
                    serial=f"CARD{next(numbers):04}",
                    suite=parse_suite(suite),
                    seed=secrets.token_bytes(20 if "SHA1" in suite else 32),
                )
                for _ in range(_EACH)
            ]
        file = authserver.services.folder / "cards.csv"
        rows = (row_of(card) for cards in self.cards.values() for card in cards)
        file.write_text("\n".join(rows), "ascii")
        authserver.services.authserver(
            *("import_tokens", str(file), "--platform", "countersign", "--batch", "cards")
        )

    def take(self, suite: str = TYPED) -> Token:
        """Return a card that nobody has had."""
        return self.cards[suite].pop()


@dataclass
class Hand:
    """A card in somebody's hand."""

    person: Person
    card: Token

    @classmethod
    def active(cls, person: Person, card: Token) -> "Hand":
        """Take a card from stock and activate it."""
        set_policy(self_assignment=True)
        hand = cls(person, card)
        person.post("/tokens/assign", {"serial": card.serial})
        assert hand.answer(person.post(f"/tokens/{card.serial}/activate"))["accepted"] is True
        return hand

    def code(self, step: Mapping[str, Any]) -> str:
        """Type what a step asks into the card, or press its button."""
        question = step["question"]
        code = self.card.respond_typed(question, now()) if question else self.card.press(now())
        self.card = self.card.advanced()
        return code

    def answer(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a step rightly."""
        response = {"response": self.code(step)}
        return dict(self.person.post(f"/steps/{step['id']}/response", response))


def row_of(card: Token) -> str:
    """Write a card as a line of a file."""
    kind, hashed, *more = str(card.suite).split(":")
    seed = card.seed.hex()
    if kind == "OCRA-1":
        return f"{card.serial},{seed},OCRA,{card.suite}"
    algorithm, digits = hashed.split("-")
    step = more[0][1:] if more else ""
    return f"{card.serial},{seed},{kind},{digits},{step},{algorithm}"
