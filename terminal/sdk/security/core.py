"""The core layer: the two comparisons, and requests with what backs them."""

import hmac
from dataclasses import replace

from protocol import application, evidence
from protocol.application import BillingRequest, Channel
from protocol.errors import ProtocolError
from protocol.measuring import (
    MeasuredFile,
    app_signature,
    installed_files,
    measure,
    read_ranges,
    root_of,
)
from protocol.package import StoreContent

from ..layers import called_by
from ..terms import Comparisons, Order, Place, SdkError, SealedRequest
from .store import Store


@called_by("security.interface")
class Core:
    """Compares, and seals."""

    def __init__(self, place: Place) -> None:
        """Prepare; nothing is read yet."""
        self._place = place
        self._store = Store(place)
        self._first_key = b""
        self._measured: tuple[MeasuredFile, ...] = ()
        self._root = b""

    def compare(self) -> Comparisons:
        """Make both comparisons; a locked store satisfies neither.

        Raises:
            SdkError: ``store_unusable``.
        """
        try:
            content = self._store.open()
        except SdkError as error:
            if error.code != "store_locked":
                raise
            return Comparisons(key_matches=False, files_match=False)
        self._first_key, self._measured = self._read_first_key(), self._measure()
        self._root = root_of(self._measured)
        signature = app_signature(content.salt, self._root)
        return Comparisons(
            key_matches=hmac.compare_digest(self._first_key, content.first_key),
            files_match=hmac.compare_digest(signature, content.signature),
        )

    def seal(self, order: Order, found: Comparisons) -> SealedRequest:
        """Return a request for an order, both results and their evidence inside.

        Raises:
            SdkError: ``store_locked``, ``store_unusable``, or ``package_changed`` when a file
                vanished since start-up.
            ProtocolError: the order is none.
        """
        content = self._store.open()
        nonce, is_counted = self._store.take_nonce()
        request = BillingRequest(
            package=self._place.package,
            build=self._place.build,
            terminal=self._place.keystore.terminal,
            item=order.item,
            amount=order.amount,
            currency=order.currency,
            nonce=nonce,
            is_counted=is_counted,
            is_consented=True,
            key_matches=found.key_matches,
            files_match=found.files_match,
            channel=order.channel,
        )
        return self._sealed(self._backed(request, content), content.third_key)

    def add_nonces(self, nonces: list[bytes], expires: int) -> None:
        """Keep one-time numbers of the platform; errors as the store's."""
        self._store.add_nonces(nonces, expires)

    def count_nonces(self) -> int:
        """Return how many one-time numbers are left; errors as the store's."""
        return self._store.count_nonces()

    def _backed(self, request: BillingRequest, content: StoreContent) -> BillingRequest:
        keystore = self._place.keystore
        shared = keystore.agree(content.share)
        backing = evidence.evidence(
            evidence.evidence_key(shared, content.share, keystore.thumbprint),
            request,
            first_key=self._first_key,
            root=self._root,
            sample=self._sample(request.nonce) if request.files_match else None,
        )
        return replace(request, evidence=backing)

    def _sample(self, nonce: bytes) -> bytes:
        """Read what this nonce asks for: four short ranges, and no file as a whole."""
        ranges = evidence.sample_ranges(nonce, sum(file.size for file in self._measured))
        files = self._place.files
        try:
            return read_ranges(self._measured, lambda path: (files / path).open("rb"), ranges)
        except OSError as error:
            raise SdkError("package_changed", "a file of this application is gone") from error

    def _sealed(self, request: BillingRequest, third_key: bytes) -> SealedRequest:
        if request.channel is Channel.SMS:
            text = application.seal_sms(request, third_key)
            return SealedRequest(request.package, request.channel, text=text)
        sealed = application.seal(request, third_key)
        return SealedRequest(request.package, request.channel, sealed=sealed)

    def _read_first_key(self) -> bytes:
        try:
            return (self._place.files / "first.key").read_bytes()
        except OSError:
            return b""

    def _measure(self) -> tuple[MeasuredFile, ...]:
        try:
            return measure(installed_files(self._place.files))
        except (OSError, ProtocolError):
            # A link, a name that no package has, a file that cannot be read: not what was signed.
            return ()
