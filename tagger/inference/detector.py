"""The network in the package that finds objects: which file, what it sees, its name for ever. No LiteRT here.

NanoDet-g in 8-bit integers, made by `tagger.inference.processes.build_detector`. A picture of 320 pixels serves better
than one of 416, with which it was published: people are found as often and less is taken for people (benchmarks/
README.md), at three fifths of the time.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from tagger.core.config import Settings
from tagger.core.os_words import why
from tagger.inference.engine_specs import LITERT

SIZE = 320
# Of the picture that it is given, the longer side has so many pixels at most: enough to look closer at a part of it.
PICTURE = 640
STRIDES = (8, 16, 32)
# Each distance from a cell to a side of its box is a distribution over so many strides.
BINS = 11
DETECTOR_FILE = Path(__file__).parent / "models" / "nanodet_g.tflite"
# Of the file; `build_detector` prints it.
FILE_SHA256 = "a2a53a4870461221bd7fbdd85724603400ad3ed456e586c16e5b0e98f2d95d9e"
# Counted up when what comes before or after the network changes, because boxes are other ones then.
_REVISION = 2
# The detector's name for ever, 16 hexadecimal digits: boxes that another one found are stale.
DETECTOR_ID = hashlib.sha256(f"{FILE_SHA256}\n{_REVISION}".encode()).hexdigest()[:16]


def detector_id(settings: Settings) -> str | None:
    """The name of the detector that looks at photos with these settings; None where none does."""
    return DETECTOR_ID if settings.model.objects and not why_no_detector() else None


def why_no_detector(file: Path | None = None) -> str:
    """What keeps the detector (None: that of the package) from being run, as a sentence; empty if nothing does."""
    file = file or DETECTOR_FILE
    if not LITERT.is_installed:
        return "LiteRT, which runs the network that finds people and things, is not installed."
    try:
        about = file.stat()
        found = _digest(file, about.st_size, about.st_mtime_ns)
    except OSError as error:
        return f"The network that finds people and things cannot be read: {file}: {why(error)}."
    if found != FILE_SHA256:
        return f"The network that finds people and things is damaged: {file} is not the file that came with tagger."
    return ""


@lru_cache(maxsize=4)
def _digest(file: Path, size: int, mtime_ns: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
