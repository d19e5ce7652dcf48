"""Libraries that were labelled before: killed while vectors are computed, two at once, read-only, described photos."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search_million import make
from tagger.core.config import Settings
from tagger.search.likeness import sentence_index
from tagger.search.towers import Towers
from tagger.store.reader import open_reader
from tests.cli.runner import BUILT_IN, Tagger

pytestmark = pytest.mark.slow

PHOTOS = 40_000
QUERY = ("search", "-n", "1", 'like:"dog on a beach"', "--all")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with features of the built-in model, none of whose photos exists."""
    folder = tmp_path_factory.mktemp("before")
    database = make(folder, PHOTOS)
    random = np.random.default_rng(1)
    with sqlite3.connect(database) as connection:
        model = sorted(Towers.load().model_ids)[0]
        connection.execute("UPDATE models SET model_id = ?, architecture = 'efficientnet_lite2'", (model,))
        block = np.maximum(random.normal(0.3, 0.5, (1000, 1280)), 0)
        for start in range(0, PHOTOS, 1000):
            rows = np.roll(block, start // 1000, axis=1).astype("<f2")
            connection.executemany(
                "INSERT INTO features (photo_id, model_id, vector) VALUES (?, 1, ?)",
                ((start + number, row.tobytes()) for number, row in enumerate(rows, 1)),
            )
        connection.execute("UPDATE photos SET labelled_at = labelled_at + id / 40")
    connection.close()
    return folder


@pytest.fixture
def before(made: Path, tmp_path: Path) -> Tagger:
    tagger = Tagger(tmp_path)
    shutil.copytree(made, tagger.data)
    return tagger


def check(tagger: Tagger) -> None:
    """Every photo has one vector, which is its own."""
    settings = Settings(data_dir=tagger.data)
    with open_reader(settings) as reader:
        vectors = sentence_index(settings).vectors(reader)
        assert sorted(vectors.ids.tolist()) == list(range(1, PHOTOS + 1))
        for number in (1, 12_345, PHOTOS):
            [(features,)] = reader.rows("SELECT vector FROM features WHERE photo_id = :id", {"id": number})
            whole, scales = Towers.load().photo_vectors(np.frombuffer(features, "<f2").reshape(1, -1))
            found = vectors.vectors(np.flatnonzero(vectors.ids == number))
            assert np.allclose(found, whole * scales[:, np.newaxis], atol=1e-6)


def size(tagger: Tagger) -> int:
    file = tagger.data / "vectors" / "sentences.vectors"
    return file.stat().st_size if file.exists() else 0


def test_killed_twice_it_goes_on_and_nothing_is_double(before: Tagger) -> None:
    least = 0
    for _ in range(2):
        running = before.start(*QUERY)
        while running.poll() is None and size(before) <= least:
            time.sleep(0.01)
        assert running.poll() is None, running.communicate()
        time.sleep(0.3)
        running.kill()
        running.communicate()
        least = size(before)
        assert least > 0
    done = before(*QUERY)
    assert len(done.stdout.splitlines()) == 1
    check(before)


def test_two_at_once_answer_the_same(before: Tagger) -> None:
    running: list[subprocess.Popen[str]] = [before.start(*QUERY) for _ in range(2)]
    answers = [one.communicate(timeout=300) for one in running]
    assert [one.returncode for one in running] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    check(before)


def test_a_search_says_that_it_prepares(before: Tagger) -> None:
    done = before(*QUERY)
    assert f"tagger: preparing {PHOTOS:,} photos for descriptions, once." in done.stderr
    assert "preparing" not in before(*QUERY).stderr


def test_described_photos_are_found_by_their_sentences(tmp_path: Path, shared: Path) -> None:
    """The ordinary way: photos that trained no tower are labelled, then asked for by what people wrote of them."""
    count = 200
    (tmp_path / "photos").mkdir()
    with tarfile.open(shared / "datasets" / "captioned" / "images.tar") as archive:
        members = [member for member in archive.getmembers() if member.isfile()][:count]
        for member in members:
            member.name = Path(member.name).name
            archive.extract(member, tmp_path / "photos", filter="data")
    names = {member.name for member in members}
    lines = (shared / "datasets" / "captioned" / "captions.tsv").read_text(encoding="utf-8").splitlines()
    sentences = [line.split("\t") for line in lines if line.split("\t")[0] in names]
    tagger = Tagger(tmp_path, dict(BUILT_IN))
    tagger("backfill", tmp_path / "photos")
    ranks = []
    for name, sentence in sentences[::25]:
        query = f'like:"{sentence.replace(chr(34), "")}"'
        place = tagger.found("--all", "--limit", "20", query)
        ranks.append(place.index(name) if name in place else 99)
    first, ten = np.mean(np.array(ranks) < 1), np.mean(np.array(ranks) < 10)
    print(f"{len(ranks)} sentences of {count} photos: first {first:.0%}, among ten {ten:.0%}")
    assert first >= 0.2
    assert ten >= 0.75
