"""SMS by an SMS centre: SMPP 3.4, over smpplib."""

import logging
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any

from smpplib import consts
from smpplib.client import Client
from smpplib.exceptions import ConnectionError as LinkError
from smpplib.exceptions import PDUError, UnknownCommandError

from notices.sms.backends import SmsRefusedError, SmsUnavailableError
from notices.sms.coding import Place, UnreadableError, encode, read_header

TIMEOUT_SECONDS = 5
# A link unused for longer is made anew: the other end may have let go of it.
_FRESH_SECONDS = 20.0
_HEADER_FLAG = 0x40
# Bits of esm_class that say: no message of a person, such as a delivery receipt (5.2.12).
_NO_MESSAGE = 0x3C
# What trying again does not help: a wrong length, destination, or the like (5.1.3).
_FINAL = {
    consts.SMPP_ESME_RINVMSGLEN,
    consts.SMPP_ESME_RINVDSTADR,
    consts.SMPP_ESME_RINVDSTTON,
    consts.SMPP_ESME_RINVDSTNPI,
}
# What a broken link, or a broken answer, raises.
_BROKEN = (LinkError, PDUError, UnknownCommandError, OSError, struct.error, LookupError, TypeError)
# At level DEBUG smpplib writes out passwords and texts.
logging.getLogger("notices.sms.link").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Centre:
    """An SMS centre, and as whom we bind to it."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str = ""
    is_tls: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message, or a part of one, as it came in; sender in E.164 where it is a number."""

    sender: str
    recipient: str
    coding: int
    body: bytes = field(repr=False)
    place: Place | None = None


class _Link(Client):  # type: ignore[misc]  # smpplib has no types
    """A connection; over TLS the centre has to show its name."""

    def __init__(self, centre: Centre) -> None:
        super().__init__(
            centre.host,
            centre.port,
            timeout=TIMEOUT_SECONDS,
            logger_name="notices.sms.link",
            allow_unknown_opt_params=True,
        )
        self._is_tls = centre.is_tls

    def _create_socket(self) -> Any:
        plain = super()._create_socket()
        if not self._is_tls:
            return plain
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


@dataclass
class SmppBackend:
    """Submits to an SMS centre, and waits for its answer to each part."""

    centre: Centre
    _link: _Link | None = None
    _used_at: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def send(self, number: str, text: str) -> str:
        """Send one; errors as :class:`notices.sms.backends.SmsBackend`."""
        try:
            encoded = encode(text)
        except UnreadableError as error:
            raise SmsRefusedError from error
        flags = _HEADER_FLAG if encoded.is_split else 0
        with self._lock:
            try:
                ids = [self._submit(number, encoded.coding, flags, part) for part in encoded.parts]
            except _BROKEN as error:
                self.close()
                raise SmsUnavailableError from error
        return ids[0][:64]

    def close(self) -> None:
        """Let go of the centre."""
        if self._link is not None:
            _close(self._link)
            self._link = None

    def _submit(self, number: str, coding: int, flags: int, part: bytes) -> str:
        link = self._bound()
        ton, npi = _kind_of(self.centre.sender)
        submitted = link.send_message(
            source_addr_ton=ton,
            source_addr_npi=npi,
            source_addr=self.centre.sender.removeprefix("+"),
            dest_addr_ton=consts.SMPP_TON_INTL,
            dest_addr_npi=consts.SMPP_NPI_ISDN,
            destination_addr=number.removeprefix("+"),
            data_coding=coding,
            esm_class=flags,
            short_message=part,
        )
        answer = _answer_to(link, submitted.sequence)
        self._used_at = monotonic()
        return bytes(answer.message_id or b"").decode("ascii", "replace")

    def _bound(self) -> _Link:
        if self._link is not None and monotonic() - self._used_at > _FRESH_SECONDS:
            self.close()
        if self._link is None:
            self._link = _bind(self.centre)
            self._used_at = monotonic()
        return self._link


def receive(centre: Centre, take: Callable[[Incoming], bool]) -> None:
    """Hand over what comes in, until the link ends.

    Args:
        centre: Where it comes from.
        take: Whether it was taken; if not, the centre delivers it again later.

    Raises:
        SmsUnavailableError: there is no link, or it ended.
    """
    try:
        link = _bind(centre, is_receiver=True)
        try:
            link.set_message_received_handler(lambda pdu: _hand_over(pdu, take))
            while True:
                link.read_once()
        finally:
            _close(link)
    except _BROKEN as error:
        raise SmsUnavailableError from error


def _hand_over(pdu: Any, take: Callable[[Incoming], bool]) -> int:
    """Return the status that the centre is told."""
    is_message = pdu.command == "deliver_sm" and not (pdu.esm_class or 0) & _NO_MESSAGE
    if is_message:
        # What cannot be read today cannot be read tomorrow: it counts as taken.
        with suppress(UnreadableError):
            if not take(_incoming(pdu)):
                return int(consts.SMPP_ESME_RX_T_APPN)
    return int(consts.SMPP_ESME_ROK)


def _incoming(pdu: Any) -> Incoming:
    body = bytes(getattr(pdu, "message_payload", None) or pdu.short_message or b"")
    place = _place(pdu)
    if (pdu.esm_class or 0) & _HEADER_FLAG:
        place, body = read_header(body)
    return Incoming(
        sender=_number(pdu.source_addr, pdu.source_addr_ton),
        recipient=_number(pdu.destination_addr, pdu.dest_addr_ton),
        coding=pdu.data_coding or 0,
        body=body,
        place=place,
    )


def _place(pdu: Any) -> Place | None:
    """Return the place that optional parameters give (5.3.2.22 to 24)."""
    names = ("sar_msg_ref_num", "sar_total_segments", "sar_segment_seqnum")
    reference, total, index = (getattr(pdu, name, None) for name in names)
    if reference is None or total is None or index is None:
        return None
    return Place(reference, total, index)


def _number(address: bytes | None, ton: int | None) -> str:
    text = bytes(address or b"").decode("latin-1")
    is_international = ton == consts.SMPP_TON_INTL and text.isdecimal()
    return f"+{text}" if is_international else text


def _kind_of(sender: str) -> tuple[int, int]:
    """Return type and plan of an own number, short code or name (5.2.5 and 5.2.6)."""
    if sender.startswith("+"):
        return consts.SMPP_TON_INTL, consts.SMPP_NPI_ISDN
    if sender.isdecimal() or not sender:
        return consts.SMPP_TON_UNK, consts.SMPP_NPI_UNK
    return consts.SMPP_TON_ALNUM, consts.SMPP_NPI_UNK


def _bind(centre: Centre, *, is_receiver: bool = False) -> _Link:
    link = _Link(centre)
    try:
        link.connect()
        bind = link.bind_receiver if is_receiver else link.bind_transmitter
        bind(system_id=centre.user, password=centre.password)
    except _BROKEN:
        _close(link)
        raise
    return link


def _close(link: _Link) -> None:
    with suppress(*_BROKEN):
        link.disconnect()


def _answer_to(link: _Link, sequence: int) -> Any:
    """Read until a submission is answered; the centre may ask whether we are there meanwhile.

    Raises:
        SmsRefusedError: a refusal that will not change.
        PDUError: any other: throttled, full, or in trouble.
    """
    answers: list[Any] = []

    def note(pdu: Any) -> None:
        answers.append(pdu)

    link.set_message_sent_handler(note)
    while not answers or answers[-1].sequence != sequence:
        try:
            link.read_once(auto_send_enquire_link=False)
        except PDUError as error:
            if error.args[-1] in _FINAL:
                raise SmsRefusedError from error
            raise
    return answers[-1]
