"""The examples that labels are taught with: photos of the library and files outside of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from tagger.core.paths import disk_path, stored_path
from tagger.store.labels import SAID_BY_PERSON
from tagger.store.models import Model
from tagger.store.tables import LabelRow, PhotoLabelRow, TaughtExampleRow
from tagger.store.taught_labels import Taught


class Kind(StrEnum):
    """What an example says: shows the label; does not; was drawn from the library, and most likely does not."""

    YES = "yes"
    NO = "no"
    SAMPLED = "sampled"


@dataclass(frozen=True, slots=True)
class Example:
    """A photo of the library (`photo_id`), or a file outside (`path`, absolute, as the operating system spells it)."""

    kind: Kind
    photo_id: int | None = None
    path: str | None = None


def examples_of(session: Session, taught: Taught) -> list[Example]:
    """The examples that a label was taught with, overridden by what a person said of photos since."""
    rows = session.execute(
        select(TaughtExampleRow.photo_id, TaughtExampleRow.path, TaughtExampleRow.kind)
        .where(TaughtExampleRow.taught_id == taught.id)
        .order_by(TaughtExampleRow.id)
    )
    found: dict[int | str, Example] = {}
    for photo_id, path, kind in rows:
        example = Example(Kind(kind), photo_id, None if path is None else disk_path(path))
        found[photo_id if photo_id is not None else str(path)] = example
    for example in persons_examples(session, taught.key):
        if example.photo_id is not None:
            found[example.photo_id] = example
    return list(found.values())


def said_since(session: Session, taught: Taught) -> list[Example]:
    """What a person said of photos since a label was taught: examples that are new, or other than they were."""
    rows = session.execute(
        select(TaughtExampleRow.photo_id, TaughtExampleRow.kind).where(
            TaughtExampleRow.taught_id == taught.id, TaughtExampleRow.photo_id.is_not(None)
        )
    )
    before = {photo_id: Kind(kind) for photo_id, kind in rows}
    return [one for one in persons_examples(session, taught.key) if before.get(one.photo_id or 0) is not one.kind]


def persons_examples(session: Session, key: str) -> list[Example]:
    """The photos that a person gave the label with a key, and those that a person took it away from."""
    rows = session.execute(
        select(PhotoLabelRow.photo_id, PhotoLabelRow.removed)
        .join(LabelRow, LabelRow.id == PhotoLabelRow.label_id)
        .where(LabelRow.key == key, SAID_BY_PERSON)
        .order_by(PhotoLabelRow.photo_id)
    )
    return [Example(Kind.NO if removed else Kind.YES, photo_id) for photo_id, removed in rows]


def examples_hash(found: Iterable[Example]) -> str:
    """A text that identifies a set of examples, in any order."""
    digest = hashlib.blake2b(digest_size=16)
    for one in sorted(f"{one.kind} {one.photo_id} {stored_path(one.path or '')}" for one in found):
        digest.update(one.encode() + b"\n")
    return digest.hexdigest()


def put_examples(
    session: Session, taught: Taught, found: Sequence[Example], vectors: Mapping[str, bytes], model: Model
) -> None:
    """Replace the examples of a label. `vectors`: features of files outside the library, by path."""
    session.execute(delete(TaughtExampleRow).where(TaughtExampleRow.taught_id == taught.id))
    rows = [
        {
            "taught_id": taught.id,
            "photo_id": one.photo_id,
            "path": None if one.path is None else stored_path(one.path),
            "kind": one.kind.value,
            "model_id": model.id if one.path in vectors else None,
            "vector": None if one.path is None else vectors.get(one.path),
        }
        for one in found
    ]
    if rows:
        session.execute(insert(TaughtExampleRow), rows)


def outside_vectors(session: Session, taught: Taught, model: Model) -> dict[str, bytes]:
    """The features (bytes of float16) under a model of examples outside the library, by path."""
    rows = session.execute(
        select(TaughtExampleRow.path, TaughtExampleRow.vector).where(
            TaughtExampleRow.taught_id == taught.id,
            TaughtExampleRow.model_id == model.id,
            TaughtExampleRow.vector.is_not(None),
        )
    )
    return {disk_path(path): vector for path, vector in rows if path is not None and vector is not None}
