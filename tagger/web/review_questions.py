"""What the review asks: the doubtful photos of labels that were taught, and how many questions there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagger.labels.review import Uncertain, count_uncertain
from tagger.store.counts import main_model
from tagger.store.taught_labels import all_taught
from tagger.teaching.doubt import open_questions

if TYPE_CHECKING:
    from tagger.web.context import WebContext

# More are not counted; nobody answers them in one go.
MOST = 100
# Seconds for which the number stays.
FRESH = 30.0


def of_taught(context: WebContext, key: str, passed: set[tuple[int, str]]) -> list[Uncertain]:
    """Photos that a person should look at for labels that were taught. `key`: only this label."""
    found = []
    with context.store.read() as session:
        model = main_model(session)
        for label in all_taught(session):
            if model is None or key not in ("", label.key):
                continue
            photos, threshold = open_questions(session, label, model)
            found += [
                Uncertain(number, label.key, label.name, share, shown=label.enabled and share >= threshold)
                for number, share in photos
                if (number, label.key) not in passed
            ]
    return found


def count_questions(context: WebContext, key: str = "") -> int:
    """How many questions the review has, up to `MOST`. `key`: of only this label. Raises StoreError, ModelError."""
    number = len(of_taught(context, key, set()))
    if number < MOST:
        with context.reader() as reader:
            number += count_uncertain(reader, context.policy, MOST - number, key=key)
    return min(number, MOST)
