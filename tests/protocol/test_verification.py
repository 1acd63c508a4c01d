"""What a report says of receipts, refusals, certificates and clocks."""

from dataclasses import replace

import pytest

from protocol import cose
from protocol.certified import Fetched
from protocol.chain import CertifiedServer, Step, clock_faults
from protocol.cose import Typ
from protocol.keys import Directory, Host, KeyCertificate, Purpose, ServerCertificate
from protocol.outcome import Outcome, Report
from protocol.receipt import Receipt
from protocol.verdict import Reason
from protocol.verification import verify_receipt
from tests.protocol import world

CHAIN = world.chain(7)
DAY = 86400


def verify(receipt: Receipt, directory: Directory = world.DIRECTORY) -> Report:
    return verify_receipt(receipt.sign(world.RECEIPT_KEY), directory)


def failure(report: Report) -> tuple[int, str]:
    """Number and code of the only line that failed."""
    (check,) = report.failures
    return check.number, check.code


def line(report: Report, number: int) -> str:
    return next(check.text for check in report.checks if check.number == number)


def test_a_certified_receipt_claims_what_the_server_signed() -> None:
    report = verify(world.receipt_in_form(CHAIN[:1], 1, 1))
    assert line(report, 5) == "Step 1: host Host One certified the server for token " + (
        CHAIN[0].step.serial + "."
    )
    assert line(report, 6) == (
        "Step 1: the server signed on exactly this statement: accepted at 2026-01-01 12:00:15 UTC."
    )
    assert report.is_complete


def test_without_certificate_it_is_only_the_platform_that_says_so() -> None:
    report = verify(world.receipt_in_form(CHAIN[:1], 1, 0))
    assert "the platform says" in line(report, 5)
    assert "connect to check" in line(report, 5)
    assert report.is_valid
    assert not report.is_complete


def test_a_fetched_certificate_serves_as_well_and_is_named() -> None:
    message = world.receipt_in_form(CHAIN[:2], 2, 0).sign(world.RECEIPT_KEY)
    fetched = {signed.step.vk: [Fetched(signed.certificate, world.NOON)] for signed in CHAIN}
    report = verify_receipt(message, world.DIRECTORY, fetched)
    assert report.is_complete
    assert line(report, 5).endswith(" by a certificate fetched on 2026-01-01.")


def test_folded_steps_are_said_to_be_unchecked() -> None:
    report = verify(world.receipt_in_form(CHAIN, 2, 2))
    assert line(report, 7).startswith("5 earlier steps are bound by digest and not shown")
    assert report.is_valid
    assert not report.is_complete


def test_every_report_says_what_no_receipt_proves() -> None:
    for message in (b"", world.receipt_of(CHAIN[:1])):
        assert verify_receipt(message, world.DIRECTORY).always == (
            "This proves what was signed, not who held the token.",
            "A later step may exist.",
            "Keys as of 2026-01-01 12:00:00 UTC.",
        )


# --- Refusals


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason])
@pytest.mark.parametrize("position", [0, 2])
def test_a_refusal_verifies_as_a_refusal_and_is_never_valid(reason: Reason, position: int) -> None:
    report = verify(world.refusal(position, reason))
    assert report.is_refusal
    assert not report.is_valid
    assert not report.is_complete
    assert failure(report) == (8, "refused")
    assert line(report, 8).startswith("Nothing was signed: the step was refused, ")
    assert "refused" in line(report, 6)


def test_a_receipt_is_not_a_refusal() -> None:
    assert not verify(world.receipt_in_form(CHAIN[:1], 1, 1)).is_refusal


def test_a_forged_refusal_is_none() -> None:
    report = verify_receipt(world.refusal().sign(world.HOST_KEY), world.DIRECTORY)
    assert not report.is_refusal
    assert not report.is_valid


def test_an_expired_step_may_be_ended_long_after() -> None:
    refused = world.refusal(reason=Reason.EXPIRED)
    (step,) = refused.steps
    late = replace(step, decided=step.issued + 30 * DAY)
    assert clock_faults([late], Reason.EXPIRED) == []
    assert clock_faults([late]) == [0]


# --- Platform and its keys


def test_bytes_that_are_no_receipt_fail_the_first_line() -> None:
    report = verify_receipt(CHAIN[0].verdict, world.DIRECTORY)
    assert failure(report) == (1, "typ_wrong")
    assert report.receipt is None


def test_another_key_than_a_receipt_key_is_named_as_unknown() -> None:
    receipt = world.receipt_in_form(CHAIN[:1], 1, 1)
    report = verify_receipt(receipt.sign(world.STATEMENT_KEY), world.DIRECTORY)
    assert failure(report) == (3, "receipt_signature_invalid")
    assert "not among the platform's keys" in line(report, 3)


def receipt_certificate(from_day: int, to_day: int) -> bytes:
    key = world.RECEIPT_KEY.public
    return KeyCertificate(key, Purpose.RECEIPT, "demo", from_day, to_day).sign(world.ROOT)


def test_a_receipt_key_is_good_on_the_days_of_its_certificate_only() -> None:
    old = receipt_certificate(world.TODAY - 20, world.TODAY - 1)
    directory = replace(world.DIRECTORY, certificates=(old,))
    report = verify(world.receipt_in_form(CHAIN[:1], 1, 1), directory)
    assert failure(report) == (3, "receipt_signature_invalid")
    assert "not valid on the receipt's date" in line(report, 3)


def test_after_a_rotation_old_receipts_stay_good_and_the_old_key_signs_no_new_ones() -> None:
    new_key = world.signing_key("receipt key after the rotation")

    def rotated(last_day: int) -> Directory:
        new = KeyCertificate(
            new_key.public, Purpose.RECEIPT, "demo", last_day, world.TODAY + 400
        ).sign(world.ROOT)
        old = receipt_certificate(world.TODAY - 20, last_day)
        return replace(world.DIRECTORY, certificates=(old, new))

    receipt = world.receipt_in_form(CHAIN[:1], 1, 1)
    assert verify(receipt, rotated(world.TODAY)).is_complete
    assert failure(verify(receipt, rotated(world.TODAY - 1))) == (3, "receipt_signature_invalid")


def test_a_renewed_certificate_of_the_same_key_is_found_behind_the_old_one() -> None:
    old = receipt_certificate(world.TODAY - 20, world.TODAY - 1)
    new = receipt_certificate(world.TODAY, world.TODAY + 20)
    directory = replace(world.DIRECTORY, certificates=(old, new))
    assert verify(world.receipt_in_form(CHAIN[:1], 1, 1), directory).is_complete


# --- Servers and their hosts


def with_by(by: CertifiedServer) -> Receipt:
    receipt = world.receipt_in_form(CHAIN[:1], 1, 1)
    return replace(receipt, steps=(replace(receipt.steps[0], by=by),))


def certified(step: Step) -> CertifiedServer:
    assert isinstance(step.by, CertifiedServer)
    return step.by


def test_a_certificate_signed_by_nobody_listed_is_refused() -> None:
    for by in (
        replace(certified(CHAIN[0].step), host=2),
        replace(certified(CHAIN[0].step), signature=bytes(64)),
        replace(certified(CHAIN[0].step), to_day=world.TODAY + 9999),
    ):
        report = verify(with_by(by))
        assert failure(report) == (5, "server_certificate_invalid")
        assert "no listed host signed it" in line(report, 5)


def test_a_certificate_must_cover_the_day_of_the_verdict() -> None:
    server = CHAIN[0].server
    early = ServerCertificate(
        server.public, CHAIN[0].step.serial, world.TODAY - 9, world.TODAY - 1
    )
    by = CertifiedServer(
        server.public,
        1,
        early.from_day,
        early.to_day,
        cose.parse(early.sign(world.HOST_KEY)).signature,
    )
    report = verify(with_by(by))
    assert failure(report) == (5, "server_certificate_invalid")
    assert "not valid on that day" in line(report, 5)


def test_a_host_key_certifies_servers_only_on_its_own_days() -> None:
    later = KeyCertificate(
        world.HOST_KEY.public, Purpose.HOST, world.HOST.name, world.TODAY, world.TODAY + 9
    )
    host = replace(world.HOST, certificates=(later.sign(world.HOST_ROOT),))
    report = verify(
        world.receipt_in_form(CHAIN[:1], 1, 1), replace(world.DIRECTORY, hosts=(host,))
    )
    assert failure(report) == (5, "server_certificate_invalid")


@pytest.mark.parametrize(
    ("purpose", "subject"), [(Purpose.RECEIPT, "Host One"), (Purpose.HOST, "Host Two")]
)
def test_a_host_key_has_its_purpose_and_its_host_s_name(purpose: Purpose, subject: str) -> None:
    wrong = KeyCertificate(
        world.HOST_KEY.public, purpose, subject, world.TODAY - 10, world.TODAY + 390
    )
    host: Host = replace(world.HOST, certificates=(wrong.sign(world.HOST_ROOT),))
    report = verify(
        world.receipt_in_form(CHAIN[:1], 1, 1), replace(world.DIRECTORY, hosts=(host,))
    )
    assert failure(report) == (5, "server_certificate_invalid")


def test_a_fetched_certificate_is_for_this_very_token() -> None:
    message = world.receipt_in_form(CHAIN[:1], 1, 0).sign(world.RECEIPT_KEY)
    vk = CHAIN[0].step.vk
    other_serial = ServerCertificate(
        CHAIN[0].server.public, "CS9", world.TODAY - 5, world.TODAY + 5
    ).sign(world.HOST_KEY)
    right = cose.parse(CHAIN[0].certificate).payload
    for fetched in (
        CHAIN[1].certificate,
        other_serial,
        CHAIN[0].verdict,
        b"garbage",
        cose.sign(world.HOST_ROOT, Typ.SERVER, right),
    ):
        report = verify_receipt(message, world.DIRECTORY, {vk: [Fetched(fetched, 0)]})
        assert failure(report) == (5, "server_certificate_invalid")


def test_of_several_fetched_certificates_the_one_of_that_day_serves() -> None:
    message = world.receipt_in_form(CHAIN[:1], 1, 0).sign(world.RECEIPT_KEY)
    vk, right = CHAIN[0].step.vk, CHAIN[0].certificate
    later = ServerCertificate(
        CHAIN[0].server.public, CHAIN[0].step.serial, world.TODAY + 1, world.TODAY + 5
    ).sign(world.HOST_KEY)
    for messages in ([right, later], [later, right]):
        fetched = {vk: [Fetched(each, 0) for each in messages]}
        assert verify_receipt(message, world.DIRECTORY, fetched).is_complete
    report = verify_receipt(message, world.DIRECTORY, {vk: [Fetched(later, 0)] * 2})
    assert failure(report) == (5, "server_certificate_invalid")


# --- Clocks


@pytest.mark.parametrize(
    ("after_seconds", "faults"), [(-61, [0]), (-60, []), (0, []), (240, []), (241, [0])]
)
def test_a_verdict_falls_within_the_life_of_its_challenge(
    after_seconds: int, faults: list[int]
) -> None:
    step = CHAIN[0].step
    assert clock_faults([replace(step, decided=step.issued + after_seconds)]) == faults


@pytest.mark.parametrize(("gap_seconds", "faults"), [(-61, [1]), (-60, []), (0, [])])
def test_a_step_is_issued_after_the_one_before_was_decided(
    gap_seconds: int, faults: list[int]
) -> None:
    first, second = CHAIN[0].step, CHAIN[1].step
    issued = first.decided + gap_seconds
    second = replace(second, issued=issued, decided=issued + 15)
    assert clock_faults([first, second]) == faults


def test_times_that_contradict_each_other_fail_the_fourth_line_at_their_step() -> None:
    statement, server = world.statement_at(0, None)
    late = world.sign_step(statement, server, after_seconds=241)
    report = verify(world.receipt_in_form([late], 1, 1))
    assert failure(report) == (4, "chain_broken")
    assert report.failures[0].step == 0
    assert report.failures[0].outcome is Outcome.FAILED
