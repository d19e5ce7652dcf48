"""Keywords in IPTC-IIM: datasets 2:25 inside Photoshop's image resources, the payload of a JPEG's APP13 segment.

Sources: IPTC-IIM 4.2 sections 1.5 (datasets), 1:90 (coded character set) and 2:25; Adobe Photoshop File Formats
Specification, "Image Resource Blocks" (0x0404 IPTC, 0x0425 its digest); Metadata Working Group guidelines 2.0 for the
digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.keywords.merge import without

HEADER = b"Photoshop 3.0\0"
# 2:25 holds at most 64 octets.
MAX_BYTES = 64
_IPTC, _DIGEST = 0x0404, 0x0425
_SIGNATURES = (b"8BIM", b"PHUT", b"AgHg", b"DCSR", b"MeSa")
_CHARSET, _VERSION, _KEYWORD = (1, 90), (2, 0), (2, 25)
_UTF8 = b"\x1b%G"


class IptcError(ValueError):
    """Resources or datasets that are damaged or cannot be edited without loss."""


@dataclass(frozen=True, slots=True)
class _Resource:
    """An image resource: `[start, end)` with its padding, the data in `[data, data + size)`."""

    number: int
    start: int
    data: int
    size: int
    end: int


@dataclass(frozen=True, slots=True)
class _Dataset:
    key: tuple[int, int]
    start: int
    value: bytes
    end: int


class Resources:
    """The image resources of one APP13 segment. Raises IptcError where they are damaged."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._resources = _resources(payload)
        blocks = [resource for resource in self._resources if resource.number == _IPTC]
        if len(blocks) > 1:
            raise IptcError("it has two IPTC blocks")
        self._block = blocks[0] if blocks else None
        self._iim = b"" if self._block is None else payload[self._block.data : self._block.data + self._block.size]
        self._datasets = _datasets(self._iim)
        charsets = [dataset.value for dataset in self._datasets if dataset.key == _CHARSET]
        texts = b"".join(dataset.value for dataset in self._datasets if dataset.key[0] == 2 and dataset.key[1])
        self._declared = charsets == [_UTF8]
        # Without a declaration, plain ASCII reads the same in every character set.
        self.readable = self._declared or (not charsets and texts.isascii())

    @property
    def keywords(self) -> list[str]:
        """The keywords, in order. A block that is not declared as UTF-8 is decoded as Latin-1, its usual encoding."""
        code = "utf-8" if self._declared else "latin-1"
        return [dataset.value.decode(code, "replace") for dataset in self._datasets if dataset.key == _KEYWORD]

    def edited(self, add: Sequence[str], remove: Sequence[str]) -> bytes:
        """The payload with keywords added and removed. A digest that was correct is updated."""
        if not self.readable:
            raise IptcError("it is not in UTF-8")
        mine = [dataset for dataset in self._datasets if dataset.key == _KEYWORD]
        gone = {id(mine[position]) for position in without(self.keywords, remove)}
        new = b"".join(_dataset(_KEYWORD, text.encode()) for text in add)
        declare = b"" if self._declared or new.isascii() else _dataset(_CHARSET, _UTF8)
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
        return next((dataset.start for dataset in self._datasets if dataset.key > _KEYWORD), last)

    def _with_block(self, iim: bytes) -> bytes:
        old = hashlib.md5(self._iim, usedforsecurity=False).digest()
        parts = []
        position = 0
        for resource in self._resources:
            if resource.number == _IPTC:
                parts += [self._payload[position : resource.data - 4], _sized(iim)]
                position = resource.end
            elif resource.number == _DIGEST and (self._block is None or self._digest(resource) == old):
                parts += [self._payload[position : resource.data], hashlib.md5(iim, usedforsecurity=False).digest()]
                position = resource.data + resource.size
        parts.append(self._payload[position:])
        if self._block is None:
            parts.append(b"8BIM" + _IPTC.to_bytes(2, "big") + b"\0\0" + _sized(iim))
        return b"".join(parts)

    def _digest(self, resource: _Resource) -> bytes:
        return self._payload[resource.data : resource.data + resource.size]

    def others(self) -> list[tuple[object, bytes]]:
        """Everything except the keywords, to compare two payloads."""
        current = hashlib.md5(self._iim, usedforsecurity=False).digest()
        return [
            *((d.key, d.value) for d in self._datasets if d.key not in (_KEYWORD, _CHARSET)),
            *(
                (r.number, self._digest(r))
                for r in self._resources
                # A digest changes with its block if it is correct, or if there was no block.
                if r.number != _IPTC and not (r.number == _DIGEST and (not self._iim or self._digest(r) == current))
            ),
        ]

    @property
    def has_keywords(self) -> bool:
        """Whether the field exists."""
        return any(dataset.key == _KEYWORD for dataset in self._datasets)


def new_payload(keywords: Sequence[str]) -> bytes:
    """The payload of a new APP13 segment that has only keywords."""
    iim = _dataset(_CHARSET, _UTF8) + _dataset(_VERSION, b"\0\x04")
    iim += b"".join(_dataset(_KEYWORD, text.encode()) for text in keywords)
    return HEADER + b"8BIM" + _IPTC.to_bytes(2, "big") + b"\0\0" + _sized(iim)


def fits(keyword: str) -> bool:
    """Whether a keyword is short enough for 2:25."""
    return len(keyword.encode()) <= MAX_BYTES


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data + b"\0" * (len(data) % 2)


def _dataset(key: tuple[int, int], value: bytes) -> bytes:
    return bytes((0x1C, *key)) + len(value).to_bytes(2, "big") + value


def _resources(payload: bytes) -> list[_Resource]:
    found = []
    position = len(HEADER)
    while position < len(payload):
        start = position
        if payload[position : position + 4] not in _SIGNATURES or position + 7 > len(payload):
            if payload[position:].strip(b"\0"):
                raise IptcError("its image resources are damaged")
            break
        number = int.from_bytes(payload[position + 4 : position + 6], "big")
        name = payload[position + 6] + 1
        data = position + 6 + name + name % 2 + 4
        size = int.from_bytes(payload[data - 4 : data], "big")
        if data + size > len(payload):
            raise IptcError("its image resources are damaged")
        # The last one may lack its padding.
        position = min(data + size + size % 2, len(payload))
        found.append(_Resource(number, start, data, size, position))
    return found


def _datasets(iim: bytes) -> list[_Dataset]:
    found = []
    position = 0
    while position < len(iim):
        if iim[position] != 0x1C or position + 5 > len(iim):
            if iim[position:].strip(b"\0"):
                raise IptcError("its datasets are damaged")
            break
        size = int.from_bytes(iim[position + 3 : position + 5], "big")
        value = position + 5
        if size & 0x8000:
            raise IptcError("it has datasets of unusual length")
        if value + size > len(iim):
            raise IptcError("its datasets are damaged")
        key = (iim[position + 1], iim[position + 2])
        found.append(_Dataset(key, position, iim[value : value + size], value + size))
        position = value + size
    return found
