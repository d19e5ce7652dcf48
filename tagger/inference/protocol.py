"""The protocol between the parent and the child process.

Each message is one JSON text; a batch's replies are followed by one message of raw features. No pickle: the child reads
files from anywhere, and nothing that it sends may run code in the parent.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.photo import FileKeyword, Fingerprint, Inspection, PhotoFacts, PhotoFields
from tagger.system.child_process import Channel, send


class Outcome(StrEnum):
    """The outcome of one request."""

    FEATURES = "features"  # decoded, with its features
    TWIN = "twin"  # has the same bytes as a photo whose hash is in the request
    SAME_PIXELS = "same pixels"  # the file changed, but not its pixels
    FAILED = "failed"  # cannot be decoded; do not retry until the file changes
    LATER = "later"  # still being written, or the storage does not answer: retry later
    GONE = "gone"  # the file does not exist any more
    MEMORY = "memory"  # not enough memory: retry isolated


# What a request may want to know of a photo: the classifier's features, the built-in model's features for everyday
# words (beside another classifier), and the detector's boxes. What the file tells comes with every inspection.
FEATURES, WORDS, BOXES = "features", "words", "boxes"
EVERYTHING = frozenset({FEATURES, WORDS, BOXES})
# A photo's features between the child and the parent.
_WIRE_DTYPE = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Request:
    """One photo to extract features of. `pixel_hash`: of its pixels as last seen; None if they are not known.

    `twins`: content hashes of known photos of the same size. `name`: the file's name, if the path does not end with
    it. `min_age_seconds`: a file that was modified more recently than this counts as still being written. `wants`: what
    to look for, some of EVERYTHING; networks that do not run beside the classifier say nothing.
    """

    job_id: int
    path: str
    pixel_hash: bytes | None = None
    twins: tuple[bytes, ...] = ()
    name: str = ""
    min_age_seconds: float = 0.0
    wants: frozenset[str] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to one request. `features`: little-endian float32 for `FEATURES`, else empty.

    `inferred`: they come from the network; false if they come from an identical picture seen shortly before. `words`:
    the built-in model's features, as `features`. `boxes`: as `tagger.core.boxes` makes them; None: not looked for.
    """

    job_id: int
    outcome: Outcome
    reason: str = ""
    inspection: Inspection | None = None
    fingerprint: Fingerprint | None = None
    features: bytes = b""
    inferred: bool = False
    words: bytes = b""
    boxes: bytes | None = None

    @property
    def vector(self) -> NDArray[np.float32]:
        """The features as an array, float32 (features,); empty without any."""
        return np.frombuffer(self.features, _WIRE_DTYPE)

    @property
    def word_vector(self) -> NDArray[np.float32]:
        """The built-in model's features, float32 (features,); empty without any."""
        return np.frombuffer(self.words, _WIRE_DTYPE)


def wire_features(features: NDArray[np.floating]) -> list[bytes]:
    """Features (photos, features) of any float type -> what a `Reply` carries for each photo."""
    return [row.tobytes() for row in features.astype(_WIRE_DTYPE)]


def request_json(request: Request) -> dict[str, Any]:
    """A request as JSON, whose escapes preserve the lone surrogates of paths that are not UTF-8."""
    return {
        "job": request.job_id,
        "path": request.path,
        "pixels": None if request.pixel_hash is None else request.pixel_hash.hex(),
        "twins": [twin.hex() for twin in request.twins],
        "name": request.name,
        "min_age": request.min_age_seconds,
        "wants": sorted(request.wants),
    }


def request_from(data: dict[str, Any]) -> Request:
    """The inverse of `request_json`."""
    pixels = data["pixels"]
    return Request(
        int(data["job"]),
        data["path"],
        None if pixels is None else bytes.fromhex(pixels),
        tuple(bytes.fromhex(twin) for twin in data["twins"]),
        data["name"],
        float(data["min_age"]),
        frozenset(data["wants"]),
    )


def send_replies(channel: Channel, replies: list[Reply]) -> None:
    """Send a batch's replies and their features."""
    send(channel, "replies", replies=[_reply_json(reply) for reply in replies])
    channel.send_bytes(b"".join(part for reply in replies for part in (reply.features, reply.words)))


def receive_replies(message: dict[str, Any], channel: Channel) -> list[Reply]:
    """The replies in a `replies` message; reads the features that follow it."""
    blob = channel.recv_bytes()
    replies: list[Reply] = []
    offset = 0
    for data in message["replies"]:
        middle = offset + int(data["bytes"])
        end = middle + int(data["word_bytes"])
        replies.append(_reply_from(data, blob[offset:middle], blob[middle:end]))
        offset = end
    return replies


def _reply_json(reply: Reply) -> dict[str, Any]:
    data: dict[str, Any] = {
        "job": reply.job_id,
        "outcome": reply.outcome,
        "reason": reply.reason,
        "bytes": len(reply.features),
        "word_bytes": len(reply.words),
        "boxes": None if reply.boxes is None else reply.boxes.hex(),
        "inferred": reply.inferred,
    }
    fingerprint = reply.fingerprint
    if reply.inspection is not None:
        fingerprint = reply.inspection.fingerprint
        facts = reply.inspection.facts
        data["inspection"] = [
            reply.inspection.content_hash.hex(),
            reply.inspection.pixel_hash.hex(),
            facts.format,
            facts.width,
            facts.height,
            facts.taken,
            facts.kinds,
            None if reply.inspection.fields is None else astuple(reply.inspection.fields),
        ]
    if fingerprint is not None:
        data["stat"] = [fingerprint.size, fingerprint.mtime_ns, fingerprint.inode, fingerprint.ctime_ns]
    return data


def _reply_from(data: dict[str, Any], features: bytes, words: bytes) -> Reply:
    fingerprint = Fingerprint(*data["stat"]) if "stat" in data else None
    inspection = None
    if "inspection" in data and fingerprint is not None:
        content, pixels, name, width, height, taken, kinds, fields = data["inspection"]
        facts = PhotoFacts(name, width, height, taken, tuple(kinds))
        hashes = bytes.fromhex(content), bytes.fromhex(pixels)
        inspection = Inspection(fingerprint, *hashes, facts, None if fields is None else _fields(fields))
    return Reply(
        int(data["job"]),
        Outcome(data["outcome"]),
        data["reason"],
        inspection,
        fingerprint,
        features,
        bool(data["inferred"]),
        words,
        None if data["boxes"] is None else bytes.fromhex(data["boxes"]),
    )


def _fields(data: list[Any]) -> PhotoFields:
    keywords, towns, *others = data
    return PhotoFields(tuple(FileKeyword(*keyword) for keyword in keywords), tuple(towns), *others)
