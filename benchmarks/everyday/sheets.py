"""Contact sheets for judging photos by eye: small pictures in rows, each with its name and, if given, its labels.

    python benchmarks/everyday/sheets.py PHOTOS OUTPUT [--labels EXPORT] [--only LABEL]

PHOTOS is a folder; OUTPUT one for the sheets, JPEG, 20 photos each. EXPORT is what `tagger export` wrote; with it,
--only LABEL keeps the photos that show this label.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

WIDTH, HEIGHT, COLUMNS, ROWS = 330, 250, 5, 4
LINES = 4


def shown_labels(export: Path) -> dict[str, list[str]]:
    """File name -> names of the labels that it shows, from the lines of `tagger export`."""
    photos = [json.loads(line) for line in export.read_text(encoding="utf-8").splitlines()]
    return {
        Path(photo["path"]).name: [label["name"] for label in photo["labels"] if label["shown"]] for photo in photos
    }


def sheet(photos: Sequence[Path], labels: Mapping[str, Sequence[str]]) -> Image.Image:
    """One contact sheet of at most COLUMNS x ROWS photos."""
    made = Image.new("RGB", (COLUMNS * WIDTH, ROWS * (HEIGHT + 13 * LINES)), "white")
    draw = ImageDraw.Draw(made)
    for place, photo in enumerate(photos):
        left, top = place % COLUMNS * WIDTH, place // COLUMNS * (HEIGHT + 13 * LINES)
        with Image.open(photo) as opened:
            opened.draft("RGB", (2 * WIDTH, 2 * HEIGHT))
            small = ImageOps.contain(ImageOps.exif_transpose(opened).convert("RGB"), (WIDTH - 4, HEIGHT - 2))
        made.paste(small, (left, top))
        lines = [photo.name, *textwrap.wrap(", ".join(labels.get(photo.name, ())), WIDTH // 6)]
        draw.multiline_text((left, top + HEIGHT), "\n".join(lines[:LINES]), "black", spacing=1)
    return made


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--labels", type=Path, metavar="EXPORT")
    parser.add_argument("--only", metavar="LABEL")
    options = parser.parse_args()
    labels = shown_labels(options.labels) if options.labels else {}
    photos = sorted(path for path in options.photos.iterdir() if path.is_file())
    if options.only:
        photos = [photo for photo in photos if options.only in labels.get(photo.name, ())]
    options.output.mkdir(parents=True, exist_ok=True)
    for first in range(0, len(photos), COLUMNS * ROWS):
        some = photos[first : first + COLUMNS * ROWS]
        sheet(some, labels).save(options.output / f"sheet{first // (COLUMNS * ROWS) + 1:02}.jpg", quality=85)
    print(f"{len(photos)} photos in {options.output}")


if __name__ == "__main__":
    main()
