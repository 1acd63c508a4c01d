"""Whatever is written is read back the same, and written again gives the same bytes."""

from hypothesis import given
from hypothesis import strategies as st

from protocol import cose, qrtext
from protocol.bundle import Bundle
from protocol.charge import Charge
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.enrolment import Invitation, Transcript
from protocol.keys import Directory, KeyCertificate, Purpose, ServerCertificate
from protocol.qrtext import Link
from protocol.rebuild import rebuild
from protocol.receipt import Receipt
from protocol.statement import Statement
from protocol.verdict import Verdict
from tests.protocol import strategies as some
from tests.protocol.world import ROOT


@given(some.statements())
def test_statement(statement: Statement) -> None:
    again = Statement.from_payload(statement.payload())
    assert again == statement
    assert again.payload() == statement.payload()


@given(some.VERDICTS, some.KEYS)
def test_verdict(verdict: Verdict, key: SigningKey) -> None:
    payload = cose.open_signed(verdict.sign(key), typ=Typ.VERDICT, key=key.public)
    assert Verdict.from_payload(payload) == verdict


@given(some.receipts(), some.KEYS)
def test_receipt_and_refusal(receipt: Receipt, key: SigningKey) -> None:
    signed = cose.parse(receipt.sign(key))
    assert signed.typ == receipt.typ
    again = Receipt.from_signed(signed)
    assert again == receipt
    assert rebuild(again) == rebuild(receipt)


@given(some.CHARGES, some.KEYS)
def test_charge(charge: Charge, key: SigningKey) -> None:
    assert Charge.from_signed(cose.parse(charge.sign(key))) == charge


@given(some.BUNDLES)
def test_bundle(bundle: Bundle) -> None:
    assert Bundle.decode(bundle.encode()) == bundle


@given(some.server_certificates())
def test_server_certificate(certificate: ServerCertificate) -> None:
    assert ServerCertificate.from_payload(certificate.payload()) == certificate


@given(some.KEYS, st.sampled_from(Purpose), some.texts(20), some.DAYS)
def test_key_certificate(
    key: SigningKey, purpose: Purpose, subject: str, days: tuple[int, int]
) -> None:
    certificate = KeyCertificate(key.public, purpose, subject, *days)
    assert KeyCertificate.open(certificate.sign(ROOT), root=ROOT.public) == certificate


@given(some.directories())
def test_directory(made: tuple[bytes, Directory]) -> None:
    message, directory = made
    assert Directory.open(message, root=directory.root) == directory
    assert Directory.open(message) == directory


@given(some.TRANSCRIPTS)
def test_transcript(transcript: Transcript) -> None:
    assert Transcript.from_payload(transcript.payload()) == transcript


@given(some.INVITATIONS)
def test_invitation(invitation: Invitation) -> None:
    assert Invitation.from_link(invitation.to_link()) == invitation


@given(some.ORIGINS, st.sampled_from(Link), st.binary(max_size=2000))
def test_qr_text(origin: str, link: Link, content: bytes) -> None:
    assert qrtext.decode(qrtext.encode(origin, link, content), link) == (origin, content)
