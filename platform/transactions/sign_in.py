"""A sign-in that is half done: the password was right, and a token is still to answer.

What is kept of it lies in the session of the browser that began it, beside what allauth keeps: the
digest S of the statement.  So the answer to one statement lets one browser in, and no other.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.stagekit import stash_login
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.webauthn.internal.flows import did_use_passwordless_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.adapter import AccountAdapter
from accounts.devices import place_of
from accounts.services import holder_for
from common.errors import DomainError, NotFoundError
from enrolment.selectors import active_tokens_of
from transactions import services
from transactions.models import Step

if TYPE_CHECKING:
    from accounts.models import Holder
    from enrolment.models import Token

_S = "s"


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]  # published without types
    """Asks for a token where one is asked for; otherwise for what allauth asks for.

    It is allauth's own stage, so that a passkey or a recovery code ends it just as well.
    """

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """Say where the sign-in goes on, and whether it does."""
        pending = PendingSignIn(self)
        is_by_passkey = did_use_passwordless_login(self.request, self.login.user)
        if is_by_passkey or not services.is_token_asked(holder=pending.holder):
            response: tuple[HttpResponse | None, bool] = super().handle()
            return response
        if len(pending.tokens) == 1:
            # When it cannot be asked, the page says why, when it is asked for again there.
            with suppress(DomainError):
                pending.ask(pending.tokens[0].serial)
        return redirect("sign-in-token"), True


@dataclass
class PendingSignIn:
    """Whose password was right in this browser, and what was asked of the token since.

    Attributes:
        stage: With the request, and what is kept.
    """

    stage: SecondFactorStage

    @cached_property
    def holder(self) -> "Holder":
        """Who is to sign in."""
        return holder_for(self.stage.login.user)

    @cached_property
    def tokens(self) -> "list[Token]":
        """The tokens that can answer, newest first."""
        return active_tokens_of(holder=self.holder)

    @property
    def has_other_ways(self) -> bool:
        """Whether a passkey or a recovery code can stand in for the token."""
        return bool(Authenticator.objects.filter(user=self.holder.user).exists())

    @property
    def step(self) -> Step | None:
        """What was asked of the token last."""
        try:
            s = bytes.fromhex(self.stage.state.get(_S, ""))
            return services.sign_in_step(holder=self.holder, s=s)
        except NotFoundError:
            return None

    def ask(self, serial: str) -> None:
        """Ask a token of the holder; what was asked before lets nobody in any more.

        Raises:
            DomainError: the token cannot be asked.
        """
        request = self.stage.request
        place = place_of(request, AccountAdapter(request).get_client_ip(request))
        step = services.start_sign_in(
            holder=self.holder, serial=serial, place=place, now=timezone.now()
        )
        self.stage.state[_S] = step.public_id
        stash_login(request, self.stage.login)

    def finish(self, step: Step) -> HttpResponse:
        """Let in whoever's token has answered; go to where the way led.

        Raises:
            SignInUsedError: somebody came in by this answer already.
        """
        services.use_sign_in(holder=self.holder, s=bytes(step.s), now=timezone.now())
        response: HttpResponse = self.stage.exit()
        return response


_PENDING_ONLY = login_stage_required(stage=SecondFactorStage.key, redirect_urlname="account_login")


def pending_sign_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a page be seen by whose sign-in is half done; it is given that, and no request."""

    def guarded(request: HttpRequest, **named: str) -> HttpResponse:
        stage = request._login_stage  # type: ignore[attr-defined]  # set by allauth
        return view(PendingSignIn(stage), **named)

    guarded_by_stage: Callable[..., HttpResponse] = _PENDING_ONLY(guarded)
    return guarded_by_stage
