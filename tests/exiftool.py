"""exiftool as an independent judge of metadata."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

# Of the file itself, not of its metadata.
_OF_THE_FILE = ("System", "ExifTool:ExifToolVersion")
_COPY = re.compile(r":Copy\d+(?=:)")


def need() -> None:
    """Skip a test, or fail it where CI demands it, if exiftool is not installed."""
    if shutil.which("exiftool") is None:
        if os.environ.get("TAGGER_REQUIRE_SHARED"):
            pytest.fail("TAGGER_REQUIRE_SHARED is set, but exiftool is not installed")
        pytest.skip("exiftool is not installed (Debian: apt install libimage-exiftool-perl)")


def everything(paths: Iterable[Path]) -> dict[str, Counter[tuple[str, str]]]:
    """By file name: every tag as (group:name, value), binary values whole, and what -validate warns of."""
    need()
    command = ["exiftool", "-j", "-b", "-a", "-u", "-G1:4", "-s", "-validate", "-warning", "-all"]
    done = subprocess.run([*command, *map(str, paths)], check=False, capture_output=True)
    found = {}
    for tags in json.loads(done.stdout):
        name = os.path.basename(tags.pop("SourceFile"))
        # Which of two tags of a name is the copy depends on others.
        pairs = ((_COPY.sub("", tag), str(value)) for tag, value in tags.items())
        found[name] = Counter((tag, value) for tag, value in pairs if not tag.startswith(_OF_THE_FILE))
    return found


def lists(path: Path, *tags: str) -> dict[str, list[str]]:
    """List-type tags of a file, such as `XMP-dc:Subject`; those that are there."""
    need()
    command = ["exiftool", "-j", "-G1", "-a", *(f"-{tag}" for tag in tags), str(path)]
    [found] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    del found["SourceFile"]
    return {tag: [str(v) for v in (value if isinstance(value, list) else [value])] for tag, value in found.items()}


def edit(path: Path, *arguments: str) -> None:
    """A person edits a file with exiftool."""
    need()
    command: Sequence[str] = ["exiftool", "-q", "-overwrite_original", "-charset", "utf8", *arguments, str(path)]
    subprocess.run(command, check=True, capture_output=True)
