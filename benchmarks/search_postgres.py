"""A very large library in PostgreSQL: seconds of searches, photos claimed and stored a second, bytes a photo.

    python benchmarks/search_postgres.py [--photos 10000000] [--runs 5] [--rows 20000] [--no-features]

The first 100,000 photos are those of search_million.py (classes by Zipf's law, five labels each); the server repeats
them under other folders until there are enough, with hashes of their own, and with features of the size that the model
in the package has. Indexes are made afterwards. Searches are whole processes of the real command, in rounds with the
baseline; then two processes claim and store made-up results (cluster.py) in that library. The server is the benchmark's
own and does not wait for its disk (fsync=off). 10 million photos need some 60 GB in the temporary folder, and hours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.cluster import _ready, _write
from benchmarks.search_million import BASELINE, QUERIES, TAGGER, labels, photos, seconds
from tagger.core.config import Settings
from tagger.core.photo import FIELDS_VERSION, Fingerprint, JobKind
from tagger.inference.registry import BUILT_IN
from tagger.inference.selection import choose_model, record_model
from tagger.labels import taxonomy
from tagger.store import jobs, runs
from tagger.store.library import open_library
from tagger.store.photos import add_photos
from tagger.store.roots import add_root
from tagger.system.machine import processor_name, usable_cores
from tests import postgres

_BLOCK = 100_000
_FEATURE_BYTES = 2 * 1408
_STAT = "root_id, size, mtime_ns, inode, ctime_ns"
_PHOTO = f"{_STAT}, format, width, height, taken, added_at, labelled_at, labelled_by, fields_as"
_LABEL = "label_id, confidence, rank, origin, shown, removed, model_id"


def fill(connection: psycopg.Connection[Any], count: int, root: int, model: int, *, features: bool) -> None:
    """Make the rows. Needs a superuser, because foreign keys are not looked at meanwhile."""
    run = connection.execute
    run("SET session_replication_role = replica")
    tables = ["photos", "photo_labels", "features"]
    indexes = run(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT IN "
        "(SELECT conname FROM pg_constraint)",
        [tables],
    ).fetchall()
    for name, _ in indexes:
        run(f'DROP INDEX "{name}"')  # type: ignore[call-overload]
    block = min(count, _BLOCK)
    known = taxonomy.load()
    keys = [*known.classes, *known.shown_hypernyms]
    ids = {key: number for number, key in enumerate(keys, 1)}
    with connection.cursor() as cursor:
        with cursor.copy("COPY labels (id, key, name) FROM STDIN") as copy:
            for key, number in ids.items():
                copy.write_row((number, key, known.names[key]))
        columns = f"id, path, path_folded, content_hash, pixel_hash, {_PHOTO}"
        with cursor.copy(f"COPY photos ({columns}) FROM STDIN") as copy:  # type: ignore[call-overload]
            for n, path, taken in photos(block):
                when = (1_600_000_000 + n) * 10**9
                own = (n, f"0/{path}", f"0/{path.lower()}", n.to_bytes(16, "big"), n.to_bytes(16, "little"))
                stat = (root, 3_000_000 + n * 7919 % 2_000_000, when, n, when)
                copy.write_row((*own, *stat, "JPEG", 4000, 3000, taken, 1, 1, model, FIELDS_VERSION))
        with cursor.copy(f"COPY photo_labels (photo_id, {_LABEL}) FROM STDIN") as copy:  # type: ignore[call-overload]
            for photo, label, confidence, rank, origin, shown in labels(block, ids):
                copy.write_row((photo, label, confidence, rank, origin, bool(shown), False, model))
    for start in range(block, count, block):
        until, number = min(block, count - start), start // block
        run(
            f"INSERT INTO photos ({columns}) SELECT id + {start}, '{number}' || substr(path, 2), "  # type: ignore[call-overload]
            f"'{number}' || substr(path_folded, 2), decode(md5(id || 'c{number}'), 'hex'), "
            f"decode(md5(id || 'p{number}'), 'hex'), {_PHOTO} FROM photos WHERE id <= {until}"
        )
        run(
            f"INSERT INTO photo_labels (photo_id, {_LABEL}) SELECT photo_id + {start}, {_LABEL} "  # type: ignore[call-overload]
            f"FROM photo_labels WHERE photo_id <= {until}"
        )
        connection.commit()
    if features:
        # Bytes that compress as badly as real ones.
        made = " || ".join(f"sha512((id || '-{part}')::bytea)" for part in range(_FEATURE_BYTES // 64))
        for start in range(0, count, block):
            run(
                f"INSERT INTO features (photo_id, model_id, vector) SELECT id, {model}, {made} FROM photos "  # type: ignore[call-overload]
                f"WHERE id > {start} AND id <= {start + block}"
            )
            connection.commit()
    run("SET session_replication_role = origin")
    for _, definition in indexes:
        run(definition)
    run("SELECT setval(pg_get_serial_sequence('photos', 'id'), (SELECT max(id) FROM photos))")
    run("SELECT setval(pg_get_serial_sequence('labels', 'id'), (SELECT max(id) FROM labels))")
    connection.commit()
    connection.autocommit = True
    run("VACUUM ANALYZE")


def search(environ: dict[str, str], rounds: int) -> None:
    """Print the medians of each query, in rounds with the baseline."""
    times: dict[str, list[float]] = {query: [] for query in ("", *QUERIES)}
    for _ in range(rounds):
        times[""].append(seconds(list(BASELINE), environ))
        for query in QUERIES:
            times[query].append(seconds([TAGGER, "search", "--limit", "100", query], environ))
    baseline = statistics.median(times.pop(""))
    print(f"\n{'query':30} {'median':>8} {'slowest':>8}  times the baseline")
    print(f"{'(import click, sqlite3)':30} {baseline:7.3f}s")
    for query, found in times.items():
        middle = statistics.median(found)
        print(f"{query:30} {middle:7.3f}s {max(found):7.3f}s  {middle / baseline:.1f}", flush=True)


def store(settings: Settings, rows: int, writers: int) -> None:
    """Print how fast made-up results of further photos are stored in the library."""
    with open_library(settings) as library:
        model = record_model(library, choose_model(settings, lambda _done, _total: None))
        now = library.clock.now()
        with library.store.write() as session:
            root = add_root(session, "/made-up", now)
            run = runs.start_run(session, "backfill", model, now)
        started = time.perf_counter()
        for first in range(0, rows, 5000):
            numbers = range(first, min(first + 5000, rows))
            files = [(f"{n // 500}/{n}.jpg", Fingerprint(10_000 + n, n, n, n)) for n in numbers]
            with library.store.write() as session:
                add_photos(session, root.id, files, now - 3600, 0)
        print(f"\nphotos added and queued            {rows / (time.perf_counter() - started):10,.0f} a second")
        with multiprocessing.get_context("spawn").Pool(writers) as pool:
            pool.map(_ready, [settings] * writers, chunksize=1)
            started = time.perf_counter()
            took = pool.starmap(_write, [(settings, run)] * writers, chunksize=1)
            passed = time.perf_counter() - started
        with library.store.read() as session:
            left = jobs.counts(session, kind=JobKind.LABEL)
    assert left.queued + left.leased == 0
    print(f"claimed, labelled and stored       {rows / passed:10,.0f} a second")
    print(f"processor time of the processes    {sum(took) / rows * 1000:10.2f} ms a photo", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20_000, help="made-up photos to store in the full library")
    parser.add_argument("--writers", type=int, default=2, help="processes that store them")
    parser.add_argument("--no-features", action="store_true", help="without features, which are half of the bytes")
    options = parser.parse_args()
    print(f"{processor_name()}, {usable_cores():g} cores; load of the machine before: {os.getloadavg()[0]:.1f}")
    binaries = postgres.find_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed (Debian: apt install postgresql).")
    with tempfile.TemporaryDirectory() as folder, postgres.server(binaries) as server:
        address = server.new_database()
        settings = Settings(data_dir=Path(folder), database=address)
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"name": BUILT_IN})})
        with open_library(settings, create=True) as library:
            model = record_model(library, choose_model(settings, lambda _done, _total: None))
            with library.store.write() as session:
                root = add_root(session, "/volume1/photo", 0)
        started = time.perf_counter()
        with psycopg.connect(address.replace("+psycopg", "")) as connection:
            fill(connection, options.photos, root.id, model.id, features=not options.no_features)
            [[size]] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
        print(f"{options.photos:,} photos made in {time.perf_counter() - started:,.0f} s")
        print(f"{size / options.photos:,.0f} bytes a photo, {size / 1e9:,.1f} GB", flush=True)
        names = {"TAGGER_DATA_DIR": folder, "TAGGER_DATABASE": address, "TAGGER_MODEL_NAME": BUILT_IN}
        search({**os.environ, **names}, options.runs)
        store(settings, options.rows, options.writers)


if __name__ == "__main__":
    main()
