"""How fast an unchanged library is looked through again, beside `find -printf` over the same folders.

    python benchmarks/rescan.py [--files 100000] [--runs 5] [--folder FOLDER]

Makes that many small files in folders of 200, brings them into a library as if they had been labelled, and times
whole `tagger backfill` processes (which end with "Nothing to do") in turn with `find`, in the same run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from tagger.core.clock import SystemClock
from tagger.core.config import ModelSettings, Settings
from tagger.inference.registry import model_id
from tagger.inference.registry import registered as architecture
from tagger.inference.weights import sha256_of
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import scan_roots
from tagger.store.library import Library
from tagger.store.models import ensure_model
from tagger.store.session import open_store

TAGGER = Path(sys.executable).parent / "tagger"
_A_FOLDER = 200


def make_files(root: Path, count: int) -> None:
    for start in range(0, count, _A_FOLDER):
        folder = root / f"{2000 + start // 10_000}" / f"{start // _A_FOLDER:05}"
        folder.mkdir(parents=True)
        for number in range(start, min(count, start + _A_FOLDER)):
            (folder / f"IMG_{number:07}.jpg").write_bytes(b"x")


def make_library(settings: Settings, root: Path) -> float:
    """Bring the files in and mark them as labelled; returns the seconds that the first look took."""
    clock = SystemClock()
    chosen = architecture(settings.model.name)
    with open_store(settings, create=True) as store:
        roots = resolve_roots(store, [str(root)], clock)
        started = time.perf_counter()
        scan_roots(Library(store, settings, clock), roots)
        taken = time.perf_counter() - started
        assert settings.model.weights is not None
        checksum = sha256_of(settings.model.weights, settings.data_dir)
        with store.write() as session:
            model = ensure_model(session, model_id(chosen, checksum, "whole"), chosen.name, checksum, 1, 0)
            session.execute(text("DELETE FROM jobs"))
            session.execute(text(f"UPDATE photos SET labelled_by = {model.id}"))
    return taken


def seconds(command: list[str | Path], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="make the files below this folder, for example on another disk")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder) / "photos"
        make_files(root, arguments.files)
        # Its content does not matter, because nothing will be looked at.
        weights = Path(folder) / "weights.h5"
        weights.write_bytes(b"x")
        settings = Settings(data_dir=Path(folder) / "data", model=ModelSettings(weights=weights))
        first = make_library(settings, root)
        environ = {**os.environ, "TAGGER_DATA_DIR": str(settings.data_dir), "TAGGER_MODEL_WEIGHTS": str(weights)}
        print(f"first look: {arguments.files / first:,.0f} files/s into the database")
        find: list[float] = []
        again: list[float] = []
        for _ in range(arguments.runs):
            find.append(seconds(["find", root, "-printf", "%P %s %T@ %C@ %i\\n"], environ))
            again.append(seconds([TAGGER, "backfill"], environ))
        one, other = statistics.median(find), statistics.median(again)
        print(f"find -printf:    {arguments.files / one:9,.0f} files/s ({one:.2f} s)")
        print(f"tagger backfill: {arguments.files / other:9,.0f} files/s ({other:.2f} s, the whole process)")
        print(f"tagger takes {other / one:.1f} times as long as find")


if __name__ == "__main__":
    main()
