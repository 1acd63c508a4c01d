"""The interface layer: all that the business logic may ask of the security module."""

from ..layers import called_by
from ..terms import Comparisons, Order, Place, SdkError, SealedRequest
from .core import Core


@called_by("business")
class Security:
    """The security module of one application that runs."""

    def __init__(self, place: Place) -> None:
        """Prepare; :meth:`start` comes first."""
        self._core = Core(place)
        self._found: Comparisons | None = None

    def start(self) -> Comparisons:
        """Make both comparisons, and keep what they gave: billing later is quick.

        Raises:
            SdkError: ``store_unusable``.
        """
        self._found = self._core.compare()
        return self._found

    def seal(self, order: Order) -> SealedRequest:
        """Return the request for an order to which the payer agreed.

        Raises:
            SdkError: ``not_started``, or as :meth:`Core.seal`.
            ProtocolError: the order is none.
        """
        if self._found is None:
            raise SdkError("not_started", "the SDK was not started")
        return self._core.seal(order, self._found)

    def add_nonces(self, nonces: list[bytes], expires: int) -> None:
        """Keep one-time numbers that the platform gave.

        Args:
            nonces: 8 bytes each.
            expires: Unix time of their end.

        Raises:
            SdkError: ``store_locked`` or ``store_unusable``.
            ProtocolError: they are none.
        """
        self._core.add_nonces(nonces, expires)

    def count_nonces(self) -> int:
        """Return how many are left; errors as :meth:`add_nonces`."""
        return self._core.count_nonces()
