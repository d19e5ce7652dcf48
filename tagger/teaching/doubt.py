"""Whether a taught label may go to the photos of the library, or a person has to look at some of them first."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from tagger.store import taught_labels
from tagger.store.examples import Example, Kind, examples_of
from tagger.store.models import Model
from tagger.store.taught_labels import Taught
from tagger.teaching.measure import LEAST, Scored
from tagger.teaching.report import Report

# A label may go to this share of a library before anybody looked, but not to more photos than were given as examples.
_SHARE = 0.05
# A label that was on may come to so many times as large a part of a library before a person is asked again.
_GROWTH = 1.25
# A library is known if at most this part of it was judged by nobody: it is compared with as it is.
_REST = 1 / 8
# So many photos are shown at a time.
_SHOWN = 20


def is_known(judged: int, library: int) -> bool:
    """Whether a person judged nearly all of a library's photos, or there are none."""
    return library - judged <= _REST * library


@dataclass(frozen=True, slots=True)
class Spread:
    """How a label would spread in a library of `library` photos, of which a person judged `judged`.

    `photos`: would get it; of these `unlooked` were judged by nobody, and `right` were said to be right.
    """

    library: int
    judged: int
    photos: int
    unlooked: int
    right: int


def spread(scored: Scored, threshold: float, examples: Iterable[Example]) -> Spread:
    """How a label with a threshold would spread, by the library's scores."""
    there = set(scored.ids.tolist())
    said = {one.photo_id: one.kind for one in examples if one.kind is not Kind.SAMPLED and one.photo_id in there}
    found = scored.above(threshold).keys()
    kinds = [said[number] for number in found if number in said]
    return Spread(len(there), len(said), len(found), len(found) - len(kinds), kinds.count(Kind.YES))


def why_look(found: Spread, report: Report, accepted: float) -> str:
    """Why a person has to look before the label is given, for people; empty if that is not needed.

    `accepted`: the share of the library that had it before.
    """
    if not found.library and not accepted:
        return "there are no photos in the library yet that it could be compared with"
    enough = report.looked >= LEAST or is_known(found.judged, found.library)
    few = max(LEAST, found.right, min(report.yes, _SHARE * found.library))
    share = found.photos / max(found.library, 1)
    if enough or found.unlooked <= few or share <= _GROWTH * accepted:
        return ""
    return (
        f"it would go to {found.photos:,} of {found.library:,} photos ({share:.0%}), and nobody has looked at "
        f"{found.unlooked:,} of them"
    )


def doubtful(scored: Scored, threshold: float, said: Set[int | None]) -> tuple[tuple[int, float], ...]:
    """Photos that a person should look at, the likeliest first, with their probabilities.

    They are evenly spread over those that would get the label, so that what is said of them holds for all; a few more
    are just below the threshold.
    """
    open_ = ~np.isin(scored.ids, np.array(sorted(number for number in said if number is not None), np.int64))
    ids, scores = scored.ids[open_], scored.scores[open_]
    order = np.argsort(-scores, kind="stable")
    over = int((scores >= threshold).sum())
    near = min(_SHOWN // 4, len(order) - over)
    places = np.unique(np.linspace(0, max(over - 1, 0), min(over, _SHOWN)).round().astype(np.int64)).tolist()
    chosen = [order[place] for place in [*places, *range(over, over + near)]]
    return tuple((int(ids[one]), float(scores[one])) for one in chosen)


def open_questions(session: Session, label: Taught, model: Model) -> tuple[list[tuple[int, float]], float]:
    """The photos that a person should look at and said nothing of yet, with probabilities, and the threshold."""
    trained = taught_labels.trained(session, label).get(model.id)
    if trained is None:
        return [], 1.0
    said = {one.photo_id for one in examples_of(session, label) if one.kind is not Kind.SAMPLED}
    photos = [(number, share) for number, share in trained.report.get("doubtful", ()) if number not in said]
    return photos, 1.0 if trained.head is None else trained.head.threshold
