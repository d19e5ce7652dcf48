"""Reading and editing arrays of texts in an XMP packet, leaving every other byte as it is.

A packet is parsed for the positions of its elements, and edits are made in its text. Sources: XMP Specification Part 1
(ISO 16684-1:2012), section 7 for the RDF forms; Part 3 section 1.1.3 for packets in JPEG.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from tagger.keywords.merge import without

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META = "adobe:ns:meta/"
_MAX_BYTES = 64 << 20
_MAX_DEPTH = 200
_TAG = re.compile(rb"<[^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>")
_CONTAINERS = ("Bag", "Seq", "Alt")


class XmpError(ValueError):
    """A packet that is not well-formed, or says what is to be edited in a form that is not understood."""


@dataclass(frozen=True, slots=True)
class Name:
    """A property: its namespace, local name, the prefix to use where none is declared, and its kind of array."""

    uri: str
    local: str
    prefix: str
    container: str = "Bag"


@dataclass(frozen=True, slots=True)
class Edit:
    """Texts to add to the end of a property's array, and texts to remove, one entry for each occurrence."""

    add: Sequence[str] = ()
    remove: Sequence[str] = ()


@dataclass(slots=True)
class _Element:
    """An element and where it stands: `[start, inner)` is its start tag, `[close, end)` its end tag."""

    uri: str
    local: str
    prefix: str
    start: int
    inner: int
    attributes: dict[str, str]
    close: int = 0
    end: int = 0
    children: list[_Element] = field(default_factory=list)
    text: str = ""

    def has(self, uri: str, *names: str) -> bool:
        return self.uri == uri and self.local in names


@dataclass(frozen=True, slots=True)
class _Place:
    """One place where a property stands: an element, or (`element` None) an attribute of a Description."""

    description: _Element
    element: _Element | None
    container: _Element | None
    items: tuple[_Element, ...]
    value: str


class Packet:
    """A parsed packet. Raises XmpError if it is not well-formed XMP."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._rdf = _find_rdf(_parse(data))
        self._descriptions = [child for child in self._rdf.children if child.has(RDF, "Description")]

    def has(self, name: Name) -> bool:
        """Whether the property is there at all."""
        return bool(self._places(name))

    def texts(self, name: Name) -> list[str]:
        """The texts of a property's array, in order; of all its places, if a faulty packet has several."""
        return [text for place in self._places(name) for text in _texts(place)]

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return not self._rdf.children

    def edited(self, edits: Mapping[Name, Edit]) -> bytes:
        """The packet with edits made."""
        splices: list[tuple[int, int, bytes]] = []
        fresh: dict[Name, list[str]] = {}
        dropped: list[_Element] = []
        for name, edit in edits.items():
            self._edit(name, edit, splices, fresh, dropped)
        if not fresh:
            self._drop_empty(dropped, splices)
        else:
            splices.append(self._new_description(fresh))
        return _apply(self.data, splices)

    # --- where things are -------------------------------------------------------------------------------

    def _places(self, name: Name) -> list[_Place]:
        found = []
        key = f"{name.uri} {name.local}"
        for description in self._descriptions:
            for attribute, value in description.attributes.items():
                if attribute.rpartition(" ")[0] == key or attribute == key:
                    found.append(_Place(description, None, None, (), value))
            for child in description.children:
                if child.has(name.uri, name.local):
                    found.append(_place(description, child))
        return found

    # --- edits ------------------------------------------------------------------------------------------

    def _edit(
        self,
        name: Name,
        edit: Edit,
        splices: list[tuple[int, int, bytes]],
        fresh: dict[Name, list[str]],
        dropped: list[_Element],
    ) -> None:
        add = list(edit.add)
        remove = list(edit.remove)
        for place in self._places(name):
            texts = _texts(place)
            gone = without(texts, remove)
            for position in gone:
                remove.remove(next(text for text in remove if without([texts[position]], [text])))
            if not gone and not add:
                continue
            left = [text for position, text in enumerate(texts) if position not in gone]
            if not left and not add:
                self._drop(place, splices, dropped)
            elif place.element is None:
                self._drop(place, splices, [])
                fresh.setdefault(name, []).extend([*left, *add])
                add = []
            elif place.container is None or (not place.items and place.container.close == place.container.end):
                splices.append((*self._content(place.element), self._array(name, [*left, *add], place.element)))
                add = []
            else:
                self._edit_items(place.container, place.items, gone, add, splices)
                add = []
        if add:
            fresh.setdefault(name, []).extend(add)

    def _edit_items(
        self,
        container: _Element,
        items: Sequence[_Element],
        gone: Sequence[int],
        add: Sequence[str],
        splices: list[tuple[int, int, bytes]],
    ) -> None:
        for position in gone:
            item = items[position]
            splices.append((self._after_space(item.start), item.end, b""))
        if not add:
            return
        at = items[-1].end if items else container.inner
        model = items[-1] if items else None
        space = self.data[self._after_space(model.start) : model.start] if model else b""
        tag = f"{container.prefix}:li" if container.prefix else "li"
        splices.append((at, at, b"".join(space + f"<{tag}>{escape(text)}</{tag}>".encode() for text in add)))

    def _drop(self, place: _Place, splices: list[tuple[int, int, bytes]], dropped: list[_Element]) -> None:
        if place.element is not None:
            splices.append((self._after_space(place.element.start), place.element.end, b""))
            dropped.append(place.element)
            return
        # An attribute: found in the text of the start tag by its value's place.
        tag = self.data[place.description.start : place.description.inner]
        for match in re.finditer(rb"\s+([^\s=]+)\s*=\s*(\"[^\"]*\"|'[^']*')", tag):
            local = match[1].rpartition(b":")[2].decode("utf-8", "replace")
            others = [key for key in place.description.attributes if key.split(" ")[1:2] == [local]]
            if any(place.description.attributes[key] == place.value for key in others) and len(others) == 1:
                start = place.description.start
                splices.append((start + match.start(), start + match.end(), b""))
                return
        raise XmpError("a keyword stands in an attribute that cannot be told from another")

    def _drop_empty(self, dropped: Sequence[_Element], splices: list[tuple[int, int, bytes]]) -> None:
        """Take away the Descriptions of which nothing but white space would be left."""
        for description in self._descriptions:
            empty = all(any(child is gone for gone in dropped) for child in description.children)
            says_nothing = all(key.startswith(f"{RDF} about") for key in description.attributes)
            if description.children and empty and says_nothing:
                start, end = description.start, description.end
                splices[:] = [splice for splice in splices if not (start <= splice[0] and splice[1] <= end)]
                splices.append((self._after_space(start), end, b""))

    def _content(self, element: _Element) -> tuple[int, int]:
        """What to replace to give an element new content: its inside, or from `/>` on where it has none."""
        if element.close == element.end:
            return element.inner - 2, element.inner
        return element.inner, element.close

    def _array(self, name: Name, texts: Sequence[str], inside: _Element) -> bytes:
        """An array as the new content of an element."""
        prefix = self._rdf.prefix
        if not prefix:
            raise XmpError("it uses RDF without a prefix")
        body = "".join(f"<{prefix}:li>{escape(text)}</{prefix}:li>" for text in texts)
        text = f"<{prefix}:{name.container}>{body}</{prefix}:{name.container}>"
        if inside.close == inside.end:
            tag = f"{inside.prefix}:{inside.local}" if inside.prefix else inside.local
            text = f">{text}</{tag}>"
        return text.encode()

    def _new_description(self, properties: Mapping[Name, Sequence[str]]) -> tuple[int, int, bytes]:
        about = next(
            (
                value
                for description in self._descriptions
                for key, value in description.attributes.items()
                if key.startswith(f"{RDF} about") or key == "about"
            ),
            "",
        )
        # Declared again, because the packet may use another prefix for RDF.
        text = description(properties, about, declare_rdf=self._rdf.prefix != "rdf").encode()
        if self._rdf.close == self._rdf.end:
            tag = f"{self._rdf.prefix}:RDF" if self._rdf.prefix else "RDF"
            return self._rdf.inner - 2, self._rdf.inner, b">" + text + f"\n</{tag}>".encode()
        at = self._rdf.children[-1].end if self._rdf.children else self._rdf.inner
        return at, at, text

    def _after_space(self, position: int) -> int:
        """Where the white space before a position begins."""
        while position and self.data[position - 1] in b" \t\r\n":
            position -= 1
        return position


def description(properties: Mapping[Name, Sequence[str]], about: str = "", *, declare_rdf: bool = False) -> str:
    """An `rdf:Description` with arrays of texts, beginning with a line end."""
    spaces = dict.fromkeys((name.prefix, name.uri) for name in properties)
    if declare_rdf:
        spaces = {("rdf", RDF): None, **spaces}
    declared = "".join(f"\n    xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in spaces)
    lines = [f"\n <rdf:Description rdf:about={quoteattr(about)}{declared}>"]
    for name, texts in properties.items():
        tag = f"{name.prefix}:{name.local}"
        lines += [f"  <{tag}>", f"   <rdf:{name.container}>"]
        lines += [f"    <rdf:li>{escape(text)}</rdf:li>" for text in texts]
        lines += [f"   </rdf:{name.container}>", f"  </{tag}>"]
    return "\n".join([*lines, " </rdf:Description>"])


def new_packet(properties: Mapping[Name, Sequence[str]], *, wrapped: bool) -> bytes:
    """A packet of its own. `wrapped`: with the `xpacket` lines and no padding (inside a photo), or as a file."""
    start = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        if wrapped
        else ('<?xml version="1.0" encoding="UTF-8"?>\n')
    )
    end = '\n<?xpacket end="w"?>' if wrapped else "\n"
    return (
        f'{start}<x:xmpmeta xmlns:x="{_META}" x:xmptk="tagger">\n<rdf:RDF xmlns:rdf="{RDF}">'
        f"{description(properties)}\n</rdf:RDF>\n</x:xmpmeta>{end}"
    ).encode()


def outline(data: bytes, leave_out: Sequence[Name]) -> list[tuple[str, ...]]:
    """What a packet says beside some properties, to compare two packets: every element with attributes and text."""
    found: list[tuple[str, ...]] = []
    hidden = {(name.uri, name.local) for name in leave_out}

    def visit(element: _Element, depth: int) -> None:
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


def _others(element: _Element, hidden: set[tuple[str, str]]) -> bool:
    return any((child.uri, child.local) not in hidden for child in element.children)


def _plain(attributes: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    # Without the prefix, which says nothing.
    for key, value in attributes.items():
        yield (*key.split(" ")[:2], value)


def _apply(data: bytes, splices: Sequence[tuple[int, int, bytes]]) -> bytes:
    parts: list[bytes] = []
    position = 0
    for start, end, text in sorted(splices, key=lambda splice: splice[:2]):
        if start < position:
            raise XmpError("its edits overlap")
        parts += [data[position:start], text]
        position = end
    return b"".join([*parts, data[position:]])


def _place(description: _Element, element: _Element) -> _Place:
    """An element's array. Raises XmpError for a form that is not understood."""
    if any(key.startswith((f"{RDF} parseType", f"{RDF} resource")) for key in element.attributes):
        raise XmpError(f"{element.local} stands there in an unusual form")
    containers = [child for child in element.children if child.has(RDF, *_CONTAINERS)]
    if len(containers) != len(element.children) or len(containers) > 1:
        raise XmpError(f"{element.local} stands there in an unusual form")
    if not containers:
        return _Place(description, element, None, (), element.text.strip())
    items = [child for child in containers[0].children if child.has(RDF, "li")]
    if len(items) != len(containers[0].children) or any(item.children for item in items):
        raise XmpError(f"{element.local} holds something else than texts")
    return _Place(description, element, containers[0], tuple(items), "")


def _texts(place: _Place) -> list[str]:
    if place.container is not None:
        return [item.text for item in place.items]
    return [place.value] if place.value else []


def _find_rdf(root: _Element) -> _Element:
    if root.has(RDF, "RDF"):
        return root
    found = [child for child in root.children if child.has(RDF, "RDF")]
    if root.uri != _META or len(found) != 1:
        raise XmpError("it is no XMP packet")
    return found[0]


def _parse(data: bytes) -> _Element:
    """The tree of a packet, with positions. No entities are expanded and nothing is fetched."""
    # Some cameras pad with zeros.
    data = data.rstrip(b"\0")
    if len(data) > _MAX_BYTES:
        raise XmpError(f"it has more than {_MAX_BYTES >> 20} MB")
    stack: list[_Element] = []
    roots: list[_Element] = []
    parser = expat.ParserCreate("utf-8", " ")
    parser.namespace_prefixes = True
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        uri, local, prefix = (*name.split(" "), "", "")[:3] if " " in name else ("", name, "")
        at = parser.CurrentByteIndex
        tag = _TAG.match(data, at)
        if tag is None or len(stack) >= _MAX_DEPTH:
            raise XmpError("it is nested too deeply or not UTF-8")
        element = _Element(uri, local, prefix, at, tag.end(), attributes)
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
