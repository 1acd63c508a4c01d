"""The business logic module: what is sold, what the payer is asked, and the order."""

from protocol.application import Channel, consent
from protocol.errors import ProtocolError
from protocol.measuring import BILLING
from protocol.package import MAX_BILLING_BYTES, BillingFile, Item

from .security.interface import Security
from .terms import Comparisons, Order, Place, SdkError, SealedRequest


class Billing:
    """What an application calls to bill inside itself."""

    def __init__(self, place: Place) -> None:
        """Prepare; :meth:`start` comes first.

        Raises:
            SdkError: ``catalogue_unreadable``.
        """
        self._security = Security(place)
        try:
            with (place.files / BILLING).open("rb") as file:
                self.catalogue = BillingFile.from_bytes(file.read(MAX_BILLING_BYTES + 1))
        except (OSError, ProtocolError) as error:
            raise SdkError(
                "catalogue_unreadable", "the application's billing file cannot be read"
            ) from error

    def start(self) -> Comparisons:
        """Start up: compare key and files, once; errors as :meth:`Security.start`."""
        return self._security.start()

    def item(self, number: int) -> Item:
        """Return what has this number.

        Raises:
            SdkError: ``item_unknown``.
        """
        for item in self.catalogue.items:
            if item.number == number:
                return item
        raise SdkError("item_unknown", "the application sells no such item")

    def consent(self, number: int) -> str:
        """Return the sentence that the payer must agree to; errors as :meth:`item`."""
        item = self.item(number)
        return consent(
            title=item.title,
            amount=item.amount,
            currency=self.catalogue.currency,
            payee=self.catalogue.payee,
        )

    def bill(self, number: int, channel: Channel, *, agreed: str) -> SealedRequest:
        """Return the request to be charged for an item.

        Args:
            number: Of the item.
            channel: How the request will travel.
            agreed: The sentence that the payer read and agreed to.

        Raises:
            SdkError: ``consent_missing``; as :meth:`item`; or as :meth:`Security.seal`.
        """
        if agreed != self.consent(number):
            raise SdkError("consent_missing", "the payer has not agreed to this")
        item = self.item(number)
        order = Order(item.number, item.amount, self.catalogue.currency, channel)
        return self._security.seal(order)

    def add_nonces(self, nonces: list[bytes], expires: int) -> None:
        """Keep one-time numbers of the platform; errors as :meth:`Security.add_nonces`."""
        self._security.add_nonces(nonces, expires)

    def count_nonces(self) -> int:
        """Return how many are left; errors as :meth:`Security.count_nonces`."""
        return self._security.count_nonces()
