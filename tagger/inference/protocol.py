"""What the parent and the child process say to each other.

Each message is one JSON text; a batch's answer is followed by one message of raw features. No pickle: the
child reads files from anywhere, and nothing that it says may run code in the parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tagger.core.photo import Fingerprint, Looked, PhotoFacts
from tagger.system.child_process import Channel, send


class Verdict(StrEnum):
    """What became of one photo in the child."""

    FEATURES = "features"  # decoded; here are its features
    TWIN = "twin"  # byte for byte a file whose hash the parent named
    SAME_PIXELS = "same pixels"  # the file changed, its pixels did not
    FAILED = "failed"  # cannot be decoded; not to be tried until the file changes
    LATER = "later"  # being written right now, or the storage is not answering: try again
    GONE = "gone"  # there is no such file any more
    MEMORY = "memory"  # not enough memory: try again alone


@dataclass(frozen=True, slots=True)
class Request:
    """One photo to look at. `twins`: content hashes of known photos of the same size.

    `name`: the file's name, where the path does not end with it.
    """

    job_id: int
    path: str
    pixel_hash: bytes | None
    twins: tuple[bytes, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `features`: little-endian float32, for `FEATURES` only.

    `inferred` is false where the features come from an identical picture seen shortly before.
    """

    job_id: int
    verdict: Verdict
    reason: str = ""
    looked: Looked | None = None
    fingerprint: Fingerprint | None = None
    features: bytes = b""
    inferred: bool = False


def request_json(request: Request) -> dict[str, Any]:
    """A request as JSON; JSON's escapes carry the lone surrogates of paths that are not UTF-8."""
    return {
        "job": request.job_id,
        "path": request.path,
        "pixels": None if request.pixel_hash is None else request.pixel_hash.hex(),
        "twins": [twin.hex() for twin in request.twins],
        "name": request.name,
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
    )


def send_answers(channel: Channel, answers: list[Answer]) -> None:
    """Send a batch's answers and their features."""
    send(channel, "answers", answers=[_answer_json(answer) for answer in answers])
    channel.send_bytes(b"".join(answer.features for answer in answers))


def receive_answers(message: dict[str, Any], channel: Channel) -> list[Answer]:
    """The answers of an `answers` message; reads the features that follow it."""
    blob = channel.recv_bytes()
    answers: list[Answer] = []
    offset = 0
    for data in message["answers"]:
        end = offset + int(data["bytes"])
        answers.append(_answer_from(data, blob[offset:end]))
        offset = end
    return answers


def _answer_json(answer: Answer) -> dict[str, Any]:
    data: dict[str, Any] = {
        "job": answer.job_id,
        "verdict": answer.verdict,
        "reason": answer.reason,
        "bytes": len(answer.features),
        "inferred": answer.inferred,
    }
    fingerprint = answer.fingerprint
    if answer.looked is not None:
        fingerprint = answer.looked.fingerprint
        facts = answer.looked.facts
        data["looked"] = [
            answer.looked.content_hash.hex(),
            answer.looked.pixel_hash.hex(),
            facts.format,
            facts.width,
            facts.height,
            facts.taken,
        ]
    if fingerprint is not None:
        data["stat"] = [fingerprint.size, fingerprint.mtime_ns, fingerprint.inode, fingerprint.ctime_ns]
    return data


def _answer_from(data: dict[str, Any], features: bytes) -> Answer:
    fingerprint = Fingerprint(*data["stat"]) if "stat" in data else None
    looked = None
    if "looked" in data and fingerprint is not None:
        content, pixels, *facts = data["looked"]
        looked = Looked(fingerprint, bytes.fromhex(content), bytes.fromhex(pixels), PhotoFacts(*facts))
    return Answer(
        int(data["job"]),
        Verdict(data["verdict"]),
        data["reason"],
        looked,
        fingerprint,
        features,
        bool(data["inferred"]),
    )
