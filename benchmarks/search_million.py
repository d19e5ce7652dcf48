"""How long `tagger search` takes on a library of a million photos with five labels each, the whole process counted.

    python benchmarks/search_million.py [--photos 1000000] [--runs 9] [--keep FOLDER] [--no-fields]

Rows are made by this script (fixed seed): each photo has a class, two likely ones beside it and two parents, with
the classes' frequencies following Zipf's law. What files tell is filled for all of them: three keywords, one of 40
cameras, one of 60 lenses, a town with its region and country, stars on a third (--no-fields leaves it out). Times are
of whole processes, and each round runs the baseline (the interpreter importing click and sqlite3) and every query
once, because machines are noisy: read the ratios.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tagger.core.config import Settings
from tagger.core.photo import FIELDS_VERSION
from tagger.labels import taxonomy
from tagger.store.models import ensure_model
from tagger.store.roots import add_root
from tagger.store.session import open_store

TAGGER = Path(sys.executable).parent / "tagger"
BASELINE = [sys.executable, "-c", "import click, sqlite3"]
QUERIES = (
    "tiger",
    "dog",
    "animal",
    "animal -dog",
    '"golden retriever" OR pizza',
    "dog taken:2019-06",
    "vehicle>0.9 path:2021/",
    "label>0.99",
    "unicorn",
)
FIELD_QUERIES = (
    "keyword:word77",
    "word77",
    "camera:maker39",
    "camera:maker",
    "lens:lens59",
    "rating:5",
    "rating:>=3",
    "width:>5500",
    "orientation:square",
    "type:gif",
    "-type:jpeg",
    "gps:no",
    "place:town77",
    "place:country7",
    "near:10.5,20.5,10km",
    "dog camera:maker39",
    "animal rating:>=4",
    'taken:"summer 2019" rating:5',
    "--count type:jpeg",
    "--count orientation:landscape",
    "--count keyword:none",
    "--count rating:>=4",
    "--count animal",
    "--sort date type:gif",
    "--sort path place:town0",
)
# Towns of the library; `near:` looks around one of them.
TOWNS = 300
HEAVY = ("tensorflow", "numpy", "PIL", "sqlalchemy")


def photos(count: int) -> Iterator[tuple[int, str, str]]:
    """(id, path, taken) as a camera and a tidy person make them."""
    for number in range(count):
        year, month, day = 2005 + number * 20 // count, number % 12 + 1, number // 12 % 28 + 1
        path = f"{year}/{year}-{month:02} {'holiday' if month in (7, 8) else 'days'}/IMG_{number:07}.jpg"
        yield number + 1, path, f"{year}-{month:02}-{day:02}T12:00:00"


def labels(count: int, ids: dict[str, int]) -> Iterator[tuple[int, int, float, int, int, int]]:
    """(photo, label, confidence, rank, origin, shown): five a photo."""
    known = taxonomy.load()
    chance = random.Random(1)
    order = list(range(1000))
    chance.shuffle(order)
    weights = [1 / (rank + 10) for rank in range(1000)]
    parents = [[k for k in known.shown_hypernyms if index in known.classes_under(k)] for index in range(1000)]
    first = chance.choices(order, weights, k=count)
    for number, index in enumerate(first, 1):
        sure = round(chance.betavariate(5, 1.5), 3)
        found = [(known.classes[index], sure, 0)]
        found += [(key, min(1.0, sure + 0.05), 1) for key in parents[index][:2]]
        while len(found) < 5:
            other = known.classes[chance.randrange(1000)]
            if other not in [key for key, _, _ in found]:
                found.append((other, round(chance.uniform(0.1, 0.3), 3), 0))
        for rank, (key, confidence, origin) in enumerate(found, 1):
            yield number, ids[key], confidence, rank, origin, confidence >= 0.6


def make(folder: Path, count: int) -> Path:
    """Make the library; returns its database."""
    with open_store(Settings(data_dir=folder), create=True) as store, store.write() as session:
        root = add_root(session, "/volume1/photo", 0)
        model = ensure_model(session, "0" * 16, "resnet50", "0" * 64, 1, 0)
    known = taxonomy.load()
    keys = [*known.classes, *known.shown_hypernyms]
    database = folder / "library.db"
    connection = sqlite3.connect(database)
    # Once through: a crash would only mean to begin anew.
    connection.execute("PRAGMA synchronous = OFF")
    connection.executemany(
        "INSERT INTO labels (id, key, name) VALUES (?, ?, ?)",
        [(number, key, known.names[key]) for number, key in enumerate(keys, 1)],
    )
    base = 1_600_000_000
    connection.executemany(
        "INSERT INTO photos (id, root_id, path, path_folded, size, mtime_ns, inode, ctime_ns, content_hash, pixel_hash,"
        " format, width, height, taken, added_at, labelled_at, labelled_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'JPEG', 4000, 3000, ?, ?, ?, ?)",
        (
            (
                *(n, root.id, path, path.lower()),
                *(3_000_000 + n * 7919 % 2_000_000, (base + n) * 10**9, n, (base + n) * 10**9),
                *(n.to_bytes(16, "big"), n.to_bytes(16, "little"), taken, base, base, model.id),
            )
            for n, path, taken in photos(count)
        ),
    )
    connection.executemany(
        "INSERT INTO photo_labels (photo_id, label_id, confidence, rank, origin, shown, removed, model_id)"
        f" VALUES (?, ?, ?, ?, ?, ?, 0, {model.id})",
        labels(count, {key: number for number, key in enumerate(keys, 1)}),
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return database


def fill_fields(database: Path, count: int) -> None:
    """What headers would tell: keywords on 30 %, a place on half, stars on 20 %; a camera and a lens on all."""
    chance = random.Random(2)
    kinds = {"keyword": 5000, "camera": 40, "lens": 60, "town": TOWNS, "region": 60, "country": 20}
    spell = {"camera": "Maker{m} Model maker{n}", "lens": "lens{n} 24-70mm f/{n}"}
    names = [("none", field) for field in ("keyword", "camera", "lens", "place")] + [
        (kind, spell.get(kind, "word{n}" if kind == "keyword" else kind + "{n}").format(n=n, m=n % 13))
        for kind, many in kinds.items()
        for n in range(many)
    ]
    start = {kind: next(i for i, (k, _) in enumerate(names, 1) if k == kind) for kind in kinds}
    no_keyword, no_place = 1, 4
    towns = [(chance.uniform(-50, 65), chance.uniform(-170, 170)) for _ in range(TOWNS)]
    # The first towns and words are on many photos, as at home: 15 % of all that have a place are of the first one.
    town_of = [int(TOWNS * chance.random() ** 3) if chance.random() < 0.5 else None for _ in range(count)]
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    connection.executemany(
        "INSERT INTO terms (id, kind, name, folded) VALUES (?, ?, ?, ?)",
        [(number, kind, name, name.lower()) for number, (kind, name) in enumerate(names, 1)],
    )

    def terms() -> Iterator[tuple[int, int]]:
        for photo, town in enumerate(town_of, 1):
            if chance.random() < 0.3:
                words = {int(5000 * chance.random() ** 4) for _ in range(chance.randint(1, 4))}
                yield from ((photo, start["keyword"] + word) for word in sorted(words))
            else:
                yield photo, no_keyword
            yield photo, start["camera"] + min(39, photo * 40 // count)
            yield photo, start["lens"] + int(60 * chance.random() ** 2)
            if town is not None:
                yield photo, start["town"] + town
                yield photo, start["region"] + town // 5
                yield photo, start["country"] + town // 15
            else:
                yield photo, no_place

    connection.executemany("INSERT INTO photo_terms (photo_id, term_id) VALUES (?, ?)", terms())
    sizes = ((4000, 3000), (3000, 4000), (6000, 4000), (3024, 3024))
    formats = ("JPEG", "HEIF", "RAW", "PNG", "GIF")

    def numbers() -> Iterator[tuple[object, ...]]:
        for photo, town in enumerate(town_of, 1):
            at = (None, None)
            if town is not None:
                at = towns[town][0] + chance.gauss(0, 0.05), towns[town][1] + chance.gauss(0, 0.05)
            stars = chance.choices((-1, 1, 2, 3, 4, 5), (5, 5, 10, 35, 30, 15))[0] if chance.random() < 0.2 else None
            size = chance.choices(sizes, (800, 150, 45, 5))[0]
            yield *size, chance.choices(formats, (850, 100, 40, 9, 1))[0], stars, *at, photo

    connection.executemany(
        "UPDATE photos SET width = ?, height = ?, format = ?, rating = ?, latitude = ?, longitude = ?,"
        f" fields_as = {FIELDS_VERSION} WHERE id = ?",
        numbers(),
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _arguments(query: str) -> list[str]:
    """The arguments of a query, which may begin with an option."""
    if query.startswith("--count "):
        return query.split(" ", 1)
    options, text = (query.split(" ", 2)[:2], query.split(" ", 2)[2]) if query.startswith("--sort ") else ([], query)
    return ["--limit", "100", *options, text]


def seconds(command: list[str | Path], environ: dict[str, str]) -> float:
    """Wall-clock time of a whole process."""
    started = time.perf_counter()
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    taken = time.perf_counter() - started
    if done.returncode > 1:
        raise SystemExit(f"{command} ended with {done.returncode}")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="make the library here, or use the one that is here")
    parser.add_argument("--no-fields", action="store_true", help="without what headers tell, as an older library")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        database = folder / "library.db"
        if not database.exists():
            started = time.perf_counter()
            make(folder, arguments.photos)
            if not arguments.no_fields:
                plain = database.stat().st_size
                fill_fields(database, arguments.photos)
                print(f"what headers tell: {(database.stat().st_size - plain) / arguments.photos:.0f} bytes a photo")
            print(f"made in {time.perf_counter() - started:.0f} s")
        print(f"{arguments.photos:,} photos, {database.stat().st_size / arguments.photos:.0f} bytes a photo\n")
        environ = {**os.environ, "TAGGER_DATA_DIR": str(folder)}
        # In a pipe a search prints every path; a person sees the first hundred.
        queries = QUERIES if arguments.no_fields else (*QUERIES, *FIELD_QUERIES)
        commands = {query: [TAGGER, "search", *_arguments(query)] for query in queries}
        times: dict[str, list[float]] = {query: [] for query in ("", *queries)}
        for _ in range(arguments.runs):
            times[""].append(seconds(list(BASELINE), environ))
            for query, command in commands.items():
                times[query].append(seconds(list(command), environ))
        baseline = statistics.median(times.pop(""))
        print(f"{'query':30} {'median':>8} {'slowest':>8}  times the baseline")
        print(f"{'(import click, sqlite3)':30} {baseline:7.3f}s")
        for query, found in times.items():
            middle = statistics.median(found)
            print(f"{query:30} {middle:7.3f}s {max(found):7.3f}s  {middle / baseline:.1f}")
        everything = [TAGGER, "search", "-0", "dog"]
        print(f"{'dog, every path (in a pipe)':30} {seconds(list(everything), environ):7.3f}s")
        imported = subprocess.run(
            [sys.executable, "-X", "importtime", TAGGER, "search", "tiger"],
            check=True,
            capture_output=True,
            text=True,
            env=environ,
        ).stderr
        modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in imported.splitlines()}
        print(f"\nimported of {', '.join(HEAVY)}: {', '.join(sorted(modules & set(HEAVY))) or 'none'}")


if __name__ == "__main__":
    main()
