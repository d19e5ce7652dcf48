"""The store's side of a batch of photos to label: claim it, recall what is known, commit the results.

`commit_batch` takes one result for each photo, and stores all of them in one short transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.evidence import Evidence
from tagger.core.paths import PhotoPath
from tagger.core.photo import Fingerprint, Inspection, JobKind, Label
from tagger.store import jobs, run_nodes, runs
from tagger.store.deliveries import queue_deliveries
from tagger.store.evidence import NO_WITNESSES, UNSEEN, Seen, Witnesses, complete_of, kinds_of, seen_of
from tagger.store.features import reusable_features, to_bytes, to_matrix
from tagger.store.jobs import Job, JobFilter
from tagger.store.labels import LabelIds, LabelledBy, relabel_photos
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.moves import adopt
from tagger.store.photos import photos_gone, set_fingerprint
from tagger.store.results import PhotoResult, same_pixels, save_results
from tagger.store.twins import find_twin, twin_hashes


class LabelSource(Protocol):
    """Gives features their labels; called within the transaction that stores these."""

    @property
    def model(self) -> Model:
        """The model whose features it labels."""
        ...

    def labels_for(
        self, session: Session, features: NDArray[np.floating], evidence: Sequence[Evidence]
    ) -> list[tuple[Label, ...]]:
        """Features (photos, features) of any float type and other evidence -> each photo's labels in rank order."""
        ...

    def taught(self, session: Session) -> tuple[int, ...]:
        """The row ids of the taught labels that it decides about."""
        ...


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What all batches of a run share. `root_ids`: claim photos of these roots; None for all.

    `node`: the machine, where several label for one run; `places`: the roots that are at other paths there, by path.
    """

    library: Library
    labeller: LabelSource
    owner: str
    root_ids: tuple[int, ...] | None
    run_id: int
    witnesses: Witnesses = NO_WITNESSES
    label_ids: LabelIds = field(default_factory=LabelIds)
    node: str = ""
    places: Mapping[str, str] = field(default_factory=dict)

    def path_here(self, path: PhotoPath) -> PhotoPath:
        """Where this machine has a photo."""
        return replace(path, root=self.places.get(path.root, path.root))


@dataclass(frozen=True, slots=True)
class Recall:
    """What is stored about claimed photos: `features` of the run's model by photo id, as `to_matrix` takes them.

    `seen`: the other evidence by photo id; photos whose file changed have none. `twins`: content hashes of photos that
    the model labelled, by file size. `complete`: photos that the model labelled and of which nothing is missing, though
    their files may have changed.
    """

    features: dict[int, bytes]
    twins: dict[int, list[bytes]]
    seen: dict[int, Seen]
    complete: frozenset[int]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The photo was decoded. `features`: (features,). `inferred`: they come from the network, not from a copy.

    `seen`: what else is known of it, stored or new.
    """

    job: Job
    inspection: Inspection
    features: NDArray[np.floating]
    inferred: bool
    seen: Seen = UNSEEN


@dataclass(frozen=True, slots=True)
class Recalled:
    """The photo's stored features under this model are still valid, and nothing else is to be looked at."""

    job: Job
    features: bytes
    seen: Seen = UNSEEN


@dataclass(frozen=True, slots=True)
class TwinFound:
    """The file has the same bytes as a photo that the model labelled; only fingerprint and content hash are known."""

    job: Job
    inspection: Inspection


@dataclass(frozen=True, slots=True)
class PixelsUnchanged:
    """The file changed, but not its pixels."""

    job: Job
    inspection: Inspection


@dataclass(frozen=True, slots=True)
class FileGone:
    """There is no such file any more."""

    job: Job


@dataclass(frozen=True, slots=True)
class Postponed:
    """Try again at a time (seconds since the epoch); `isolated`: alone in the child process."""

    job: Job
    not_before: int = 0
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The photo cannot be decoded. `fingerprint`: the state of the file that was tried, if known."""

    job: Job
    reason: str
    fingerprint: Fingerprint | None = None


BatchResult = Extracted | Recalled | TwinFound | PixelsUnchanged | FileGone | Postponed | Unreadable


@dataclass(slots=True)
class BatchCounts:
    """Number of photos by what became of them; `classified`: those that went through the network."""

    labelled: int = 0
    classified: int = 0
    failed: int = 0
    gone: int = 0


def claim_batch(context: BatchContext, which: JobFilter, limit: int) -> list[Job]:
    """Claim up to `limit` photos to label, or one isolated photo."""
    with context.library.store.write() as session:
        return jobs.claim(session, which, context.owner, limit, context.library.clock.now())


def recall(context: BatchContext, batch: Sequence[Job]) -> Recall:
    """Read what may spare claimed photos the network or even decoding."""
    model = context.labeller.model
    with context.library.store.read() as session:
        ids = [job.photo_id for job in batch]
        features = reusable_features(session, ids, model)
        seen = seen_of(session, ids, context.witnesses)
        sizes = [job.fingerprint.size for job in batch if job.photo_id not in features]
        twins = twin_hashes(session, sizes, model, context.witnesses) if sizes else {}
        labelled = [job.photo_id for job in batch if job.labelled_by == model.id]
        return Recall(features, twins, seen, complete_of(session, labelled, context.witnesses))


def commit_batch(context: BatchContext, results: Sequence[BatchResult], engine: str | None = None) -> BatchCounts:
    """Label photos, store everything and finish their jobs, in one transaction. Returns what was counted.

    Results for jobs whose lease was lost are discarded. `engine`: what ran the network, for the run's record. Labels
    are computed within the transaction, so that no label is taught between labelling and committing.
    """
    with context.library.store.write() as session:
        held = jobs.still_held(session, [result.job.job_id for result in results], context.owner)
        commit = _Commit(context, session)
        for result in results:
            if result.job.job_id in held:
                commit.take(result)
        counts = commit.finish()
        runs.count_run(
            session,
            context.run_id,
            labelled=counts.labelled,
            classified=counts.classified,
            failed=counts.failed,
            engine=engine if counts.classified else None,
        )
        if context.node:
            now = context.library.clock.now()
            run_nodes.count_node(session, context.run_id, context.node, counts.labelled, now)
    return counts


class _Commit:
    """Collects results whose photos get labels, and stores those of all photos with a few statements at the end."""

    def __init__(self, context: BatchContext, session: Session) -> None:
        self._context = context
        self._session = session
        self._now = context.library.clock.now()
        self._counts = BatchCounts()
        self._extracted: list[Extracted] = []
        self._recalled: list[Recalled] = []
        self._twins: list[tuple[Job, Inspection, bytes, Seen]] = []
        self._rewritten: list[Job] = []
        self._complete: list[int] = []

    def take(self, result: BatchResult) -> None:
        """Store a result, or collect it for `finish`."""
        session, job = self._session, result.job
        match result:
            case Extracted():
                self._extracted.append(result)
            case Recalled():
                self._recalled.append(result)
            case TwinFound(inspection=seen):
                context = self._context
                twin = find_twin(
                    session, seen.fingerprint.size, seen.content_hash, context.labeller.model, context.witnesses
                )
                if twin is None:
                    # It was deleted meanwhile: decode this photo after all.
                    jobs.postpone(session, job.job_id, 0)
                else:
                    known, features, evidence = twin
                    inspection = replace(known, fingerprint=seen.fingerprint, fields=seen.fields)
                    self._twins.append((job, inspection, features, evidence))
            case PixelsUnchanged(inspection=inspection):
                self._take_unchanged(job, inspection)
            case FileGone():
                photos_gone(session, [job.photo_id], self._now)
                self._complete.append(job.job_id)
                self._counts.gone += 1
            case Postponed(not_before=not_before, isolated=isolated):
                jobs.postpone(session, job.job_id, not_before, isolated=isolated)
            case Unreadable(reason=reason, fingerprint=fingerprint):
                if fingerprint is not None:
                    # Only another state of the file brings it back.
                    set_fingerprint(session, job.photo_id, fingerprint)
                jobs.fail(session, job.job_id, reason)
                self._counts.failed += 1

    def _take_unchanged(self, job: Job, inspection: Inspection) -> None:
        """Store what a file tells whose pixels are as before; label it again if it tells of another kind of photo."""
        session, ids = self._session, [job.photo_id]
        kinds = kinds_of(session, job.photo_id)
        same_pixels(session, job.photo_id, inspection)
        features = reusable_features(session, ids, self._context.labeller.model).get(job.photo_id)
        if kinds == inspection.facts.kinds or features is None:
            self._rewritten.append(job)
        else:
            self._recalled.append(Recalled(job, features, seen_of(session, ids, self._context.witnesses)[job.photo_id]))

    def finish(self) -> BatchCounts:
        """Label the collected photos, store them, and queue their keywords."""
        context, session, counts = self._context, self._session, self._counts
        if self._extracted or self._recalled or self._twins:
            context.label_ids.remember(session)
        labelled = [result.job for result in self._extracted] + [result.job for result in self._recalled]
        labelled += [job for job, *_ in self._twins] + self._rewritten
        jobs.complete(session, *self._complete, *(job.job_id for job in labelled))
        keywords = self._save_seen() + self._save_recalled()
        if hooks := context.library.settings.hooks.names:
            queue_deliveries(session, hooks, [photo_id for photo_id, _ in keywords])
        # A program that rewrote the file may have dropped our keywords.
        keywords += [(job.photo_id, job) for job in self._rewritten]
        self._queue_keywords(keywords)
        counts.labelled = len(labelled)
        counts.classified = sum(result.inferred for result in self._extracted)
        return counts

    def _save_seen(self) -> list[tuple[int, Job]]:
        """Store facts, features and labels of extracted photos and twins; returns the photos, with their jobs."""
        if not self._extracted and not self._twins:
            return []
        context, session = self._context, self._session
        features = [to_bytes(result.features) for result in self._extracted]
        features += [features for _, _, features, _ in self._twins]
        looked = [(result.job, result.inspection, result.seen) for result in self._extracted]
        looked += [(job, inspection, seen) for job, inspection, _, seen in self._twins]
        # Twins share the kinds that the file tells, which are in their inspections.
        seen = [replace(seen, kinds=inspection.facts.kinds) for _, inspection, seen in looked]
        given = self._labels(features, seen)
        found = [
            (job, PhotoResult(job.photo_id, inspection, vector, labels, evidence))
            for (job, inspection, _), vector, labels, evidence in zip(looked, features, given, seen, strict=True)
        ]
        adopted = adopt(session, {result.photo_id: result.inspection for _, result in found})
        moved = [replace(result, photo_id=adopted[result.photo_id]) for _, result in found]
        save_results(session, context.label_ids, self._by(), moved, context.witnesses)
        return [(adopted[result.photo_id], job) for job, result in found]

    def _save_recalled(self) -> list[tuple[int, Job]]:
        """Store labels from stored features; returns the photos, with their jobs."""
        if not self._recalled:
            return []
        context, session = self._context, self._session
        given = self._labels([result.features for result in self._recalled], [result.seen for result in self._recalled])
        new = {result.job.photo_id: labels for result, labels in zip(self._recalled, given, strict=True)}
        relabel_photos(session, context.label_ids, self._by(), new)
        return [(result.job.photo_id, result.job) for result in self._recalled]

    def _by(self) -> LabelledBy:
        labeller = self._context.labeller
        return LabelledBy(labeller.model, self._now, labeller.taught(self._session))

    def _labels(self, features: Sequence[bytes], seen: Sequence[Seen]) -> list[tuple[Label, ...]]:
        evidence = [one.evidence() for one in seen]
        return self._context.labeller.labels_for(self._session, to_matrix(features), evidence)

    def _queue_keywords(self, photos: Sequence[tuple[int, Job]]) -> None:
        """Queue the writing of keywords, as urgent as the labelling was."""
        if self._context.library.settings.keywords.mode == "off":
            return
        for priority in {job.priority for _, job in photos}:
            ids = [photo_id for photo_id, job in photos if job.priority == priority]
            jobs.enqueue(self._session, ids, priority, kind=JobKind.KEYWORDS)
