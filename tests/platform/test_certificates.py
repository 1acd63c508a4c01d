"""The certificate of a machine in its local network: what it says, and when it is made anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from countersign.certificates import Certificate

NAMES = ["192.168.1.5", "localhost", "127.0.0.1", "::1"]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    certificate = Certificate.below(tmp_path / "tls")
    certificate.keep(NAMES, now=NOW)
    return certificate


def server(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.server.read_bytes())


def authority(certificate: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.authority.read_bytes())


def test_it_names_every_name_of_the_machine(certificate: Certificate) -> None:
    found = server(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)

    assert found.value.get_values_for_type(x509.DNSName) == ["localhost"]
    addresses = {str(address) for address in found.value.get_values_for_type(x509.IPAddress)}
    assert addresses == {"192.168.1.5", "127.0.0.1", "::1"}


def test_it_holds_now_and_no_longer_than_browsers_accept(certificate: Certificate) -> None:
    made = server(certificate)

    assert made.not_valid_before_utc < NOW < made.not_valid_after_utc
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=397)


def test_its_authority_can_never_sign_another(certificate: Certificate) -> None:
    server(certificate).verify_directly_issued_by(authority(certificate))

    files = set(certificate.key.parent.iterdir())
    assert files == {certificate.authority, certificate.server, certificate.key}
    (key,) = (file for file in files if b"PRIVATE KEY" in file.read_bytes())
    private = load_pem_private_key(key.read_bytes(), None)
    assert private.public_key() != authority(certificate).public_key()


def test_its_key_is_for_its_owner_alone(certificate: Certificate) -> None:
    assert certificate.key.stat().st_mode & 0o777 == 0o600


def test_its_fingerprint_is_the_authoritys_as_phones_show_it(certificate: Certificate) -> None:
    parts = certificate.fingerprint.split(":")

    assert bytes.fromhex("".join(parts)) == authority(certificate).fingerprint(
        authority(certificate).signature_hash_algorithm  # type: ignore[arg-type]  # SHA-256
    )
    assert len(parts) == 32


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=365)])
def test_it_is_kept_while_it_serves(certificate: Certificate, later: timedelta) -> None:
    before = certificate.server.read_bytes()

    certificate.keep(NAMES, now=NOW + later)

    assert certificate.server.read_bytes() == before


def test_it_is_made_anew_in_its_last_month(certificate: Certificate) -> None:
    certificate.keep(NAMES, now=NOW + timedelta(days=370))

    assert server(certificate).not_valid_after_utc > NOW + timedelta(days=700)


def test_it_is_made_anew_for_another_address(certificate: Certificate) -> None:
    certificate.keep(["10.0.0.7", *NAMES[1:]], now=NOW)

    assert b"\x0a\x00\x00\x07" in server(certificate).tbs_certificate_bytes


@pytest.mark.parametrize("name", ["authority", "server", "key"])
@pytest.mark.parametrize("fault", ["missing", "cut", "another's"])
def test_what_an_interrupted_making_left_is_made_anew(
    certificate: Certificate, tmp_path: Path, name: str, fault: str
) -> None:
    file: Path = getattr(certificate, name)
    if fault == "missing":
        file.unlink()
    elif fault == "cut":
        file.write_bytes(file.read_bytes()[:100])
    else:
        other = Certificate.below(tmp_path / "other")
        other.keep(NAMES, now=NOW)
        file.write_bytes(getattr(other, name).read_bytes())

    certificate.keep(NAMES, now=NOW)

    server(certificate).verify_directly_issued_by(authority(certificate))
    private = load_pem_private_key(certificate.key.read_bytes(), None)
    assert private.public_key() == server(certificate).public_key()
