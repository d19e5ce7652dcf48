"""Rows to test the store with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from tagger.core.photo import Fingerprint, Inspection, Label, Origin, PhotoFacts
from tagger.store.labels import LabelIds, LabelledBy
from tagger.store.models import Model, ensure_model
from tagger.store.photos import add_photos
from tagger.store.results import PhotoResult, save_results
from tagger.store.roots import Root, add_root

NOW = 1_700_000_000.0


def fingerprint(number: int, *, size: int | None = None) -> Fingerprint:
    return Fingerprint(1000 + number if size is None else size, 1_600_000_000_000_000_000 + number, number, number)


def root(session: Session, path: str = "/photos") -> Root:
    return add_root(session, path, NOW)


def model(session: Session, name: str = "0123456789abcdef") -> Model:
    return ensure_model(session, name, "mobilenet_v2", hashlib.sha256(name.encode()).hexdigest(), 1, NOW)


def add(session: Session, where: Root, *paths: str, first: int = 1, settle: float = 5.0) -> list[int]:
    files = [(path, fingerprint(number)) for number, path in enumerate(paths, first)]
    return add_photos(session, where.id, files, NOW, settle)


def label(name: str, confidence: float = 0.9, *, key: str = "", shown: bool = True, rank: int = 1) -> Label:
    return Label(key or f"rule:{name}", name, confidence, rank, Origin.MODEL, shown)


def save(session: Session, photo_id: int, by: Model, labels: Sequence[Label], *, number: int = 1) -> Inspection:
    """Save a photo's result as the pipeline does. `number` decides file, bytes and pixels."""
    seen = inspection(number)
    features = np.full(8, number, "<f2").tobytes()
    save_results(session, LabelIds(), LabelledBy(by, NOW), [PhotoResult(photo_id, seen, features, labels)])
    return seen


def inspection(number: int) -> Inspection:
    content = hashlib.blake2b(b"content %d" % number, digest_size=16).digest()
    pixels = hashlib.blake2b(b"pixels %d" % number, digest_size=16).digest()
    facts = PhotoFacts("JPEG", 640, 480, "2019-06-01T12:30:00")
    return Inspection(fingerprint(number), content, pixels, facts)
