"""The words of the domain: frozen values that every other module speaks in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What `stat` says of a file, to tell without opening it whether it changed.

    `size` in bytes, `mtime_ns` and `ctime_ns` in nanoseconds since the epoch. `inode` and `ctime_ns` are None
    on file systems that do not keep them stable (FUSE, NFS, SMB ...).
    """

    size: int
    mtime_ns: int
    inode: int | None = None
    ctime_ns: int | None = None

    @property
    def version(self) -> str:
        """A short text that changes when the file does."""
        return f"{self.mtime_ns:x}-{self.size:x}"

    def matches(self, other: Fingerprint) -> bool:
        """Whether both are of the same unchanged file; what one side does not know is not compared."""
        return (
            self.size == other.size
            and self.mtime_ns == other.mtime_ns
            and (self.inode is None or other.inode is None or self.inode == other.inode)
            and (self.ctime_ns is None or other.ctime_ns is None or self.ctime_ns == other.ctime_ns)
        )


class Origin(IntEnum):
    """Where a label of a photo comes from."""

    MODEL = 0  # one of the model's own classes
    HIERARCHY = 1  # a parent whose classes' probabilities add up
    TAUGHT = 2  # a label the owner taught
    PERSON = 3  # put there by a person


@dataclass(frozen=True, slots=True)
class Label:
    """One label of one photo.

    `key` names the label for ever: a WordNet id such as `n02129604`, or `rule:NAME` for labels that a rule
    of the configuration made. `name` is what people read. `confidence` is a probability, 0 to 1. `rank`
    counts from 1 in the order of the photo's labels. `shown` is what the policy decided; labels that are not
    shown can still be searched.
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
        return self.key if self.key[:1] == "n" and self.key[1:].isdigit() else None


class JobKind(StrEnum):
    """What is to be done with a photo. The values stand in the database."""

    LABEL = "classify"
    KEYWORDS = "keywords"


class JobState(StrEnum):
    """Where a job stands. A finished job is deleted, so there is no state for it."""

    QUEUED = "queued"
    LEASED = "leased"
    FAILED = "failed"  # the dead letters: not tried again until the file changes or a person says so


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What decoding a photo told about it beside its pixels.

    `format` as Pillow names it (`JPEG`, `HEIF` ...); `width` and `height` in pixels, after orientation;
    `taken` is the camera's wall-clock time as `YYYY-MM-DDTHH:MM:SS`, without zone, or None.
    """

    format: str
    width: int
    height: int
    taken: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What came of looking at a photo: its file's fingerprint, hashes (16 bytes each) and facts.

    `content_hash` is of the file's bytes (`tagger.core.hashing`); `pixel_hash` is BLAKE2b of the pixels as the network
    gets them, so that it stays the same when only metadata changes.
    """

    fingerprint: Fingerprint
    content_hash: bytes
    pixel_hash: bytes
    facts: PhotoFacts
