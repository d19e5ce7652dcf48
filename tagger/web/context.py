"""What the handlers of requests share, for as long as the server runs: the library, its settings, its helpers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.orm import Session
from starlette.requests import Request

from tagger.core import events
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.config_origins import Setting, settings_with_origins
from tagger.core.errors import TaggerError, UnknownPhotoError
from tagger.core.languages import LanguageCode
from tagger.core.progress import Callbacks
from tagger.core.sentences import Sentence
from tagger.labels import taxonomy
from tagger.labels.labeller import policy_for, show_threshold
from tagger.labels.policy import Policy
from tagger.labels.relabel_request import is_due, relabel_due
from tagger.pipeline.on_demand import OnDemandLabeller
from tagger.search.facets import Facets
from tagger.search.feature_index import FeatureIndex
from tagger.search.likeness import sentence_index
from tagger.search.looks import Describer
from tagger.search.sentence_index import SentenceIndex
from tagger.search.sentence_vectors import SentenceVectors
from tagger.search.similar import Similar, similar_to_photo
from tagger.service import control
from tagger.service.status import overview
from tagger.store import records
from tagger.store.counts import LabelCount, count_labels, main_model
from tagger.store.covers import Cover, label_covers
from tagger.store.library import Library
from tagger.store.lock import work_lock
from tagger.store.models import Model
from tagger.store.reader import Reader, open_reader
from tagger.store.records import PhotoRecord
from tagger.store.session import Store, open_store
from tagger.store.sizes import photos_there
from tagger.store.timeline import Timeline, timeline_of
from tagger.web.duplicate_groups import DuplicateGroups
from tagger.web.login import Login
from tagger.web.pictures import Pictures
from tagger.web.problems import ProblemError
from tagger.web.remembered import Remembered, RememberedFew
from tagger.web.review_questions import FRESH as QUESTIONS_FRESH
from tagger.web.review_questions import count_questions
from tagger.web.schemas_work import StatusOut
from tagger.web.status_view import History, describe
from tagger.web.tasks import Tasks
from tagger.web.token_check import Tokens

_LOG = logging.getLogger("tagger")
# Counting a library takes a third of a second for a million photos; what took longer than this is done beside.
_AT_ONCE = 0.05
# After a correction somebody looks for the new label at once, and may wait so long.
_SOON = 1.0
_FRESH = 10.0
# A label's picture may be an old one for a while.
_COVERS_FRESH = 60.0
# Seconds for which what takes long to count in a large library stays; and of so many results.
_SLOW_FRESH, _RESULTS = 30.0, 32
_STATUS_FRESH = 1.0
# Looking may take a twentieth of a core.
_STATUS_PAUSE = 20
_SAMPLE_SECONDS = 60.0
_TIDY_SECONDS = 2.0
# A million photos are compared in less than a second, but gathered in a minute, the first time.
_COMPARING_SECONDS = 8.0
_COMPARING_PAUSE = 3

_Answer = TypeVar("_Answer")
# Reads the settings with where each comes from.
Tell = Callable[[], tuple[Settings, list[Setting]]]


class WebContext:
    """The library that is served. `load` reads the settings, again when some were changed here; `tell` their origins.

    It may be there or not yet: whatever needs it raises NoLibraryError until it is. `beside`: a service that labels
    runs on this machine.
    """

    def __init__(
        self,
        load: Callable[[], Settings],
        clock: Clock | None = None,
        *,
        tell: Tell = settings_with_origins,
        beside: bool = False,
    ) -> None:
        self._load, self._tell = load, tell
        self.settings = load()
        self.told = tell()[1]
        self.clock = clock or SystemClock()
        self.login = Login(self.settings.web.password_hash, self.settings.data_dir, self.clock)
        self.tokens = Tokens(lambda: self.store, self.clock)
        self.tasks = Tasks()
        self.duplicates = DuplicateGroups()
        # Two would take the caches and the memory from the network, however far they step back.
        self.pictures = Pictures(self.settings, self.clock, 1 if beside else 2)
        self.timeline = Remembered(self._timeline, self.clock, _SLOW_FRESH)
        self.photos = Remembered(self._photos, self.clock, _SLOW_FRESH)
        self.model = Remembered(self._model, self.clock, _SLOW_FRESH)
        # What is in results, and their months, by query.
        self.facets: RememberedFew[Facets | None] = RememberedFew(self.clock, _SLOW_FRESH, _RESULTS)
        self.months: RememberedFew[Timeline | None] = RememberedFew(self.clock, _SLOW_FRESH, _RESULTS)
        self.covers = Remembered(self._covers, self.clock, _COVERS_FRESH)
        self.looker = self._new_looker()
        self.fetched: tuple[int, int | None] | None = None
        self.to_review = Remembered(lambda: count_questions(self), self.clock, QUESTIONS_FRESH)
        self._store: Store | None = None
        self._opening = threading.Lock()
        self._counts: tuple[float, list[LabelCount]] | None = None
        self._counting = threading.Lock()
        self._counting_took = 0.0
        self._forgotten = 0
        self._looking = threading.Lock()
        self._status: tuple[float, StatusOut] | None = None
        self._history = History()
        self._sampled = 0.0
        # One at a time: each comparison takes every core.
        self._comparing = ThreadPoolExecutor(1, thread_name_prefix="similar")
        self._index: FeatureIndex | None = None
        self._preparing = ThreadPoolExecutor(1, thread_name_prefix="sentences")
        self._sentences: SentenceIndex | None = None
        self._gathered = 0, 0
        self._prepared_so_far = 0, 0
        self._stopping = threading.Event()
        self._tidier = threading.Thread(target=self._tidy, name="tidy", daemon=True)

    def start(self) -> None:
        """Start the housekeeping: idle child processes are ended, the picture cache is trimmed."""
        self._tidier.start()

    def close(self) -> None:
        """End what was started."""
        self._stopping.set()
        self.tasks.close()
        self.pictures.close()
        self.looker.close()
        self._comparing.shutdown(cancel_futures=True)
        self._preparing.shutdown(cancel_futures=True)
        if self._store is not None:
            self._store.close()

    def reload(self) -> None:
        """Read the settings again. Raises ConfigError, and then the old ones stay."""
        self.settings = self._load()
        self.told = self._tell()[1]
        looker, self.looker = self.looker, self._new_looker()
        looker.close()

    @property
    def store(self) -> Store:
        """The open library. Raises NoLibraryError, StoreError."""
        with self._opening:
            if self._store is None:
                self._store = open_store(self.settings)
            return self._store

    @property
    def library(self) -> Library:
        """The open library with its settings. Raises NoLibraryError, StoreError."""
        return Library(self.store, self.settings, self.clock)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """The library as searches read it. Raises NoLibraryError, StoreError."""
        # The store also brings an older library up to date, once.
        with open_reader(self.settings, self.store) as reader:
            yield reader

    @contextmanager
    def photo(self, photo_id: int) -> Iterator[tuple[Session, PhotoRecord]]:
        """The photo of an id, and a session to read more of it. Raises UnknownPhotoError."""
        with self.store.read() as session:
            record = records.photo_by_id(session, photo_id)
            if record is None:
                raise UnknownPhotoError(f"Photo {photo_id}")
            yield session, record

    @property
    def show_threshold(self) -> float:
        """The probability that shows a label in this library. Raises ModelError."""
        return show_threshold(self.settings, self.model.get())

    @property
    def policy(self) -> Policy:
        """The label policy of the model that labelled most of this library. Raises ConfigError, ModelError."""
        return policy_for(self.settings, self.model.get())

    def settings_in(self, code: LanguageCode) -> Settings:
        """The settings for a visitor who asks for labels in a language."""
        labels = self.settings.labels.model_copy(update={"language": code})
        return self.settings.model_copy(update={"labels": labels})

    def record(self, photo_id: int) -> PhotoRecord:
        """The photo of an id. Raises UnknownPhotoError."""
        with self.photo(photo_id) as (_, record):
            return record

    def label_counts(self) -> list[LabelCount]:
        """What the library contains, by English names. In a large one it may be of some seconds ago."""
        known = self._counts
        age = 0.0 if known is None else self.clock.monotonic() - known[0]
        if known is None or (age > 0 and self._counting_took <= _AT_ONCE):
            return self._count()
        if age > _FRESH and not self._counting.locked():
            threading.Thread(target=self._count, name="count", daemon=True).start()
        return known[1]

    def forget_counts(self) -> None:
        """Drop the cached counts after labels changed."""
        self._forgotten += 1
        self.covers.forget()
        self.facets.forget()
        if self._counting_took <= _SOON:
            self._counts = None
        elif self._counts is not None:
            self._counts = -_FRESH, self._counts[1]

    def status(self) -> StatusOut:
        """What is going on; of a second ago, or in a large library some seconds, however many ask."""
        with self._looking:
            now = self.clock.monotonic()
            if self._status is None or now >= self._status[0]:
                found = overview(self.store, self.settings, 0)
                status = describe(found, self.settings, self._history, self.clock.now())
                took = self.clock.monotonic() - now
                self._status = now + max(_STATUS_FRESH, _STATUS_PAUSE * took), status
            return self._status[1]

    def similar(self, photo_id: int, limit: int) -> list[Similar]:
        """The photos that look most like one, as `tagger similar` finds them; none where it has no features yet.

        Raises UnknownPhotoError, and ProblemError (503, with Retry-After) while features are still gathered.
        """
        record = self.record(photo_id)
        answer = self._comparing.submit(self._similar, record, limit)
        return _soon(answer, _COMPARING, lambda: self._gathered)

    def describer(self, reader: Reader, code: LanguageCode) -> Describer:
        """What answers the descriptions of a search in a language.

        Its use raises StoreError, WeightsError, and ProblemError (503, with Retry-After) while photos are prepared
        for descriptions, which is done once.
        """
        return Describer(self.settings_in(code), reader, index=self._sentence_index, vectors=self._vectors)

    def _sentence_index(self) -> SentenceIndex:
        """The index, which stays open; another one after `tagger train words`. Raises WeightsError."""
        found = sentence_index(self.settings, self.clock)
        if self._sentences is None or self._sentences.towers.version != found.towers.version:
            self._sentences = found
        return self._sentences

    def _vectors(self, index: SentenceIndex) -> SentenceVectors:
        """The library's vectors; those that are missing are computed beside, so that the request can say so."""
        answer = self._preparing.submit(self._prepared, index)
        return _soon(answer, _DESCRIBING, lambda: self._prepared_so_far)

    def _prepared(self, index: SentenceIndex) -> SentenceVectors:
        with self.reader() as reader:
            return index.vectors(reader, Callbacks(self._note_prepared, stop=self._stopping.is_set))

    def _note_prepared(self, done: int, total: int) -> None:
        self._prepared_so_far = done, total

    def _similar(self, record: PhotoRecord, limit: int) -> list[Similar]:
        if record.labelled_by is None:
            return []
        if self._index is None:
            self._index = FeatureIndex(self.library)
        return similar_to_photo(self._index, record, limit, Callbacks(self._note_gathered)) or []

    def _note_gathered(self, done: int, total: int) -> None:
        if self._stopping.is_set():
            # The server ends, and would wait for the features to be gathered.
            raise CancelledError
        self._gathered = done, total

    @property
    def is_closing(self) -> bool:
        """Whether the server is about to end."""
        return self._stopping.is_set()

    def labels_changed(self) -> None:
        """Labels of photos changed: counts are old, and keywords wait to be written."""
        self.forget_counts()
        self.to_review.forget()
        if self.settings.keywords.mode != "off":
            self.wake_service()

    def wake_service(self) -> bool:
        """Tell the running service that something was queued; False if none runs."""
        return control.wake(self.settings.data_dir)

    def _count(self) -> list[LabelCount]:
        # Opening the store, the first time, is no part of how long counting takes.
        with self._counting, self.store.read() as session:
            started, forgotten = self.clock.monotonic(), self._forgotten
            found = count_labels(session)
            now = self.clock.monotonic()
            self._counting_took = now - started
            # What changed while it was counted may be missing in it.
            is_fresh = forgotten == self._forgotten
            if is_fresh or self._counting_took > _SOON:
                self._counts = now if is_fresh else -_FRESH, found
            return found

    def _timeline(self) -> Timeline:
        with self.reader() as reader:
            return timeline_of(reader)

    def _photos(self) -> int:
        with self.reader() as reader:
            return photos_there(reader)

    def _model(self) -> Model | None:
        with self.store.read() as session:
            return main_model(session)

    def _covers(self) -> dict[str, Cover]:
        """A picture for each label. The rarest choose first: a wide one has others left."""
        keys = [label.key for label in reversed(self.label_counts()) if label.shown]
        with self.reader() as reader:
            return label_covers(reader, keys)

    def _new_looker(self) -> OnDemandLabeller:
        def on_download(done: int, total: int | None) -> None:
            self.fetched = done, total

        return OnDemandLabeller(self.settings, on_download, self.clock)

    def _tidy(self) -> None:
        try:
            # Before somebody waits for it: the words of the first search, and the counts.
            taxonomy.load().find("animal")
            self.covers.get()
            self.to_review.get()
        except (TaggerError, OSError) as error:
            _LOG.debug(events.PAGE_WAITS(why=str(error)))
        while not self._stopping.wait(_TIDY_SECONDS):
            self.pictures.rest()
            self.looker.rest()
            try:
                self._sample()
                self._relabel()
            except (TaggerError, OSError) as error:
                # Without a library, with a locked one, or while another tagger is at work: it is tried again.
                _LOG.debug(events.PAGE_WAITS(why=str(error)))

    def _sample(self) -> None:
        """Add to the speed history while no page asks for the status."""
        if self.clock.now() - self._sampled >= _SAMPLE_SECONDS:
            self._sampled = self.clock.now()
            self.status()

    def _relabel(self) -> None:
        """Apply changed rules where no service runs that does it."""
        settings = self.settings
        if not is_due(settings.data_dir):
            return
        # A service that runs holds the lock.
        with work_lock(settings.data_dir, "web"):
            relabel_due(self.library, Callbacks(stop=self._stopping.is_set))
        self.forget_counts()


# That something is not ready yet, and what to do.
_COMPARING = (
    Sentence("The library is being prepared for comparing photos."),
    Sentence("It is done once; the page asks again by itself."),
)
_DESCRIBING = (
    Sentence("The library is being prepared for searching by descriptions."),
    Sentence("It is done once; ask again in a moment."),
)


def _soon(answer: Future[_Answer], told: tuple[Sentence, Sentence], so_far: Callable[[], tuple[int, int]]) -> _Answer:
    """An answer, or that it is not ready yet. `told`: how that is said; `so_far`: photos done, and in all.

    Raises ProblemError (503, with Retry-After).
    """
    try:
        return answer.result(_COMPARING_SECONDS)
    except FutureTimeoutError:
        answer.cancel()
    done, total = so_far()
    detail, cure = told
    if total:
        detail = Sentence("{what} So far: {share} %.", what=detail, share=f"{100 * done / total:.0f}")
    raise ProblemError(503, detail, cure, {"Retry-After": str(_COMPARING_PAUSE)})


def context_of(request: Request) -> WebContext:
    """What the handlers of requests share."""
    context: WebContext = request.app.state.context
    return context
