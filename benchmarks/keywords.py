"""Writing keywords to 500 photos of 4 MB: seconds and bytes, beside exiftool's batch mode on the same photos.

    python benchmarks/keywords.py [--photos 500] [--megabytes 4] [--folder DIR]

Both write the same two keywords to dc:subject of copies of the same JPEG files, tagger with its ledger, fsync and
read-back, exiftool (`-stay_open`, `-overwrite_original`) without. The photos are made anew: a camera's metadata, a
picture, and random bytes in place of its scan's rest.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import piexif
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.cli.labelled import label_all


def make_photos(folder: Path, count: int, size: int) -> None:
    folder.mkdir()
    chance = random.Random(1)
    exif = piexif.dump({"0th": {piexif.ImageIFD.Make: "Acme", piexif.ImageIFD.Model: "One"}, "Exif": {}})
    for number in range(count):
        path = folder / f"{number:04}.jpg"
        Image.new("RGB", (640, 480), (number % 256, 90, 40)).save(path, "JPEG", exif=exif)
        with path.open("r+b") as file:
            # More entropy-coded data before the end of the picture.
            file.seek(-2, os.SEEK_END)
            file.write(chance.randbytes(size).replace(b"\xff", b"\xfe") + b"\xff\xd9")


def with_exiftool(folder: Path) -> float:
    started = time.perf_counter()
    with subprocess.Popen(
        ["exiftool", "-stay_open", "True", "-@", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for path in sorted(folder.iterdir()):
            process.stdin.write(
                f"-overwrite_original\n-P\n-XMP-dc:Subject+=tiger\n-XMP-dc:Subject+=beach\n{path}\n-execute\n"
            )
            process.stdin.flush()
            while process.stdout.readline().strip() != "{ready}":
                pass
        process.stdin.write("-stay_open\nFalse\n")
    return time.perf_counter() - started


def with_tagger(folder: Path, data: Path, *words: str) -> float:
    environ = os.environ | {"TAGGER_DATA_DIR": str(data), "TAGGER_KEYWORDS_MODE": "embed"}
    started = time.perf_counter()
    subprocess.run([Path(sys.executable).parent / "tagger", *words], check=True, env=environ)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--megabytes", type=float, default=4)
    parser.add_argument("--folder", type=Path, help="where to work; default: the system's temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = Path(name)
        ours, theirs = work / "ours", work / "theirs"
        make_photos(ours, options.photos, int(options.megabytes * 1e6))
        shutil.copytree(ours, theirs)
        label_all(work / "data", ours, ["tiger", "beach"])
        os.sync()
        megabytes = sum(path.stat().st_size for path in ours.iterdir()) / 1e6
        print(f"{options.photos} photos, {megabytes:,.0f} MB")
        started = time.perf_counter()
        exiftool = with_exiftool(theirs)
        # exiftool leaves its files to the kernel; tagger's are on the disk when it says so.
        os.sync()
        durable = time.perf_counter() - started
        tagger = with_tagger(ours, work / "data", "write")
        again = with_tagger(ours, work / "data", "write", "--again")
        undo = with_tagger(ours, work / "data", "undo", "--all")
        for name, seconds in (
            ("exiftool -stay_open, in the kernel's memory", exiftool),
            ("exiftool -stay_open, on the disk", durable),
            ("tagger write", tagger),
            ("tagger write --again (nothing written)", again),
            ("tagger undo --all", undo),
        ):
            rate = megabytes / seconds
            print(f"{name:45} {seconds:6.1f} s  {rate:5.0f} MB/s  {durable / seconds:5.2f} x exiftool on the disk")


if __name__ == "__main__":
    main()
