"""What every way of proving a billing request has in common."""

import hmac
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from billing.packages.errors import RequestClosedError
from billing.packages.models import BillingRequest, Prompt
from protocol import application

State = BillingRequest.State
Channel = BillingRequest.Channel


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What somebody answers; no repr shows it.

    Attributes:
        text: The image's letters, the code, the password, a sealed request or a credential.
    """

    text: str


class Strategy(ABC):
    """A way to have a request proved before it is charged; one object each, without a state.

    Attributes:
        name: As rules, rows and the wire call it.
        rank: How strict it is; nobody gets by with a lower one than was asked for.
        state: In which a request waits for it.
        life: How long a request waits for it.
        channels: By which a request may have come.
    """

    name: ClassVar[str]
    rank: ClassVar[int]
    state: ClassVar[BillingRequest.State]
    life: ClassVar[timedelta]
    channels: ClassVar[frozenset[str]] = frozenset(Channel.values)

    def is_open_to(self, request: BillingRequest, now: datetime) -> bool:
        """Tell whether a request can be proved so at all."""
        return request.channel in self.channels

    def begin(self, request: BillingRequest, now: datetime) -> None:
        """Ask the payer, in the transaction in which the request begins to wait.

        Called once for each request: who comes back to a strategy goes on where it was left.
        """
        ask(request, self, now)

    @abstractmethod
    def prove(self, request: BillingRequest, answer: Answer, now: datetime) -> None:
        """Judge an answer.  Never inside a transaction: a refusal must leave its count.

        Raises:
            DomainError: it proves nothing.
        """


def ask(
    request: BillingRequest,
    strategy: Strategy,
    now: datetime,
    *,
    position: int = 1,
    life: timedelta | None = None,
    reference: str = "",
    secret_hash: bytes | None = None,
) -> Prompt:
    """Write down what the payer is asked, bound to what would be charged.

    Raises:
        IntegrityError: it was asked already.
    """
    return Prompt.objects.create(
        request=request,
        strategy=strategy.name,
        position=position,
        reference=reference,
        secret_hash=secret_hash,
        digest=digest_of(request),
        created_at=now,
        expires_at=now + (life or strategy.life),
    )


def newest_prompt(request: BillingRequest, strategy: Strategy) -> Prompt:
    """Return what the payer was asked last, for the very thing that would be charged now.

    Raises:
        RequestClosedError: nothing was asked, or for something else.
    """
    prompt = request.prompts.filter(strategy=strategy.name).order_by("-position").first()
    if prompt is None or not is_bound(request, prompt):
        raise RequestClosedError
    return prompt


def is_bound(request: BillingRequest, prompt: Prompt) -> bool:
    """Tell whether what was asked is what would be charged."""
    digest = digest_of(request)
    return hmac.compare_digest(digest, bytes(prompt.digest)) and hmac.compare_digest(
        digest, bytes(request.digest)
    )


def digest_of(request: BillingRequest) -> bytes:
    """Return the digest of what would be charged, from the very rows that charging reads."""
    build = request.item.build
    asked = application.BillingRequest(
        package=bytes(build.package.uid),
        build=build.number,
        terminal=bytes(request.terminal.device.uid),
        item=request.item.number,
        amount=request.amount,
        currency=request.currency,
        nonce=bytes(request.nonce),
        # What is not digested.
        is_counted=False,
        is_consented=True,
        key_matches=request.key_matches,
        files_match=request.files_match,
        channel=application.Channel(request.channel),
    )
    return application.request_digest(asked, build.package.developer.account)
