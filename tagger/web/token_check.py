"""Programs that send a token instead of the password: whether it is one of ours, and what it may do."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tagger.core import events
from tagger.core.clock import Clock
from tagger.core.errors import NoLibraryError, StoreError
from tagger.core.sentences import Sentence
from tagger.store.session import Store
from tagger.store.tokens import PREFIX, Token, day_of, mark_used, token_of
from tagger.web.problems import ProblemError

_LOG = logging.getLogger("tagger")
# What takes photos.
UPLOADS = ("/api/classify", "/api/v1/classify", "/api/v1/vision/labels")
# What only looks at what is sent with it, though it is sent by POST.
_LOOKS = (*UPLOADS, "/api/v1/duplicates", "/api/v1/downloads")
_PREVIEW = "/preview"


class Tokens:
    """The tokens of the library that is served; `store` opens it."""

    def __init__(self, store: Callable[[], Store], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._marked: set[tuple[int, str]] = set()

    def find(self, sent: str) -> Token | None:
        """The token that was sent as a Bearer; None if it is none of ours. Raises StoreError."""
        if not sent.startswith(PREFIX):
            return None
        try:
            store = self._store()
        except NoLibraryError:
            return None
        with store.read() as session:
            token = token_of(session, sent)
        if token is not None:
            self._mark(store, token)
        return token

    def _mark(self, store: Store, token: Token) -> None:
        """Keep that it was used, once a day."""
        day = day_of(self._clock.now())
        if token.used_on == day or (token.id, day) in self._marked or store.read_only:
            return
        self._marked.add((token.id, day))
        try:
            with store.write() as session:
                mark_used(session, token.id, day)
        except StoreError as error:
            # What the program asks for is answered all the same.
            _LOG.debug(events.PAGE_WAITS(why=str(error)))


def check_scope(token: Token, method: str, path: str) -> None:
    """Whether a token may do this. `method`: GET for HEAD, too. Raises ProblemError (403)."""
    if not path.startswith("/api/"):
        raise ProblemError(403, Sentence("A token is for the API, and not for the pages."))
    looks = method in ("GET", "OPTIONS") or (method == "POST" and (path in _LOOKS or path.endswith(_PREVIEW)))
    if token.read_only and not looks:
        raise ProblemError(
            403,
            Sentence("This token may only read."),
            Sentence("Make one that may change things, too: tagger token create NAME"),
        )
