"""Write PSKC documents sealed under a password (RFC 6030 section 6.2)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tokens.batches_entry import Entry
from tokens.pskc_profiles import profile_of
from tokens.pskc_protection import BLOCK, CBC, HMAC, PBKDF2
from tokens.suites import parse_suite

# What OWASP asks of PBKDF2 with HMAC-SHA-256; about a quarter of a second.
ITERATIONS = 600_000
KEY_OCTETS, SALT_OCTETS = 32, 16
_CIPHER = next(uri for uri, octets in CBC.items() if octets == KEY_OCTETS)
_MAC = next(uri for uri, name in HMAC.items() if name == "sha256")

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"
  xmlns:x="http://www.w3.org/2001/04/xmlenc#" xmlns:x11="http://www.w3.org/2009/xmlenc11#"
  xmlns:pkcs5="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#">
 <EncryptionKey><x11:DerivedKey>
  <x11:KeyDerivationMethod Algorithm="{derivation}"><pkcs5:PBKDF2-params>
   <Salt xmlns=""><Specified>{salt}</Specified></Salt>
   <IterationCount xmlns="">{iterations}</IterationCount>
   <KeyLength xmlns="">{length}</KeyLength><PRF xmlns="" Algorithm="{mac}"/>
  </pkcs5:PBKDF2-params></x11:KeyDerivationMethod>
 </x11:DerivedKey></EncryptionKey>
 <MACMethod Algorithm="{mac}"><MACKey>{mac_key}</MACKey></MACMethod>
"""
_TAIL = "</KeyContainer>\n"


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    key: bytes
    mac_key: bytes


def write_pskc(out: BinaryIO, entries: Iterable[Entry], password: str) -> int:
    """Write a document, token by token.

    Args:
        out: Where to.
        entries: The tokens.
        password: Seals the seeds: by AES-256-CBC and HMAC-SHA-256, under PBKDF2-HMAC-SHA-256.

    Returns:
        How many tokens it holds.
    """
    salt = secrets.token_bytes(SALT_OCTETS)
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS, KEY_OCTETS)
    keys = _Keys(key, secrets.token_bytes(KEY_OCTETS))
    head = _HEAD.format(
        derivation=PBKDF2[0],
        salt=_base64(salt),
        iterations=ITERATIONS,
        length=KEY_OCTETS,
        mac=_MAC,
        mac_key=_encrypted(_seal(keys.key, keys.mac_key)),
    )
    out.write(head.encode())
    count = 0
    for entry in entries:
        out.write(_package(entry, keys).encode())
        count += 1
    out.write(_TAIL.encode())
    return count


def _package(entry: Entry, keys: _Keys) -> str:
    suite = parse_suite(entry.suite)
    profile = profile_of(suite)
    sealed = _seal(keys.key, entry.seed)
    mac = _base64(hmac.digest(keys.mac_key, sealed, "sha256"))
    numbers = (
        ("Counter", entry.counter),
        ("Time", 0 if suite.time_step_seconds else None),
        ("TimeInterval", profile.time_interval),
        ("TimeDrift", entry.drift or None),
    )
    data = "".join(
        f"<{name}><PlainValue>{number}</PlainValue></{name}>"
        for name, number in numbers
        if number is not None
    )
    end = entry.expires_at
    policy = f"<ExpiryDate>{end.isoformat()}</ExpiryDate>" if end else ""
    return (
        " <KeyPackage>"
        f"<DeviceInfo><SerialNo>{escape(entry.serial)}</SerialNo></DeviceInfo>"
        f"<Key Id={quoteattr(entry.serial)} Algorithm={quoteattr(profile.algorithm)}>"
        f"<AlgorithmParameters><Suite>{escape(profile.suite)}</Suite>"
        f'<ResponseFormat Encoding="DECIMAL" Length="{suite.digits}"/>'
        "</AlgorithmParameters>"
        f"<Data><Secret><EncryptedValue>{_encrypted(sealed)}</EncryptedValue>"
        f"<ValueMAC>{mac}</ValueMAC></Secret>{data}</Data>"
        f"{f'<Policy>{policy}</Policy>' if policy else ''}"
        "</Key></KeyPackage>\n"
    )


def _encrypted(octets: bytes) -> str:
    return (
        f'<x:EncryptionMethod Algorithm="{_CIPHER}"/>'
        f"<x:CipherData><x:CipherValue>{_base64(octets)}</x:CipherValue></x:CipherData>"
    )


def _seal(key: bytes, secret: bytes) -> bytes:
    vector = secrets.token_bytes(BLOCK)
    filling = BLOCK - len(secret) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    padded = secret + bytes([filling]) * filling
    return vector + encryptor.update(padded) + encryptor.finalize()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
