"""Open sealed values of PSKC documents (RFC 6030 section 6): MAC first, then decryption."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tokens.errors import BatchError, BatchProblem
from tokens.pskc_xml import local, only, text_of

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XENC = "{http://www.w3.org/2001/04/xmlenc#}"
XENC11 = "{http://www.w3.org/2009/xmlenc11#}"

CBC = {f"http://www.w3.org/2001/04/xmlenc#aes{bits}-cbc": bits // 8 for bits in (128, 192, 256)}
WRAP = {f"http://www.w3.org/2001/04/xmlenc#kw-aes{bits}": bits // 8 for bits in (128, 192, 256)}
HMAC = {
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1": "sha1",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha224": "sha224",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha384": "sha384",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512": "sha512",
}
PBKDF2 = (
    "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2",
    "http://www.w3.org/2009/xmlenc11#pbkdf2",
)
BLOCK = 16
# Ten times what is thought necessary today; a few seconds of work.
MAX_ITERATIONS = 10_000_000
MAX_SALT = 256


@dataclass(frozen=True, slots=True, repr=False)
class Protection:
    """Keys of one document.

    Attributes:
        key: Encryption key; ``None`` for none.
        why_not: Why there is no key, where the document seals to one that nobody can give us.
        mac: Name of the hash of its HMAC, as ``hashlib`` has it; empty for none.
        mac_key: Key of that HMAC.
    """

    key: bytes | None = None
    why_not: str = ""
    mac: str = ""
    mac_key: bytes = b""

    def open(self, value: Element) -> bytes:
        """Return what an element with EncryptedValue and ValueMAC holds.

        Args:
            value: Secret, Counter or their like.

        Raises:
            BatchError: ``secret_out_of_reach``, ``key_needed``, ``algorithm_missing``,
                ``algorithm_unknown``, ``mac_missing``, ``mac_method_missing``, ``mac_wrong``,
                ``key_length_wrong``, ``key_wrong`` or ``value_invalid``.
        """
        encrypted = only(value, "EncryptedValue")
        if encrypted is None:
            raise BatchError(BatchProblem.SECRET_MISSING, "The file holds no value for this key.")
        if self.why_not:
            raise BatchError(BatchProblem.SECRET_OUT_OF_REACH, self.why_not)
        algorithm, octets = _cipher(encrypted)
        self._check_mac(only(value, "ValueMAC"), algorithm, octets)
        if self.key is None:
            raise BatchError(BatchProblem.KEY_NEEDED, "The value is sealed, and there is no key.")
        return decrypt(algorithm, self.key, octets)

    def _check_mac(self, given: Element | None, algorithm: str, octets: bytes) -> None:
        """Check the MAC over what is sealed, before anything is done with it."""
        if given is None:
            if algorithm in CBC:
                raise BatchError(
                    BatchProblem.MAC_MISSING,
                    "The value has no MAC, and this encryption does not notice changes.",
                )
            return
        if not self.mac:
            raise BatchError(
                BatchProblem.MAC_METHOD_MISSING, "The value has a MAC, but the file no MACMethod."
            )
        right = hmac.digest(self.mac_key, octets, self.mac)
        if not hmac.compare_digest(right, decoded(text_of(given))):
            raise BatchError(
                BatchProblem.MAC_WRONG,
                "The MAC does not match: the value was changed, or key or password is wrong.",
            )


def protection_of(
    encryption: Element | None,
    mac_method: Element | None,
    *,
    key: bytes | None,
    password: str | None,
) -> Protection:
    """Read EncryptionKey and MACMethod.

    Args:
        encryption: EncryptionKey, where the document has one.
        mac_method: MACMethod, likewise.
        key: The pre-shared key.
        password: What to derive the key from instead.

    Raises:
        BatchError: ``key_needed``, ``password_needed``, ``derivation_invalid``,
            ``algorithm_missing``, ``algorithm_unknown``, ``key_length_wrong``, ``key_wrong``,
            ``element_invalid`` or ``value_invalid``.
    """
    if encryption is not None and encryption.find(f"{DS}X509Data") is not None:
        return Protection(
            why_not="The values are sealed to a certificate; only its private key opens them."
        )
    encryption_key = _encryption_key(encryption, key, password)
    if mac_method is None:
        return Protection(encryption_key)
    mac = HMAC.get(mac_method.get("Algorithm", ""))
    if mac is None:
        raise BatchError(BatchProblem.ALGORITHM_UNKNOWN, "The algorithm of MACMethod is unknown.")
    mac_key = encryption_key
    sealed = only(mac_method, "MACKey")
    if sealed is not None:
        algorithm, octets = _cipher(sealed)
        mac_key = decrypt(algorithm, _required(encryption_key), octets)
    return Protection(encryption_key, mac=mac, mac_key=_required(mac_key))


def decrypt(algorithm: str, key: bytes, octets: bytes) -> bytes:
    """Open one value whose MAC is checked already, or that its encryption checks itself.

    Args:
        algorithm: URI, one of ``CBC`` and ``WRAP``.
        key: Encryption key, of the length that goes with it.
        octets: What is sealed; for CBC the initialisation vector first.

    Raises:
        BatchError: ``key_length_wrong`` or ``key_wrong``.

    Source:
        XML Encryption sections 5.2.2 and 5.2.3; RFC 3394.
    """
    length = CBC.get(algorithm) or WRAP[algorithm]
    if len(key) != length:
        raise BatchError(
            BatchProblem.KEY_LENGTH_WRONG,
            f"The key has {len(key)} octets; this file's encryption takes {length}.",
        )
    wrong = BatchError(BatchProblem.KEY_WRONG, "The key or password is not the one of this file.")
    if algorithm in WRAP:
        try:
            return keywrap.aes_key_unwrap(key, octets)
        except (keywrap.InvalidUnwrap, ValueError):
            raise wrong from None
    if len(octets) < 2 * BLOCK or len(octets) % BLOCK:
        raise BatchError(BatchProblem.VALUE_INVALID, "A sealed value is not of whole blocks.")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(octets[:BLOCK])).decryptor()
    padded = decryptor.update(octets[BLOCK:]) + decryptor.finalize()
    # Only the last octet of the padding says anything.
    if not 1 <= padded[-1] <= BLOCK:
        raise wrong
    return padded[: -padded[-1]]


def decoded(text: str) -> bytes:
    """Return the octets of a base64 text, which may have line breaks in it.

    Raises:
        BatchError: ``value_invalid``.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise BatchError(BatchProblem.VALUE_INVALID, "A value is not base64.") from error


def whole_number(text: str, name: str) -> int:
    """Read a whole number as XML Schema writes it.

    Raises:
        BatchError: ``value_invalid``.
    """
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise BatchError(BatchProblem.VALUE_INVALID, f"{name} is not a whole number.")
    return int(text)


def _cipher(encrypted: Element) -> tuple[str, bytes]:
    """Return algorithm and octets of an element of type EncryptedDataType."""
    method = only(encrypted, f"{XENC}EncryptionMethod")
    algorithm = "" if method is None else method.get("Algorithm", "")
    if not algorithm:
        raise BatchError(BatchProblem.ALGORITHM_MISSING, "No encryption algorithm is named.")
    if algorithm not in CBC and algorithm not in WRAP:
        raise BatchError(BatchProblem.ALGORITHM_UNKNOWN, "The encryption algorithm is unknown.")
    carrier = only(encrypted, f"{XENC}CipherData")
    value = None if carrier is None else only(carrier, f"{XENC}CipherValue")
    return algorithm, decoded(text_of(value))


def _encryption_key(
    encryption: Element | None, key: bytes | None, password: str | None
) -> bytes | None:
    if encryption is None:
        return key
    derived = only(encryption, f"{XENC11}DerivedKey")
    if derived is None:
        if key is None:
            raise BatchError(BatchProblem.KEY_NEEDED, "The file is sealed with a shared key.")
        return key
    if password is None:
        raise BatchError(BatchProblem.PASSWORD_NEEDED, "The file is sealed with a password.")
    return _derived(derived, password)


def _derived(derived: Element, password: str) -> bytes:
    """Derive the key as the document says (RFC 6030 section 6.2, PKCS #5)."""
    method = only(derived, f"{XENC11}KeyDerivationMethod")
    if method is None or method.get("Algorithm") not in PBKDF2:
        raise BatchError(
            BatchProblem.DERIVATION_INVALID, "The key is to be derived otherwise than by PBKDF2."
        )
    # Writers disagree about the namespaces in here; RFC 6030 itself has two of them and none.
    found = {local(element): element for element in method.iter()}
    salt = decoded(text_of(found.get("Specified")))
    iterations = _parameter(found, "IterationCount")
    length = _parameter(found, "KeyLength")
    if not (0 < len(salt) <= MAX_SALT and 0 < iterations <= MAX_ITERATIONS):
        raise BatchError(
            BatchProblem.DERIVATION_INVALID,
            f"Salt or iterations are out of bounds ({MAX_SALT} octets, {MAX_ITERATIONS} times).",
        )
    if length not in CBC.values():
        raise BatchError(BatchProblem.DERIVATION_INVALID, "No AES key has the derived length.")
    return hashlib.pbkdf2_hmac(
        _prf(found), password.encode("utf-8", "surrogateescape"), salt, iterations, length
    )


def _parameter(found: dict[str, Element], name: str) -> int:
    if name not in found:
        raise BatchError(BatchProblem.DERIVATION_INVALID, f"The key derivation lacks its {name}.")
    return whole_number(text_of(found[name]), name)


def _prf(found: dict[str, Element]) -> str:
    element = found.get("PRF")
    # An attribute by the standard; python-pskc writes a text.
    name = "" if element is None else element.get("Algorithm") or text_of(element)
    if not name:
        return "sha1"
    if name not in HMAC:
        raise BatchError(BatchProblem.DERIVATION_INVALID, "The PRF of PBKDF2 is unknown.")
    return HMAC[name]


def _required(key: bytes | None) -> bytes:
    if not key:
        raise BatchError(BatchProblem.KEY_NEEDED, "The file is sealed, and there is no key.")
    return key
