"""Parsing XMP packets: the texts of their properties, and where each element stands in the bytes.

Sources: XMP Specification Part 1 (ISO 16684-1:2012), section 7 for the RDF forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
META = "adobe:ns:meta/"
_MAX_BYTES = 64 << 20
_MAX_DEPTH = 200
_TAG = re.compile(rb"<[^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>")
_CONTAINERS = ("Bag", "Seq", "Alt")


class XmpError(ValueError):
    """A packet that is not well-formed, or has a property in a form that is not understood."""


@dataclass(frozen=True, slots=True)
class Name:
    """A property: its namespace, local name, the prefix to use where none is declared, and its kind of array."""

    uri: str
    local: str
    prefix: str
    container: str = "Bag"


@dataclass(slots=True)
class Element:
    """An XML element and its place in the packet: `[start, inner)` is its start tag, `[close, end)` its end tag."""

    uri: str
    local: str
    prefix: str
    start: int
    inner: int
    attributes: dict[str, str]
    close: int = 0
    end: int = 0
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def is_self_closing(self) -> bool:
        """Whether it is written as one tag that ends in `/>`."""
        return self.close == self.end

    def has(self, uri: str, *names: str) -> bool:
        """Whether it has this namespace and one of these local names."""
        return self.uri == uri and self.local in names


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of a property: an element, or (`element` None) an attribute of a Description."""

    description: Element
    element: Element | None
    container: Element | None
    items: tuple[Element, ...]
    value: str

    @property
    def texts(self) -> list[str]:
        """The texts of its array, in order."""
        if self.container is not None:
            return [item.text for item in self.items]
        return [self.value] if self.value else []


class Packet:
    """A parsed packet. Raises XmpError if it is not well-formed XMP."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.rdf = _find_rdf(_parse(data))
        self.descriptions = [child for child in self.rdf.children if child.has(RDF, "Description")]

    def has(self, name: Name) -> bool:
        """Whether the property exists."""
        return bool(self.occurrences(name))

    def texts(self, name: Name) -> list[str]:
        """The texts of a property's array, in order; of all its occurrences, if a faulty packet has several."""
        return [text for occurrence in self.occurrences(name) for text in occurrence.texts]

    @property
    def is_empty(self) -> bool:
        """Whether it has no properties at all."""
        return not self.rdf.children

    def occurrences(self, name: Name) -> list[Occurrence]:
        """Where a property stands, in order. Raises XmpError for a form that is not understood."""
        found = []
        key = f"{name.uri} {name.local}"
        for description in self.descriptions:
            for attribute, value in description.attributes.items():
                if attribute.rpartition(" ")[0] == key or attribute == key:
                    found.append(Occurrence(description, None, None, (), value))
            for child in description.children:
                if child.has(name.uri, name.local):
                    found.append(_occurrence(description, child))
        return found


def outline(data: bytes, leave_out: Sequence[Name]) -> list[tuple[str, ...]]:
    """Every element of a packet with its attributes and text, without some properties: to compare two packets."""
    found: list[tuple[str, ...]] = []
    hidden = {(name.uri, name.local) for name in leave_out}

    def visit(element: Element, depth: int) -> None:
        if depth == 1 and (element.uri, element.local) in hidden:
            return
        attributes = {
            key: value for key, value in element.attributes.items() if depth or tuple(key.split(" ")[:2]) not in hidden
        }
        if depth == 0 and not attributes.keys() - {f"{RDF} about rdf"} and not _others(element, hidden):
            return
        found.append((str(depth), element.uri, element.local, repr(sorted(_plain(attributes))), element.text.strip()))
        for child in element.children:
            visit(child, depth + 1)

    for child in _find_rdf(_parse(data)).children:
        visit(child, 0)
    return found


def _others(element: Element, hidden: set[tuple[str, str]]) -> bool:
    return any((child.uri, child.local) not in hidden for child in element.children)


def _plain(attributes: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    # Without the prefix, which has no meaning of its own.
    for key, value in attributes.items():
        yield (*key.split(" ")[:2], value)


def _occurrence(description: Element, element: Element) -> Occurrence:
    if any(key.startswith((f"{RDF} parseType", f"{RDF} resource")) for key in element.attributes):
        raise XmpError(f"{element.local} stands there in an unusual form")
    containers = [child for child in element.children if child.has(RDF, *_CONTAINERS)]
    if len(containers) != len(element.children) or len(containers) > 1:
        raise XmpError(f"{element.local} stands there in an unusual form")
    if not containers:
        return Occurrence(description, element, None, (), element.text.strip())
    items = [child for child in containers[0].children if child.has(RDF, "li")]
    if len(items) != len(containers[0].children) or any(item.children for item in items):
        raise XmpError(f"{element.local} holds something else than texts")
    return Occurrence(description, element, containers[0], tuple(items), "")


def _find_rdf(root: Element) -> Element:
    if root.has(RDF, "RDF"):
        return root
    found = [child for child in root.children if child.has(RDF, "RDF")]
    if root.uri != META or len(found) != 1:
        raise XmpError("it is no XMP packet")
    return found[0]


def _parse(data: bytes) -> Element:
    """The root of a packet's tree. No entities are expanded and nothing is fetched."""
    # Some cameras pad with zeros.
    data = data.rstrip(b"\0")
    if len(data) > _MAX_BYTES:
        raise XmpError(f"it has more than {_MAX_BYTES >> 20} MB")
    if not _is_utf8(data):
        raise XmpError("it is not well-formed UTF-8, and would not stay as it is")
    stack: list[Element] = []
    roots: list[Element] = []
    parser = expat.ParserCreate("utf-8", " ")
    parser.namespace_prefixes = True
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        uri, local, prefix = (*name.split(" "), "", "")[:3] if " " in name else ("", name, "")
        at = parser.CurrentByteIndex
        tag = _TAG.match(data, at)
        if tag is None or len(stack) >= _MAX_DEPTH:
            raise XmpError("it is nested too deeply or not UTF-8")
        element = Element(uri, local, prefix, at, tag.end(), attributes)
        if stack:
            stack[-1].children.append(element)
        else:
            roots.append(element)
        stack.append(element)

    def end(_name: str) -> None:
        element = stack.pop()
        if data[element.inner - 2 : element.inner] == b"/>":
            element.close = element.end = element.inner
        else:
            element.close = parser.CurrentByteIndex
            element.end = data.index(b">", element.close) + 1

    def text(value: str) -> None:
        if stack:
            stack[-1].text += value

    def refuse(*_: object) -> None:
        raise XmpError("it has a document type, which XMP does not allow")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmpError(f"it is not well-formed: {expat.ErrorString(error.code)}") from error
    return roots[0]


def _is_utf8(data: bytes) -> bool:
    # UTF-16 of plain letters is UTF-8, too, with a zero in every character.
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False
