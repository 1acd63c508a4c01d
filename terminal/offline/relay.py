"""The device beside a service: on-line, it passes on what it cannot change or read.

It opens, or hands over, for nothing but a result that the platform signed.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Self

from protocol import cose
from protocol.errors import ProtocolError
from protocol.jwk import from_base64, to_base64
from protocol.near_field import Asks, Kind, Offer
from protocol.offline import Application, Money, OneWayCode, Result, Serial, ToBeSigned
from terminal.binding.platform import Platform, octets, text
from terminal.errors import TerminalError
from terminal.home import Home
from terminal.links.link import Link
from terminal.offline.checking import CLOCK_SECONDS, open_result
from terminal.offline.talking import Talk
from terminal.offline.words import refused, require_approved
from terminal.trust import Trust

# The API's answers repeat for the same key, so that a lost one costs nobody anything.
IDEMPOTENCY = "Idempotency-Key"
# No word of the platform: it may have approved all the same, or do so yet.
_UNDECIDED = {"server_unavailable", "answer_invalid", "idempotency_in_progress"}
# Between two tries; it doubles, since a device may not call often.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 16.0
# So long a one-way code lives.
_CODE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Post:
    """Where a device stands, as the platform told it.

    Attributes:
        device: Its id, 8 bytes.
        service: Id of the service, 8 bytes.
        title: Of the service.
        kind: ``gate``, ``checkout`` or ``approval``.
        currency: Of a checkout, ISO 4217.
        certificates: ``cs-key`` messages of the platform's offline keys.
    """

    device: bytes
    service: bytes
    title: str
    kind: str
    currency: str
    certificates: tuple[bytes, ...]

    @classmethod
    def fetch(cls, platform: Platform) -> Self:
        """Ask the platform.

        Raises:
            TerminalError: the platform's code, such as ``device_not_trusted``.
        """
        answer = platform.client.call("GET", "/offline/relay", key=platform.keys.signing)
        try:
            return cls(
                device=bytes.fromhex(text(answer, "device")),
                service=bytes.fromhex(text(answer, "service")),
                title=text(answer, "title"),
                kind=text(answer, "kind"),
                currency=text(answer, "currency"),
                certificates=tuple(map(from_base64, answer["certificates"].values())),
            )
        except (ValueError, KeyError, TypeError, AttributeError, ProtocolError) as error:
            raise TerminalError(
                "answer_invalid", "the platform does not say where this device stands"
            ) from error


@dataclass(slots=True)
class Relay:
    """A device at its post.

    Attributes:
        platform: Over the second link, the network.
        trust: Whom it trusts.
        post: Where it stands.
        talk: Over the first link, with the client beside it.
        clock: Gives the current time, timezone-aware.
        pause: Waits so many seconds.
        is_open: Whether it opened, or handed over, for the last one who asked.
    """

    platform: Platform
    trust: Trust
    post: Post
    talk: Talk
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    pause: Callable[[float], None] = time.sleep
    is_open: bool = False
    # By its own clock, Unix seconds: until when what it passed on is to be signed.
    _until: float = 0.0

    @classmethod
    def of(cls, home: Home, link: Link) -> Self:
        """Return the device of a terminal's folder; errors as :meth:`Post.fetch`."""
        platform = Platform(home.client(), home.keys())
        post = Post.fetch(platform)
        trust = home.trust()
        trust.pins = replace(trust.pins, certificates=post.certificates)
        return cls(platform, trust, post, Talk(link))

    def serve(self, asks: Asks, money: Money | None = None) -> Result:
        """Offer the service to whoever is there, pass on what both sides say, and open.

        It begins: whatever is still on its way was said in an earlier exchange, and is cleared.

        Args:
            asks: What for.
            money: What is to be paid, if it is a payment.

        Returns:
            The platform's word that it is approved.

        Raises:
            TerminalError: why not; the client was told too.
            ProtocolError: the client keeps to no protocol.
        """
        self.is_open = False
        self.talk.link.clear()
        with self.talk.telling():
            offer = Offer(self.post.service, self.post.title, asks, money)
            self.talk.say(Kind.OFFER, *offer.parts())
            _, (application,) = self.talk.hear(Kind.APPLICATION)
            serial = self.apply(application, money)
            kind, (message,) = self.talk.hear(Kind.COUNTERSIGN, Kind.SEALED)
            signed = self.countersign(serial, kind, message)
            self.decide(signed, serial, money)
        self.talk.say(Kind.RESULT, signed)
        return self.open(signed, serial, money)

    def open(self, signed: bytes, serial: Serial, money: Money | None = None) -> Result:
        """Open for an approved result about this, and for nothing else; errors as decide.

        Raises:
            TerminalError: the code with which the platform rejected.
        """
        result = require_approved(self.decide(signed, serial, money))
        self.is_open = True
        return result

    def apply(self, application: bytes, money: Money | None = None) -> Serial:
        """Pass an application on, and what is to be signed back; return its serial.

        Raises:
            TerminalError: ``offer_mismatch``: it asks for something else than was offered, by
                which money would move and nothing open; or the platform's code.
            ProtocolError: it is no application.
        """
        asked = Application.from_signed(cose.parse(application))
        if (asked.service, asked.money) != (self.post.service, money):
            raise refused("offer_mismatch")
        answer = self._ask("/offline/apply", {"application": to_base64(application)})
        bundle = octets(answer, "bundle") if answer.get("bundle") else None
        tbs = octets(answer, "tbs")
        due = ToBeSigned.from_signed(cose.parse(tbs))
        self._until = self.clock().timestamp() + due.expires - due.issued
        self.talk.say(Kind.TO_BE_SIGNED, tbs, bundle)
        return asked.serial

    def countersign(self, serial: Serial, kind: Kind, message: bytes) -> bytes:
        """Pass a countersign on; return the result as it was signed, whatever it is.

        Again and again while what was signed lives and there is no word of the platform, which
        decides once and repeats that: else somebody pays, and stands before a closed gate.
        """
        name = "sealed" if kind is Kind.SEALED else "countersign"
        body = {"serial": bytes(serial).hex(), name: to_base64(message)}

        def post() -> dict[str, Any]:
            # Each time under another key: an earlier try may have died with its process.
            return self.platform.ask("/offline/countersign", body, **_new_key())

        try:
            return octets(self._insist(post, self._until), "result")
        except TerminalError as error:
            signed = error.members.get("result")
            if not isinstance(signed, str):
                raise
            return octets(error.members, "result")

    def decide(self, message: bytes, serial: Serial, money: Money | None) -> Result:
        """Read a result, and refuse what is not the platform's word about this, here, now.

        Raises:
            TerminalError: ``result_invalid``.
        """
        now = self.clock()
        result = open_result(self.trust, message, now)
        named = (result.serial, result.device, result.service)
        if named != (serial, self.post.device, self.post.service):
            raise TerminalError("result_invalid", "the result is about something else")
        if result.is_approved and result.money != money:
            raise TerminalError("result_invalid", "the result is about another amount")
        if abs(now.timestamp() - result.decided) > CLOCK_SECONDS:
            raise TerminalError("result_invalid", "the result is not of now")
        return result

    def _insist(self, post: Callable[[], dict[str, Any]], until: float) -> dict[str, Any]:
        """Post until there is a decision, or it is too late for one, by this device's clock."""
        due = _FIRST_PAUSE
        while True:
            try:
                return post()
            except TerminalError as error:
                left = until - self.clock().timestamp()
                if not _is_undecided(error) or left <= 0:
                    raise
            self.pause(min(due, left))
            due = min(2 * due, _LONGEST_PAUSE)

    def _ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post, and once more when no answer came: the platform gives the same again."""
        key = _new_key()
        try:
            return self.platform.ask(path, body, **key)
        except TerminalError as error:
            if error.code != "server_unavailable":
                raise
        return self.platform.ask(path, body, **key)


class Gate(Relay):
    """Lets in whoever has a right, or passes a step on to be signed."""

    def admit(self) -> Result:
        """Let one in; errors as :meth:`Relay.serve`."""
        return self.serve(Asks.STEP if self.post.kind == "approval" else Asks.RIGHT)


class Checkout(Relay):
    """Hands over what was paid."""

    def charge(self, money: Money) -> Result:
        """Have an amount paid; errors as :meth:`Relay.serve`."""
        return self.serve(Asks.PAYMENT, money)

    def take_code(self, money: Money) -> Result:
        """Hear a one-way code and take an amount by it; nothing is said to the client.

        As in :meth:`Relay.serve`, what was said before is cleared: a code that somebody showed
        for something else is not taken.

        Raises:
            TerminalError: why not.
            ProtocolError: what came is no code.
        """
        self.is_open = False
        self.talk.link.clear()
        _, (code,) = self.talk.hear(Kind.CODE)
        serial = OneWayCode.from_signed(cose.parse(code)).serial
        body = {"code": to_base64(code), "amount": money.amount, "currency": money.currency}
        # A code works once: whoever asks again is told the same under the same key alone.
        key, until = _new_key(), self.clock().timestamp() + _CODE_SECONDS
        answer = self._insist(lambda: self.platform.ask("/offline/code", body, **key), until)
        return self.open(octets(answer, "result"), serial, money)


def _new_key() -> dict[str, str]:
    return {IDEMPOTENCY: secrets.token_hex(16)}


def _is_undecided(error: TerminalError) -> bool:
    status = error.members.get("status")
    return error.code in _UNDECIDED or status == HTTPStatus.SERVICE_UNAVAILABLE
