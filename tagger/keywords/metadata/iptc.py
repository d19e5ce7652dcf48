"""Keywords in IPTC-IIM: datasets 2:25 inside Photoshop's image resources, the payload of a JPEG's APP13 segment.

Sources: those of `tagger.imaging.metadata.iptc_blocks`; Metadata Working Group guidelines 2.0 for the digest (0x0425).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tagger.imaging.metadata.iptc_blocks import (
    CHARSET,
    HEADER,
    IPTC,
    KEYWORD,
    UTF8,
    IptcError,
    Resource,
    datasets_of,
    resources_of,
)
from tagger.keywords.merge import without

# 2:25 holds at most 64 octets.
MAX_BYTES = 64
_DIGEST = 0x0425
_VERSION = (2, 0)


class Resources:
    """The image resources of one APP13 segment. Raises IptcError where they are damaged."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._resources = resources_of(payload)
        blocks = [resource for resource in self._resources if resource.number == IPTC]
        if len(blocks) > 1:
            raise IptcError("it has two IPTC blocks")
        self._block = blocks[0] if blocks else None
        self._iim = b"" if self._block is None else payload[self._block.data : self._block.data + self._block.size]
        self._datasets = datasets_of(self._iim)
        charsets = [dataset.value for dataset in self._datasets if dataset.key == CHARSET]
        texts = b"".join(dataset.value for dataset in self._datasets if dataset.key[0] == 2 and dataset.key[1])
        self._declared = charsets == [UTF8]
        # Without a declaration, plain ASCII reads the same in every character set.
        self.readable = self._declared or (not charsets and texts.isascii())

    @property
    def keywords(self) -> list[str]:
        """The keywords, in order. A block that is not declared as UTF-8 is decoded as Latin-1, its usual encoding."""
        code = "utf-8" if self._declared else "latin-1"
        return [dataset.value.decode(code, "replace") for dataset in self._datasets if dataset.key == KEYWORD]

    def edited(self, add: Sequence[str], remove: Sequence[str]) -> bytes:
        """The payload with keywords added and removed. A digest that was correct is updated."""
        if not self.readable:
            raise IptcError("it is not in UTF-8")
        mine = [dataset for dataset in self._datasets if dataset.key == KEYWORD]
        gone = {id(mine[position]) for position in without(self.keywords, remove)}
        new = b"".join(_dataset(KEYWORD, text.encode()) for text in add)
        declare = b"" if self._declared or new.isascii() else _dataset(CHARSET, UTF8)
        if not self._datasets:
            new = _dataset(_VERSION, b"\0\x04") + new
        last = self._datasets[-1].end if self._datasets else 0
        after = mine[-1].end if mine else self._place_for_keywords(last)
        place = next((d.end for d in self._datasets if d.key == (1, 0)), 0)
        parts = []
        for at, dataset in [*((d.start, d) for d in self._datasets), (last, None)]:
            if at == place:
                parts.append(declare)
            if at == after:
                parts.append(new)
            if dataset is not None and id(dataset) not in gone:
                parts.append(self._iim[dataset.start : dataset.end])
        return self._with_block(b"".join(parts) + self._iim[last:])

    def _place_for_keywords(self, last: int) -> int:
        return next((dataset.start for dataset in self._datasets if dataset.key > KEYWORD), last)

    def _with_block(self, iim: bytes) -> bytes:
        old = hashlib.md5(self._iim, usedforsecurity=False).digest()
        parts = []
        position = 0
        for resource in self._resources:
            if resource.number == IPTC:
                parts += [self._payload[position : resource.data - 4], _sized(iim)]
                position = resource.end
            elif resource.number == _DIGEST and (self._block is None or self._digest(resource) == old):
                parts += [self._payload[position : resource.data], hashlib.md5(iim, usedforsecurity=False).digest()]
                position = resource.data + resource.size
        parts.append(self._payload[position:])
        if self._block is None:
            parts.append(b"8BIM" + IPTC.to_bytes(2, "big") + b"\0\0" + _sized(iim))
        return b"".join(parts)

    def _digest(self, resource: Resource) -> bytes:
        return self._payload[resource.data : resource.data + resource.size]

    def others(self) -> list[tuple[object, bytes]]:
        """Everything except the keywords, to compare two payloads."""
        current = hashlib.md5(self._iim, usedforsecurity=False).digest()
        return [
            *((d.key, d.value) for d in self._datasets if d.key not in (KEYWORD, CHARSET)),
            *(
                (r.number, self._digest(r))
                for r in self._resources
                # A digest changes with its block if it is correct, or if there was no block.
                if r.number != IPTC and not (r.number == _DIGEST and (not self._iim or self._digest(r) == current))
            ),
        ]

    @property
    def has_keywords(self) -> bool:
        """Whether the field exists."""
        return any(dataset.key == KEYWORD for dataset in self._datasets)


def new_payload(keywords: Sequence[str]) -> bytes:
    """The payload of a new APP13 segment that has only keywords."""
    iim = _dataset(CHARSET, UTF8) + _dataset(_VERSION, b"\0\x04")
    iim += b"".join(_dataset(KEYWORD, text.encode()) for text in keywords)
    return HEADER + b"8BIM" + IPTC.to_bytes(2, "big") + b"\0\0" + _sized(iim)


def fits(keyword: str) -> bool:
    """Whether a keyword is short enough for 2:25."""
    return len(keyword.encode()) <= MAX_BYTES


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data + b"\0" * (len(data) % 2)


def _dataset(key: tuple[int, int], value: bytes) -> bytes:
    return bytes((0x1C, *key)) + len(value).to_bytes(2, "big") + value
