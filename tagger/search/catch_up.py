"""Bringing the sentence vectors up to date beside the labelling, so that a search by description finds them ready."""

from __future__ import annotations

import logging

from tagger.core import events
from tagger.core.errors import TaggerError
from tagger.core.progress import SILENT, Callbacks
from tagger.search.likeness import sentence_index
from tagger.search.towers import Towers
from tagger.store.library import Library
from tagger.store.reader import open_reader

_LOG = logging.getLogger("tagger")
# While many photos are labelled, vectors are computed after so many.
_EVERY = 5000


def catch_up(library: Library, callbacks: Callbacks = SILENT) -> None:
    """Compute the vectors of photos that were labelled since the last time. Opens no photo.

    What goes wrong is logged: labels are stored all the same, and the next search tries again.
    """
    try:
        with open_reader(library.settings, library.store) as reader:
            sentence_index(library.settings, library.clock).vectors(reader, callbacks)
    except (TaggerError, OSError) as error:
        _LOG.warning(events.SEARCH_NOT_PREPARED(why=str(error)))
    finally:
        # An idle service is small.
        Towers.forget()


class CatchingUp:
    """Catches up every few thousand photos; call it with how many are done so far."""

    def __init__(self, library: Library, callbacks: Callbacks = SILENT) -> None:
        self._library = library
        self._callbacks = callbacks
        self._done = 0

    def __call__(self, done: int) -> None:
        """So many photos are labelled now."""
        if done - self._done >= _EVERY:
            self._done = done
            catch_up(self._library, self._callbacks)
