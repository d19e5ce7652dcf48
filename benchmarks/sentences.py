"""How long a search by a description takes: in a fresh process, and in a server that is up; and what it costs beside.

    python benchmarks/sentences.py [FEATURES] [--photos 1000000] [--runs 9] [--keep FOLDER]

A library made by the script (fixed seed, as in search_million.py). FEATURES is a file of the built-in model's features
of real photos (../shared/datasets/captioned/features.npz, unless another is named); each photo of the library gets a
mixture of those of two, with noise, so that similarities are spread as among real photos. Each round runs the baseline
(the interpreter importing click, sqlite3 and NumPy), a search for a label and a search by a description once: read the
ratios.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

# As the `tagger` command does, before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_million import TAGGER, make
from tagger.core.config import Settings
from tagger.labels import taxonomy
from tagger.search.likeness import sentence_index
from tagger.search.looks import Describer
from tagger.search.query import parse
from tagger.search.run import Search
from tagger.search.sentence_index import FOLDER, NAME
from tagger.search.towers import Towers
from tagger.store.reader import open_reader

BASELINE = [sys.executable, "-c", "import click, sqlite3, numpy"]
QUERIES = (
    'like:"dog on a beach"',
    'like:"a child on a swing"',
    'like:"people"',
    'like:"dog on a beach" taken:2019 -cat',
    "a man climbing a rock",
)
BLOCK = 4096
_FEATURES = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "captioned" / "features.npz"


def add_features(database: Path, photos: int, source: Path) -> None:
    """Give every photo features of the built-in model."""
    real = np.load(source)["features"].astype(np.float32)
    chance = np.random.default_rng(2)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    model = sorted(Towers.load().model_ids)[0]
    connection.execute("UPDATE models SET model_id = ?, architecture = 'efficientnet_lite2'", (model,))
    for start in range(0, photos, BLOCK):
        one, other = chance.integers(0, len(real), (2, BLOCK))
        share = chance.uniform(0.5, 1, (BLOCK, 1)).astype(np.float32)
        rows = real[one] * share + real[other] * (1 - share)
        rows = np.maximum(rows * chance.uniform(0.9, 1.1, rows.shape).astype(np.float32), 0).astype("<f2")
        connection.executemany(
            "INSERT INTO features (photo_id, model_id, vector) VALUES (?, 1, ?)",
            ((start + number + 1, row.tobytes()) for number, row in enumerate(rows[: photos - start])),
        )
        connection.commit()
    connection.execute("UPDATE photos SET labelled_at = labelled_at + id / 40")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path, nargs="?", default=_FEATURES)
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="make the library here, or use the one that is here")
    arguments = parser.parse_args()
    # An installed program is compiled once: where Python may not keep what it compiled, a search takes a tenth longer.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        if not (folder / "library.db").exists():
            add_features(make(folder, arguments.photos), arguments.photos, arguments.features)
        gather(folder, arguments.photos)
        cold(folder, arguments.runs)
        warm(folder, arguments.runs)


def gather(folder: Path, photos: int) -> None:
    """What a library labelled before takes, once."""
    file = folder / FOLDER / NAME
    file.unlink(missing_ok=True)
    used = run([TAGGER, "search", "--limit", "1", QUERIES[0]], {**os.environ, "TAGGER_DATA_DIR": str(folder)})
    print(
        f"{photos:,} photos: vectors in {used.seconds:.1f} s, {used.cpu / photos * 1000:.3f} ms of CPU a photo;"
        f" {file.stat().st_size / photos:.1f} bytes a photo, {file.stat().st_size / 1e6:.0f} MB"
    )


def cold(folder: Path, runs: int) -> None:
    """Whole processes; what the file system has in memory stays there."""
    environ = {**os.environ, "TAGGER_DATA_DIR": str(folder)}
    commands: dict[str, list[str | Path]] = {"(import click, sqlite3, numpy)": list(BASELINE)}
    commands |= {query: [TAGGER, "search", "--limit", "100", query] for query in ("tiger", *QUERIES)}
    used: dict[str, list[Used]] = {query: [] for query in commands}
    for _ in range(runs):
        for query, command in commands.items():
            used[query].append(run(command, environ))
    baseline = statistics.median(one.seconds for one in next(iter(used.values())))
    print(f"\n{'a process':40} {'median':>8} {'fastest':>8} {'slowest':>8} {'x base':>6} {'CPU':>8} {'peak':>7}")
    for query, found in used.items():
        times = [one.seconds for one in found]
        middle = statistics.median(times)
        cpu = statistics.median(one.cpu for one in found)
        print(
            f"{query:40} {middle:7.3f}s {min(times):7.3f}s {max(times):7.3f}s {middle / baseline:6.1f} {cpu:7.3f}s"
            f" {max(one.megabytes for one in found):4d} MB"
        )


class Used(NamedTuple):
    """What a process used. `cpu`: seconds of all cores; `megabytes`: at its peak, mapped files included."""

    seconds: float
    cpu: float
    megabytes: int


def run(command: list[str | Path], environ: dict[str, str]) -> Used:
    """Run a process to its end."""
    started = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode > 1:
        raise SystemExit(f"{command} ended with {running.returncode}")
    return Used(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)


def warm(folder: Path, runs: int) -> None:
    """One process, as the web server asks: the index stays open."""
    settings, known = Settings(data_dir=folder), taxonomy.load()
    index = sentence_index(settings)
    print(f"\n{'in a server':40} {'median':>8} {'fastest':>8} {'slowest':>8} {'CPU':>8}  photos found")
    for query in QUERIES[:-1]:
        found, used = [], []
        for _ in range(runs + 1):
            started, before = time.perf_counter(), time.process_time()
            with open_reader(settings) as reader:
                describer = Describer(settings, reader, index=lambda: index)
                search = Search(reader, known, parse(query), likeness=describer)
                list(search.results(60))
            found.append((time.perf_counter() - started) * 1000)
            used.append((time.process_time() - before) * 1000)
        with open_reader(settings) as reader:
            describer = Describer(settings, reader, index=lambda: index)
            number = sum(1 for _ in Search(reader, known, parse(query), likeness=describer).results(labels=False))
        times, middle = found[1:], statistics.median(used[1:])
        row = f"{statistics.median(times):6.1f}ms {min(times):6.1f}ms {max(times):6.1f}ms {middle:6.1f}ms"
        print(f"{query:40} {row}  {number:,}")
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at the peak")


if __name__ == "__main__":
    main()
