"""Keywords and tagger's mark as properties of an XMP packet, wherever the packet stands."""

from __future__ import annotations

from collections.abc import Mapping

from tagger.imaging.metadata.keyword_fields import XMP_FIELDS, XMP_NAMES, Field
from tagger.imaging.metadata.mark import MARK, read_mark
from tagger.imaging.metadata.xmp_parse import Name, Packet, XmpError
from tagger.keywords.metadata.metadata_file import Found
from tagger.keywords.metadata.xmp_edit import Edit
from tagger.keywords.plan import FieldState, Plan

NAMES: Mapping[Field, Name] = {field: Name(*XMP_NAMES[field]) for field in XMP_FIELDS}
_START, _END = b"<x:xmpmeta", b"</x:xmpmeta>"


def packet_states(packet: Packet | None) -> Found:
    """The keywords in an XMP packet; without one, fields that do not exist. Raises XmpError."""
    if packet is None:
        return Found({field: FieldState() for field in XMP_FIELDS}, {})
    states = {field: FieldState(tuple(packet.texts(NAMES[field])), packet.has(NAMES[field])) for field in XMP_FIELDS}
    return Found(states, read_mark(packet.texts(MARK)))


def packet_edits(packet: Packet | None, plan: Plan) -> dict[Name, Edit]:
    """The edits that carry out a plan in XMP, including those to the mark."""
    edits = {
        NAMES[field]: Edit(change.add, change.remove)
        for field, change in plan.changes.items()
        if field in NAMES and change
    }
    before = [] if packet is None else packet.texts(MARK)
    after = list(plan.mark)
    add = [item for item in after if item not in before]
    remove = [item for item in before if item not in after]
    if add or remove:
        edits[MARK] = Edit(add, remove)
    return edits


def packet_in(data: bytes) -> Found | None:
    """The keywords of the first XMP packet in a file of any format; None without a readable one.

    Packets are made to be found by scanning for their first and last tags (XMP Specification Part 3 section 1.1).
    Compressed ones are not found.
    """
    start = data.find(_START)
    end = data.find(_END, start)
    if start < 0 or end < 0:
        return None
    try:
        return packet_states(Packet(data[start : end + len(_END)]))
    except XmpError:
        return None
