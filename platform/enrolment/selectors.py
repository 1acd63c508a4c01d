"""Find hosts and tokens, and the policy for them."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q, QuerySet

from accounts.selectors import holders_matching
from common.compiled import Compiled
from common.errors import NotFoundError
from common.prefixes import MIN_DIGITS, id_range
from common.sealing import sealer
from enrolment.authserver_client import AuthserverClient
from enrolment.models import Approval, AuthserverHost, Policy, RetiredServer, Token
from enrolment.suites import OFFERED
from protocol import cose
from protocol.chain import CertifiedServer
from protocol.ed25519 import key_id
from protocol.fields import ID_BYTES
from protocol.keys import ServerCertificate, day_of
from tokens.suites import parse_suite

if TYPE_CHECKING:
    from accounts.models import Holder

# Every step asks for the policy.  A change is known here at once, and to every other process
# when what that one read is older than this.
POLICY_KEPT_SECONDS = 10.0
# What a server is moved for: before, it is about to be enrolled; after, nothing is asked of it.
MOVABLE = (Token.State.CONFIRMED, Token.State.ACTIVE, Token.State.SUSPENDED)
# An invitation is good for ten minutes at its host.
ENROLMENT_TIME = timedelta(minutes=15)
# What a list of tokens that end soon shows.
EXPIRING = timedelta(days=30)
TOKEN_STATES = Token.State.values
_kept_policy: list[tuple[float, Policy]] = []


def policy() -> Policy:
    """Return what this platform asks of tokens and of operators; not to be changed."""
    now = time.monotonic()
    for read_at, kept in _kept_policy:
        if 0 <= now - read_at < POLICY_KEPT_SECONDS:
            return kept
    current = current_policy()
    _kept_policy[:] = [(now, current)]
    return current


def current_policy() -> Policy:
    """Return the same as it stands this moment, for whoever is to decide or to change by it."""
    return Policy.objects.first() or Policy()


def forget_policy() -> None:
    """Have the policy read anew when it is asked for next."""
    _kept_policy.clear()


def suites_to_choose() -> list[str]:
    """Return the suites a holder may choose from, the usual one first."""
    rules = policy()
    return [suite for suite in OFFERED if rules.allows_suite(suite, parse_suite(suite).digits)]


def approvals() -> QuerySet[Approval]:
    """Return all that two operators had or have to agree to, newest first."""
    people = ("asked_by__user", "decided_by")
    return Approval.objects.select_related(*people).order_by("-pk")


def waiting_approvals() -> QuerySet[Approval]:
    """Return what waits for a second operator, newest first."""
    return approvals().filter(state=Approval.State.WAITING)


def approvals_about(subject: str) -> QuerySet[Approval]:
    """Return all that was asked of a second operator on one thing, newest first."""
    return approvals().filter(subject=subject)


def approvals_named(name: str) -> QuerySet[Approval]:
    """Return the one approval that audit rows call so, or none."""
    word, _colon, number = name.partition(":")
    is_one = word == "approval" and number.isascii() and number.isdecimal() and len(number) < 19
    return approvals().filter(pk=int(number)) if is_one else Approval.objects.none()


def waiting_for(subject: str) -> QuerySet[Approval]:
    """Return what waits for a second operator on a token, a host or the policy."""
    return waiting_approvals().filter(subject=subject)


def hosts() -> QuerySet[AuthserverHost]:
    """Return all hosts by number."""
    return AuthserverHost.objects.order_by("number")


def open_hosts() -> QuerySet[AuthserverHost]:
    """Return the hosts that are asked anything, by number: all but those that are closed."""
    return hosts().exclude(state=AuthserverHost.State.CLOSED)


def host_by_number(number: int) -> AuthserverHost:
    """Return the host that receipts call by this number.

    Raises:
        NotFoundError: there is none.
    """
    host = AuthserverHost.objects.filter(number=number).first()
    if host is None:
        raise NotFoundError("There is no such host.")
    return host


def host_by_origin(origin: str) -> AuthserverHost:
    """Return the host at an address.

    Raises:
        NotFoundError: there is none.
    """
    host = AuthserverHost.objects.filter(origin=origin).first()
    if host is None:
        raise NotFoundError("There is no such host.")
    return host


def client_for(host: AuthserverHost, *, patience: float | None = None) -> AuthserverClient:
    """Return the HTTP client for a host, with our key there."""
    key = sealer().open(bytes(host.sealed_key), host.name.encode())
    return AuthserverClient(host.origin, key.decode(), patience)


def living_tokens(host: AuthserverHost, *, now: datetime) -> QuerySet[Token]:
    """Return the tokens that a host serves, or will as soon as they are enrolled."""
    return Token.objects.filter(_living(now), host=host)


def targets_of(token: Token) -> list[AuthserverHost]:
    """Return the hosts that a token's server may move to now."""
    if token.state not in MOVABLE:
        return []
    return [host for host in open_hosts() if host != token.host]


def living_counts(*, now: datetime) -> dict[int, int]:
    """Return how many tokens live at each host, by its key; hosts with none are left out."""
    counted = Token.objects.filter(_living(now)).values("host").annotate(count=Count("pk"))
    return dict(counted.values_list("host", "count"))


def _living(now: datetime) -> Q:
    # An enrolment that nobody finished in time is not taken up again.
    is_late = Q(state=Token.State.ISSUED, issued_at__lt=now - ENROLMENT_TIME)
    return ~Q(state__in=Token.ENDED) & ~is_late


def tokens_of(*, holder: "Holder") -> QuerySet[Token]:
    """Return a holder's tokens, newest first."""
    own = Token.objects.filter(holder=holder).exclude(state=Token.State.RELEASED)
    return own.select_related("host", "replaces").order_by("-pk")


def active_tokens_of(*, holder: "Holder") -> list[Token]:
    """Return the tokens with which a holder can answer, newest first."""
    return list(tokens_of(holder=holder).filter(state=Token.State.ACTIVE))


def signing_tokens_of(*, holder: "Holder") -> list[Token]:
    """Return the tokens with which a holder can sign steps, newest first."""
    return [token for token in active_tokens_of(holder=holder) if token.can_sign]


def token_of(*, holder: "Holder", serial: str) -> Token:
    """Return one of a holder's tokens with its host.

    Raises:
        NotFoundError: the holder has no such token.
    """
    token = _BY_SERIAL.first(holder.pk, serial)
    if token is None or token.state == Token.State.RELEASED:
        raise NotFoundError("You have no token of that serial.")
    token.holder = holder
    return token


# One filter after the other: that is the order of the values.
_BY_SERIAL = Compiled(lambda: Token.objects.filter(holder=0).filter(serial=""), "host")


def token_by_serial(serial: str) -> Token:
    """Return any holder's token, with its host and its holder.

    Raises:
        NotFoundError: there is no such token.
    """
    token = _whole_tokens().filter(serial=serial).first()
    if token is None:
        raise NotFoundError("There is no such token.")
    return token


def tokens_by_id(text: str) -> QuerySet[Token]:
    """Return the tokens whose serial or server id begins so, newest first."""
    return _whole_tokens().filter(_begins_with(text))


def tokens_matching(text: str) -> QuerySet[Token]:
    """Return tokens by how an id begins or by their holder, newest first; all for nothing."""
    if not text:
        return _whole_tokens()
    people = holders_matching(text).order_by().values("pk")
    # A union, so that each part is looked up by its own index.
    by_id = Token.objects.filter(_begins_with(text)).values("pk")
    return _whole_tokens().filter(
        pk__in=by_id.union(Token.objects.filter(holder__in=people).values("pk"))
    )


def narrowed(
    tokens: QuerySet[Token], *, standing: str, suite: str, host: int | None, now: datetime
) -> QuerySet[Token]:
    """Return those of some tokens that stand so; what is empty narrows nothing.

    Args:
        tokens: Any.
        standing: A state; or ``locked``, or ``expiring`` for those that end within 30 days.
        suite: How the suite begins.
        host: Number of the host.
        now: Timezone-aware.
    """
    if standing in ("locked", "expiring"):
        soon = Q(expires_at__gt=now, expires_at__lte=now + EXPIRING)
        locked = Q(is_blocked=True) | Q(locked_until__gt=now)
        tokens = tokens.exclude(state__in=Token.ENDED)
        tokens = tokens.filter(locked if standing == "locked" else soon)
    elif standing:
        tokens = tokens.filter(state=standing)
    if suite:
        tokens = tokens.filter(suite__startswith=suite)
    return tokens if host is None else tokens.filter(host__number=host)


def _whole_tokens() -> QuerySet[Token]:
    return Token.objects.select_related("host", "holder__user").order_by("-pk")


def _begins_with(text: str) -> Q:
    ends = id_range(text, ID_BYTES)
    serial = Q(serial__startswith=text.upper()) if len(text) >= MIN_DIGITS else Q(pk__in=[])
    return serial if ends is None else serial | Q(vk__range=ends)


def certified_server(
    token: Token, *, vk: bytes | None = None, decided: int | None = None
) -> CertifiedServer:
    """Return a token's server with its certificate as receipts carry it.

    Args:
        token: With its host.
        vk: Id under which the server was asked; it has had others before, with other keys.
        decided: Unix time of what it decided, which the certificate must cover.

    Returns:
        The certificate that fits, or the present one where none does.
    """
    present = _certified(bytes(token.certificate), token.host.number)
    if _fits(present, vk, decided):
        return present
    before = RetiredServer.objects.filter(token=token).select_related("host").order_by("-pk")
    retired = (_certified(bytes(row.certificate), row.host.number) for row in before)
    return next((server for server in retired if _fits(server, vk, decided)), present)


def _fits(server: CertifiedServer, vk: bytes | None, decided: int | None) -> bool:
    is_asked = vk is None or key_id(server.key) == vk
    return is_asked and (decided is None or server.from_day <= day_of(decided) <= server.to_day)


@lru_cache(maxsize=4096)
def _certified(message: bytes, host: int) -> CertifiedServer:
    signed = cose.parse(message)
    certificate = ServerCertificate.from_payload(signed.payload)
    return CertifiedServer(
        certificate.key, host, certificate.from_day, certificate.to_day, signed.signature
    )


def servers_known(vks: Iterable[bytes]) -> set[bytes]:
    """Return those ids that are, or were, the ids of servers of our tokens."""
    asked = list(vks)
    now = Token.objects.filter(vk__in=asked).values_list("vk", flat=True)
    before = RetiredServer.objects.filter(vk__in=asked).values_list("vk", flat=True)
    return {bytes(vk) for vk in [*now, *before]}


def moved_servers() -> QuerySet[RetiredServer]:
    """Return where tokens' servers have been before they moved away, each with its token."""
    rows = RetiredServer.objects.exclude(host=F("token__host")).select_related(
        "host", "token__host"
    )
    return rows.order_by("token", "host", "-pk")


def certificates_in_bucket(*, bucket: int) -> Iterable[tuple[bytes, int | None]]:
    """Yield the certificates of servers whose ``vk`` begins with these 12 bits.

    Yields:
        The cs-server message, and the Unix time from which the key signs no more or ``None``.
    """
    low = (bucket << 52).to_bytes(8)
    high = ((bucket << 52) | ((1 << 52) - 1)).to_bytes(8)
    tokens = Token.objects.filter(vk__gte=low, vk__lte=high).order_by("vk")
    retired = RetiredServer.objects.filter(vk__gte=low, vk__lte=high).order_by("vk", "pk")
    for certificate, end in chain(
        retired.values_list("certificate", "retired_at"),
        tokens.values_list("certificate", "revoked_at"),
    ):
        yield bytes(certificate), None if end is None else int(end.timestamp())
