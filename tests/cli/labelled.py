"""A library whose photos have the labels that a test gives them, made without any model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, Settings
from tagger.core.hashing import content_hash
from tagger.core.photo import Fingerprint, Inspection, JobKind, Label, Origin, PhotoFacts
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import scan_roots
from tagger.labels import taxonomy
from tagger.store import jobs
from tagger.store.labels import LabelIds, LabelledBy
from tagger.store.library import Library
from tagger.store.models import ensure_model
from tagger.store.results import PhotoResult, enqueue_stale, save_results
from tagger.store.session import Store, open_store

Naming = Callable[[str], Sequence[str]] | Sequence[str]


def label_all(
    data_dir: Path, folder: Path, names: Naming, *, model: str = "0123456789abcdef", follow: bool = False
) -> int:
    """Look through a folder and give each photo labels as if a model had; returns how many photos were labelled.

    `names`: the labels of every photo, or of the photo at a path relative to the folder. Photos that are labelled are
    given new ones.
    """
    settings = Settings(data_dir=data_dir, intake=IntakeSettings(follow_symlinks=follow))
    clock = SystemClock()
    with open_store(settings, create=True) as store:
        roots = resolve_roots(store, [str(folder)], clock)
        scan_roots(Library(store, settings, clock), roots)
        return _label(store, folder, names, model)


def _label(store: Store, folder: Path, names: Naming, model: str) -> int:
    label_ids = LabelIds()
    with store.write() as session:
        by = ensure_model(session, model, "mobilenet_v2", hashlib.sha256(model.encode()).hexdigest(), 1, 1.7e9)
        enqueue_stale(session, by, None)
        claimed = jobs.claim(session, jobs.JobFilter(JobKind.LABEL), "test", 1_000_000, 4e9)
        for job in claimed:
            given = names(os.path.relpath(job.path.absolute, folder)) if callable(names) else names
            data = Path(job.path.absolute).read_bytes()
            inspection = Inspection(
                job.fingerprint,
                content_hash(data),
                hashlib.blake2b(b"pixels of " + data[-200:], digest_size=16).digest(),
                PhotoFacts("JPEG", 64, 48, "2019-06-01T12:30:00"),
            )
            features = np.zeros(8, "<f2").tobytes()
            labels = [label(name, 0.95 - number / 50, number + 1) for number, name in enumerate(given)]
            save_results(
                session, label_ids, LabelledBy(by, 1.7e9), [PhotoResult(job.photo_id, inspection, features, labels)]
            )
            jobs.complete(session, job.job_id)
    return len(claimed)


def label(name: str, confidence: float = 0.9, rank: int = 1) -> Label:
    """A shown label; one of the taxonomy's if there is one of this name."""
    keys: Mapping[str, str] = {known: key for key, known in taxonomy.load().names.items()}
    return Label(keys.get(name, f"rule:{name}"), name, confidence, rank, Origin.MODEL, shown=True)


def fingerprint_of(path: Path) -> Fingerprint:
    status = path.stat()
    return Fingerprint(status.st_size, status.st_mtime_ns)
