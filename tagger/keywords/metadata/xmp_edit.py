"""Editing arrays of texts in an XMP packet, leaving every other byte as it is, and making new packets.

Edits are splices of the packet's own text, at the positions of its elements. Source: XMP Specification Part 3 section
1.1.3 for packets in JPEG.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from tagger.imaging.metadata.xmp_parse import META, RDF, Element, Name, Occurrence, Packet, XmpError
from tagger.keywords.merge import without
from tagger.keywords.metadata.splices import Splice, apply


@dataclass(frozen=True, slots=True)
class Edit:
    """Texts to add to the end of a property's array, and texts to remove, one entry for each occurrence."""

    add: Sequence[str] = ()
    remove: Sequence[str] = ()


def edited(packet: Packet, edits: Mapping[Name, Edit]) -> bytes:
    """A packet's bytes with edits made. Raises XmpError where one cannot be made."""
    editing = _Editing(packet)
    for name, edit in edits.items():
        editing.edit(name, edit)
    return editing.finished()


class _Editing:
    """Edits on their way to splices.

    `_new`: texts of properties that need a Description of their own. `_dropped`: elements that go.
    """

    def __init__(self, packet: Packet) -> None:
        self._packet = packet
        self._splices: list[Splice] = []
        self._new: dict[Name, list[str]] = {}
        self._dropped: list[Element] = []

    def edit(self, name: Name, edit: Edit) -> None:
        """Plan the edit of one property."""
        add = list(edit.add)
        remove = list(edit.remove)
        for place in self._packet.occurrences(name):
            texts = place.texts
            gone = without(texts, remove)
            for position in gone:
                remove.remove(next(text for text in remove if without([texts[position]], [text])))
            if not gone and not add:
                continue
            left = [text for position, text in enumerate(texts) if position not in gone]
            if not left and not add:
                self._drop(place)
            elif place.element is None:
                self._drop_attribute(place)
                self._new.setdefault(name, []).extend([*left, *add])
                add = []
            elif place.container is None or (not place.items and place.container.is_self_closing):
                self._replace(*self._content(place.element), self._array(name, [*left, *add], place.element))
                add = []
            else:
                self._edit_items(place.container, place.items, gone, add)
                add = []
        if add:
            self._new.setdefault(name, []).extend(add)

    def finished(self) -> bytes:
        """The packet with all edits."""
        if not self._new:
            self._drop_empty()
        else:
            self._add_description()
        try:
            return apply(self._packet.data, self._splices)
        except ValueError as error:
            raise XmpError("its edits overlap") from error

    def _replace(self, start: int, end: int, text: bytes) -> None:
        self._splices.append(Splice(start, end, text))

    def _edit_items(
        self, container: Element, items: Sequence[Element], gone: Sequence[int], add: Sequence[str]
    ) -> None:
        for position in gone:
            self._remove(items[position])
        if not add:
            return
        at = items[-1].end if items else container.inner
        model = items[-1] if items else None
        space = self._packet.data[self._after_space(model.start) : model.start] if model else b""
        tag = f"{container.prefix}:li" if container.prefix else "li"
        self._replace(at, at, b"".join(space + f"<{tag}>{escape(text)}</{tag}>".encode() for text in add))

    def _remove(self, element: Element) -> None:
        self._replace(self._after_space(element.start), element.end, b"")

    def _drop(self, place: Occurrence) -> None:
        if place.element is None:
            self._drop_attribute(place)
            return
        self._remove(place.element)
        self._dropped.append(place.element)

    def _drop_attribute(self, place: Occurrence) -> None:
        """Remove an attribute, which is found in the text of the start tag by its value."""
        description = place.description
        tag = self._packet.data[description.start : description.inner]
        for match in re.finditer(rb"\s+([^\s=]+)\s*=\s*(\"[^\"]*\"|'[^']*')", tag):
            local = match[1].rpartition(b":")[2].decode("utf-8", "replace")
            others = [key for key in description.attributes if key.split(" ")[1:2] == [local]]
            if any(description.attributes[key] == place.value for key in others) and len(others) == 1:
                self._replace(description.start + match.start(), description.start + match.end(), b"")
                return
        raise XmpError("a keyword stands in an attribute that cannot be told from another")

    def _drop_empty(self) -> None:
        """Remove Descriptions that would have nothing but white space left."""
        for description in self._packet.descriptions:
            empty = all(any(child is gone for gone in self._dropped) for child in description.children)
            says_nothing = all(key.startswith(f"{RDF} about") for key in description.attributes)
            if description.children and empty and says_nothing:
                start, end = description.start, description.end
                self._splices = [
                    splice for splice in self._splices if not (start <= splice.start and splice.end <= end)
                ]
                self._remove(description)

    def _content(self, element: Element) -> tuple[int, int]:
        """What to replace to give an element new content: its inside, or its `/>`."""
        if element.is_self_closing:
            return element.inner - 2, element.inner
        return element.inner, element.close

    def _array(self, name: Name, texts: Sequence[str], inside: Element) -> bytes:
        """An array as the new content of an element."""
        prefix = self._packet.rdf.prefix
        if not prefix:
            raise XmpError("it uses RDF without a prefix")
        body = "".join(f"<{prefix}:li>{escape(text)}</{prefix}:li>" for text in texts)
        text = f"<{prefix}:{name.container}>{body}</{prefix}:{name.container}>"
        if inside.is_self_closing:
            tag = f"{inside.prefix}:{inside.local}" if inside.prefix else inside.local
            text = f">{text}</{tag}>"
        return text.encode()

    def _add_description(self) -> None:
        rdf = self._packet.rdf
        about = next(
            (
                value
                for description in self._packet.descriptions
                for key, value in description.attributes.items()
                if key.startswith(f"{RDF} about") or key == "about"
            ),
            "",
        )
        # Declared again, because the packet may use another prefix for RDF.
        text = description(self._new, about, declare_rdf=rdf.prefix != "rdf").encode()
        if rdf.is_self_closing:
            tag = f"{rdf.prefix}:RDF" if rdf.prefix else "RDF"
            self._replace(rdf.inner - 2, rdf.inner, b">" + text + f"\n</{tag}>".encode())
        else:
            at = rdf.children[-1].end if rdf.children else rdf.inner
            self._replace(at, at, text)

    def _after_space(self, position: int) -> int:
        """Where the white space before a position begins."""
        while position and self._packet.data[position - 1] in b" \t\r\n":
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
        f'{start}<x:xmpmeta xmlns:x="{META}" x:xmptk="tagger">\n<rdf:RDF xmlns:rdf="{RDF}">'
        f"{description(properties)}\n</rdf:RDF>\n</x:xmpmeta>{end}"
    ).encode()
