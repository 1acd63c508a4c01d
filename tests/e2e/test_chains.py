"""The main job for one to fifty parties, up to the pictures of the receipts."""

import base64
import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
import urllib3
import zxingcpp
from PIL import Image

from protocol import cose, qrtext
from protocol.digests import link_digest, statement_digest, verdict_digest
from protocol.fitting import MAX_VERSION, version_of
from protocol.keys import Directory
from protocol.outcome import Report
from protocol.qrtext import Link
from protocol.receipt import Receipt
from protocol.statement import Statement
from protocol.verification import verify_receipt
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Party, at_once

# A dense QR code may look like a bar code of another kind somewhere.
QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

NAMES = ("Anna Meier", "Ben Schmidt", "陈静")


@dataclass(frozen=True)
class Signed:
    """One signed step: what its holder was given."""

    party: Party
    text: str
    picture: bytes

    @cached_property
    def code(self) -> zxingcpp.Barcode:
        with Image.open(io.BytesIO(self.picture)) as image:
            (code,) = zxingcpp.read_barcodes(image, formats=QR_ONLY)
        return code

    @property
    def version(self) -> int:
        extra: Any = self.code.extra
        return int(extra["Version"])

    @property
    def message(self) -> bytes:
        return qrtext.decode(self.text, Link.RECEIPT)[1]

    @property
    def receipt(self) -> Receipt:
        return Receipt.from_signed(cose.parse(self.message))


@dataclass(frozen=True)
class Chain:
    """A whole transaction, and the keys as anybody downloads them."""

    tx: str
    steps: list[Signed]
    directory: Directory

    def report(self, step: Signed) -> Report:
        return verify_receipt(step.message, self.directory)


@pytest.fixture(
    scope="module",
    params=[*(("sqlite", length) for length in (1, 2, 3, 7, 50)), ("postgres", 3)],
    ids=lambda param: f"{param[1]}-on-{param[0]}",
)
def chain(request: pytest.FixtureRequest) -> Chain:
    """A transaction of so many parties, every one of them scanning the receipt before."""
    database, length = request.param
    live: Live = request.getfixturevalue(f"on_{database}")
    parties = [live.party(NAMES[number % len(NAMES)]) for number in range(length)]
    step = parties[0].open()
    answers = [parties[0].sign(step)]
    for party in parties[1:]:
        answers.append(party.sign(party.go_on(answers[-1])))
    steps = at_once([_fetching(*pair) for pair in zip(parties, answers, strict=True)])
    keys = urllib3.request("GET", f"{live.origin}/.well-known/countersign/keys", timeout=60).data
    root = bytes.fromhex((live.folder / "platform-root.hex").read_text())
    return Chain(step["transaction"], steps, Directory.open(keys, root=root))


def _fetching(party: Party, answer: dict[str, Any]) -> Any:
    def fetch() -> Signed:
        picture = party.download(f"/receipts/{answer['receipt_id']}.png")
        return Signed(party, answer["receipt"], picture)

    return fetch


def test_every_picture_is_read_back_by_another_decoder(chain: Chain) -> None:
    assert [step.code.text for step in chain.steps] == [step.text for step in chain.steps]


def test_no_picture_is_above_version_25(chain: Chain) -> None:
    versions = [step.version for step in chain.steps]
    assert versions == [version_of(step.text) for step in chain.steps]
    assert max(versions) <= MAX_VERSION
    head = chain.steps[-1]
    size = len(qrtext.pack(Link.RECEIPT, head.message))
    form = f"{len(head.receipt.steps)} in clear, {_certified(head.receipt)} certified"
    print(f"{len(chain.steps)} parties: {size} bytes in version {versions[-1]}, {form}")  # noqa: T201


def test_every_receipt_verifies_with_the_downloaded_keys(chain: Chain) -> None:
    for number, step in enumerate(chain.steps, start=1):
        report = chain.report(step)
        assert report.is_valid, report.failures
        assert step.receipt.length == number


def test_a_receipt_with_one_letter_changed_does_not_verify(chain: Chain) -> None:
    message = bytearray(chain.steps[-1].message)
    remark = message.rindex(b"Yes, says")
    message[remark] ^= 1
    assert not verify_receipt(bytes(message), chain.directory).is_valid


def test_the_receipt_of_two_parties_is_never_folded(chain: Chain) -> None:
    assert [step.receipt.folded for step in chain.steps[:2]] == [0] * len(chain.steps[:2])


def test_the_newest_verdict_is_checked_with_the_receipt_alone(chain: Chain) -> None:
    checks = chain.report(chain.steps[-1]).checks
    assert ("verdict", len(chain.steps) - 1) in [(check.code, check.step) for check in checks]


def test_folded_steps_lead_to_the_anchor(chain: Chain) -> None:
    head = chain.steps[-1]
    before = head.receipt.folded
    shown = head.party.get(f"/receipts/{chain.tx}/steps?to={before - 1}") if before else []
    link = None
    for step in shown:
        payload, verdict = _bytes(step["statement"]), _bytes(step["verdict"])
        assert Statement.from_payload(payload).prev == link
        link = link_digest(statement_digest(payload), verdict_digest(verdict))
    assert len(shown) == before
    assert link == head.receipt.anchor


def test_the_platform_shows_every_step_signed(chain: Chain) -> None:
    shown = chain.steps[0].party.get(f"/transactions/{chain.tx}")
    assert [step["state"] for step in shown["steps"]] == ["signed"] * len(chain.steps)
    assert [step["position"] for step in shown["steps"]] == list(range(len(chain.steps)))


def _certified(receipt: Receipt) -> int:
    return sum(not isinstance(step.by, bytes) for step in receipt.steps)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
