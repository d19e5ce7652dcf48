"""Writing keywords to 500 photos of 4 MB: seconds and bytes, beside exiftool's batch mode on the same photos.

    python benchmarks/keywords.py [--photos 500] [--megabytes 4] [--rounds 5] [--folder DIR]

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
from statistics import median

import piexif
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.cli.labelled import label_all

BASELINE = "exiftool -stay_open, on the disk"


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
    command = [Path(sys.executable).parent / "tagger", *words]
    subprocess.run(command, check=True, env=environ, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def one_round(work: Path, photos: Path, *, ours_first: bool) -> dict[str, float]:
    """The seconds of each; on fresh copies of the photos."""
    ours, theirs, data = work / "ours", work / "theirs", work / "data"
    shutil.copytree(photos, ours)
    shutil.copytree(photos, theirs)
    label_all(data, ours, ["tiger", "beach"])
    os.sync()
    seconds: dict[str, float] = {}

    def measure_exiftool() -> None:
        started = time.perf_counter()
        seconds["exiftool -stay_open, in the kernel's memory"] = with_exiftool(theirs)
        # exiftool leaves its files to the kernel; tagger's are on the disk when it says so.
        os.sync()
        seconds[BASELINE] = time.perf_counter() - started

    if not ours_first:
        measure_exiftool()
    seconds["tagger write"] = with_tagger(ours, data, "write")
    if ours_first:
        measure_exiftool()
    seconds["tagger write --again (nothing written)"] = with_tagger(ours, data, "write", "--again")
    seconds["tagger undo --all"] = with_tagger(ours, data, "undo", "--all")
    for folder in (ours, theirs, data):
        shutil.rmtree(folder)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--megabytes", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work; default: the system's temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = Path(name)
        make_photos(work / "photos", options.photos, int(options.megabytes * 1e6))
        megabytes = sum(path.stat().st_size for path in (work / "photos").iterdir()) / 1e6
        print(f"{options.photos} photos, {megabytes:,.0f} MB; medians of {options.rounds} rounds (fastest to slowest)")
        rounds = [one_round(work, work / "photos", ours_first=number % 2 == 1) for number in range(options.rounds)]
        for what in rounds[0]:
            seconds = sorted(one[what] for one in rounds)
            ratio = median(one[BASELINE] / one[what] for one in rounds)
            print(
                f"{what:45} {median(seconds):5.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f}) "
                f"{megabytes / median(seconds):6.0f} MB/s  {ratio:5.2f} x exiftool on the disk"
            )


if __name__ == "__main__":
    main()
