"""The values of the domain, all frozen: photos, labels, jobs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What `stat` returns for a file: shows whether it changed, without opening it.

    `size` in bytes, `mtime_ns` and `ctime_ns` in nanoseconds since the epoch. `inode` and `ctime_ns` are None
    on file systems that do not keep them stable (FUSE, NFS, SMB ...). Of an object in object storage `inode` is a
    number made of its ETag, and `mtime_ns` is in whole seconds.
    """

    size: int
    mtime_ns: int
    inode: int | None = None
    ctime_ns: int | None = None

    @property
    def version(self) -> str:
        """A short text that changes whenever the file does."""
        return f"{self.mtime_ns:x}-{self.size:x}"

    def matches(self, other: Fingerprint) -> bool:
        """Whether both are of the same unchanged file. A value that is None on either side is not compared."""
        return (
            self.size == other.size
            and self.mtime_ns == other.mtime_ns
            and (self.inode is None or other.inode is None or self.inode == other.inode)
            and (self.ctime_ns is None or other.ctime_ns is None or self.ctime_ns == other.ctime_ns)
        )


class Origin(IntEnum):
    """The source of a photo's label."""

    MODEL = 0  # one of the model's own classes
    HIERARCHY = 1  # a hypernym, with the sum of its classes' probabilities
    TAUGHT = 2  # a label the owner taught
    PERSON = 3  # added by a person
    OBJECT = 4  # the detector's boxes
    WORD = 5  # an everyday word, from the built-in model's features
    FILE = 6  # the file itself: its size, format and metadata


# The origins of the labels that tagger derives from stored evidence, and derives again when rules change.
DERIVED = (Origin.MODEL, Origin.HIERARCHY, Origin.OBJECT, Origin.WORD, Origin.FILE)


@dataclass(frozen=True, slots=True)
class Label:
    """One label of one photo.

    `key` identifies the label permanently: a WordNet id such as `n02129604`, or `rule:NAME` for a label made by a rule
    of the settings. `name` is for people. `confidence` is a probability, 0 to 1. `rank` counts from 1 in the order of
    the photo's labels. `shown` is the policy's decision; labels that are not shown can still be searched.
    """

    key: str
    name: str
    confidence: float
    rank: int
    origin: Origin
    shown: bool

    @property
    def wnid(self) -> str | None:
        """The label's WordNet id, if it is a synset."""
        return wnid_of(self.key)


def wnid_of(key: str) -> str | None:
    """The WordNet id that a label's key is; None for other labels."""
    return key if is_wnid(key) else None


def is_wnid(key: str) -> bool:
    """Whether the key of a label or class is a WordNet id."""
    return key[:1] == "n" and key[1:].isdigit()


class JobKind(StrEnum):
    """What a job does with a photo. The values are stored in the database."""

    LABEL = "classify"
    KEYWORDS = "keywords"


class JobState(StrEnum):
    """The state of a job. A finished job is deleted, so it has none."""

    QUEUED = "queued"
    LEASED = "leased"
    FAILED = "failed"  # a dead letter: not retried until the file changes or a person asks for it


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What decoding a photo found besides its pixels.

    `format` as Pillow names it (`JPEG`, `HEIF` ...); `width` and `height` in pixels, after orientation;
    `taken` is the camera's wall-clock time as `YYYY-MM-DDTHH:MM:SS`, without zone, or None. `kinds`: what the file
    itself tells that the photo is, such as `screenshot` or `flash`, always in the same order.
    """

    format: str
    width: int
    height: int
    taken: str | None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileKeyword:
    """A keyword in a photo or its sidecar. `place`: "photo" or "sidecar"; `field`: as the ledger names it.

    `separator`: what stands between the levels of a hierarchical one; empty for a flat one.
    """

    place: str
    field: str
    text: str
    separator: str = ""


@dataclass(frozen=True, slots=True)
class PhotoFields:
    """What a photo's header and its sidecars tell besides what decoding needs. Empty and None: they do not tell.

    `keywords`: those that tagger's own mark does not list. `camera`: make and model. `rating`: 1 to 5, -1 for rejected.
    `towns`, `region`, `country`: what its place is called, the nearest town first. `latitude` and `longitude` in
    degrees, north and east. `taken`: as `PhotoFacts.taken`. `sidecar`: which state of the
    sidecars was read (`tagger.core.sidecar_names`); None if there are none.
    """

    keywords: tuple[FileKeyword, ...] = ()
    towns: tuple[str, ...] = ()
    region: str = ""
    country: str = ""
    camera: str = ""
    lens: str = ""
    rating: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    taken: str | None = None
    sidecar: int | None = None


# Counts up when more is read of headers, or read otherwise: photos are then read again.
FIELDS_VERSION = 2


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of inspecting a photo: its file's fingerprint, hashes (16 bytes each) and facts.

    `content_hash` is of the file's bytes (`tagger.core.hashing`); `pixel_hash` is BLAKE2b of the network's
    input pixels, so it stays the same when only metadata changes. `fields`: None if the header was not read for them.
    """

    fingerprint: Fingerprint
    content_hash: bytes
    pixel_hash: bytes
    facts: PhotoFacts
    fields: PhotoFields | None = None
