"""Running photos through the child outside the queue, with a child that replies as it is told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagger.core.config import Settings, WebSettings
from tagger.core.errors import TaggerError, UsageError
from tagger.core.progress import Callbacks
from tagger.inference.head import Head
from tagger.inference.lookup import architecture
from tagger.inference.protocol import Outcome, Reply, Request, wire_features
from tagger.inference.worker_client import WorkerDiedError
from tagger.pipeline import on_demand
from tagger.pipeline.look import extract_features
from tagger.pipeline.on_demand import OnDemandLabeller
from tests.clock import Clock

WIDTH = 4


class Child:
    """Stands in for `WorkerClient`. A photo named `broken` cannot be decoded; one named `deadly` ends the child."""

    log_file = Path("worker.log")
    batch_size = 3
    # How many of them run, and the most photos that one had at once.
    running = 0
    busiest = 0

    def __init__(self) -> None:
        self._flight: deque[Sequence[Request]] = deque()
        self.requests: list[Request] = []
        self.runs = False
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    @property
    def has_room(self) -> bool:
        return len(self._flight) < 2

    @property
    def photos_in_flight(self) -> int:
        return sum(map(len, self._flight))

    def start(self) -> None:
        Child.running += not self.runs
        self.runs = True

    def close(self) -> None:
        Child.running -= self.runs
        self.runs = False

    def head(self) -> Head:
        return Head(np.eye(WIDTH, 1000, dtype=np.float32) * 50, np.zeros(1000, np.float32))

    def submit(self, requests: Sequence[Request]) -> None:
        self._flight.append(requests)
        self.requests += requests
        Child.busiest = max(Child.busiest, self.photos_in_flight)

    def replies(self, _timeout: float) -> list[Reply] | None:
        self.entered.set()
        assert self.go_on.wait(10)
        requests = self._flight.popleft()
        if any("deadly" in request.path for request in requests):
            self._flight.clear()
            self.close()
            raise WorkerDiedError("was ended by a segmentation fault")
        return [self._reply(request) for request in requests]

    def _reply(self, request: Request) -> Reply:
        if "broken" in request.path:
            return Reply(request.job_id, Outcome.FAILED, "the picture is damaged")
        [features] = wire_features(np.eye(1, WIDTH))
        return Reply(request.job_id, Outcome.FEATURES, features=features)


def test_many_photos_go_through_in_batches_and_keep_their_order() -> None:
    child: Any = Child()
    seen: list[tuple[int, int]] = []
    paths = [f"/{number}.jpg" for number in range(8)]
    replies = extract_features(child, paths, Callbacks(lambda done, total: seen.append((done, total))))
    assert [reply.job_id for reply in replies] == list(range(8))
    assert [request.path for request in child.requests] == paths
    assert seen[-1] == (8, 8)
    assert {request.min_age_seconds for request in child.requests} == {0.0}


def test_a_file_may_have_to_stand_still_first() -> None:
    child: Any = Child()
    extract_features(child, ["/a.jpg"], min_age_seconds=5.0)
    assert child.requests[0].min_age_seconds == 5.0


def test_a_stop_finishes_what_is_in_flight() -> None:
    child: Any = Child()
    replies = extract_features(child, ["/a.jpg"] * 9, Callbacks(stop=lambda: len(child.requests) >= 3))
    assert len(replies) == len(child.requests) == 3


def test_a_child_that_dies_is_an_error_for_people() -> None:
    child: Any = Child()
    with pytest.raises(TaggerError, match="looks at photos was ended by a segmentation fault") as caught:
        extract_features(child, ["/a.jpg", "/deadly.jpg"])
    assert "worker.log" in caught.value.cure


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    made: list[Child] = []

    class Weights:
        sha256 = "0" * 64

    class Chosen:
        model_id = "0123456789abcdef"
        architecture = architecture("mobilenet_v2", Path())
        weights = Weights()
        views = "squares"
        substitute = None

    def opened(*_: object) -> Child:
        made.append(Child())
        return made[-1]

    monkeypatch.setattr(on_demand, "choose_model", lambda *_, **__: Chosen())
    monkeypatch.setattr(on_demand, "WorkerClient", opened)
    Child.running = Child.busiest = 0
    return made


def settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, web=WebSettings(idle_seconds=60))


def test_threads_share_one_child_and_take_turns(tmp_path: Path, children: list[Child]) -> None:
    with OnDemandLabeller(settings(tmp_path)) as labeller:
        found: list[int] = []
        threads = [
            threading.Thread(target=lambda: found.append(len(labeller.explain("/a.jpg").labels))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(found) == 8
        assert labeller.is_ready
    assert len(children) == 1
    assert (Child.busiest, Child.running) == (1, 0)
    assert children[0].requests[0].min_age_seconds == 0


def test_a_labeller_that_was_closed_leaves_no_child_behind(tmp_path: Path, children: list[Child]) -> None:
    labeller = OnDemandLabeller(settings(tmp_path))
    labeller.explain("/a.jpg")
    labeller.close()
    # A request that began before the settings changed has more photos to ask about.
    assert labeller.explain("/b.jpg").labels
    assert (len(children), Child.running) == (2, 0)


def test_an_idle_child_is_ended_and_a_busy_one_is_not(tmp_path: Path, children: list[Child]) -> None:
    clock = Clock()
    labeller = OnDemandLabeller(settings(tmp_path), clock=clock)
    labeller.explain("/a.jpg")
    child = children[0]
    child.entered.clear()
    child.go_on.clear()
    busy = threading.Thread(target=labeller.explain, args=("/b.jpg",))
    busy.start()
    assert child.entered.wait(10)
    clock.time = 1000
    labeller.rest()
    child.go_on.set()
    busy.join(10)
    labeller.rest()
    assert Child.running == 1
    clock.time += 61
    labeller.rest()
    assert (Child.running, labeller.is_ready) == (0, False)
    labeller.explain("/c.jpg")
    labeller.close()


def test_what_cannot_be_labelled_on_demand_names_the_photo(tmp_path: Path, children: list[Child]) -> None:
    with OnDemandLabeller(settings(tmp_path)) as labeller:
        with pytest.raises(UsageError, match=r"mine\.jpg cannot be labelled: the picture is damaged"):
            labeller.explain("/tmp/broken", "mine.jpg")
        with pytest.raises(TaggerError, match=r"The process that looked at mine\.jpg was ended"):
            labeller.explain("/tmp/deadly", "mine.jpg")
        assert labeller.explain("/a.jpg").labels
    assert Child.running == 0
