"""The client without a network: it asks over a near-field link, and signs what it was shown.

Nothing here knows a network, and import-linter sees to it.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, Self

from protocol.errors import ProtocolError
from protocol.near_field import Asks, Kind, Offer
from protocol.offline import (
    Application,
    Countersign,
    Level,
    Money,
    OneWayCode,
    Result,
    Serial,
    ToBeSigned,
    digest_of,
    password_key,
    password_proof,
    seal,
)
from terminal.errors import TerminalError
from terminal.folder import Folder
from terminal.keys import DeviceKeys
from terminal.links.link import Link
from terminal.offline.checking import CLOCK_SECONDS, open_result, open_tbs
from terminal.offline.store import Registration, State, Store
from terminal.offline.talking import Talk
from terminal.offline.words import refused, require_approved
from terminal.pins import Pins


class Person(Protocol):
    """Who holds the phone."""

    def agrees(self, asked: ToBeSigned) -> bool:
        """Show payee, title, amount and level as the platform signed them, and ask."""
        ...

    def password(self) -> str:
        """Have the offline password typed."""
        ...

    def response(self, bundle: bytes) -> str:
        """Show the step's statement, and return the token's response to it."""
        ...


@dataclass(frozen=True, slots=True)
class OfflineClient:
    """A registered client at one end of a link.

    Attributes:
        store: What it keeps.
        keys: Of this device; the signing key is what the platform knows the client by.
        pins: Whom it trusts.
        talk: With the device beside it.
        clock: Gives the current time, timezone-aware.
    """

    store: Store
    keys: DeviceKeys
    pins: Pins
    talk: Talk
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def of(cls, folder: Folder, link: Link) -> Self:
        """Return the client of a terminal's folder.

        Raises:
            TerminalError: the terminal is no device of an account, or no registered client yet.
        """
        store = Store(folder.folder)
        told, pins = store.registration().certificates, folder.pins()
        # Either may be the newer: the keys that it was told, or those of the directory.
        pins = replace(pins, certificates=tuple({*told, *pins.certificates}))
        return cls(store, folder.keys(), pins, Talk(link))

    def authorize(
        self, person: Person, *, level: Level = Level.ORDINARY, step: bytes | None = None
    ) -> Result:
        """Ask for what the device offers, and sign it once the person agrees.

        Args:
            person: Who agrees, types and reads.
            level: The least that is wanted; the platform may ask for more.
            step: Id of the step that is to be signed, 8 bytes, where the device offers that.

        Returns:
            The platform's word that it is approved.

        Raises:
            TerminalError: why not; ``link_timeout`` after the person agreed means that what became
                of it is learnt on-line.
            ProtocolError: the device keeps to no protocol.
        """
        with self.store.alone():
            with self.talk.telling():
                application = self._apply(level, step)
                _, (tbs, bundle) = self.talk.hear(Kind.TO_BE_SIGNED)
                asked = self._check(application, tbs, bundle)
                if not person.agrees(asked):
                    raise refused("declined")
                self._countersign(person, asked, tbs, bundle)
            return self._conclude(asked)

    def show_code(self, most: Money) -> Serial:
        """Send a one-way code, which works once within a minute, and hear nothing.

        Raises:
            TerminalError: ``codes_off``, ``limit_exceeded``, or as :meth:`Store.draw_serial`.
        """
        registration = self.store.registration()
        if not registration.code_limit or registration.code_currency != most.currency:
            raise TerminalError("codes_off", "one-way codes are off, or in another currency")
        if most.amount > registration.code_limit:
            raise refused("limit_exceeded")
        now = self.clock()
        with self.store.alone():
            serial = self.store.draw_serial()
            code = OneWayCode(serial, most, int(now.timestamp())).sign(self.keys.signing)
            self.store.mark_used(serial, digest_of(code), State.CODE, now)
        self.talk.say(Kind.CODE, code)
        return serial

    def _apply(self, level: Level, step: bytes | None) -> Application:
        offer = Offer(*self.talk.hear(Kind.OFFER)[1])
        if (offer.asks is Asks.STEP) != (step is not None):
            raise refused("service_denied")
        now = self.clock()
        application = Application(
            serial=self.store.draw_serial(),
            service=offer.service,
            money=offer.money,
            level=level,
            time=int(now.timestamp()),
            subject=step,
        )
        self.store.note(application.serial, State.APPLIED, now)
        self.talk.say(Kind.APPLICATION, application.sign(self.keys.signing))
        return application

    def _check(self, application: Application, tbs: bytes, bundle: bytes | None) -> ToBeSigned:
        now = self.clock()
        asked = open_tbs(self.pins, tbs, now)
        if not asked.answers(application) or (bundle is None) != (asked.subject is None):
            raise refused("tbs_mismatch")
        if asked.issued > now.timestamp() + CLOCK_SECONDS:
            raise refused("tbs_expired")
        self._check_time(asked)
        return asked

    def _check_time(self, asked: ToBeSigned) -> None:
        if self.clock().timestamp() >= asked.expires:
            raise refused("tbs_expired")

    def _countersign(
        self, person: Person, asked: ToBeSigned, tbs: bytes, bundle: bytes | None
    ) -> None:
        registration = self.store.registration()
        response = None if bundle is None else person.response(bundle)
        proof = None
        if asked.level is Level.HIGH:
            proof = password_proof(_key_of(person.password(), registration), tbs)
        # The person may have taken their time.
        self._check_time(asked)
        digest = digest_of(tbs)
        now, title = self.clock(), asked.title
        self.store.mark_used(asked.serial, digest, State.COUNTERSIGNED, now, title)
        countersign = Countersign(digest, response).sign(self.keys.signing)
        if proof is None and response is None:
            self.talk.say(Kind.COUNTERSIGN, countersign)
            return
        # The device may be anybody's: sealed, it can guess at nothing and keep nothing.
        sealed = seal(asked.serial, countersign, proof, registration.box_key)
        self.talk.say(Kind.SEALED, sealed)

    def _conclude(self, asked: ToBeSigned) -> Result:
        try:
            _, (message,) = self.talk.hear(Kind.RESULT)
        except (ProtocolError, TerminalError) as error:
            # It was signed: whatever the device says, or does not say, it may have been taken.
            why = error.detail if isinstance(error, ProtocolError) else error
            sentence = f"{why}; what became of it, offline sync tells"
            raise TerminalError(error.code, sentence) from error
        result = open_result(self.pins, message, self.clock())
        named = (result.serial, result.device, result.service)
        if named != (asked.serial, asked.device, asked.service):
            raise TerminalError("result_invalid", "the result is about something else")
        if result.is_approved and result.money != asked.money:
            raise TerminalError("result_invalid", "the result is about another amount")
        state = State.APPROVED if result.is_approved else State.REJECTED
        self.store.note(asked.serial, state, self.clock())
        return require_approved(result)


def _key_of(password: str, registration: Registration) -> bytes:
    # However a keyboard composes its letters, as the platform does.
    return password_key(unicodedata.normalize("NFKC", password), registration.salt)
