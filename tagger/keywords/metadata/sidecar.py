"""XMP sidecars: the keywords in one, and the edits to them."""

from __future__ import annotations

from dataclasses import dataclass

from tagger.imaging.metadata.mark import MARK
from tagger.imaging.metadata.xmp_parse import Packet, XmpError, outline
from tagger.keywords.metadata.metadata_file import Found
from tagger.keywords.metadata.splices import Splice
from tagger.keywords.metadata.xmp_edit import edited, new_packet
from tagger.keywords.metadata.xmp_fields import NAMES, packet_edits, packet_states
from tagger.keywords.plan import Plan


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar's text (None: there is none yet) and its keywords."""

    data: bytes | None
    found: Found
    _packet: Packet | None

    @classmethod
    def parse(cls, data: bytes | None) -> Sidecar:
        """Parse a sidecar. Raises XmpError if it is damaged."""
        packet = None if data is None or not data.strip() else Packet(data)
        return cls(data, packet_states(packet), packet)

    @property
    def head_size(self) -> int:
        """All of it is metadata."""
        return len(self.data or b"")

    def splices(self, plan: Plan) -> list[Splice] | None:
        """The splices that carry out a plan, proven to change nothing else; None if nothing would be left.

        Raises XmpError.
        """
        edits = packet_edits(self._packet, plan)
        old = self.data or b""
        if self._packet is None:
            new = new_packet({name: edit.add for name, edit in edits.items()}, wrapped=False)
        else:
            new = edited(self._packet, edits)
            if Packet(new).is_empty:
                return None
        self._prove(plan, new)
        return [Splice(0, len(old), new)]

    def _prove(self, plan: Plan, new: bytes) -> None:
        after = Sidecar.parse(new)
        for field, change in plan.changes.items():
            if field not in NAMES:
                continue
            before = self.found.states[field].keywords
            if len(after.found.states[field].keywords) != len(before) + len(change.add) - len(change.remove):
                raise XmpError(f"{field.value} did not come out as it should")
        if self._packet is not None:
            names = (*NAMES.values(), MARK)
            if outline(self._packet.data, names) != outline(new, names):
                raise XmpError("more than its keywords would have changed")
