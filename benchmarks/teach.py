"""Teaching a label, and photos most like one, in large libraries of stored features.

    python benchmarks/teach.py [--photos 100000] [--rows 1000000] [--rounds 3] [--parts teach,similar,duplicates]

teach: `tagger teach` with 40 right examples in a library with 2048 features a photo, to be switched on: trained,
measured and applied. Wanted: less than 10 s for 100,000 photos. duplicates: `tagger duplicates` there, every pair.
similar: the nearest of so many rows of 2048 float16; how much of the speed it reaches at which the same threads only
read the same file from memory, and the most memory that it holds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from sqlalchemy import insert

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tagger.core.clock import SystemClock
from tagger.core.config import Settings
from tagger.search.feature_index import FeatureMatrix, RowFile
from tagger.store.features import FEATURE_DTYPE
from tagger.store.models import ensure_model
from tagger.store.roots import add_root
from tagger.store.session import open_store
from tagger.store.tables import FeatureRow, PhotoRow
from tagger.system.machine import usable_threads

WIDTH = 2048
KINDS = 200
PAGE = 2000
CLOCK = SystemClock()


def features(count: int, generator: np.random.Generator, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As a network makes them: not negative, mostly small, and near those of other pictures of the same kind."""
    kinds = generator.integers(0, KINDS, count)
    noise = generator.normal(0, 0.5, (count, WIDTH)).astype(np.float32)
    return np.maximum(centres[kinds] + noise, 0).astype(FEATURE_DTYPE), kinds


def make(folder: Path, photos: int) -> list[str]:
    """A library with stored features; returns the paths of 40 photos of one kind."""
    generator = np.random.default_rng(1)
    centres = generator.gamma(0.5, 0.8, (KINDS, WIDTH)).astype(np.float32)
    right: list[str] = []
    with open_store(Settings(data_dir=folder), create=True) as store:
        with store.write() as session:
            root = add_root(session, "/photos", 0)
            model = ensure_model(session, "0123456789abcdef", "resnet50", "0" * 64, 1, 0)
        for start in range(1, photos + 1, PAGE):
            vectors, kinds = features(min(PAGE, photos + 1 - start), generator, centres)
            numbers = range(start, start + len(vectors))
            paths = [f"{number // 1000:04}/{number:07}.jpg" for number in numbers]
            rows = [
                {
                    "id": number,
                    "root_id": root.id,
                    "path": path,
                    "path_folded": path,
                    "size": 4_000_000 + number,
                    "mtime_ns": number,
                    "content_hash": number.to_bytes(16, "big"),
                    "pixel_hash": number.to_bytes(16, "big"),
                    "format": "JPEG",
                    "width": 4000,
                    "height": 3000,
                    "added_at": 0,
                    "labelled_at": 1,
                    "labelled_by": model.id,
                }
                for number, path in zip(numbers, paths, strict=True)
            ]
            with store.write() as session:
                session.execute(insert(PhotoRow), rows)
                session.execute(
                    insert(FeatureRow),
                    [
                        {"photo_id": number, "model_id": model.id, "vector": vector.tobytes()}
                        for number, vector in zip(numbers, vectors, strict=True)
                    ],
                )
            right += [path for path, kind in zip(paths, kinds, strict=True) if kind == 7]
    return right[:40]


def tagger(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Seconds, peak megabytes and output of a command."""
    command = [Path(sys.executable).parent / "tagger", "--data-dir", folder, *arguments]
    started = CLOCK.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{arguments}: {status}\n{out}")
    return CLOCK.monotonic() - started, usage.ru_maxrss / 1024, out


def teach(folder: Path, photos: int, rounds: int) -> None:
    right = make(folder, photos)
    query = " OR ".join(f"path:{path}" for path in right)
    found = []
    for number in range(rounds):
        seconds, peak, out = tagger(folder, "teach", f"kind {number}", "--yes", query, "--on", "--looked")
        found.append(seconds)
        last = next(line.strip() for line in out.splitlines() if " have it." in line)
    print(
        f"teach, {photos:,} photos: {median(found):.1f} s ({min(found):.1f} to {max(found):.1f}), "
        f"peak {peak:.0f} MB; {last} (About {photos / KINDS:,.0f} are of that kind.)"
    )


def duplicates(folder: Path, photos: int) -> None:
    first, _, _ = tagger(folder, "duplicates", "--least", "0.97")
    again, peak, out = tagger(folder, "duplicates", "--least", "0.97")
    print(
        f"duplicates, {photos:,} photos: {again:.1f} s ({first:.1f} s the first time, with gathering the features), "
        f"peak {peak:.0f} MB; {out.splitlines()[-1]}"
    )


def memory_peak(*, reset: bool = False) -> float:
    """The most megabytes that this process held since it was reset (proc_pid_clear_refs(5)); when resetting: now."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    name = "VmRSS" if reset else "VmHWM"
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def similar(folder: Path, rows: int, rounds: int) -> None:
    generator = np.random.default_rng(2)
    block = np.maximum(generator.normal(0.3, 0.5, (20_000, WIDTH)), 0).astype(FEATURE_DTYPE)
    path = folder / "matrix.f2"
    with path.open("wb") as file:
        for start in range(0, rows, len(block)):
            file.write(np.roll(block[: rows - start], start // len(block), axis=1).tobytes())
    lengths = np.concatenate(
        [np.linalg.norm(block[: rows - start].astype(np.float32), axis=1) for start in range(0, rows, len(block))]
    ).astype(np.float32)
    matrix = FeatureMatrix(RowFile(path), np.arange(rows), lengths, WIDTH, 128)
    wanted = block[5].astype(np.float32)
    times, reading, plain = [], [], []
    del block
    before = memory_peak(reset=True)
    for _ in range(rounds):
        started = CLOCK.monotonic()
        nearest = matrix.nearest(wanted, 20)
        times.append(CLOCK.monotonic() - started)
    peak = memory_peak() - before
    for _ in range(rounds):
        started = CLOCK.monotonic()
        with ThreadPoolExecutor(usable_threads(0)) as pool:
            list(pool.map(lambda part: int(matrix.rows(part).view(np.uint64).sum()), matrix.pieces()))
        reading.append(CLOCK.monotonic() - started)
    # NumPy's own conversion, one thread, a twentieth of the rows.
    started = CLOCK.monotonic()
    for start in range(0, rows // 20, 512):
        part = matrix.rows(range(start, min(start + 512, rows)))
        part.astype(np.float32) @ wanted
    plain.append((CLOCK.monotonic() - started) * 20)
    assert nearest[0][1] > 0.999
    size = 2 * WIDTH * rows / 1e9
    print(
        f"similar, {rows:,} x {WIDTH} float16 ({size:.1f} GB): {median(times):.2f} s, {size / median(times):.1f} GB/s; "
        f"only reading it {size / median(reading):.1f} GB/s, so {median(reading) / median(times):.0%} of the memory's "
        f"speed; NumPy's own conversion on one thread {plain[0]:.1f} s; at most {peak:.0f} MB of memory, with what is "
        f"mapped of the file (search.memory_mb = {matrix.memory_mb})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default="teach,duplicates,similar")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        parts = options.parts.split(",")
        if "teach" in parts or "duplicates" in parts:
            teach(data, options.photos, options.rounds)
        if "duplicates" in parts:
            duplicates(data, options.photos)
        if "similar" in parts:
            similar(Path(folder), options.rows, options.rounds)


if __name__ == "__main__":
    main()
