"""A folder tree walked by several machines: they read its folders ahead, and the walk takes them in its order.

It is the walk of one machine (`tagger.intake.walk`), which asks for each folder whether another one has read it. What
none could read, this one reads itself, so that what is wrong there is told as on one machine.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tagger import __version__
from tagger.cluster.connection import LOCAL, connected
from tagger.cluster.places import places_on
from tagger.core import events
from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, Settings
from tagger.core.paths import stored_path
from tagger.intake.folder import Listing, ScanProblem, SeenFile, read_part
from tagger.intake.ignore import Patterns
from tagger.intake.walk import walk
from tagger.system.filesystem import keeps_inodes, mounts_below

if TYPE_CHECKING:
    # Readers need no database.
    from tagger.intake.scan import Walker

_LOG = logging.getLogger("tagger")
# A task of Ray costs the driver about a millisecond, so small folders are read several at a time.
_ENOUGH_FILES = 5000
_ENOUGH_SECONDS = 0.2
# So many files and folders wait at most, about, that were read before the walk came to them.
_MOST_WAITING = 100_000
# Reading folders is waiting for a disk, mostly.
_READERS_A_CORE = 2
_MOST_READERS = 64
_ANSWER_SECONDS = 30.0

# Of the root and each mount below it: what tells whether two machines see the same there.
_View = tuple[tuple[object, ...], ...]


@contextmanager
def cluster_walk(settings: Settings) -> Iterator[Walker]:
    """How to walk folder trees with the cluster, for the length of the block; it is connected to when the first is."""
    with ExitStack() as stack:
        connection: list[Any] = []

        def walk_together(
            root: str, intake: IntakeSettings, on_problem: Callable[[ScanProblem], None], unread: list[str]
        ) -> Iterator[SeenFile]:
            if not connection:
                connection.append(stack.enter_context(connected(settings.cluster.address)))
            [ray] = connection
            told, view = ray.put(settings), _view(root)
            readers = _readers(ray, told, root, view)
            if not readers:
                return walk(root, intake, on_problem, unread)
            return walk(root, intake, on_problem, unread, elsewhere=_ReadAhead(ray, told, root, view, readers))

        yield walk if settings.cluster.address in ("", LOCAL) else walk_together


def _readers(ray: Any, told: Any, root: str, view: _View | None) -> list[str]:
    """The machines that see a root as this one does, by their names in Ray, as often as they may read at once."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0, max_retries=0)(_look)
    cores = {node["NodeID"]: int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]}
    asked = {
        look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(told, root): node
        for node, there in cores.items()
        if there
    }
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER_SECONDS) if asked else ([], [])
    turns = []
    for answer in answered:
        try:
            same = view is not None and ray.get(answer) == (__version__, view)
        except ray.exceptions.RayError as error:
            # It is told when it cannot label.
            _LOG.debug(events.CLUSTER_FAILED(), exc_info=error)
            continue
        if same:
            turns += [(turn, asked[answer]) for turn in range(cores[asked[answer]] * _READERS_A_CORE)]
    return [node for _, node in sorted(turns)][:_MOST_READERS]


def _view(place: str) -> _View | None:
    """What is to be seen of a root, and of other file systems below it; None where it is not there."""
    try:
        return tuple(_seen_at(place, name) for name in ("", *sorted(mounts_below(place))))
    except OSError:
        return None


def _seen_at(place: str, name: str) -> tuple[object, ...]:
    where = os.path.join(place, name)
    status = os.stat(where)
    kept = (status.st_ino, status.st_ctime_ns) if keeps_inodes(where) else ()
    return (name, status.st_mtime_ns, *kept)


def _place(settings: Settings, root: str) -> str:
    return places_on(settings, socket.gethostname()).get(root, root)


def _look(settings: Settings, root: str) -> tuple[str, _View | None]:
    """Runs on another machine: its version, and how it sees a root."""
    return __version__, _view(_place(settings, root))


_Rest = list[tuple[str, tuple[Patterns, ...]]]


def _read(
    settings: Settings, root: str, path: str, layers: tuple[Patterns, ...]
) -> tuple[tuple[_View | None, _Rest, int], dict[str, Listing]]:
    """Runs on another machine: reads a folder and some below it. Apart: how it sees the root, and what it left."""
    clock, place = SystemClock(), _place(settings, root)
    deadline = clock.monotonic() + _ENOUGH_SECONDS
    part = read_part(
        place, settings.intake, path, layers, lambda files: files >= _ENOUGH_FILES or clock.monotonic() > deadline
    )
    # Afterwards, because a disk may have gone away meanwhile.
    return (_view(place), part.rest, part.files + len(part.listings)), part.listings


@dataclass(slots=True)
class _Part:
    """A folder, and some below it, that another machine reads. `size`: of the listings, once it answered."""

    key: str
    path: str
    answer: Any
    listings: Any
    size: int = 0


class _ReadAhead:
    """Has folders read before the walk comes to them, as many at once as there are readers, the next ones first."""

    def __init__(self, ray: Any, told: Any, root: str, view: _View | None, readers: list[str]) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._ray = ray
        self._told = told
        self._root = root
        self._view = view
        # A machine that is lost is no longer asked: Ray gives its folders to others.
        where = [NodeAffinitySchedulingStrategy(node, soft=True) for node in readers]
        task = ray.remote(num_cpus=0, num_returns=2)(_read)
        self._tasks = itertools.cycle([task.options(scheduling_strategy=there) for there in where])
        self._most = len(readers)
        # Folders that are to be read, and by their paths the patterns around them.
        self._known: list[tuple[str, str]] = []
        self._around: dict[str, tuple[Patterns, ...]] = {}
        self._running: dict[Any, _Part] = {}
        self._parts: dict[str, _Part] = {}
        # Those of them that were answered, and how large they are together.
        self._waiting: list[tuple[str, str]] = []
        self._size = 0
        # What the walk will come to next.
        self._ready: dict[str, Listing] = {}
        self._reached = ""

    def __call__(self, path: str, layers: tuple[Patterns, ...]) -> Listing | None:
        """The folder that the walk is at; None if no other machine could read it."""
        self._reached = _key(path)
        if path not in self._ready:
            self._fetch(path, layers)
        self._go_on(0)
        return self._ready.pop(path, None)

    def _fetch(self, path: str, layers: tuple[Patterns, ...]) -> None:
        part = self._parts.get(path) or self._start(path, layers)
        while part.answer in self._running:
            self._go_on(None)
        self._forget(part)
        # What the walk passed by, it did not want: a link had led there before.
        self._ready = {other: listing for other, listing in self._ready.items() if _key(other) > self._reached}
        if part.size:
            try:
                self._ready |= self._ray.get(part.listings)
            except self._ray.exceptions.RayError as error:
                _LOG.debug(events.CLUSTER_FAILED(), exc_info=error)

    def _go_on(self, patience: float | None) -> None:
        """Take what was answered, after so many seconds at most (None: when something was), and ask for more."""
        if self._running:
            answered, _ = self._ray.wait(
                list(self._running), num_returns=1 if patience is None else len(self._running), timeout=patience
            )
            for answer in answered:
                self._note(answer, self._running.pop(answer))
        while self._waiting and (self._waiting[0][0] < self._reached or self._waiting[0][1] not in self._parts):
            _, path = heapq.heappop(self._waiting)
            if path in self._parts:
                self._forget(self._parts[path])
        while self._known and len(self._running) < self._most and self._is_wanted(self._known[0][0]):
            key, path = heapq.heappop(self._known)
            layers = self._around.pop(path)
            if key > self._reached and path not in self._parts:
                self._start(path, layers)

    def _is_wanted(self, key: str) -> bool:
        """Whether there is room, or what waits comes after this folder: the walk would find nothing read."""
        return self._size < _MOST_WAITING or not self._waiting or key < self._waiting[0][0]

    def _start(self, path: str, layers: tuple[Patterns, ...]) -> _Part:
        answer, listings = next(self._tasks).remote(self._told, self._root, path, layers)
        part = self._parts[path] = self._running[answer] = _Part(_key(path), path, answer, listings)
        return part

    def _note(self, answer: Any, part: _Part) -> None:
        try:
            view, rest, size = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            _LOG.debug(events.CLUSTER_FAILED(), exc_info=error)
            return
        if view != self._view:
            # The root changes when something is put into it.
            self._view = _view(self._root)
            if view is None or view != self._view:
                return
        part.size = size
        self._size += size
        heapq.heappush(self._waiting, (part.key, part.path))
        for path, layers in rest:
            if path not in self._around:
                heapq.heappush(self._known, (_key(path), path))
            self._around[path] = layers

    def _forget(self, part: _Part) -> None:
        del self._parts[part.path]
        self._size -= part.size


def _key(folder: str) -> str:
    """What folders are in a walk's order by."""
    return stored_path(folder) + "/" if folder else ""
