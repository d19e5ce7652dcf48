"""Keywords inside a JPEG, in memory: reading them, editing them, and proving that nothing else changed.

An edit that is impossible without loss raises DeclinedError; the keywords go to a sidecar instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tagger.imaging.metadata.iptc_blocks import IptcError
from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.mark import MARK
from tagger.imaging.metadata.xmp_parse import Packet, XmpError, outline
from tagger.keywords.merge import without
from tagger.keywords.metadata import exif, iptc
from tagger.keywords.metadata.jpeg import APP1, APP13, MAX_PAYLOAD, XMP_HEADER, Jpeg, JpegError
from tagger.keywords.metadata.metadata_file import DeclinedError, FieldError, Found
from tagger.keywords.metadata.splices import Splice, apply
from tagger.keywords.metadata.xmp_edit import edited, new_packet
from tagger.keywords.metadata.xmp_fields import NAMES, packet_edits, packet_states
from tagger.keywords.plan import FieldState, Plan

_IN_EXTENDED = re.compile(rb"[:<](?:subject|hierarchicalSubject|TagsList)[\s/>=]")
# A start of scan marker and the length of its header.
_SCAN_HEADER = 4
_PADDING = re.compile(rb"[ \t\r\n]+(?=<\?xpacket end)")


class JpegPhoto:
    """A JPEG in memory with its keywords. Raises DeclinedError where nothing may be written into it.

    `data` must stay valid while this is in use.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        try:
            self._jpeg = Jpeg(data)
            segment = self._jpeg.xmp
            self._packet = None if segment is None else Packet(segment.data[len(XMP_HEADER) :])
            found = packet_states(self._packet)
        except JpegError as error:
            raise DeclinedError(str(error)) from error
        except XmpError as error:
            raise DeclinedError(f"of its XMP: {error}") from error
        if any(_IN_EXTENDED.search(part.data) for part in self._jpeg.extended):
            raise DeclinedError("it has keywords in extended XMP")
        self._block, exif_state = self._read_exif()
        self._resources, iptc_state = self._read_iptc()
        self.found = Found({**found.states, Field.IPTC: iptc_state, Field.XP: exif_state}, found.mark)

    @property
    def head_size(self) -> int:
        """The bytes up to the first scan's header; all metadata are before it."""
        return self._jpeg.scan + _SCAN_HEADER

    def _read_exif(self) -> tuple[exif.Block | None, FieldState]:
        if self._jpeg.exif is None:
            return None, FieldState()
        try:
            block = exif.Block(self._jpeg.exif.data[len(exif.HEADER) :])
            closed = f"of its EXIF: {block.closed}" if block.closed else ""
            return block, FieldState(tuple(block.keywords), block.has_keywords, closed)
        except exif.ExifError as error:
            return None, FieldState(closed=f"of its EXIF: {error}")

    def _read_iptc(self) -> tuple[iptc.Resources | None, FieldState]:
        segments = self._jpeg.photoshop
        if not segments:
            return None, FieldState(fits=iptc.fits)
        if len(segments) > 1:
            return None, FieldState(closed="it is spread over several segments")
        try:
            resources = iptc.Resources(segments[0].data)
        except IptcError as error:
            return None, FieldState(closed=str(error))
        closed = "" if resources.readable else "it is not in UTF-8, and is left alone"
        return resources, FieldState(tuple(resources.keywords), resources.has_keywords, closed, iptc.fits)

    def splices(self, plan: Plan) -> list[Splice]:
        """The splices that carry out a plan, proven to change nothing else. Raises FieldError, DeclinedError."""
        in_exif = self._field_splices(plan, Field.XP, self._exif_splices)
        in_iptc = self._field_splices(plan, Field.IPTC, self._iptc_splices)
        try:
            in_xmp = self._xmp_splices(plan)
            self._jpeg.check(in_xmp)
        except (JpegError, XmpError) as error:
            raise DeclinedError(str(error)) from error
        splices = [*in_exif, *in_xmp, *in_iptc]
        self._prove(plan, splices)
        return splices

    def _field_splices(self, plan: Plan, field: Field, make: Callable[[Plan], list[Splice]]) -> list[Splice]:
        try:
            splices = make(plan)
            self._jpeg.check(splices)
        except (JpegError, exif.ExifError, IptcError) as error:
            raise FieldError(field, str(error)) from error
        return splices

    def _xmp_splices(self, plan: Plan) -> list[Splice]:
        edits = packet_edits(self._packet, plan)
        if not edits:
            return []
        if self._jpeg.xmp is None or self._packet is None:
            new = new_packet({name: edit.add for name, edit in edits.items()}, wrapped=True)
            return [self._jpeg.inserted(APP1, XMP_HEADER + new)]
        packet = edited(self._packet, edits)
        if Packet(packet).is_empty and not self._jpeg.is_fixed(self._jpeg.xmp):
            return [self._jpeg.replaced(self._jpeg.xmp, None)]
        return [self._jpeg.replaced(self._jpeg.xmp, _padded(XMP_HEADER + packet, len(self._jpeg.xmp.data)))]

    def _exif_splices(self, plan: Plan) -> list[Splice]:
        change = plan.changes.get(Field.XP)
        if not change:
            return []
        left = _after(self.found.states[Field.XP].keywords, change.add, change.remove)
        if self._jpeg.exif is None:
            return [self._jpeg.inserted(APP1, exif.new_block(left, self._jpeg.size, self._jpeg.density))]
        if self._block is None:
            raise exif.ExifError("its EXIF is damaged")
        return [self._jpeg.replaced(self._jpeg.exif, exif.HEADER + self._block.edited(left))]

    def _iptc_splices(self, plan: Plan) -> list[Splice]:
        change = plan.changes.get(Field.IPTC)
        if not change:
            return []
        if not self._jpeg.photoshop:
            return [self._jpeg.inserted(APP13, iptc.new_payload(change.add))]
        if self._resources is None:
            raise IptcError("its IPTC is damaged")
        return [self._jpeg.replaced(self._jpeg.photoshop[0], self._resources.edited(change.add, change.remove))]

    def _prove(self, plan: Plan, splices: Sequence[Splice]) -> None:
        """Parse the edited file and compare everything before the picture. Raises DeclinedError at any difference.

        The picture and what follows it are verified when the new file is read back.
        """
        head = bytes(self._jpeg.data[: self.head_size])
        try:
            data = apply(head, splices)
            new = JpegPhoto(data)
        except DeclinedError as error:
            raise DeclinedError(f"the edited file could not be read again ({error})") from error
        for field, change in plan.changes.items():
            wanted = _after(self.found.states[field].keywords, change.add, change.remove)
            if sorted(new.found.states[field].keywords) != sorted(wanted):
                raise DeclinedError(f"{field.value} did not come out as it should")
        old = self._jpeg
        touched = {id(segment) for segment in (old.xmp, old.exif, *old.photoshop)}
        fresh = {id(segment) for segment in (new._jpeg.xmp, new._jpeg.exif, *new._jpeg.photoshop)}
        kept = [s.data for s in old.segments if id(s) not in touched]
        if (
            kept != [s.data for s in new._jpeg.segments if id(s) not in fresh]
            or data[new._jpeg.scan :] != head[old.scan :]
            or not self._same_metadata(new)
        ):
            raise DeclinedError("more than its keywords would have changed")

    def _same_metadata(self, new: JpegPhoto) -> bool:
        names = (*NAMES.values(), MARK)
        before = [] if self._packet is None else outline(self._packet.data, names)
        after = [] if new._packet is None else outline(new._packet.data, names)
        if before != after:
            return False
        if self._block is not None and (new._block is None or not self._block.unchanged_in(new._block)):
            return False
        return self._resources is None or (
            new._resources is not None
            and [o for o in new._resources.others() if o != ((2, 0), b"\0\x04")]
            == [o for o in self._resources.others() if o != ((2, 0), b"\0\x04")]
        )


def _after(keywords: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...]) -> list[str]:
    gone = without(keywords, remove)
    return [*(keyword for position, keyword in enumerate(keywords) if position not in gone), *add]


def _padded(payload: bytes, before: int) -> bytes:
    """A packet padded to keep the length of its segment if that is possible, and to fit in a segment in any case."""
    over = len(payload) - before
    space = _PADDING.search(payload)
    if space is None or over == 0:
        return payload
    if over < 0:
        return payload[: space.end()] + b" " * -over + payload[space.end() :]
    # A line end stays.
    spare = space.end() - space.start() - 1
    shrink = over if over <= spare else min(spare, max(0, len(payload) - MAX_PAYLOAD))
    return payload[: space.end() - shrink] + payload[space.end() :]
