"""IPTC-IIM datasets, and Photoshop's image resources in which they stand.

Sources: IPTC-IIM 4.2 sections 1.5 (datasets), 1:90 (coded character set) and 2:25; Adobe Photoshop File Formats
Specification, "Image Resource Blocks" (0x0404 IPTC).
"""

from __future__ import annotations

from dataclasses import dataclass

# What a JPEG's APP13 segment begins with.
HEADER = b"Photoshop 3.0\0"
IPTC = 0x0404
CHARSET, KEYWORD = (1, 90), (2, 25)
UTF8 = b"\x1b%G"
_SIGNATURES = (b"8BIM", b"PHUT", b"AgHg", b"DCSR", b"MeSa")


class IptcError(ValueError):
    """Resources or datasets that are damaged or cannot be edited without loss."""


@dataclass(frozen=True, slots=True)
class Resource:
    """An image resource: `[start, end)` with its padding, the data in `[data, data + size)`."""

    number: int
    start: int
    data: int
    size: int
    end: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset; its tag, marker and length stand before `value`."""

    key: tuple[int, int]
    start: int
    value: bytes
    end: int


def resources_of(payload: bytes) -> list[Resource]:
    """The image resources of an APP13 segment's payload, or of TIFF's tag without `HEADER`. Raises IptcError."""
    found = []
    position = len(HEADER) if payload.startswith(HEADER) else 0
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
        found.append(Resource(number, start, data, size, position))
    return found


def datasets_of(iim: bytes) -> list[Dataset]:
    """The datasets of an IPTC block. Raises IptcError."""
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
        found.append(Dataset(key, position, iim[value : value + size], value + size))
        position = value + size
    return found
