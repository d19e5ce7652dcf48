"""How long a search by a description takes: in a fresh process, and in a server that is up; and what it costs beside.

    python benchmarks/sentences.py FEATURES [--photos 1000000] [--runs 9] [--keep FOLDER]

A library made by the script (fixed seed, as in search_million.py). FEATURES is a file of the built-in model's features
of real photos (shared/datasets/captioned/features.npz); each photo of the library gets a mixture of those of two, with
noise, so that similarities are spread as among real photos. Each round runs the baseline (the interpreter importing
click, sqlite3 and NumPy), a search for a label and a search by a description once: read the ratios.
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

# As the `tagger` command does, before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_million import TAGGER, make, seconds
from tagger.core.config import Settings
from tagger.core.progress import Callbacks
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
    parser.add_argument("features", type=Path)
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="make the library here, or use the one that is here")
    arguments = parser.parse_args()
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
    settings = Settings(data_dir=folder)
    started, used = time.perf_counter(), time.process_time()
    with open_reader(settings) as reader:
        sentence_index(settings).vectors(reader, Callbacks())
    print(
        f"{photos:,} photos: vectors computed in {time.perf_counter() - started:.1f} s, "
        f"{(time.process_time() - used) / photos * 1000:.3f} ms of CPU a photo; "
        f"{file.stat().st_size / photos:.1f} bytes a photo, {file.stat().st_size / 1e6:.0f} MB"
    )


def cold(folder: Path, runs: int) -> None:
    """Whole processes; what the file system has in memory stays there."""
    environ = {**os.environ, "TAGGER_DATA_DIR": str(folder)}
    commands: dict[str, list[str | Path]] = {"(import click, sqlite3, numpy)": list(BASELINE)}
    commands |= {query: [TAGGER, "search", "--limit", "100", query] for query in ("tiger", *QUERIES)}
    times: dict[str, list[float]] = {query: [] for query in commands}
    for _ in range(runs):
        for query, command in commands.items():
            times[query].append(seconds(command, environ))
    baseline = statistics.median(next(iter(times.values())))
    print(f"\n{'a process':40} {'median':>8} {'fastest':>8} {'slowest':>8}  times the baseline")
    for query, found in times.items():
        middle = statistics.median(found)
        print(f"{query:40} {middle:7.3f}s {min(found):7.3f}s {max(found):7.3f}s  {middle / baseline:.1f}")
    for query in ("tiger", QUERIES[0]):
        print(f"memory of {query}: {memory([TAGGER, 'search', '--limit', '100', query], environ)} MB")


def memory(command: list[str | Path], environ: dict[str, str]) -> str:
    """Megabytes of a process at its peak, and of them those that no file holds."""
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: pass\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "found = {line.split(':')[0]: int(line.split()[1]) // 1024 for line in lines if line.endswith('kB')}\n"
        "print(found['VmHWM'], 'at the peak,', found['RssAnon'], 'of its own', file=sys.stderr)"
    )
    run = [sys.executable, "-c", code, *command]
    done = subprocess.run(run, check=True, capture_output=True, text=True, env=environ)
    return done.stderr.strip().splitlines()[-1]


def warm(folder: Path, runs: int) -> None:
    """One process, as the web server asks: the index stays open."""
    settings, known = Settings(data_dir=folder), taxonomy.load()
    index = sentence_index(settings)
    print(f"\n{'in a server':40} {'median':>8} {'fastest':>8} {'slowest':>8}  photos found")
    for query in QUERIES[:-1]:
        found = []
        for _ in range(runs + 1):
            started = time.perf_counter()
            with open_reader(settings) as reader:
                describer = Describer(settings, reader, index=index)
                search = Search(reader, known, parse(query), likeness=describer)
                list(search.results(60))
            found.append((time.perf_counter() - started) * 1000)
        with open_reader(settings) as reader:
            describer = Describer(settings, reader, index=index)
            number = sum(1 for _ in Search(reader, known, parse(query), likeness=describer).results(labels=False))
        times = found[1:]
        print(f"{query:40} {statistics.median(times):6.1f}ms {min(times):6.1f}ms {max(times):6.1f}ms  {number:,}")
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at the peak")


if __name__ == "__main__":
    main()
