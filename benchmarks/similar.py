"""How long "more like this" takes: the first answer, when features are gathered, and those that follow.

    python benchmarks/similar.py [--photos 100000] [--runs 9] [--keep FOLDER]

A library made by the script (fixed seed), with 2048 features a photo, asked as the web server asks it: one index that
stays open. The baseline is a query for the photos of one label, in the same process and the same rounds.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

# As the `tagger` command does, before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.search_million import make
from tagger.core.config import Settings
from tagger.search.feature_index import FeatureIndex
from tagger.search.similar import similar_to_photo
from tagger.store import records
from tagger.store.features import FEATURE_DTYPE
from tagger.store.library import open_library

WIDTH = 2048
BLOCK = 2000


def add_features(database: Path, photos: int) -> None:
    """Give every photo features, non-negative as a ReLU leaves them, and a second of its own ten share."""
    generator = np.random.default_rng(2)
    block = np.maximum(generator.normal(0.3, 0.5, (BLOCK, WIDTH)), 0)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    for start in range(0, photos, BLOCK):
        rows = np.roll(block, start // BLOCK, axis=1).astype(FEATURE_DTYPE)
        connection.executemany(
            "INSERT INTO features (photo_id, model_id, vector) VALUES (?, 1, ?)",
            ((start + number + 1, row.tobytes()) for number, row in enumerate(rows[: photos - start])),
        )
        connection.commit()
    connection.execute("UPDATE photos SET labelled_at = labelled_at + id / 10")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="make the library here, or use the one that is here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        if not (folder / "library.db").exists():
            add_features(make(folder, arguments.photos), arguments.photos)
        measure(folder, arguments.photos, arguments.runs)


def measure(folder: Path, photos: int, runs: int) -> None:
    """Ask, and print what it took."""
    with open_library(Settings(data_dir=folder)) as library:
        index = FeatureIndex(library)

        def ask(number: int) -> float:
            with library.store.read() as session:
                record = records.photo_by_id(session, number)
            assert record is not None
            started = time.perf_counter()
            assert len(similar_to_photo(index, record, 24) or ()) == 24
            return time.perf_counter() - started

        def one_label() -> float:
            started = time.perf_counter()
            with library.store.read() as session:
                session.connection().exec_driver_sql(
                    "SELECT photo_id FROM photo_labels WHERE label_id = 1 ORDER BY confidence DESC"
                ).fetchall()
            return time.perf_counter() - started

        first = ask(1)
        following, baseline = [], []
        for number in range(2, runs + 2):
            baseline.append(one_label())
            following.append(ask(number * photos // (runs + 3)))
        with library.store.write() as session:
            session.connection().exec_driver_sql(
                f"UPDATE photos SET labelled_at = labelled_at + 99 WHERE id = {photos}"
            )
        changed = ask(2)
    middle = statistics.median(following)
    print(
        f"{photos:,} photos: the first answer {first:.1f} s, those that follow {middle:.2f} s "
        f"({min(following):.2f} to {max(following):.2f}), after a photo changed {changed:.2f} s; "
        f"{middle / statistics.median(baseline):.0f} times the query for the photos of one label"
    )


if __name__ == "__main__":
    main()
