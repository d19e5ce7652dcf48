"""What another model would change: compares it with the stored labels on a sample of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagger.core.errors import ModelError, TaggerError, UsageError
from tagger.core.progress import SILENT, Callbacks
from tagger.inference.protocol import Outcome, Request
from tagger.inference.selection import choose_model, unrecorded
from tagger.inference.worker_client import WorkerClient
from tagger.labels.differences import EXAMPLES, Difference, Differences
from tagger.labels.labeller import Labeller, policy_for
from tagger.pipeline.look import evidence_in, run_requests
from tagger.store import records
from tagger.store.counts import count_totals
from tagger.store.labels import labels_of
from tagger.store.library import Library
from tagger.store.records import PhotoRecord


@dataclass(frozen=True, slots=True)
class Preview:
    """How the labels shown on a sample would change.

    `same`: photos whose labels stay as they are. `agreement`: the mean over the photos of the share of labels that both
    show (intersection over union). `seconds`: what the whole library would take at the speed measured.
    """

    sample: int
    same: int
    agreement: float
    gained: list[tuple[str, int]]
    lost: list[tuple[str, int]]
    examples: list[Difference]
    photos: int
    photos_per_second: float
    seconds: float


def preview(library: Library, sample: int, callbacks: Callbacks = SILENT) -> Preview:
    """Label up to `sample` photos with the configured model, and compare with the stored labels. Stores nothing."""
    settings, clock = library.settings, library.clock
    policy_for(settings)
    chosen = choose_model(settings, callbacks.on_download)
    if chosen.substitute is not None:
        raise ModelError(chosen.substitute.why, f"So it cannot be tried. See: tagger model show {settings.model.name}")
    policy = policy_for(settings, unrecorded(chosen))
    with library.store.read() as session:
        photos = records.sample_labelled(session, sample)
        before = {
            photo_id: {label.name for label in labels if label.shown}
            for photo_id, labels in labels_of(session, [photo.id for photo in photos]).items()
        }
        total = count_totals(session).labelled
    if not photos:
        raise UsageError("No photo of the library is labelled yet.", "Make it: tagger backfill FOLDER")
    with WorkerClient(settings, chosen, clock) as client:
        head = client.head()
        # Loading the model is not part of the speed.
        client.start()
        started = clock.monotonic()
        paths = [photo.path.absolute for photo in photos]
        age = settings.intake.settle_seconds
        requests = [Request(index, path, min_age_seconds=age) for index, path in enumerate(paths)]
        replies = run_requests(client, requests, callbacks)
        seconds = max(clock.monotonic() - started, 1e-3)
    fresh = {photos[reply.job_id].id: reply for reply in replies if reply.outcome is Outcome.FEATURES}
    compared = [photo for photo in photos if photo.id in fresh]
    if not compared:
        raise TaggerError("None of the photos could be looked at; are their folders there?")
    features = np.stack([fresh[photo.id].vector for photo in compared])
    labeller = Labeller(unrecorded(chosen), head, policy)
    evidence = labeller.with_words(features, [evidence_in(fresh[photo.id]) for photo in compared])
    given = policy.labels_for(head.scores(features), evidence)
    after = [{label.name for label in labels if label.shown} for labels in given]
    rate = len(photos) / seconds
    return _compare(compared, [before[photo.id] for photo in compared], after, total, rate)


def _compare(
    photos: Sequence[PhotoRecord], before: Sequence[set[str]], after: Sequence[set[str]], total: int, rate: float
) -> Preview:
    differences = Differences()
    shares = []
    for photo, old, new in zip(photos, before, after, strict=True):
        differences.add(photo.id, old, new)
        shares.append(len(old & new) / len(old | new) if old | new else 1.0)
    differences.place({photo.id: photo.path.absolute for photo in photos})
    return Preview(
        differences.photos,
        differences.same,
        sum(shares) / len(shares),
        differences.gained.most_common(EXAMPLES),
        differences.lost.most_common(EXAMPLES),
        differences.examples,
        total,
        rate,
        total / rate,
    )
