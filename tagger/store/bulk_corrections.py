"""Corrections of many photos at once, each kept with what it changed, so that it can be taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from tagger.core.errors import UsageError
from tagger.core.photo import Origin
from tagger.core.sentences import Sentence
from tagger.store import jobs, ledger
from tagger.store.page_tables import BulkCorrectionRow, CorrectedLabelRow
from tagger.store.tables import LabelRow, PhotoLabelRow, PhotoRow

# So many of the last can be taken back.
KEPT = 200


@dataclass(frozen=True, slots=True)
class LabelState:
    """What the database holds of a label on a photo: the columns of its row. `origin`: of `Origin`."""

    confidence: float
    rank: int
    origin: int
    shown: bool
    removed: bool
    model_id: int | None

    @property
    def is_right(self) -> bool:
        """Whether a person said that the photo shows it."""
        return not self.removed and self.origin == Origin.PERSON


def given(rank: int) -> LabelState:
    """The state of a label that a person added or confirmed."""
    return LabelState(1.0, rank, int(Origin.PERSON), shown=True, removed=False, model_id=None)


def kept_away() -> LabelState:
    """The tombstone of a label that a photo never had."""
    return LabelState(0.0, 0, int(Origin.PERSON), shown=True, removed=True, model_id=None)


@dataclass(frozen=True, slots=True)
class Changed:
    """A label of a photo before a correction and after it; None: it was not there."""

    photo_id: int
    label_id: int
    before: LabelState | None
    after: LabelState


@dataclass(frozen=True, slots=True)
class BulkCorrection:
    """A correction of many photos. `said`: the labels' names by what was said of them. Times: seconds, UTC."""

    id: int
    said: dict[str, list[str]]
    photos: int
    made_at: int
    undone_at: int | None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What taking a correction back did: photos that are as before, and photos that were corrected anew since.

    `relabel`: those of the first that were labelled anew since, whose labels must be worked out again.
    """

    photos: list[int]
    later: list[int]
    relabel: list[int]


def label_number(session: Session, key: str) -> int | None:
    """The row id of the label with a key; None if no photo ever had it."""
    return session.scalar(select(LabelRow.id).where(LabelRow.key == key))


def states_on(session: Session, photo_ids: Sequence[int]) -> dict[int, dict[int, tuple[str, LabelState]]]:
    """Of each photo the labels that it has or had taken away: row id of the label -> (key, state)."""
    rows = session.execute(
        select(PhotoLabelRow, LabelRow.key)
        .join(LabelRow, LabelRow.id == PhotoLabelRow.label_id)
        .where(PhotoLabelRow.photo_id.in_(photo_ids))
    )
    found: dict[int, dict[int, tuple[str, LabelState]]] = {photo_id: {} for photo_id in photo_ids}
    for row, key in rows:
        found[row.photo_id][row.label_id] = key, _state(row)
    return found


def store(session: Session, changes: Sequence[Changed]) -> None:
    """Give labels their new states; the keywords of their photos must be settled again."""
    _put(session, {(one.photo_id, one.label_id): one.after for one in changes})


def record(session: Session, said: dict[str, list[str]], changes: Sequence[Changed], now: float) -> int:
    """Keep what a correction changed; returns its id. The oldest are forgotten: `KEPT` of them can be taken back."""
    photos = len({one.photo_id for one in changes})
    row = BulkCorrectionRow(said=json.dumps(said, ensure_ascii=False), photos=photos, made_at=int(now), undone_at=None)
    session.add(row)
    session.flush()
    nothing = dict.fromkeys(LabelState.__dataclass_fields__)
    session.execute(
        insert(CorrectedLabelRow),
        [
            {
                "correction_id": row.id,
                "photo_id": one.photo_id,
                "label_id": one.label_id,
                "left_removed": one.after.removed,
                **(nothing if one.before is None else asdict(one.before)),
            }
            for one in changes
        ],
    )
    oldest = session.scalar(select(BulkCorrectionRow.id).order_by(BulkCorrectionRow.id.desc()).offset(KEPT).limit(1))
    if oldest is not None:
        session.execute(delete(BulkCorrectionRow).where(BulkCorrectionRow.id <= oldest))
    return row.id


def last_corrections(session: Session, limit: int) -> list[BulkCorrection]:
    """The last corrections of many photos, the newest first."""
    rows = session.scalars(select(BulkCorrectionRow).order_by(BulkCorrectionRow.id.desc()).limit(limit))
    return [_correction(row) for row in rows]


def take_back(session: Session, number: int, now: float) -> TakenBack:
    """Put the labels back that a correction changed, as they were before it.

    What a person said of a label since stays. Raises UsageError if there is no such correction, or it was taken back.
    """
    row = session.get(BulkCorrectionRow, number)
    if row is None:
        raise UsageError(
            Sentence("There is no such correction."),
            Sentence("The last {kept} corrections of many photos can be taken back.", kept=str(KEPT)),
        )
    if row.undone_at is not None:
        raise UsageError(Sentence("This correction was taken back already."))
    kept = session.scalars(select(CorrectedLabelRow).where(CorrectedLabelRow.correction_id == number)).all()
    back: dict[tuple[int, int], LabelState | None] = {}
    by_photo: dict[int, list[CorrectedLabelRow]] = {}
    for one in kept:
        by_photo.setdefault(one.photo_id, []).append(one)
    later: set[int] = set()
    for part in jobs.chunks(sorted(by_photo)):
        here = states_on(session, part)
        for one in (one for photo_id in part for one in by_photo[photo_id]):
            now_there = here[one.photo_id].get(one.label_id)
            if now_there is None or not _is_as_left(now_there[1], removed=one.left_removed):
                later.add(one.photo_id)
                continue
            back[one.photo_id, one.label_id] = None if one.confidence is None else _state(one)
    _put(session, back)
    row.undone_at = int(now)
    restored = sorted({photo_id for photo_id, _ in back})
    return TakenBack(restored, sorted(later), _labelled_since(session, restored, row.made_at))


def _is_as_left(state: LabelState, *, removed: bool) -> bool:
    return state.removed if removed else state.is_right


def _labelled_since(session: Session, photo_ids: Sequence[int], moment: int) -> list[int]:
    found: list[int] = []
    for part in jobs.chunks(photo_ids):
        found += session.scalars(select(PhotoRow.id).where(PhotoRow.id.in_(part), PhotoRow.labelled_at >= moment))
    return found


def _put(session: Session, states: Mapping[tuple[int, int], LabelState | None]) -> None:
    by_label: dict[int, list[int]] = {}
    for photo_id, label_id in states:
        by_label.setdefault(label_id, []).append(photo_id)
    for label_id, photos in by_label.items():
        for part in jobs.chunks(photos):
            session.execute(
                delete(PhotoLabelRow).where(PhotoLabelRow.label_id == label_id, PhotoLabelRow.photo_id.in_(part))
            )
    rows = [
        {"photo_id": photo_id, "label_id": label_id, **asdict(state)}
        for (photo_id, label_id), state in states.items()
        if state is not None
    ]
    if rows:
        session.execute(insert(PhotoLabelRow), rows)
    ledger.mark_settled(session, sorted({photo_id for photo_id, _ in states}), None)


def _state(row: PhotoLabelRow | CorrectedLabelRow) -> LabelState:
    values = {name: getattr(row, name) for name in LabelState.__dataclass_fields__}
    return LabelState(**values)


def _correction(row: BulkCorrectionRow) -> BulkCorrection:
    return BulkCorrection(row.id, json.loads(row.said), row.photos, row.made_at, row.undone_at)
