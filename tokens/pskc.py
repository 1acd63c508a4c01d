"""Read PSKC documents (RFC 6030): keys of tokens as their makers ship them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from tokens.errors import BatchError, BatchProblem
from tokens.pskc_protection import Protection, decoded, protection_of, whole_number
from tokens.pskc_xml import PSKC, Readable, local, only, parts, text_of

VERSIONS = ("1", "1.0")
_HEAD, _TAIL = ("EncryptionKey", "MACMethod"), ("Signature", "Extensions")
# Local: the token itself asks for the PIN.  All other ways make it part of the response.
_PIN_APART = ("", "Local")
_USAGES = ("OTP", "CR", "Integrity", "Verify")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a document.

    Attributes:
        place: Which key of the document it is, from 1.
        id: Of the key; empty for none.
        serial: Of the device; empty for none.
        manufacturer: Of the device; empty for none.
        issuer: Who issued it; empty for none.
        algorithm: URI of its algorithm profile; empty for none.
        suite: What the profile's suite says; empty for nothing.
        response_length: Length of a response, or None.
        response_encoding: How a response is written; empty where it is not said.
        has_check_digit: Whether a response ends with a digit that checks the others.
        counter: Next counter, or None.
        time_offset: Where its time begins, or None.
        time_interval: Seconds of a time step, or None.
        time_drift: Time steps by which its clock is ahead, or None.
        starts_at: From when it may be used, or None for no bound.
        expires_at: Until when, or None for no bound.
        restriction: A rule of its policy that we could not keep, in words; empty for none.
        secret: The seed; None with a problem.
        problem: Why the key cannot be used, or None.
    """

    place: int
    id: str = ""
    serial: str = ""
    manufacturer: str = ""
    issuer: str = ""
    algorithm: str = ""
    suite: str = ""
    response_length: int | None = None
    response_encoding: str = ""
    has_check_digit: bool = False
    counter: int | None = None
    time_offset: int | None = None
    time_interval: int | None = None
    time_drift: int | None = None
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    restriction: str = ""
    secret: bytes | None = field(default=None, repr=False)
    problem: BatchError | None = None


def read_keys(
    stream: Readable, *, key: bytes | None = None, password: str | None = None
) -> Iterator[Key]:
    """Read a document key by key, in bounded memory.

    An XML signature is not checked: nothing here could tell whose it has to be.

    Args:
        stream: The document.
        key: The pre-shared key, for documents sealed with one.
        password: The password, for documents sealed with one.

    Yields:
        Keys in the order of the document; one that cannot be used has a ``problem``.

    Raises:
        BatchError: the document as a whole is refused; keys before that point have been yielded.

    Source:
        RFC 6030 sections 4 to 6.
    """
    elements = parts(stream)
    _check_container(next(elements, None))
    head: dict[str, Element] = {}
    protection = None
    place = 0
    for element in elements:
        name = local(element)
        if name in _HEAD:
            _keep(head, element, is_late=protection is not None)
        elif name == "KeyPackage":
            protection = protection or protection_of(
                head.get("EncryptionKey"), head.get("MACMethod"), key=key, password=password
            )
            for found in _keys(element, protection):
                place += 1
                yield replace(found, place=place)
        elif name not in _TAIL:
            raise BatchError(BatchProblem.ELEMENT_INVALID, "The file holds an unknown element.")
    if protection is None:
        raise BatchError(BatchProblem.ELEMENT_INVALID, "The file holds no key package.")


def _check_container(root: Element | None) -> None:
    if root is None or root.tag != PSKC + "KeyContainer":
        raise BatchError(BatchProblem.NOT_PSKC, "The first element is no KeyContainer of PSKC.")
    if root.get("Version") not in VERSIONS:
        raise BatchError(BatchProblem.VERSION_UNKNOWN, "Only version 1.0 of PSKC is known.")


def _keep(head: dict[str, Element], element: Element, *, is_late: bool) -> None:
    """Copy a part of the head, which is needed longer than the parser keeps it."""
    name = local(element)
    # After the first key it would come too late, and a second one would contradict.
    if is_late or name in head:
        raise BatchError(BatchProblem.ELEMENT_INVALID, f"{name} is not in its place.")
    head[name] = Element(element.tag, element.attrib)
    head[name].extend(element)


def _keys(package: Element, protection: Protection) -> Iterator[Key]:
    """Yield the keys of one package: one by the standard, several as python-pskc writes them."""
    device = package.find(PSKC + "DeviceInfo")
    serial, manufacturer = (
        "" if device is None else text_of(device.find(PSKC + name))
        for name in ("SerialNo", "Manufacturer")
    )
    found = package.findall(PSKC + "Key")
    if not found:
        missing = BatchError(BatchProblem.SECRET_MISSING, "The package holds no key.")
        yield Key(place=0, serial=serial, manufacturer=manufacturer, problem=missing)
    for element in found:
        begun = Key(place=0, id=element.get("Id", ""), serial=serial, manufacturer=manufacturer)
        try:
            whole = _described(begun, element, protection)
        except BatchError as error:
            yield replace(begun, problem=error)
        else:
            yield _with_secret(whole, element, protection)


def _described(key: Key, element: Element, protection: Protection) -> Key:
    """Return a key with everything but its secret."""
    parameters = _child(element, "AlgorithmParameters")
    response = _child(parameters, "ResponseFormat")
    length = response.get("Length")
    data, policy = _child(element, "Data"), _child(element, "Policy")
    return replace(
        key,
        issuer=text_of(only(element, "Issuer")),
        algorithm=element.get("Algorithm", ""),
        suite=text_of(only(parameters, "Suite")),
        response_length=None if length is None else whole_number(length, "Length"),
        response_encoding=response.get("Encoding", ""),
        has_check_digit=_boolean(response, "CheckDigits"),
        counter=_number(data, "Counter", protection),
        time_offset=_number(data, "Time", protection),
        time_interval=_number(data, "TimeInterval", protection),
        time_drift=_number(data, "TimeDrift", protection),
        starts_at=_time(policy, "StartDate"),
        expires_at=_time(policy, "ExpiryDate"),
        restriction=_restriction(policy),
    )


def _with_secret(key: Key, element: Element, protection: Protection) -> Key:
    secret = _child(_child(element, "Data"), "Secret")
    try:
        plain = only(secret, "PlainValue")
        octets = protection.open(secret) if plain is None else decoded(text_of(plain))
    except BatchError as error:
        return replace(key, problem=error)
    return replace(key, secret=octets)


def _restriction(policy: Element) -> str:
    """Name what a policy wants and we cannot keep.

    A recipient who does not understand a policy must take it that the key may not be used.

    Source:
        RFC 6030 section 5.
    """
    known = ("StartDate", "ExpiryDate", "PINPolicy", "KeyUsage", "NumberOfTransactions")
    usages = [text_of(usage) for usage in policy.findall(PSKC + "KeyUsage")]
    pin = _child(policy, "PINPolicy")
    for name in ("MinLength", "MaxLength", "MaxFailedAttempts"):
        if name in pin.attrib:
            whole_number(pin.attrib[name], name)
    uses = text_of(only(policy, "NumberOfTransactions"))
    if uses:
        whole_number(uses, "NumberOfTransactions")
    rules = (
        (any(local(rule) not in known for rule in policy), "its policy has a rule unknown here"),
        (bool(uses), "it is good for a number of uses only"),
        (pin.get("PINUsageMode", "") not in _PIN_APART, "its responses depend on a PIN"),
        (bool(usages) and not set(usages) & set(_USAGES), "it is for another use"),
    )
    return next((words for broken, words in rules if broken), "")


def _child(parent: Element, name: str) -> Element:
    """Return a child, or an empty element in place of it."""
    found = only(parent, name)
    return Element(name) if found is None else found


def _boolean(element: Element, name: str) -> bool:
    text = element.get(name, "false")
    if text not in _BOOLEANS:
        raise BatchError(BatchProblem.VALUE_INVALID, f"{name} is neither true nor false.")
    return _BOOLEANS[text]


def _number(data: Element, name: str, protection: Protection) -> int | None:
    element = only(data, name)
    if element is None:
        return None
    plain = only(element, "PlainValue")
    if plain is not None:
        return whole_number(text_of(plain), name)
    octets = protection.open(element)
    # The standard's long and int are 8 and 4 octets.  Shorter ones are written as a number by
    # some and as digits by others.
    if len(octets) not in (4, 8) and (octets.isdigit() or not 0 < len(octets) < 8):
        raise BatchError(BatchProblem.VALUE_INVALID, f"{name} can be read in two ways.")
    return int.from_bytes(octets)


def _time(policy: Element, name: str) -> datetime | None:
    text = text_of(only(policy, name))
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BatchError(BatchProblem.VALUE_INVALID, f"{name} is no date and time.") from error
