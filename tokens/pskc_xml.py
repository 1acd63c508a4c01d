"""Stream the XML of a PSKC document in bounded memory; whatever could explode is refused."""

from collections.abc import Iterator
from typing import Protocol
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from tokens.errors import BatchError, BatchProblem

PSKC = "{urn:ietf:params:xml:ns:keyprov:pskc}"
MAX_DEPTH = 24
# Of one child of the container, such as a key package; the largest of RFC 6030 has thirty.
MAX_ELEMENTS = 500
# Of the same; the largest of RFC 6030 has three thousand.
MAX_OCTETS = 256 * 1024
MAX_TEXT = 4096


class Readable(Protocol):
    """Octets from anywhere."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many octets; none at the end."""
        ...


class _Metered:
    """A stream that refuses to be read on and on while no child of the container ends."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.since_part = 0

    def read(self, size: int) -> bytes:
        if self.since_part > MAX_OCTETS:
            raise BatchError(BatchProblem.TOO_LARGE, "The XML holds far too much in one place.")
        octets = self._stream.read(size)
        self.since_part += len(octets)
        return octets


def parts(stream: Readable) -> Iterator[Element]:
    """Yield the container's own element, empty yet, and then each of its children, complete.

    A child is freed when the next one is asked for.

    Raises:
        BatchError: ``xml_invalid``, ``xml_forbidden`` (a DTD, an entity, an external reference),
            or ``too_large``: too deep, or too much in one child.
    """
    try:
        yield from _parts(_Metered(stream))
    except DefusedXmlException as error:
        raise BatchError(
            BatchProblem.XML_FORBIDDEN,
            "A DTD, entities and external references are refused in a file of keys.",
        ) from error
    # expat raises the latter two for encodings that it does not know.
    except (ParseError, LookupError, ValueError) as error:
        raise BatchError(BatchProblem.XML_INVALID, "The file is not well-formed XML.") from error


def _parts(stream: _Metered) -> Iterator[Element]:
    root: Element | None = None
    depth = elements = 0
    for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
        if event == "start":
            depth, elements = depth + 1, elements + 1
            if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
                raise BatchError(BatchProblem.TOO_LARGE, "The XML holds far too many elements.")
            if root is None:
                root = element
                yield element
            continue
        depth -= 1
        if depth == 1 and root is not None:
            yield element
            root.clear()
            elements = stream.since_part = 0


def only(parent: Element, name: str) -> Element | None:
    """Return the one child of this name, in the namespace of PSKC unless it names another.

    Raises:
        BatchError: ``element_invalid`` when there are several: which of them would hold?
    """
    found = parent.findall(name if name.startswith("{") else PSKC + name)
    if len(found) > 1:
        raise BatchError(BatchProblem.ELEMENT_INVALID, f"{local(found[0])} is given twice.")
    return found[0] if found else None


def text_of(element: Element | None) -> str:
    """Return an element's text without the blanks around it; empty for no element.

    Raises:
        BatchError: ``value_invalid`` when it is longer than any value we know.
    """
    text = "" if element is None else (element.text or "").strip()
    if len(text) > MAX_TEXT:
        raise BatchError(BatchProblem.VALUE_INVALID, "A value is far too long.")
    return text


def local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2][:40]
