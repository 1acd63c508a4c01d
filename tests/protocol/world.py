"""One made-up world for all tests of protocol: a platform, a host, and chains of any length.

Everything in it follows from names, so that vectors and measured sizes never change by themselves.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from protocol import cose, fitting
from protocol.bundle import Context
from protocol.chain import CertifiedServer, Step
from protocol.charge import Charge, Side
from protocol.cose import Typ
from protocol.digests import link_digest, verdict_digest
from protocol.ed25519 import SigningKey
from protocol.fitting import Linked
from protocol.keys import Directory, Host, KeyCertificate, Purpose, ServerCertificate, day_of
from protocol.receipt import Receipt
from protocol.statement import Demand, Kind, Party, Platform, Sight, Statement
from protocol.verdict import Reason, Verdict

NOON = 1_767_268_800  # 2026-01-01 12:00:00 UTC
TODAY = day_of(NOON)


def some_bytes(name: str, size: int) -> bytes:
    """Bytes that look random and follow from a name."""
    return hashlib.shake_256(name.encode()).digest(size)


def signing_key(name: str) -> SigningKey:
    """The key of that name."""
    return SigningKey.from_bytes(some_bytes(f"key of {name}", 32))


ROOT = signing_key("platform root")
STATEMENT_KEY = signing_key("platform statements")
RECEIPT_KEY = signing_key("platform receipts")
DIRECTORY_KEY = signing_key("platform directory")
HOST_ROOT = signing_key("host root")
HOST_KEY = signing_key("host")

PLATFORM = Platform("demo", "Countersign Demo", "https://cs.example.com")
CERTIFICATES = tuple(
    KeyCertificate(key.public, purpose, PLATFORM.id, TODAY - 10, TODAY + 390).sign(ROOT)
    for key, purpose in (
        (STATEMENT_KEY, Purpose.STATEMENT),
        (RECEIPT_KEY, Purpose.RECEIPT),
        (DIRECTORY_KEY, Purpose.DIRECTORY),
    )
)
HOST = Host(
    number=1,
    name="Host One",
    origin="https://one.example.net",
    root=HOST_ROOT.public,
    certificates=(
        KeyCertificate(HOST_KEY.public, Purpose.HOST, "Host One", TODAY - 10, TODAY + 390).sign(
            HOST_ROOT
        ),
    ),
)
DIRECTORY = Directory(PLATFORM, 7, NOON, ROOT.public, CERTIFICATES, (), (HOST,))
CHARGE = Charge(
    platform=PLATFORM,
    uid=some_bytes("charge", 8),
    way="payment_password",
    payer=Side("883100471100", "Anna Meier"),
    payee=Side("883101471100", "Kite Games"),
    text="100 coins (Kites over Kiel)",
    amount=199,
    currency="EUR",
    digest=some_bytes("what was proved", 32),
    captured=NOON,
)
# A right of a client without a network: nothing was paid.
RIGHT = replace(CHARGE, way="offline", text="Car park", amount=None, currency=None)


@dataclass(frozen=True, slots=True)
class Signed:
    """One step with all that was signed for it."""

    statement: Statement
    server: SigningKey
    verdict: bytes
    linked: Linked[Step]

    @property
    def step(self) -> Step:
        return self.linked.content

    @property
    def link(self) -> bytes:
        return link_digest(self.statement.digest, verdict_digest(self.verdict))

    @property
    def certificate(self) -> bytes:
        """The host's certificate of the server, as a file beside the receipt."""
        by = self.step.by
        assert isinstance(by, CertifiedServer)
        return by.certificate(self.step.serial).sign(HOST_KEY)


Content = Callable[[int], tuple[Party, Demand]]


def usual(position: int) -> tuple[Party, Demand]:
    """Fields as people fill them in: each party says something else, and pays somebody else."""
    names = (
        "Anna Meier",
        "Bo Larsen",
        "王秀英",
        "Chipo Moyo",
        "Dana Levi",
        "Emre Aydin",
        "Fay Ito",
    )
    remarks = (
        "Deliver by Friday",
        "Agreed, in stock",
        "周五前交付",
        "From the June budget",
        "Checked the order",
        "Tamam, teşekkürler",
        "Insurance included",
    )
    payees = ("Larsen Blooms", "Moyo Parts Ltd", "Levi Transport", "Aydin Ticaret")
    iban = int.from_bytes(some_bytes(f"iban {position}", 9)) % 10**20
    return (
        Party(f"8831{position:02d}4711", remarks[position % 7], names[position % 7]),
        Demand(
            kind=Kind.PAYMENT,
            amount=125_000 + 1_379 * position,
            currency="EUR",
            payee_account=f"DE{iban:020d}",
            payee_name=payees[position % 4],
        ),
    )


def lean(position: int) -> tuple[Party, Demand]:
    """As little as anybody can say."""
    return Party(f"8831{position:02d}4711", "OK"), Demand(Kind.APPROVAL)


def full(position: int) -> tuple[Party, Demand]:
    """Every field filled to its cap with text that does not compress."""
    return (
        Party(
            account=letters(f"account {position}", 34),
            remark=letters(f"remark {position}", 120),
            name=letters(f"name {position}", 40),
        ),
        Demand(
            kind=Kind.PAYMENT,
            amount=2**53 - 1,
            currency="EUR",
            payee_account=letters(f"payee {position}", 34),
            payee_name=letters(f"payee name {position}", 70),
            text=letters(f"text {position}", 120),
            reference=letters(f"reference {position}", 35),
            due_days=3650,
        ),
    )


def letters(name: str, size: int) -> str:
    """Printable ASCII that hardly compresses."""
    return "".join(chr(33 + byte % 94) for byte in some_bytes(name, size))


FULL_PLATFORM = Platform(
    letters("platform id", 16), letters("platform name", 40), "https://" + "long." * 6 + "io"
)


def sign_step(
    statement: Statement,
    server: SigningKey,
    *,
    reason: Reason = Reason.ACCEPTED,
    after_seconds: int = 15,
    seq: int | None = None,
) -> Signed:
    """Decide a statement as its paired server does."""
    decided = statement.issued + after_seconds
    seq = 2**32 + statement.pos + 1 if seq is None else seq
    verdict = Verdict(server.kid, statement.digest, reason, decided, seq).sign(server)
    certificate = ServerCertificate(server.public, statement.serial, TODAY - 5, TODAY + 725)
    step = Step.of(
        statement,
        decided=decided,
        seq=seq,
        signature=cose.parse(verdict).signature,
        by=CertifiedServer(
            key=server.public,
            host=HOST.number,
            from_day=certificate.from_day,
            to_day=certificate.to_day,
            signature=cose.parse(certificate.sign(HOST_KEY)).signature,
        ),
    )
    return Signed(statement, server, verdict, Linked(statement.prev, step))


def statement_at(
    position: int,
    prev: bytes | None,
    *,
    content: Content = usual,
    platform: Platform = PLATFORM,
    name: str = "chain",
) -> tuple[Statement, SigningKey]:
    """The statement at a position of the chain of that name, and the server it is for."""
    server = signing_key(f"{name} server {position}")
    suffix = some_bytes(f"{name} serial {position}", 2).hex().upper()
    party, demand = content(position)
    statement = Statement(
        platform=platform,
        tx=some_bytes(f"{name} tx", 8),
        pos=position,
        prev=prev,
        party=party,
        demand=demand,
        serial=f"CS{position % 10**6:06d}{suffix}",
        vk=server.kid,
        sight=Sight.SHOWN,
        nonce=some_bytes(f"{name} nonce {position}", 12),
        issued=NOON + 600 * (position % 10**6),
    )
    return statement, server


def chain(
    length: int,
    *,
    content: Content = usual,
    platform: Platform = PLATFORM,
    name: str = "chain",
) -> list[Signed]:
    """A chain of signed steps."""
    steps: list[Signed] = []
    for position in range(length):
        prev = steps[-1].link if steps else None
        statement, server = statement_at(
            position, prev, content=content, platform=platform, name=name
        )
        steps.append(sign_step(statement, server))
    return steps


def receipt_of(steps: list[Signed]) -> bytes:
    """The receipt of a chain's head, in the form that fits."""
    return fitting.fit_receipt(
        platform=steps[0].statement.platform,
        tx=steps[0].statement.tx,
        length=len(steps),
        recent=[signed.linked for signed in steps[-4:]],
        key=RECEIPT_KEY,
    )


def receipt_in_form(steps: list[Signed], clear: int, certified: int) -> Receipt:
    """The receipt of a chain's head with so many steps in clear and with certificates."""
    shown = steps[-clear:]
    return Receipt(
        platform=steps[0].statement.platform,
        tx=steps[0].statement.tx,
        folded=len(steps) - clear,
        anchor=shown[0].statement.prev,
        steps=tuple(signed.step for signed in shown),
    ).without_certificates(keep_newest=certified)


def refusal(position: int = 0, reason: Reason = Reason.DECLINED) -> Receipt:
    """The record of a refused step, behind accepted ones."""
    before = chain(position)
    statement, server = statement_at(position, before[-1].link if before else None)
    signed = sign_step(statement, server, reason=reason)
    return replace(receipt_in_form([*before, signed], clear=1, certified=1), reason=reason)


def bundle_of(steps: list[Signed]) -> bytes:
    """The challenge bundle of the last of these steps."""
    statement = steps[-1].statement
    return fitting.fit_bundle(
        origin=statement.platform.origin,
        statement=cose.sign(STATEMENT_KEY, Typ.STATEMENT, statement.payload()),
        pos=statement.pos,
        recent=[
            Linked(
                signed.statement.prev, Context.of(signed.statement, verdict_digest(signed.verdict))
            )
            for signed in steps[-3:-1]
        ],
        prev=statement.prev,
    )
