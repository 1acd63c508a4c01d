"""What fits a QR code of version 25, measured; and that the code drawn is the code computed."""

import io
import time
from dataclasses import replace
from functools import partial

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.pil import PilImage
from qrcode.main import QRCode
from qrcode.util import QRData

from protocol import cose, qrtext
from protocol.bundle import Bundle
from protocol.errors import ProtocolError
from protocol.fitting import Form, fit_bundle, fit_receipt, forms, require_room, room, version_of
from protocol.qrtext import Link
from protocol.receipt import Receipt
from protocol.statement import Demand, Kind, Party, Platform, Statement
from protocol.verdict import Reason
from tests.protocol import world
from tests.protocol.published import SAME_ZLIB

# A dense QR code may look like a bar code of another kind somewhere.
QR_ONLY = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

# Bytes with the flag byte, as the QR carries them, and the version: the table of docs/protocol.md.
# (parties, steps in clear): without certificate, with the newest, with the two newest.
RECEIPTS = {
    (1, 1): ((377, 15), (476, 18), None),
    (2, 2): ((560, 19), (664, 21), (759, 23)),
    (3, 3): ((743, 22), (847, 24), (944, 25)),
    (4, 4): ((922, 25), None, None),
    (4, 3): (None, (885, 25), None),
    (50, 3): (None, (889, 25), None),
    (50, 2): ((602, 20), (707, 22), (805, 23)),
    (50, 1): ((412, 16), (511, 18), None),
}
BUNDLES = {1: (307, 14), 2: (492, 18), 3: (638, 21), 50: (677, 22)}


def measure(origin: str, link: Link, content: bytes) -> tuple[int, int | None]:
    return len(qrtext.pack(link, content)), version_of(qrtext.encode(origin, link, content))


@SAME_ZLIB
@pytest.mark.parametrize(("parties", "clear"), RECEIPTS)
def test_receipts_are_as_large_as_the_table_says(parties: int, clear: int) -> None:
    chain = world.chain(parties)
    for certified, size in enumerate(RECEIPTS[parties, clear]):
        if size is not None:
            message = world.receipt_in_form(chain, clear, certified).sign(world.RECEIPT_KEY)
            assert measure(world.PLATFORM.origin, Link.RECEIPT, message) == size


@SAME_ZLIB
@pytest.mark.parametrize("parties", BUNDLES)
def test_bundles_are_as_large_as_the_table_says(parties: int) -> None:
    content = world.bundle_of(world.chain(parties))
    assert measure(world.PLATFORM.origin, Link.BUNDLE, content) == BUNDLES[parties]


def test_the_room_at_version_25_depends_on_the_origin() -> None:
    assert room("https://cs.example.com", Link.RECEIPT) == 959
    assert room("https://" + "a" * 26, Link.RECEIPT) == 947
    assert room("https://" + "a" * 32, Link.RECEIPT) == 941


@given(st.integers(1, 32))
def test_room_is_exactly_what_still_fits(letters: int) -> None:
    origin = "https://" + "a" * letters
    size = room(origin, Link.RECEIPT)
    prefix = qrtext.prefix(origin, Link.RECEIPT)
    assert version_of(prefix + qrtext.to_digits(bytes(size))) == 25
    assert version_of(prefix + qrtext.to_digits(bytes(size + 1))) is None


# --- Which form is taken


def test_forms_come_best_first() -> None:
    whole = [Form(3, 2), Form(3, 1), Form(3, 0)]
    folded = [Form(2, 2), Form(2, 1), Form(2, 0), Form(1, 1), Form(1, 0)]
    assert list(forms(1)) == [Form(1, 1), Form(1, 0)]
    assert list(forms(2)) == [Form(2, 2), Form(2, 1), Form(2, 0)]
    assert list(forms(3)) == [*whole, *folded]
    assert list(forms(4)) == [Form(4, 0), Form(3, 1), *folded]
    assert list(forms(50)) == [Form(3, 1), *folded]


@pytest.mark.parametrize("parties", [1, 2, 3, 4, 7, 50])
@pytest.mark.parametrize("content", [world.usual, world.lean])
def test_no_receipt_and_no_bundle_passes_version_25(parties: int, content: world.Content) -> None:
    chain = world.chain(parties, content=content)
    origin = world.PLATFORM.origin
    for link, message in (
        (Link.RECEIPT, world.receipt_of(chain)),
        (Link.BUNDLE, world.bundle_of(chain)),
    ):
        version = version_of(qrtext.encode(origin, link, message))
        assert version is not None
        assert version <= 25


@pytest.mark.parametrize("content", [world.usual, world.lean])
def test_one_two_and_three_usual_parties_are_never_folded(content: world.Content) -> None:
    for parties in (1, 2, 3):
        message = world.receipt_of(world.chain(parties, content=content))
        receipt = Receipt.from_signed(cose.parse(message))
        assert receipt.folded == 0
        assert len(receipt.steps) == parties


def test_the_first_form_that_fits_is_taken() -> None:
    for parties in (3, 4, 7, 50):
        chain = world.chain(parties)
        receipt = Receipt.from_signed(cose.parse(world.receipt_of(chain)))
        taken = Form(
            len(receipt.steps), sum(not isinstance(step.by, bytes) for step in receipt.steps)
        )
        for form in forms(parties):
            message = world.receipt_in_form(chain, form.clear, form.certified).sign(
                world.RECEIPT_KEY
            )
            _, version = measure(world.PLATFORM.origin, Link.RECEIPT, message)
            assert (version is None) is (form != taken)
            if form == taken:
                break


def test_a_refusal_shows_one_step_with_its_certificate() -> None:
    before = world.chain(2)
    statement, server = world.statement_at(2, before[-1].link)
    refused = world.sign_step(statement, server, reason=Reason.DECLINED)
    message = fit_receipt(
        platform=world.PLATFORM,
        tx=statement.tx,
        length=3,
        recent=[signed.linked for signed in [*before, refused]],
        key=world.RECEIPT_KEY,
        reason=Reason.DECLINED,
    )
    assert message == world.refusal(2).sign(world.RECEIPT_KEY)


# --- The worst case


def worst(position: int) -> world.Signed:
    """A step with every field at its cap and every number at its longest."""
    prev = world.some_bytes("prev", 32) if position else None
    statement, server = world.statement_at(
        position, prev, content=world.full, platform=world.FULL_PLATFORM
    )
    statement = replace(statement, serial=world.letters("serial", 16), ttl=599)
    return world.sign_step(statement, server, after_seconds=659, seq=2**53 - 1)


def test_the_worst_statement_fits_alone_even_uncompressed() -> None:
    assert len(world.FULL_PLATFORM.origin) == 40
    space = room(world.FULL_PLATFORM.origin, Link.RECEIPT)
    for position in (0, 1, 2**32):
        step = worst(position)
        receipt = Receipt(
            world.FULL_PLATFORM, step.statement.tx, position, step.statement.prev, (step.step,)
        ).without_certificates()
        assert 1 + len(receipt.sign(world.RECEIPT_KEY)) <= space
        message = cose.sign(world.STATEMENT_KEY, cose.Typ.STATEMENT, step.statement.payload())
        bundle = Bundle(message, step.statement.prev).encode()
        assert 1 + len(bundle) <= space


def test_a_chain_of_worst_statements_is_folded_to_one() -> None:
    chain = world.chain(7, content=world.full, platform=world.FULL_PLATFORM)
    receipt = Receipt.from_signed(cose.parse(world.receipt_of(chain)))
    assert (len(receipt.steps), receipt.folded) == (1, 6)
    assert Bundle.decode(world.bundle_of(chain)).context == ()


# --- Room for two


def with_remark(statement: Statement, text: str, demand_text: str) -> Statement:
    return replace(
        statement,
        party=replace(statement.party, remark=text),
        demand=replace(statement.demand, text=demand_text),
    )


def too_large(statement: Statement, before: world.Signed | None = None) -> str | None:
    """The refusal's words, or None."""
    try:
        require_room(statement, before.step if before else None)
    except ProtocolError as refusal:
        return f"{refusal.code}: {refusal.detail}"
    return None


def fits_two(first: world.Signed, second: world.Signed) -> bool:
    message = world.receipt_in_form([first, second], 2, 0).sign(world.RECEIPT_KEY)
    return measure(first.statement.platform.origin, Link.RECEIPT, message)[1] is not None


def test_usual_statements_have_room() -> None:
    first, second = world.chain(2)
    assert too_large(first.statement) is None
    assert too_large(second.statement, first) is None


def test_a_first_statement_of_all_caps_is_refused_and_told_by_how_much() -> None:
    first = world.chain(1, content=world.full, platform=world.FULL_PLATFORM)[0]
    detail = too_large(first.statement)
    assert detail is not None
    assert detail.startswith("statement_too_large: the texts are ")
    assert detail.endswith(" bytes too long for a receipt of two")


def test_a_second_statement_must_fit_beside_the_first() -> None:
    first = world.chain(1, content=partial(long, 400))[0]
    assert too_large(first.statement) is None
    short, _ = world.statement_at(1, first.link, content=world.lean)
    large, server = world.statement_at(1, first.link, content=partial(long, 300))
    assert too_large(short, first) is None
    assert too_large(large, first) is not None
    assert not fits_two(first, world.sign_step(large, server))


def long(size: int, position: int) -> tuple[Party, Demand]:
    """So many bytes of text that hardly compress, spread over the fields."""
    text = world.letters(f"long {position}", size)
    return (
        Party("1", text[:120] or "-", text[120:160] or None),
        Demand(
            Kind.OTHER,
            text=text[160:280] or None,
            payee_name=text[280:350] or None,
            reference=text[350:385] or None,
            payee_account=text[385:419] or None,
        ),
    )


def test_from_the_third_step_on_there_is_always_room() -> None:
    chain = world.chain(3, content=world.full, platform=world.FULL_PLATFORM)
    assert too_large(chain[2].statement, chain[1]) is None


def largest_first() -> Statement:
    """The longest first statement that is still accepted."""
    sizes = (size for size in range(419, 100, -1))
    for size in sizes:
        content = partial(long, size)
        statement, _ = world.statement_at(0, None, content=content, platform=world.FULL_PLATFORM)
        if too_large(statement) is None:
            return statement
    raise AssertionError("even the shortest has no room")


def test_after_the_largest_first_statement_a_short_second_one_always_fits() -> None:
    statement = largest_first()
    server = world.signing_key("chain server 0")
    for attempt in range(50):
        name = f"attempt {attempt}"
        drawn = replace(
            statement, nonce=world.some_bytes(name, 12), tx=world.some_bytes(f"tx {name}", 8)
        )
        first = world.sign_step(drawn, server)
        reply, other_server = world.statement_at(
            1, first.link, content=short_reply, platform=world.FULL_PLATFORM, name=name
        )
        reply = replace(reply, tx=drawn.tx)
        second = world.sign_step(reply, other_server, seq=2**40)
        assert fits_two(first, second)


def short_reply(_: int) -> tuple[Party, Demand]:
    """A reply of the length that room is kept for."""
    return Party("8831014711", "Agreed, we deliver in week 32, thank you"), Demand(Kind.APPROVAL)


SCRIPTS = {
    "English": "please deliver before Friday and send the invoice to our office as agreed ",
    "Chinese": "请在周五之前交付并将发票寄到我们的办公室谢谢您的订单合同付款金额收据公司地址电话",
    "Arabic": "يرجى التسليم قبل يوم الجمعة وإرسال الفاتورة إلى مكتبنا كما هو متفق عليه ",
}


@given(
    script=st.sampled_from(sorted(SCRIPTS)),
    nonce=st.binary(min_size=12, max_size=12),
    letters=st.integers(60, 120),
)
def test_what_is_accepted_fits_whatever_the_signatures_will_be(
    script: str, nonce: bytes, letters: int
) -> None:
    def content(position: int) -> tuple[Party, Demand]:
        text = shuffled(SCRIPTS[script], position, nonce)
        cut = text.encode()[:letters].decode(errors="ignore")
        return (
            Party(world.letters(f"account {nonce!r}", 34), cut, text[:12]),
            Demand(
                Kind.OTHER,
                text=cut[::-1].strip(),
                payee_name=text.encode()[:70].decode(errors="ignore").strip(),
                payee_account=world.letters(f"payee {nonce!r}", 34),
                reference=world.letters(f"reference {nonce!r}", 35 if letters > 100 else 9),
            ),
        )

    first, second = world.chain(2, content=content, platform=world.FULL_PLATFORM, name=nonce.hex())
    if too_large(second.statement, first) is None:
        assert fits_two(first, second)


def shuffled(text: str, position: int, nonce: bytes) -> str:
    order = world.some_bytes(f"{position} {nonce.hex()}", 2 * len(text))
    return "".join(text[number % len(text)] for number in order).strip()


def test_looking_for_room_takes_less_than_a_millisecond() -> None:
    first, second = world.chain(2)
    durations = []
    for _ in range(20):
        started = time.perf_counter()
        require_room(second.statement, first.step)
        durations.append(time.perf_counter() - started)
    assert min(durations) < 0.001


def test_what_fits_in_no_form_is_refused() -> None:
    crowded = world.chain(2, content=world.full, platform=world.FULL_PLATFORM)
    with pytest.raises(ProtocolError) as refusal:
        world.receipt_of(crowded)
    assert refusal.value.code == "statement_too_large"
    with pytest.raises(ProtocolError) as refusal:
        fit_bundle(
            origin="https://a.example",
            statement=world.some_bytes("", 2000),
            pos=0,
            recent=[],
            prev=None,
        )
    assert refusal.value.code == "statement_too_large"


# --- The symbol itself


def segments(text: str) -> QRCode[PilImage]:
    """Hand a link to the library as two explicit segments at level M."""
    head, digits = text.split("#")
    code = QRCode(error_correction=ERROR_CORRECT_M, image_factory=PilImage)
    code.add_data(QRData(f"{head}#".encode(), mode=4))
    code.add_data(QRData(digits.encode(), mode=1))
    return code


def drawn(text: str) -> Image.Image:
    """Draw a link, and load the PNG again."""
    file = io.BytesIO()
    segments(text).make_image().save(file)
    return Image.open(file)


@given(letters=st.integers(1, 32), size=st.integers(1, 941))
def test_the_version_is_the_one_that_the_library_needs(letters: int, size: int) -> None:
    head = qrtext.prefix("https://" + "a" * letters, Link.RECEIPT)
    text = head + qrtext.to_digits(b"\xff" * size)
    assert version_of(text) == segments(text).best_fit()


@pytest.mark.parametrize("parties", [1, 2, 3, 50])
def test_a_drawn_receipt_is_read_back_and_verifies(parties: int) -> None:
    message = world.receipt_of(world.chain(parties))
    text = qrtext.encode(world.PLATFORM.origin, Link.RECEIPT, message)
    (read,) = zxingcpp.read_barcodes(drawn(text), formats=QR_ONLY)
    assert read.text == text
    assert qrtext.decode(read.text, Link.RECEIPT) == (world.PLATFORM.origin, message)


def test_a_drawn_bundle_is_read_back() -> None:
    content = world.bundle_of(world.chain(3))
    text = qrtext.encode(world.PLATFORM.origin, Link.BUNDLE, content)
    (read,) = zxingcpp.read_barcodes(drawn(text), formats=QR_ONLY)
    assert qrtext.decode(read.text, Link.BUNDLE)[1] == content


def test_the_platform_s_origin_is_what_a_reader_gets() -> None:
    platform = Platform("demo", "Demo", "http://localhost:8000")
    text = qrtext.encode(platform.origin, Link.RECEIPT, b"content")
    assert qrtext.decode(text, Link.RECEIPT)[0] == platform.origin
