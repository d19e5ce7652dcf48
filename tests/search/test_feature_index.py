"""The features as one matrix: exact, up to date, and made anew where it is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete

from tagger.core.config import SearchSettings, Settings
from tagger.search.feature_index import FeatureIndex, FeatureMatrix, float32_of
from tagger.search.near_duplicates import near_duplicates
from tagger.store.labels import LabelIds, LabelledBy
from tagger.store.library import Library
from tagger.store.results import PhotoResult, save_results
from tagger.store.session import Store, open_store
from tagger.store.tables import PhotoRow
from tests.store import samples

WIDTH = 24


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(data_dir=tmp_path / "data"), create=True) as opened:
        yield opened


def put(store: Store, vectors: np.ndarray, now: float, first: int = 1) -> None:
    """Photos `first`, ... are looked at, with these features."""
    with store.write() as session:
        root, model = samples.root(session), samples.model(session)
        wanted = [f"{number:06}.jpg" for number in range(first, first + len(vectors))]
        have = session.query(PhotoRow).count()
        if first + len(vectors) - 1 > have:
            samples.add(session, root, *wanted[max(0, have + 1 - first) :], first=have + 1)
        found = [
            PhotoResult(number, samples.inspection(number), vector.astype("<f2").tobytes(), ())
            for number, vector in enumerate(vectors, first)
        ]
        save_results(session, LabelIds(), LabelledBy(model, now), found)


def opened(store: Store, tmp_path: Path, memory_mb: int = 16) -> FeatureMatrix:
    with store.write() as session:
        model = samples.model(session)
    settings = Settings(data_dir=tmp_path / "data", search=SearchSettings(memory_mb=memory_mb))
    return FeatureIndex(Library(store, settings)).matrix(model)


def expected(vectors: np.ndarray, wanted: np.ndarray) -> list[tuple[int, float]]:
    rows = vectors.astype("<f2").astype(np.float64)
    cosines = rows @ wanted / np.linalg.norm(rows, axis=1) / np.linalg.norm(wanted)
    order = np.argsort(-cosines, kind="stable")
    return [(int(place) + 1, float(cosines[place])) for place in order]


def test_every_float16_becomes_the_same_float32() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)].reshape(1, -1)
    shifted = float32_of(finite, np.empty(finite.shape, np.int32))
    assert (shifted.astype(np.float64) * 2.0**112 == finite.astype(np.float64)).all()
    assert (np.signbit(shifted) == np.signbit(finite)).all()


def test_the_nearest_are_those_of_a_plain_computation(store: Store, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(3000, WIDTH))
    put(store, vectors, samples.NOW)
    matrix = opened(store, tmp_path)
    for wanted in random.normal(size=(5, WIDTH)):
        found = matrix.nearest(wanted, 40)
        right = expected(vectors, wanted)[:40]
        assert [number for number, _ in found] == [number for number, _ in right]
        assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in right], abs=1e-5)
    assert len(matrix.nearest(vectors[0], 10_000)) == 3000


def test_it_follows_the_library(store: Store, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(50, WIDTH))
    put(store, vectors[:30], samples.NOW)
    assert len(opened(store, tmp_path).ids) == 30
    # New photos, and one whose picture is another by now.
    put(store, vectors[30:], samples.NOW + 100, first=31)
    vectors[4] = random.normal(size=WIDTH)
    put(store, vectors[4:5], samples.NOW + 100, first=5)
    matrix = opened(store, tmp_path)
    assert sorted(matrix.ids) == list(range(1, 51))
    wanted = random.normal(size=WIDTH)
    assert [n for n, _ in matrix.nearest(wanted, 50)] == [n for n, _ in expected(vectors, wanted)]
    # Without changes nothing is read again but the last second.
    assert (opened(store, tmp_path).ids == matrix.ids).all()
    with store.write() as session:
        session.execute(delete(PhotoRow).where(PhotoRow.id > 20))
    assert sorted(opened(store, tmp_path).ids) == list(range(1, 21))


@pytest.mark.parametrize("damage", ["index", "short", "gone", "other"])
def test_a_damaged_file_is_made_anew(store: Store, tmp_path: Path, damage: str) -> None:
    vectors = np.random.default_rng(3).normal(size=(40, WIDTH))
    put(store, vectors, samples.NOW)
    matrix = opened(store, tmp_path)
    match damage:
        case "index":
            matrix.file.path.with_suffix(".npz").write_bytes(b"PK\x03\x04 half of it")
        case "short":
            matrix.file.path.write_bytes(matrix.file.path.read_bytes()[:100])
        case "gone":
            matrix.file.path.unlink()
        case "other":
            np.savez(matrix.file.path.with_suffix(".npz"), ids=np.array([object()], dtype=object))
    again = opened(store, tmp_path)
    assert [n for n, _ in again.nearest(vectors[7], 40)] == [n for n, _ in expected(vectors, vectors[7])]


@pytest.mark.slow
def test_no_pair_of_near_duplicates_is_missed(store: Store, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    vectors = np.abs(random.normal(size=(600, 200)))
    for copy, original in ((10, 500), (11, 500), (300, 20)):
        vectors[copy] = vectors[original] * 3 + random.normal(0, 0.05, 200)
    put(store, vectors, samples.NOW)
    matrix = opened(store, tmp_path)
    rows = vectors.astype("<f2").astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1)[:, np.newaxis]
    cosines = rows @ rows.T
    for least in (0.7, 0.9, 0.995):
        groups = near_duplicates(matrix, least, tmp_path, lambda _done, _total: None, lambda: False)
        found = {number: group for group in groups for number in group.photos}
        for one, other in np.argwhere(np.triu(cosines >= least + 1e-5, 1)):
            assert found[int(one) + 1] is found[int(other) + 1]
        assert all(
            max(cosines[n - 1][[m - 1 for m in group.photos if m != n]]) >= least - 1e-5 for n, group in found.items()
        )
    assert [group.photos for group in groups] == [(11, 12, 501), (21, 301)]
    assert groups[0].similarity > 0.995


def test_one_that_is_kept_open_follows_the_library_and_other_processes(store: Store, tmp_path: Path) -> None:
    vectors = np.random.default_rng(5).normal(size=(60, WIDTH))
    put(store, vectors[:30], samples.NOW)
    with store.write() as session:
        model = samples.model(session)
    kept = FeatureIndex(Library(store, Settings(data_dir=tmp_path / "data")))
    first = kept.matrix(model)
    assert kept.matrix(model) is first, "nothing changed"
    put(store, vectors[30:40], samples.NOW + 10, first=31)
    second = kept.matrix(model)
    assert len(second.ids) == 40
    # Another process gathers what is new, and then makes the file anew.
    put(store, vectors[40:], samples.NOW + 20, first=41)
    assert len(opened(store, tmp_path).ids) == 60
    assert len(kept.matrix(model).ids) == 60
    with store.write() as session:
        session.execute(delete(PhotoRow).where(PhotoRow.id <= 40))
    assert sorted(opened(store, tmp_path).ids) == list(range(41, 61))
    assert [n for n, _ in second.nearest(vectors[7], 40)] == [n for n, _ in expected(vectors[:40], vectors[7])]
    assert sorted(kept.matrix(model).ids) == list(range(41, 61))
    kept.matrix(model).file.path.write_bytes(b"")
    assert sorted(kept.matrix(model).ids) == list(range(41, 61))


def test_equal_photos_come_in_the_order_of_their_ids(store: Store, tmp_path: Path) -> None:
    vectors = np.random.default_rng(6).normal(size=(500, WIDTH))
    vectors[::7] = vectors[0]
    put(store, vectors, samples.NOW)
    same = [number + 1 for number in range(0, 500, 7)]
    for limit in (1, 3, len(same)):
        assert [number for number, _ in opened(store, tmp_path).nearest(vectors[0], limit)] == same[:limit]
