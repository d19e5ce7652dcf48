"""Photos that look alike, in the whole library: those most like one, and groups of near-duplicates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tagger.core.errors import UsageError
from tagger.core.paths import shown_path
from tagger.core.progress import SILENT, Callbacks, OnStage, StopCheck, ignore_stage, never_stop
from tagger.inference.protocol import Outcome
from tagger.pipeline.look import extract_with_model
from tagger.search.feature_index import FeatureIndex
from tagger.search.near_duplicates import near_duplicates
from tagger.store import jobs, records
from tagger.store.counts import main_model
from tagger.store.features import reusable_features, to_matrix
from tagger.store.library import Library
from tagger.store.models import Model, all_models
from tagger.store.records import PhotoRecord
from tagger.system.scratch import scratch

# A photo with its cosine similarity to the one that was asked about.
Similar = tuple[PhotoRecord, float]


def similar_to(index: FeatureIndex, path: str, limit: int, callbacks: Callbacks = SILENT) -> list[Similar]:
    """Up to `limit` photos that look most like the one at an absolute path, the most similar first.

    The photo need not be in the library. Raises UsageError where it cannot be decoded, ModelError.
    """
    library = index.library
    with library.store.read() as session:
        record = records.find_photo(session, path)
    found = None if record is None else similar_to_photo(index, record, limit, callbacks)
    if found is not None:
        return found
    model = _model_of(library, record)
    [reply] = extract_with_model(library.settings, model, [path], Callbacks(on_download=callbacks.on_download))
    if reply.outcome is not Outcome.FEATURES:
        raise UsageError(f"{shown_path(path)} cannot be looked at: {reply.reason or 'it is not there'}.")
    return _nearest(index, model, reply.vector, limit, callbacks, without=None if record is None else record.id)


def similar_to_photo(
    index: FeatureIndex, record: PhotoRecord, limit: int, callbacks: Callbacks = SILENT
) -> list[Similar] | None:
    """Up to `limit` photos that look most like one of the library, the most similar first; equal ones by id.

    None where the photo has no stored features. Raises UsageError where no photo of the library is labelled.
    """
    model = _model_of(index.library, record)
    with index.library.store.read() as session:
        vector = reusable_features(session, [record.id], model).get(record.id)
    if vector is None:
        return None
    return _nearest(index, model, to_matrix([vector])[0], limit, callbacks, without=record.id)


def _nearest(  # noqa: PLR0913 - what is compared with what
    index: FeatureIndex,
    model: Model,
    vector: NDArray[np.floating],
    limit: int,
    callbacks: Callbacks,
    *,
    without: int | None,
) -> list[Similar]:
    matrix = index.matrix(model, callbacks.on_progress)
    # Itself and missing photos take up places; how many are missing is not known before.
    wanted = limit + 1
    while True:
        nearest = matrix.nearest(vector, wanted)
        there = _present(index.library, [number for number, _ in nearest])
        found = [(there[number], cosine) for number, cosine in nearest if number in there and number != without]
        if len(found) >= limit or len(nearest) == len(matrix.ids):
            return found[:limit]
        wanted *= 4


def _model_of(library: Library, record: PhotoRecord | None) -> Model:
    """The model that labelled a photo; of another photo the one that labelled most. Raises UsageError if none did."""
    with library.store.read() as session:
        if record is not None and record.labelled_by is not None:
            return all_models(session)[record.labelled_by]
        found = main_model(session)
    if found is None:
        raise UsageError("No photo of the library is labelled yet.", "Make it: tagger backfill FOLDER")
    return found


def _present(library: Library, ids: list[int]) -> dict[int, PhotoRecord]:
    with library.store.read() as session:
        found = records.photos_by_ids(session, ids)
    return {number: record for number, record in found.items() if record.missing_since is None}


@dataclass(frozen=True, slots=True)
class Duplicates:
    """A group of near-duplicates. `photos`: each with whether another of them has the very same bytes."""

    photos: tuple[tuple[PhotoRecord, bool], ...]
    similarity: float


def duplicate_groups(
    index: FeatureIndex, least: float, on_stage: OnStage = ignore_stage, stop: StopCheck = never_stop
) -> list[Duplicates]:
    """Groups of photos, each of which is like another of its group by at least this cosine similarity; largest first.

    Raises UsageError where nothing is labelled.
    """
    library = index.library
    matrix = index.matrix(_model_of(library, None), partial(on_stage, "Gathering features"))
    groups = near_duplicates(matrix, least, scratch(library.settings.data_dir), partial(on_stage, "Comparing"), stop)
    there: dict[int, PhotoRecord] = {}
    for part in jobs.chunks([number for group in groups for number in group.photos]):
        there |= _present(library, list(part))
    found = []
    for group in groups:
        present = [there[number] for number in group.photos if number in there]
        if len(present) > 1:
            hashes = Counter(record.content_hash for record in present if record.content_hash is not None)
            photos = tuple((record, hashes[record.content_hash or b""] > 1) for record in present)
            found.append(Duplicates(photos, group.similarity))
    return found
