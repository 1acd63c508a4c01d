"""Receipts to verify, sound and not, each with the keys it is verified with."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from protocol import cose
from protocol.certified import Certificates, Fetched
from protocol.chain import CertifiedServer, Step
from protocol.charge import WAYS, Charge
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.keys import Directory, Host, KeyCertificate, Purpose, ServerCertificate
from protocol.receipt import Receipt
from protocol.verdict import Reason
from tests.protocol import test_tampering as tampering
from tests.protocol import world

DAY = 86400
CHAIN = world.chain(7)
FETCHED = {signed.step.vk: [Fetched(signed.certificate, world.NOON)] for signed in CHAIN}
ONE = world.receipt_in_form(CHAIN[:1], 1, 1)
WHOLE = tampering.WHOLE


class Case(NamedTuple):
    """A receipt, and what it is verified with."""

    message: bytes
    directory: Directory = world.DIRECTORY
    fetched: Certificates | None = None


def cases() -> dict[str, Case]:
    """All cases by name."""
    made: dict[str, Case] = {}
    for part in (
        sound(),
        refused(),
        changed(),
        out_of_time(),
        signed_by_others(),
        with_other_platform_keys(),
        with_other_host_keys(),
        with_other_certificates(),
        charged(),
    ):
        for name, case in part:
            assert name not in made, name
            made[name] = case
    return made


def by_platform(receipt: Receipt, directory: Directory = world.DIRECTORY) -> Case:
    """The receipt as the platform signs it."""
    return Case(receipt.sign(world.RECEIPT_KEY), directory)


def sound() -> Iterator[tuple[str, Case]]:
    """Every form of receipts of 1 to 7 parties, with and without the certificates at hand."""
    for length in (1, 2, 3, 4, 7):
        for clear in range(1, min(length, 4) + 1):
            for certified in range(clear + 1):
                case = by_platform(world.receipt_in_form(CHAIN[:length], clear, certified))
                name = f"{length} parties, {clear} in clear, {certified} certified"
                yield name, case
                yield f"{name}, fetched", case._replace(fetched=FETCHED)
    yield "50 parties", Case(world.receipt_of(world.chain(50)))
    yield (
        "fields at their caps",
        by_platform(world.receipt_in_form(world.chain(1, content=world.full), 1, 1)),
    )
    yield (
        "as little as can be said",
        by_platform(world.receipt_in_form(world.chain(2, content=world.lean), 2, 2)),
    )


def refused() -> Iterator[tuple[str, Case]]:
    """Records of refused steps, and accepted ones that pass for refused, and the other way."""
    for reason in Reason:
        if reason is Reason.ACCEPTED:
            continue
        for position in (0, 2):
            refusal = world.refusal(position, reason)
            name = f"step {position}, {reason.name.lower()}"
            yield name, by_platform(refusal)
            bare = refusal.without_certificates()
            yield f"{name}, bare", by_platform(bare)
            yield f"{name}, fetched", by_platform(bare)._replace(fetched=FETCHED)
        yield f"accepted as {reason.name.lower()}", by_platform(replace(ONE, reason=reason))
    refusal = world.refusal()
    yield "refusal as receipt", by_platform(replace(refusal, reason=Reason.ACCEPTED))
    yield "refusal signed by the host", Case(refusal.sign(world.HOST_KEY))


def changed() -> Iterator[tuple[str, Case]]:
    """Every field of every step changed, under the old signature and signed again."""
    for name, change in tampering.CHANGES.items():
        for position in range(3):
            altered = tampering.with_step(position, change(WHOLE.steps[position]))
            yield f"{name} of step {position}, kept", kept(altered)
            yield f"{name} of step {position}, signed again", by_platform(altered)
            bare = altered.without_certificates(keep_newest=1)
            yield f"{name} of step {position}, newest certified", by_platform(bare)
    for position in range(3):
        other_serial = replace(WHOLE.steps[position], serial="CS9")
        yield (
            f"serial of step {position}",
            by_platform(tampering.with_step(position, other_serial)),
        )
    platform = WHOLE.platform
    for name, receipt in {
        "platform name": replace(WHOLE, platform=replace(platform, name="Demu")),
        "platform origin": replace(WHOLE, platform=replace(platform, origin="http://a")),
        "platform id": replace(WHOLE, platform=replace(platform, id="demu")),
        "transaction": replace(WHOLE, tx=bytes(8)),
        "folded": replace(WHOLE, folded=2, anchor=bytes(32)),
        "far down a chain": replace(WHOLE, folded=2**53 - 3, anchor=bytes(32)),
        "too far down a chain": replace(WHOLE, folded=2**53 - 2, anchor=bytes(32)),
        "step of another chain": tampering.with_step(1, world.chain(3, name="other")[1].step),
    }.items():
        yield f"{name} changed, kept", kept(receipt)
        yield f"{name} changed, signed again", by_platform(receipt)
    for places in ([0, 2], [2], [0, 2, 1], [1, 0, 2], [0, 0, 1, 2], [0, 1, 2, 2], [0, 1]):
        steps = tuple(WHOLE.steps[place] for place in places)
        yield f"steps {places}", by_platform(replace(WHOLE, steps=steps))


def kept(receipt: Receipt) -> Case:
    """An altered receipt under the signature of the real one."""
    signature = cose.parse(tampering.SIGNED).signature
    kid = world.RECEIPT_KEY.kid
    message = cose.assemble(
        typ=receipt.typ, kid=kid, payload=receipt.payload(), signature=signature
    )
    return Case(message)


def out_of_time() -> Iterator[tuple[str, Case]]:
    """Verdicts around the life of their challenge, and steps around the one before."""
    statement, server = world.statement_at(0, None)
    for seconds in (-61, -60, 0, 240, 241, 30 * DAY):
        for reason in (Reason.ACCEPTED, Reason.EXPIRED):
            step = world.sign_step(statement, server, after_seconds=seconds, reason=reason)
            receipt = replace(world.receipt_in_form([step], 1, 1), reason=reason)
            yield f"{reason.name.lower()} {seconds} s after", by_platform(receipt)
    first, second = CHAIN[0].step, CHAIN[1].step
    for seconds in (-61, -60, 0):
        issued = first.decided + seconds
        steps = (first, replace(second, issued=issued, decided=issued + 15))
        receipt = world.receipt_in_form(CHAIN[:2], 2, 2)
        yield f"issued {seconds} s after", by_platform(replace(receipt, steps=steps))


def signed_by_others() -> Iterator[tuple[str, Case]]:
    """Real messages, none of which is a receipt that the platform signed."""
    for key in (world.STATEMENT_KEY, world.ROOT, world.HOST_KEY, CHAIN[0].server):
        yield f"signed by {key.kid.hex()}", Case(ONE.sign(key))
    another = cose.sign(world.HOST_KEY, Typ.RECEIPT, ONE.payload())
    signature = cose.parse(another).signature
    yield (
        "other key, same kid",
        Case(
            cose.assemble(
                typ=Typ.RECEIPT,
                kid=world.RECEIPT_KEY.kid,
                payload=ONE.payload(),
                signature=signature,
            )
        ),
    )
    for typ in Typ:
        if typ is not Typ.RECEIPT:
            yield f"receipt as {typ}", Case(cose.sign(world.RECEIPT_KEY, typ, ONE.payload()))
    yield "no bytes", Case(b"")
    yield "verdict", Case(CHAIN[0].verdict)
    yield "certificate", Case(CHAIN[0].certificate)
    yield "directory", Case(world.DIRECTORY.sign(world.DIRECTORY_KEY))
    yield "4097 bytes", Case(bytes(4097))


def with_other_platform_keys() -> Iterator[tuple[str, Case]]:
    """The same receipt, with receipt keys that are retired, renewed, or for something else."""
    statements, receipts, directories = world.CERTIFICATES
    old = platform_key(-20, -1)
    retired = platform_key(-20, -1, key=world.signing_key("an older receipt key"))
    for name, certificates in {
        "no receipt key": [],
        "expired key": [old],
        "key to come": [platform_key(1, 9)],
        "last day of a key": [platform_key(-9, 0)],
        "first day of a key": [platform_key(0, 9)],
        "renewed key": [old, platform_key(0, 9)],
        "retired key beside": [retired, receipts],
        "receipt key of another subject": [platform_key(-9, 9, subject="other")],
        "receipt key for statements": [platform_key(-9, 9, purpose=Purpose.STATEMENT)],
    }.items():
        keys = (statements, *certificates, directories)
        yield name, by_platform(ONE, replace(world.DIRECTORY, certificates=keys))
    other = replace(world.PLATFORM, name="Renamed")
    yield "renamed platform", by_platform(ONE, replace(world.DIRECTORY, platform=other))


def platform_key(
    first: int,
    last: int,
    *,
    key: SigningKey = world.RECEIPT_KEY,
    purpose: Purpose = Purpose.RECEIPT,
    subject: str = "demo",
) -> bytes:
    """A certificate of the platform's root, valid so many days from today."""
    days = (world.TODAY + first, world.TODAY + last)
    return KeyCertificate(key.public, purpose, subject, *days).sign(world.ROOT)


def with_other_host_keys() -> Iterator[tuple[str, Case]]:
    """The same receipt, with host keys that did not certify its server."""
    (certificate,) = world.HOST.certificates
    for name, certificates in {
        "no host key": (),
        "later host key": (host_key(0, 9),),
        "earlier host key": (host_key(-9, -6),),
        "host key of that day": (host_key(-5, -5),),
        "other host key first": (host_key(-9, 9, key=world.signing_key("other")), certificate),
        "host key for receipts": (host_key(-9, 9, purpose=Purpose.RECEIPT),),
        "host key of another host": (host_key(-9, 9, subject="Host Two"),),
    }.items():
        yield name, by_platform(ONE, with_hosts(replace(world.HOST, certificates=certificates)))
    yield "no host", by_platform(ONE, with_hosts())
    second = replace(world.HOST, number=2)
    yield "host of another number", by_platform(ONE, with_hosts(second))
    bare = by_platform(ONE.without_certificates(), with_hosts(second))._replace(fetched=FETCHED)
    yield "host of any number, fetched", bare


def host_key(
    first: int,
    last: int,
    *,
    key: SigningKey = world.HOST_KEY,
    purpose: Purpose = Purpose.HOST,
    subject: str = "Host One",
) -> bytes:
    """A certificate of the host's root, valid so many days from today."""
    days = (world.TODAY + first, world.TODAY + last)
    return KeyCertificate(key.public, purpose, subject, *days).sign(world.HOST_ROOT)


def with_hosts(*hosts: Host) -> Directory:
    """The directory with other hosts."""
    return replace(world.DIRECTORY, hosts=hosts)


def with_other_certificates() -> Iterator[tuple[str, Case]]:
    """Server certificates that do not fit, in the receipt and fetched."""
    (step,) = ONE.steps
    by = step.by
    assert isinstance(by, CertifiedServer)
    for name, other in {
        "unknown host": replace(by, host=2),
        "certificate of nobody": replace(by, signature=bytes(64)),
        "certificate made longer": replace(by, to_day=world.TODAY + 9999),
        "certificate of another server": replace(by, key=CHAIN[1].server.public),
        "expired certificate": certified(step, CHAIN[0].server.public, -9, -1),
        "certificate to come": certified(step, CHAIN[0].server.public, 1, 9),
        "certificate of one day": certified(step, CHAIN[0].server.public, 0, 0),
    }.items():
        receipt = replace(ONE, steps=(replace(step, by=other),))
        yield name, by_platform(receipt)
    right = cose.parse(CHAIN[0].certificate).payload
    serial = ServerCertificate(CHAIN[0].server.public, "CS9", world.TODAY - 5, world.TODAY + 5)
    server = replace(serial, key=CHAIN[1].server.public, serial=step.serial)
    case = by_platform(ONE.without_certificates())
    for name, fetched in {
        "other server": CHAIN[1].certificate,
        "other serial": serial.sign(world.HOST_KEY),
        "other server of that serial": server.sign(world.HOST_KEY),
        "a verdict": CHAIN[0].verdict,
        "garbage": b"garbage",
        "nothing": b"",
        "not by a host key": cose.sign(world.HOST_ROOT, Typ.SERVER, right),
        "of another type": cose.sign(world.HOST_KEY, Typ.KEY, right),
    }.items():
        yield f"fetched: {name}", case._replace(fetched=found(step, fetched))
        both = found(step, fetched, CHAIN[0].certificate)
        yield f"fetched: {name}, and the right one", case._replace(fetched=both)
    yield "fetched: none for it", case._replace(fetched=found(step))
    yield "fetched: two that do not fit", case._replace(fetched=found(step, b"", b"garbage"))


def found(step: Step, *messages: bytes) -> Certificates:
    """What is fetched for the server of a step."""
    return {step.vk: [Fetched(message, world.NOON) for message in messages]}


def charged() -> Iterator[tuple[str, Case]]:
    """Receipts of charges: every way to confirm, other keys, and something changed."""
    charge = world.CHARGE
    for way in (*WAYS, "a way to come"):
        yield f"charge by {way}", of_charge(replace(charge, way=way))
    signed = cose.parse(charge.sign(world.RECEIPT_KEY))
    for name, altered in {
        "amount": replace(charge, amount=1),
        "amount, which is none": replace(charge, amount=None, currency=None),
        "payee": replace(charge, payee=replace(charge.payee, name=None)),
        "platform": replace(charge, platform=replace(charge.platform, id="demu")),
    }.items():
        kept = cose.assemble(
            typ=Typ.CHARGE,
            kid=signed.kid,
            payload=altered.payload(),
            signature=signed.signature,
        )
        yield f"charge with another {name}, kept", Case(kept)
        yield f"charge with another {name}, signed again", of_charge(altered)
    yield "charge signed by the host", Case(charge.sign(world.HOST_KEY))
    yield "charge as a receipt", Case(cose.sign(world.RECEIPT_KEY, Typ.RECEIPT, charge.payload()))
    statements, _, directories = world.CERTIFICATES
    keys = (statements, platform_key(-20, -1), directories)
    old = replace(world.DIRECTORY, certificates=keys)
    yield "charge after the key's last day", of_charge(charge)._replace(directory=old)


def of_charge(charge: Charge) -> Case:
    """The charge as the platform signs it."""
    return Case(charge.sign(world.RECEIPT_KEY))


def certified(step: Step, key: bytes, first: int, last: int) -> CertifiedServer:
    """The server of a step as the host certifies it for so many days from today."""
    days = (world.TODAY + first, world.TODAY + last)
    message = ServerCertificate(key, step.serial, *days).sign(world.HOST_KEY)
    return CertifiedServer(key, 1, *days, cose.parse(message).signature)
