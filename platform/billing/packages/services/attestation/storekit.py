"""StoreKit 2: transactions that the App Store signed, read by Apple's own library.

Source: https://developer.apple.com/documentation/appstoreserverapi/jwstransactiondecodedpayload
(the members), and ``SignedDataVerifier`` of app-store-server-library (chain, marker extensions,
OCSP, signature, bundle, environment).
"""

import hmac
import uuid
from datetime import datetime
from functools import cache

from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.models.InAppOwnershipType import InAppOwnershipType
from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload
from appstoreserverlibrary.signed_data_verifier import (
    SignedDataVerifier,
    VerificationException,
    VerificationStatus,
)
from cattrs import BaseValidationError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ImproperlyConfigured

from billing.packages.errors import AttestationUnavailableError, AttestationUnsupportedError
from billing.packages.services.attestation.base import (
    Attested,
    Evidence,
    Expected,
    Identity,
    NotVouchedError,
    Purchase,
    takes_tests,
)
from protocol.currency import EXPONENTS


class StoreKit:
    """Signed transactions of one or more roots.

    Args:
        roots: PEM of Apple Root CA - G3, and of whatever follows it.
        is_online: Ask Apple whether a certificate was revoked (OCSP).

    Raises:
        ImproperlyConfigured: the roots are none.
    """

    def __init__(self, roots: str, *, is_online: bool) -> None:
        try:
            found = x509.load_pem_x509_certificates(roots.encode())
        except ValueError as error:
            raise ImproperlyConfigured("STOREKIT_ROOTS holds no certificate") from error
        self._roots = [root.public_bytes(Encoding.DER) for root in found]
        self._is_online = is_online
        # Each keeps for a while which certificates Apple did not revoke.
        self._verifiers: dict[tuple[Environment, str, int], SignedDataVerifier] = {}

    def verify(self, evidence: Evidence, *, expected: Expected, now: datetime) -> Attested:
        """Check that this purchase, by this terminal, was made of this very product."""
        app, due = expected.app, expected.purchase
        if due is None or not (app.apple_app_id and app.apple_number):
            raise AttestationUnsupportedError
        shown = self._decoded(evidence.text, expected)
        # The app hands our challenge to the purchase as its account token, a UUID.
        token = str(uuid.UUID(bytes=expected.digest[:16]))
        if not hmac.compare_digest(
            (shown.appAccountToken or "").lower().encode("utf-8", "replace"), token.encode()
        ):
            raise NotVouchedError("nonce")
        _check_purchase(shown, due)
        if not shown.transactionId:
            raise NotVouchedError("form")
        return Attested(shown.transactionId.encode())

    def _decoded(self, text: str, expected: Expected) -> JWSTransactionDecodedPayload:
        # Nobody signs what Xcode and LocalTesting make, so these are never taken.
        environments = [Environment.PRODUCTION, *([Environment.SANDBOX] if takes_tests() else [])]
        reason = VerificationStatus.INVALID_ENVIRONMENT
        for environment in environments:
            try:
                verifier = self._verifier(environment, expected.app)
                return verifier.verify_and_decode_signed_transaction(text)
            except VerificationException as error:
                reason = error.status
            except (BaseValidationError, AttributeError, TypeError, ValueError) as error:
                raise NotVouchedError("form") from error
            if reason != VerificationStatus.INVALID_ENVIRONMENT:
                break
        if reason == VerificationStatus.RETRYABLE_VERIFICATION_FAILURE:
            raise AttestationUnavailableError
        raise NotVouchedError(reason.name.lower())

    def _verifier(self, environment: Environment, app: Identity) -> SignedDataVerifier:
        named = environment, app.bundle_id, app.apple_number
        if named not in self._verifiers:
            self._verifiers[named] = SignedDataVerifier(self._roots, self._is_online, *named)
        return self._verifiers[named]


@cache
def storekit(roots: str, is_online: bool) -> StoreKit:  # noqa: FBT001  # the cache's key
    """Return the service of roots, made once; errors as :class:`StoreKit`."""
    return StoreKit(roots, is_online=is_online)


def _check_purchase(shown: JWSTransactionDecodedPayload, due: Purchase) -> None:
    if shown.productId != due.product:
        raise NotVouchedError("product")
    # In thousandths of the currency's unit, whatever its own minor unit is.
    is_price = (shown.price or 0) * 10 ** EXPONENTS[due.currency] == due.amount * 1000
    if not is_price or shown.currency != due.currency:
        raise NotVouchedError("price")
    if shown.quantity not in (None, 1):
        raise NotVouchedError("quantity")
    if shown.revocationDate is not None:
        raise NotVouchedError("revoked")
    if shown.inAppOwnershipType not in (None, InAppOwnershipType.PURCHASED):
        raise NotVouchedError("owner")
