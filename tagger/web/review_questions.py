"""What the review asks: the doubtful photos of labels that were taught, and how many questions there are."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from tagger.core import events
from tagger.core.clock import Clock
from tagger.core.errors import TaggerError
from tagger.labels.review import Uncertain, count_uncertain
from tagger.store.counts import main_model
from tagger.store.taught_labels import all_taught
from tagger.teaching.doubt import open_questions

if TYPE_CHECKING:
    from tagger.web.context import WebContext

_LOG = logging.getLogger("tagger")
# More are not counted; nobody answers them in one go.
MOST = 100
_FRESH = 30.0


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


def count_questions(context: WebContext) -> int:
    """How many questions the review has, up to `MOST`. Raises StoreError, ModelError."""
    number = len(of_taught(context, "", set()))
    if number < MOST:
        with context.reader() as reader:
            number += count_uncertain(reader, context.policy, MOST - number)
    return min(number, MOST)


class ReviewCount:
    """How many questions wait, for every page's navigation: counted beside, so that no page waits for it."""

    def __init__(self, count: Callable[[], int], clock: Clock) -> None:
        self._count = count
        self._clock = clock
        self._counting = threading.Lock()
        self._known: tuple[float, int] | None = None

    def last(self) -> int:
        """How many there were a moment ago; 0 while that is not known yet."""
        known = self._known
        if known is None or self._clock.monotonic() - known[0] > _FRESH:
            threading.Thread(target=self.now, name="review-count", daemon=True).start()
        return 0 if known is None else known[1]

    def now(self) -> int:
        """Count them; where somebody does so already, as many as there were."""
        if self._counting.acquire(blocking=False):
            try:
                self._known = self._clock.monotonic(), self._count()
            except (TaggerError, OSError) as error:
                # Without a library there is nothing to review.
                _LOG.debug(events.PAGE_WAITS(why=str(error)))
                self._known = self._clock.monotonic(), 0
            finally:
                self._counting.release()
        return 0 if self._known is None else self._known[1]

    def forget(self) -> None:
        """Something was answered: it is counted again when a page asks."""
        if self._known is not None:
            self._known = -_FRESH, self._known[1]
