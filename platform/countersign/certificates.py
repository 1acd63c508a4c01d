"""A certificate for this machine in its local network, for ``make run LAN=1``.

A phone that is told to trust the authority trusts nothing else by it: its key is forgotten as soon
as it has signed the one certificate, and never reaches the disk.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Browsers refuse what lasts longer.
LIFETIME = timedelta(days=397)
RENEWAL = timedelta(days=30)
# The clocks of phones and laptops differ.
LEEWAY = timedelta(hours=1)
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the files of a server's certificate lie; all PEM.

    Attributes:
        authority: What its visitors trust.
        server: What the server shows.
        key: Its private key (PKCS #8), for its owner alone.
    """

    authority: Path
    server: Path
    key: Path

    @classmethod
    def below(cls, folder: Path) -> "Certificate":
        """Name the files in a folder; they need not exist yet."""
        return cls(folder / "ca.crt", folder / "server.crt", folder / "server.key")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority, as browsers and phones show it."""
        authority = x509.load_pem_x509_certificate(self.authority.read_bytes())
        return authority.fingerprint(hashes.SHA256()).hex(":").upper()

    def keep(self, names: Sequence[str], *, now: datetime) -> None:
        """Make the files anew, unless what is there names exactly this and lasts a month.

        Args:
            names: Addresses and host names, lower case; the authority is called by the first.
            now: Timezone-aware.
        """
        if not self._serves(names, now):
            self._make(names, now)

    def _serves(self, names: Sequence[str], now: datetime) -> bool:
        try:
            authority = x509.load_pem_x509_certificate(self.authority.read_bytes())
            server = x509.load_pem_x509_certificate(self.server.read_bytes())
            key = load_pem_private_key(self.key.read_bytes(), None)
            server.verify_directly_issued_by(authority)
        except (OSError, ValueError, TypeError, InvalidSignature):
            # Missing, half written, or of two different makings.
            return False
        found = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return (
            set(found) == set(_alternatives(names))
            and server.public_key() == key.public_key()
            and server.not_valid_after_utc > now + RENEWAL
        )

    def _make(self, names: Sequence[str], now: datetime) -> None:
        authority_key = ec.generate_private_key(ec.SECP256R1())
        server_key = ec.generate_private_key(ec.SECP256R1())
        title = f"Countersign {names[0]} {now:%Y-%m-%d %H:%M}"
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title[:64])])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Countersign")])
        authority = (
            _builder(issuer, issuer, authority_key, authority_key, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(authority_key, hashes.SHA256())
        )
        server = (
            _builder(subject, issuer, server_key, authority_key, now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_SERVER]), critical=False)
            .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        self.key.parent.mkdir(parents=True, exist_ok=True)
        self.key.unlink(missing_ok=True)
        self.key.touch(mode=0o600)
        self.key.write_bytes(
            server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        self.server.write_bytes(server.public_bytes(Encoding.PEM))
        self.authority.write_bytes(authority.public_bytes(Encoding.PEM))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(now - LEEWAY + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    return [_alternative(name) for name in sorted(set(names))]


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
