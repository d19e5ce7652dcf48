"""The vectors of sentences: exact, up to date, and made anew where the file is damaged or of other towers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.core.progress import Callbacks
from tagger.search import sentence_index, sentence_vectors
from tagger.search.sentence_index import NAME, SentenceIndex
from tagger.search.sentence_vectors import SentenceVectors
from tagger.store import runs
from tagger.store.labels import LabelIds, LabelledBy
from tagger.store.reader import open_reader
from tagger.store.results import PhotoResult, save_results
from tagger.store.session import Store
from tagger.store.tables import FeatureRow, PhotoRow
from tests.clock import Clock
from tests.store import samples

WIDTH, FEATURES = 96, 40


@dataclass(frozen=True)
class Usual:
    """What ordinary photos are like: later numbers are larger."""

    mean: np.ndarray = field(default_factory=lambda: np.zeros(WIDTH))
    spread: np.ndarray = field(default_factory=lambda: np.diag(np.arange(WIDTH) % 50 / WIDTH))


@dataclass(frozen=True)
class SomeTowers:
    """Towers that turn features by a fixed matrix."""

    version: str = "one"
    width: int = WIDTH
    model_ids: frozenset[str] = frozenset()
    calibration: Usual = field(default_factory=Usual)

    def photo_vectors(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matrix = np.random.default_rng(len(self.version)).normal(size=(FEATURES, WIDTH))
        wide = features.astype(np.float64) @ matrix
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
        scales = np.abs(wide).max(axis=1) / 127
        return np.round(wide / scales[:, None]).astype(np.int8), scales.astype(np.float32)


class Library:
    """A library whose photos get features, and the index over it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.clock = Clock(samples.NOW + 1000)
        with store.write() as session:
            self.model = samples.model(session)
            samples.root(session)
            self.run = runs.start_run(session, "backfill", self.model, samples.NOW)
        self.towers = SomeTowers(model_ids=frozenset([self.model.model_id]))
        self.features: dict[int, np.ndarray] = {}

    def label(self, ids: list[int], now: float, seed: int = 0) -> None:
        """Photos are looked at, as a run does it."""
        random = np.random.default_rng([seed, *ids[:3]])
        with self.store.write() as session:
            have = session.query(PhotoRow).count()
            new = [number for number in ids if number > have]
            if new:
                samples.add(session, samples.root(session), *(f"{n:06}.jpg" for n in new), first=have + 1)
            found = []
            for number in ids:
                self.features[number] = random.normal(size=FEATURES).astype("<f2")
                found.append(PhotoResult(number, samples.inspection(number), self.features[number].tobytes(), ()))
            save_results(session, LabelIds(), LabelledBy(self.model, now), found)
            runs.count_run(session, self.run, labelled=len(ids))

    @property
    def file(self) -> Path:
        return self.settings.data_dir / "vectors" / NAME

    def index(self) -> SentenceIndex:
        return SentenceIndex(self.settings.data_dir, self.towers, self.clock)

    def vectors(self, index: SentenceIndex | None = None, callbacks: Callbacks | None = None) -> SentenceVectors:
        with open_reader(self.settings, self.store) as reader:
            return (index or self.index()).vectors(reader, callbacks or Callbacks())

    def right(self, wanted: np.ndarray) -> dict[int, float]:
        """What a plain computation says."""
        ids = sorted(self.features)
        rows, scales = self.towers.photo_vectors(np.stack([self.features[number] for number in ids]))
        return dict(zip(ids, (rows * scales[:, None].astype(np.float64) @ wanted).tolist(), strict=True))

    def check(self, found: SentenceVectors) -> None:
        """Every photo with features is there once, with its own vector."""
        wanted = a_sentence(5)
        ids, near = found.alike(wanted)
        right = self.right(wanted)
        assert sorted(ids.tolist()) == sorted(right)
        assert dict(zip(ids.tolist(), near.tolist(), strict=True)) == pytest.approx(right, abs=2e-5)


def a_sentence(seed: int) -> np.ndarray:
    wanted = np.random.default_rng(seed).normal(size=WIDTH)
    return (wanted / np.linalg.norm(wanted)).astype(np.float32)


@pytest.fixture
def library(store: Store, settings: Settings) -> Library:
    return Library(store, settings)


@pytest.fixture
def full(library: Library) -> Library:
    library.label(list(range(1, 2601)), samples.NOW)
    library.check(library.vectors())
    return library


def test_what_is_alike_is_that_of_a_plain_computation(full: Library) -> None:
    vectors = full.vectors()
    for seed in range(4):
        wanted = a_sentence(seed)
        right = full.right(wanted)
        for least in (-1.0, 0.0, 0.2, 0.35, 0.9):
            ids, near = vectors.alike(wanted, least)
            assert set(ids.tolist()) == {number for number, value in right.items() if round(value, 5) >= least}
            assert dict(zip(ids.tolist(), near.tolist(), strict=True)) == pytest.approx(
                {number: right[number] for number in ids.tolist()}, abs=2e-5
            )
    rows = np.flatnonzero(vectors.ids == 1234)
    assert vectors.vectors(rows)[0] @ wanted == pytest.approx(right[1234], abs=2e-5)


def test_a_photo_takes_at_most_300_bytes(full: Library) -> None:
    assert full.file.stat().st_size / 2600 < 320  # the last chunk is not full
    assert sentence_vectors._chunk(256).itemsize / 1024 < 275


def test_it_follows_the_library(full: Library) -> None:
    index = full.index()
    full.vectors(index)
    full.label([2601, 2602], samples.NOW + 100)
    full.label([7], samples.NOW + 100, seed=1)  # another picture
    full.check(full.vectors(index))
    full.check(full.vectors())
    with full.store.write() as session:
        # Its features are gone: another picture, of which the built-in model said nothing.
        session.execute(delete(FeatureRow).where(FeatureRow.photo_id == 9))
        session.execute(update(PhotoRow).where(PhotoRow.id == 9).values(labelled_at=int(samples.NOW) + 200))
        runs.count_run(session, full.run, labelled=1)
    del full.features[9]
    full.check(full.vectors(index))
    full.label([9], samples.NOW + 300)
    full.check(full.vectors(index))


def test_without_news_nothing_is_computed(full: Library) -> None:
    class Never(SomeTowers):
        def photo_vectors(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            raise AssertionError("computed again")

    never = Never(model_ids=full.towers.model_ids)
    before = full.file.stat().st_mtime_ns
    full.check(full.vectors(SentenceIndex(full.settings.data_dir, never, full.clock)))
    assert full.file.stat().st_mtime_ns == before


def test_photos_labelled_under_a_clock_that_was_put_back_are_found(full: Library) -> None:
    full.clock.time -= 1e6
    full.label([2601], samples.NOW - 1e6)
    full.check(full.vectors())
    full.clock.time += 50
    full.label([2602], full.clock.time)
    full.check(full.vectors())


@pytest.mark.parametrize("damage", ["header", "zeros", "short", "empty", "gone", "row", "text", "copied"])
def test_a_damaged_file_is_made_anew(full: Library, damage: str) -> None:
    data = full.file.read_bytes()
    match damage:
        case "header":
            full.file.write_bytes(b"\xff" * 100 + data[100:])
        case "zeros":
            full.file.write_bytes(bytes(len(data)))
        case "short":
            full.file.write_bytes(data[: len(data) // 2])
        case "empty":
            full.file.write_bytes(b"")
        case "gone":
            full.file.unlink()
        case "row":
            full.file.write_bytes(data[:50_000] + bytes(20_000) + data[70_000:])
        case "text":
            full.file.write_text("hello")
        case "copied":
            full.file.write_bytes(data)
    full.check(full.vectors())
    full.check(full.vectors())


def test_other_towers_make_it_anew(full: Library) -> None:
    full.towers = replace(full.towers, version="another")
    full.check(full.vectors())
    full.towers = replace(full.towers, version="one")
    full.check(full.vectors())


def test_what_was_begun_goes_on_where_it_ended(full: Library) -> None:
    full.label(list(range(2601, 5001)), samples.NOW + 100)
    full.file.unlink()
    done: list[tuple[int, int]] = []
    calls = iter([False, False, True])

    def note(count: int, total: int) -> None:
        done.append((count, total))

    full.vectors(callbacks=Callbacks(note, stop=lambda: next(calls)))
    full.check(full.vectors(callbacks=Callbacks(note)))
    # Only what was labelled in the last seconds is looked at again.
    assert done == [(2048, 5000), (4096, 5000), (2048, 2400), (2400, 2400)]


def test_two_at_once(full: Library) -> None:
    one, other = full.index(), full.index()
    full.vectors(one)
    full.label(list(range(2601, 2701)), samples.NOW + 100)
    full.vectors(other)
    full.check(full.vectors(one))
    full.file.unlink()
    full.check(full.vectors(other))
    full.check(full.vectors(one))


def test_photos_that_are_gone_make_room(full: Library) -> None:
    before = full.file.stat().st_size
    with full.store.write() as session:
        session.execute(delete(PhotoRow).where(PhotoRow.id > 200))
        runs.count_run(session, full.run, labelled=1)
    full.features = {number: row for number, row in full.features.items() if number <= 200}
    full.check(full.vectors())
    assert full.file.stat().st_size < before / 2


@pytest.mark.parametrize("damaged", [False, True])
def test_a_library_that_cannot_be_written_to_is_searched_all_the_same(
    full: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    full.label([2601], samples.NOW + 100)
    if damaged:
        full.file.write_bytes(b"?")
    before = full.file.read_bytes()
    # Whoever runs this may be root, who may write everywhere.
    monkeypatch.setattr(sentence_index, "scratch", lambda _: tmp_path)
    monkeypatch.setattr(sentence_index, "temporary_folder", lambda: tmp_path / "own")
    full.check(full.vectors())
    assert full.file.read_bytes() == before


def test_a_full_disk_is_one_sentence(full: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    full.label([2601], samples.NOW + 100)

    def no_room(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", no_room)
        with pytest.raises(StoreError, match="is full, and the index for searching by sentences"):
            full.vectors()
    full.check(full.vectors())


def test_an_empty_library_has_none(library: Library) -> None:
    ids, near = library.vectors().alike(a_sentence(1))
    assert (len(ids), len(near)) == (0, 0)
    library.label([1], samples.NOW)
    library.check(library.vectors())
    with library.store.read() as session:
        assert session.scalar(select(PhotoRow.id)) == 1
