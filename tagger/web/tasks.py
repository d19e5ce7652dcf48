"""Work that a request starts and does not wait for: one after the other, with progress, told until the server ends."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

from tagger.core import events
from tagger.core.errors import TaggerError
from tagger.core.progress import Callbacks
from tagger.core.sentences import Sentence
from tagger.web.problems import Fault, ProblemError, of_error

_LOG = logging.getLogger("tagger")
# What waits, and what is told of afterwards.
_WAITING, _KEPT = 20, 100
State = Literal["waiting", "running", "done", "failed"]
Work = Callable[[Callbacks], BaseModel]


@dataclass(slots=True)
class Task:
    """A piece of work. `kind`: what it does. `done` of `total`: how far it is. `result` if it is done, else `fault`."""

    id: int
    kind: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    result: BaseModel | None = None
    fault: Fault | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def note(self, done: int, total: int) -> None:
        """Keep how far it is."""
        self.done, self.total = done, total


class Tasks:
    """What was started. One is done at a time: each may take every core, or the lock of what it writes to."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="task")
        self._lock = threading.Lock()
        self._tasks: OrderedDict[int, Task] = OrderedDict()
        self._last = 0
        self._stopping = threading.Event()

    def start(self, kind: str, work: Work) -> Task:
        """Do some work as soon as what was started before is done. Raises ProblemError (429) if too much waits."""
        with self._lock:
            if sum(not one.ended.is_set() for one in self._tasks.values()) >= _WAITING:
                raise ProblemError(
                    429, Sentence("Too much was started already and waits."), headers={"Retry-After": "60"}
                )
            self._last += 1
            task = self._tasks[self._last] = Task(self._last, kind)
            while len(self._tasks) > _KEPT:
                self._tasks.popitem(last=False)
        self._pool.submit(self._run, task, work)
        return task

    def find(self, number: int) -> Task:
        """What was started under a number. Raises ProblemError (404) if there is nothing, or not any more."""
        with self._lock:
            task = self._tasks.get(number)
        if task is None:
            raise ProblemError(
                404,
                Sentence("Nothing was started under this number."),
                Sentence("It is forgotten when the server ends."),
            )
        return task

    def close(self) -> None:
        """End what runs at the next place where nothing is half done, and start nothing more."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, task: Task, work: Work) -> None:
        task.state = "running"
        try:
            task.result = work(Callbacks(task.note, stop=self._stopping.is_set))
            task.state = "done"
        except TaggerError as error:
            task.fault, task.state = of_error(error), "failed"
        except ProblemError as error:
            task.fault, task.state = error.fault, "failed"
        except Exception as error:  # noqa: BLE001 - whoever waits for it shall know; what it was is in the log
            _LOG.exception(events.TASK_FAILED(task=task.kind, why=str(error)))
            task.fault, task.state = (
                Fault(500, Sentence("Something went wrong in tagger; its log says what.")),
                "failed",
            )
        finally:
            task.ended.set()
