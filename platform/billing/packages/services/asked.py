"""A billing request as it is opened: the rows that it names, and whether it may name them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from billing.packages.errors import (
    BuildRevokedError,
    DecryptFailedError,
    ItemUnknownError,
    NonceReusedError,
    RequestIncompleteError,
    SenderMismatchError,
    TerminalUnknownError,
)
from billing.packages.models import FraudSignal, Item, Package, Terminal
from billing.packages.selectors import build_of, package_by_uid, require_on_sale
from billing.packages.selectors_requests import (
    item_on_sale,
    request_of_nonce,
    terminal_in_use,
    terminal_of,
)
from billing.packages.selectors_rules import number_hash_of
from billing.packages.services.keys import third_private
from billing.packages.services.signals import signal
from billing.packages.services.terminals import use_counter, use_nonce
from binding.identifiers import number_hash
from common.errors import DomainError
from protocol import application
from protocol.application import BillingRequest, SmsEnvelope
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from binding.models import Device

_Reason = FraudSignal.Reason


@dataclass(frozen=True, slots=True)
class Opened:
    """A request whose sender is known; ``number_hash`` as of :class:`Asked`."""

    message: BillingRequest
    terminal: Terminal
    package: Package
    number_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was opened, and the rows that it names.

    Attributes:
        message: As the terminal sealed it.
        terminal: Which sent it, with device and holder.
        item: What is bought, with build, package and developer.
        number_hash: Keyed, of the number bound to the terminal; ``None`` without one.
    """

    message: BillingRequest
    terminal: Terminal
    item: Item
    number_hash: bytes | None

    @property
    def digest(self) -> bytes:
        """What every proof of it is bound to."""
        payee = self.item.build.package.developer
        return application.request_digest(self.message, payee.account)

    @property
    def facts(self) -> dict[str, Any]:
        """What rules are about, as :func:`rules.decide` takes it."""
        return {
            "terminal": self.terminal,
            "number_hash": self.number_hash,
            "package": self.item.build.package,
            "item": self.message.item,
            "amount": self.message.amount,
            "channel": self.message.channel.value,
        }

    def note(self, reason: FraudSignal.Reason, now: datetime) -> None:
        """Write a fraud signal down."""
        signal(self.terminal, reason, self.item.build.package, now)


def open_network(device: "Device", package_uid: bytes, sealed: bytes, now: datetime) -> Asked:
    """Open a request that came by the network; that the device sent it is proved.

    Raises:
        PackageUnknownError, DecryptFailedError, RequestIncompleteError: as they say.
        TerminalUnknownError: the device is not registered, or the request names another one.
        And as :func:`named`.
    """
    package = package_by_uid(package_uid)
    key = third_private(package)
    try:
        message = application.open_network(sealed, key, package_uid)
    except ProtocolError as error:
        raise _closed(error) from error
    if message.terminal != bytes(device.uid):
        raise TerminalUnknownError
    terminal = terminal_of(device)
    return named(Opened(message, terminal, package, number_hash_of(terminal)), now)


def open_sms(sender: str, envelope: SmsEnvelope, now: datetime) -> Opened:
    """Open a request that came by SMS, and check that the terminal's own number sent it.

    Args:
        sender: E.164, as the SMS centre vouches for it.
        envelope: What the SMS said.
        now: Timezone-aware.

    Raises:
        PackageUnknownError, DecryptFailedError, RequestIncompleteError: as they say.
        TerminalUnknownError: it names none that is in use.
        SenderMismatchError: the sender is not the number that is bound to the terminal.
    """
    package = package_by_uid(envelope.package)
    key = third_private(package)
    try:
        message = application.open_sms(envelope, key, package.currency)
    except ProtocolError as error:
        raise _closed(error) from error
    terminal = terminal_in_use(message.terminal)
    bound = number_hash_of(terminal)
    if bound is None or bound != number_hash(sender):
        signal(terminal, _Reason.SENDER, package, now)
        raise SenderMismatchError
    return Opened(message, terminal, package, bound)


def named(opened: Opened, now: datetime) -> Asked:
    """Find what a request names.

    Raises:
        PackageUnknownError: the package has no such build, or its developer is leaving.
        BuildRevokedError: the build may not bill.
        ItemUnknownError: it sells nothing of that number.
    """
    package, message = opened.package, opened.message
    item = item_on_sale(package, message.build, message.item)
    build = build_of(package, message.build) if item is None else item.build
    try:
        require_on_sale(build)
    except BuildRevokedError:
        signal(opened.terminal, _Reason.BUILD, package, now)
        raise
    if item is None:
        raise ItemUnknownError
    return Asked(message, opened.terminal, item, opened.number_hash)


def use_number(asked: Asked, now: datetime) -> None:
    """Use the request's nonce, or counter, up, in the caller's transaction.

    Raises:
        NonceReusedError: it was used before, never given out, or is over.
    """
    message, terminal = asked.message, asked.terminal
    is_good = (
        use_counter(terminal, message.counter, now)
        if message.is_counted
        else use_nonce(terminal, message.nonce, now)
    )
    if not is_good:
        raise NonceReusedError


def repeated(asked: Asked, now: datetime) -> NonceReusedError:
    """Tell a repetition, whose answer was lost, from a nonce that serves two requests.

    A repetition is told which request it was: ``earlier``.
    """
    earlier = request_of_nonce(asked.terminal, asked.message.nonce)
    if earlier is not None and bytes(earlier.digest) == asked.digest:
        return NonceReusedError(earlier=earlier.public_id)
    asked.note(_Reason.NONCE, now)
    return NonceReusedError()


def _closed(error: ProtocolError) -> DomainError:
    is_missing = error.code == "field_missing"
    return RequestIncompleteError() if is_missing else DecryptFailedError()
