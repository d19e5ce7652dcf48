"""Which photos get which kinds from their files, to look at and to count; and what that costs.

    python benchmarks/everyday/file_kinds.py SHARED [PAGES] [--sheets FOLDER]

SHARED holds `datasets` and `photos`: about 3,600 photos, of which hardly any is a screenshot, a page or a panorama, so
that nearly each of these is wrong. PAGES: a folder of real pages, scans or photos of them, in which those that are not
found are named. The photos are decoded as the product decodes them. `--sheets`: contact sheets of what was found.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from PIL import Image, ImageDraw, ImageOps

from tagger.core.config import LimitSettings
from tagger.imaging import decode as decoding
from tagger.imaging import file_kinds
from tagger.imaging.decode import OpenPhoto, decode, in_memory
from tagger.imaging.errors import DecodeError
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.kinds import KINDS

FOLDERS = ("photos/camera", "photos/evaluation", "photos/labelled", "datasets/scenes")
# What the model in the package sees.
INPUTS = [NetworkInput(260, "squares")]


def timed(seconds: list[float]) -> Callable[..., tuple[str, ...]]:
    """What finds the kinds, which adds the seconds of its thread's processor time to a list."""

    def kinds_of(*arguments: Any) -> tuple[str, ...]:
        before = time.thread_time()
        kinds = file_kinds.kinds_of(*arguments)
        seconds.append(time.thread_time() - before)
        return kinds

    return kinds_of


def photos(shared: Path) -> Iterator[tuple[str, OpenPhoto]]:
    for folder in FOLDERS:
        for path in sorted((shared / folder).rglob("*")):
            if path.is_file():
                yield folder, in_memory(str(path.relative_to(shared)), path.read_bytes())
    with tarfile.open(shared / "datasets/captioned/images.tar") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                yield "datasets/captioned", in_memory(member.name, content.read())


def kinds_of(photo: OpenPhoto) -> tuple[str, ...] | None:
    try:
        return decode(photo, INPUTS, limits=LimitSettings()).facts.kinds
    except DecodeError:
        return None


def sheet(found: list[OpenPhoto], path: Path) -> None:
    """A PNG of small pictures with their numbers and names."""
    cell, columns = 160, 10
    page = Image.new("RGB", (columns * cell, -(-len(found) // columns) * (cell + 14)), "white")
    for number, photo in enumerate(found):
        left, top = number % columns * cell, number // columns * (cell + 14)
        photo.file.seek(0)
        with Image.open(photo.file) as picture:
            small = ImageOps.exif_transpose(picture).convert("RGB")
        small.thumbnail((cell - 4, cell - 4))
        page.paste(small, (left, top + 12))
        ImageDraw.Draw(page).text((left, top), f"{number} {Path(photo.name).name[:22]}", "black")
    page.save(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("pages", type=Path, nargs="?")
    parser.add_argument("--sheets", type=Path)
    options = parser.parse_args()
    seconds: list[float] = []
    decoding.kinds_of = timed(seconds)
    found: dict[str, list[OpenPhoto]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for folder, photo in photos(options.shared):
        kinds = kinds_of(photo)
        counts[folder] += kinds is not None
        for kind in kinds or ():
            found[kind].append(photo)
    print(f"{sum(counts.values())} photos: " + ", ".join(f"{count} of {folder}" for folder, count in counts.items()))
    seconds.sort()
    for name, share in {"half": 0.5, "nine in ten": 0.9, "99 in 100": 0.99}.items():
        print(f"{name} of them in less than {1000 * seconds[int(share * len(seconds))]:.2f} ms")
    for kind in KINDS:
        print(f"\n{kind}: {len(found[kind])}")
        for photo in found[kind]:
            print(f"    {photo.name}")
        if options.sheets is not None and found[kind]:
            options.sheets.mkdir(parents=True, exist_ok=True)
            sheet(found[kind], options.sheets / f"{kind}.png")
    if options.pages is not None:
        pages = [in_memory(path.name, path.read_bytes()) for path in sorted(options.pages.rglob("*")) if path.is_file()]
        told = {page.name: kinds for page in pages if (kinds := kinds_of(page)) is not None}
        missed = [name for name, kinds in told.items() if "document" not in kinds]
        print(
            f"\nof {len(told)} pages {len(told) - len(missed)} are documents; not {', '.join(missed) or 'one is not'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
