"""Photos that look alike, in the whole library: those most like one, and groups of near-duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.paths import shown_path
from tagger.core.progress import Callbacks, OnProgress
from tagger.inference.protocol import Outcome
from tagger.pipeline.look import extract_with_model
from tagger.search.feature_index import FeatureMatrix, open_matrix
from tagger.search.near_duplicates import near_duplicates
from tagger.store import jobs, records
from tagger.store.counts import main_model
from tagger.store.features import reusable_features, to_matrix
from tagger.store.models import Model, all_models
from tagger.store.records import PhotoRecord
from tagger.store.session import Store


def similar_to(
    store: Store,
    settings: Settings,
    path: str,
    limit: int,
    gathering: OnProgress,
    fetching: Callable[[int, int | None], None],
) -> list[tuple[PhotoRecord, float]]:
    """Up to `limit` photos with their cosine similarity to the photo at an absolute path, the most similar first.

    Raises UsageError where it cannot be looked at, ModelError.
    """
    with store.read() as session:
        record = records.find_photo(session, path)
        model = _model_of(store, record)
        own = None if record is None else reusable_features(session, [record.id], model).get(record.id)
    vector = _looked_at(settings, path, model, fetching) if own is None else to_matrix([own])[0]
    matrix = _matrix(store, settings, model, gathering)
    # Itself, and what is missing by now, only take up places; how many are missing is not known before.
    wanted, found = limit + 1, list[tuple[PhotoRecord, float]]()
    while True:
        nearest = matrix.nearest(vector, wanted)
        there = _present(store, [number for number, _ in nearest])
        found = [
            (there[number], cosine)
            for number, cosine in nearest
            if number in there and (record is None or number != record.id)
        ]
        if len(found) >= limit or len(nearest) == len(matrix.ids):
            return found[:limit]
        wanted *= 4


def _model_of(store: Store, record: PhotoRecord | None) -> Model:
    """The model that labelled a photo; of another photo the one that labelled most. Raises UsageError if none did."""
    with store.read() as session:
        if record is not None and record.labelled_by is not None:
            return all_models(session)[record.labelled_by]
        found = main_model(session)
    if found is None:
        raise UsageError("No photo of the library is labelled yet.", "Make it: tagger backfill FOLDER")
    return found


def _looked_at(
    settings: Settings, path: str, model: Model, fetching: Callable[[int, int | None], None]
) -> NDArray[np.float32]:
    [reply] = extract_with_model(settings, model, [path], Callbacks(on_download=fetching))
    if reply.outcome is not Outcome.FEATURES:
        raise UsageError(f"{shown_path(path)} cannot be looked at: {reply.reason or 'it is not there'}.")
    return reply.vector


def _matrix(store: Store, settings: Settings, model: Model, gathering: OnProgress) -> FeatureMatrix:
    return open_matrix(store, settings.data_dir, model, settings.search.memory_mb, gathering)


def _present(store: Store, ids: list[int]) -> dict[int, PhotoRecord]:
    with store.read() as session:
        found = records.photos_by_ids(session, ids)
    return {number: record for number, record in found.items() if record.missing_since is None}


@dataclass(frozen=True, slots=True)
class Duplicates:
    """A group of near-duplicates. `photos`: each with whether another of them has the very same bytes."""

    photos: tuple[tuple[PhotoRecord, bool], ...]
    similarity: float


def duplicate_groups(
    store: Store,
    settings: Settings,
    least: float,
    tell: Callable[[str, int, int], None],
    stop: Callable[[], bool],
) -> list[Duplicates]:
    """Groups of photos of which each is like another by at least this cosine similarity, the largest group first.

    `tell`: what is going on, done and in all. Raises UsageError where nothing is labelled.
    """
    model = _model_of(store, None)
    matrix = _matrix(store, settings, model, lambda done, total: tell("Gathering features", done, total))
    groups = near_duplicates(matrix, least, settings.data_dir, lambda done, total: tell("Comparing", done, total), stop)
    there: dict[int, PhotoRecord] = {}
    for part in jobs.chunks([number for group in groups for number in group.photos]):
        there |= _present(store, list(part))
    found = []
    for group in groups:
        present = [there[number] for number in group.photos if number in there]
        if len(present) > 1:
            hashes = Counter(record.content_hash for record in present if record.content_hash is not None)
            photos = tuple((record, hashes[record.content_hash or b""] > 1) for record in present)
            found.append(Duplicates(photos, group.similarity))
    return found
