"""The parent's client of the child process that extracts features from photos.

The child is a fresh interpreter (`tagger.inference.processes.feature_worker`, never a fork). It starts on first use, is
killed when it stalls, and exits when the parent does. Paths go in, features come out.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from tagger.core import events
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import EngineError, StoreError, TaggerError, WeightsError
from tagger.inference.detector import why_no_detector
from tagger.inference.engine_specs import TENSORFLOW
from tagger.inference.head import Head, head_file
from tagger.inference.precision import Precision, Trial, computes_bfloat16, remember, remembered
from tagger.inference.protocol import Reply, Request, receive_replies, request_json
from tagger.inference.selection import words_model
from tagger.inference.weights import ChosenModel
from tagger.system import objects
from tagger.system.child_process import how_it_ended, last_words, receive, send, spawn
from tagger.system.machine import NO_TENSORFLOW, why_no_tensorflow
from tagger.system.scratch import scratch

_LOG = logging.getLogger("tagger")
LOG_FILE = "worker.log"
# The child decodes one batch while the other is in the network.
BATCHES_IN_FLIGHT = 2
# Importing TensorFlow and building a model takes 5 s on a desktop and most of a minute on a slow NAS.
_START_SECONDS = 300.0
_STARTS = 3
_USUAL_VIEWS = 2


class WorkerDiedError(Exception):
    """The child process ended or stalled during work. `how`: how it ended, for people."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class WorkerClient:
    """Runs the child. Use as a context manager: `submit` batches, and get their `replies` in the same order."""

    def __init__(
        self,
        settings: Settings,
        model: ChosenModel,
        clock: Clock | None = None,
    ) -> None:
        objects.use(settings.storage, settings.limits)
        self._settings = settings
        self._model = model
        self._head_file = head_file(settings.data_dir, model.model_id)
        if not self._head_file.exists():
            self._head_file = head_file(scratch(settings.data_dir), model.model_id)
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None
        self._in_flight: deque[int] = deque()
        self._last_word = 0.0
        self.log_file = scratch(settings.data_dir) / LOG_FILE
        self.about: dict[str, Any] = {}
        # What keeps networks beside the classifier from looking at photos, in sentences; each is logged once.
        self.faults: list[str] = []
        self.starts = 0

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The child's process id; None while it does not run."""
        return None if self._process is None else self._process.pid

    @property
    def engine(self) -> str | None:
        """What runs the network, such as "tensorflow 2.21.0 bfloat16 CPU"; None before the first start."""
        if not self.about:
            return None
        return " ".join(str(self.about[key]) for key in ("engine", "version", "precision", "device"))

    @property
    def batch_size(self) -> int:
        """How many photos a batch should have. The batches of the settings are of views, mostly two a photo."""
        views = _USUAL_VIEWS if self._model.views == "squares" else 1
        return max(1, self._settings.engine.batch_size // views)

    @property
    def photos_in_flight(self) -> int:
        """Number of photos that were submitted and not replied to."""
        return sum(self._in_flight)

    @property
    def has_room(self) -> bool:
        """Whether another batch may be submitted."""
        return len(self._in_flight) < BATCHES_IN_FLIGHT

    def head(self) -> Head:
        """The model's last layer, cached in a file so that relabelling needs no child process."""
        if not self._head_file.is_file():
            self.start()
        try:
            return Head.load(self._head_file)
        except WeightsError:
            # The file is only a cache: let the child write it again.
            self._head_file.unlink(missing_ok=True)
            self.close()
            self.start()
            return Head.load(self._head_file)

    def start(self) -> None:
        """Start the child unless it runs, and wait until the model is loaded.

        Raises ModelError if the child refuses the weights, EngineError if the child cannot be started, WorkerDiedError
        if it has died with photos in it.
        """
        if self._process is not None and self._process.poll() is None:
            return
        if self._in_flight:
            # A new child knows nothing of them: whoever submitted them must be told.
            how = self._how_it_died()
            self._kill()
            raise WorkerDiedError(how)
        self.close()
        lacks = why_no_tensorflow() if self._model.engine is TENSORFLOW else None
        if lacks is not None:
            raise EngineError(lacks, NO_TENSORFLOW)
        for attempt in range(1, _STARTS + 1):
            self._spawn()
            try:
                self._await_ready()
            except WorkerDiedError as died:
                self._kill()
                if attempt == _STARTS:
                    raise self._cannot_start(died) from died
            else:
                return

    def submit(self, requests: Sequence[Request]) -> None:
        """Send a batch to the child. Raises WorkerDiedError if it has died."""
        if self._channel is None:
            raise WorkerDiedError("is not running")
        try:
            send(self._channel, "batch", photos=[request_json(request) for request in requests])
        except OSError as error:
            raise WorkerDiedError(self._how_it_died()) from error
        if not self._in_flight:
            self._last_word = self._clock.monotonic()
        self._in_flight.append(len(requests))

    def replies(self, timeout: float) -> list[Reply] | None:
        """The next batch's replies, or None if they do not arrive within `timeout` seconds.

        Raises WorkerDiedError if the child has died, or was killed because it sent nothing for
        `engine.stall_seconds`.
        """
        if self._channel is None or not self._in_flight:
            raise WorkerDiedError("is not running")
        deadline = self._clock.monotonic() + timeout
        try:
            while self._channel.poll(max(0.0, deadline - self._clock.monotonic())):
                message = receive(self._channel)
                self._last_word = self._clock.monotonic()
                if message["kind"] == "replies":
                    found = receive_replies(message, self._channel)
                    self._in_flight.popleft()
                    return found
                if message["kind"] == "fault":
                    raise self._fault(message)
                if message["kind"] == "warning":
                    self._note([message["text"]])
                if message["kind"] == "trial":
                    self.about = message["about"]
                    with contextlib.suppress(OSError):
                        # If it cannot be stored, the next start tries again.
                        remember(self._settings.data_dir, self._model.model_id, Trial(**message["trial"]))
        except (EOFError, OSError, ValueError, KeyError, TypeError) as error:
            how = self._how_it_died()
            self._kill()
            raise WorkerDiedError(how) from error
        stall = self._settings.engine.stall_seconds
        if self._clock.monotonic() - self._last_word > stall:
            self._kill()
            raise WorkerDiedError(f"gave no sign of life for {stall:g} s and was ended")
        return None

    def close(self) -> None:
        """Stop the child and wait for its end."""
        if self._channel is not None:
            with contextlib.suppress(OSError):
                send(self._channel, "stop")
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._in_flight.clear()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.wait()
            self._process = None
        self._in_flight.clear()

    def _spawn(self) -> None:
        self._process, self._channel = spawn(
            "tagger.inference.processes.feature_worker", self._settings.data_dir, self.log_file
        )
        self._in_flight.clear()
        self.starts += 1
        engine, sidecars = self._settings.engine, self._settings.keywords.sidecar_folder
        trial = remembered(self._settings.data_dir, self._model.model_id)
        chosen = trial.precision if trial else Precision.FLOAT32
        send(
            self._channel,
            "load",
            engine=self._model.engine.name,
            architecture=self._model.architecture.name,
            data_dir=os.fspath(self._settings.data_dir),
            weights=os.fspath(self._model.weights.path),
            head_file=os.fspath(self._head_file),
            views=self._model.views,
            objects=self._looks_for_objects(),
            words=self._words(),
            batch_size=engine.batch_size,
            threads=engine.threads,
            max_cpu=engine.max_cpu,
            precision=chosen if engine.precision == "auto" else engine.precision,
            try_bfloat16=engine.precision == "auto" and trial is None and computes_bfloat16(),
            limits=self._settings.limits.model_dump(),
            sidecar_folder=None if sidecars is None else os.fspath(sidecars),
        )

    def _await_ready(self) -> None:
        channel = self._channel
        if channel is None:
            raise WorkerDiedError("is not running")
        try:
            if not channel.poll(_START_SECONDS):
                raise WorkerDiedError(f"was not ready after {_START_SECONDS:g} s")
            message = receive(channel)
        except (EOFError, OSError, ValueError) as error:
            raise WorkerDiedError(self._how_it_died()) from error
        if message["kind"] == "fault":
            raise self._fault(message)
        self.about = message["about"]
        self._note(message["faults"])

    def _looks_for_objects(self) -> bool:
        fault = why_no_detector() if self._settings.model.objects else ""
        if fault:
            self._note([f"{fault} So photos are labelled without."])
        return self._settings.model.objects and not fault

    def _words(self) -> dict[str, str] | None:
        """The file and the views of the network for everyday words, where it runs beside this model."""
        words = words_model(self._settings, self._model.architecture)
        return None if words is None else {"file": os.fspath(words.weights.path), "views": words.views}

    def _note(self, faults: Sequence[str]) -> None:
        for fault in faults:
            if fault not in self.faults:
                self.faults.append(fault)
                _LOG.warning(events.MODEL_WARNED(why=fault))

    def _fault(self, message: dict[str, Any]) -> TaggerError:
        """The fault that the child reported, as an exception: of the model, or of a full disk."""
        self.close()
        kind = {"WeightsError": WeightsError, "StoreError": StoreError}.get(message["error"], EngineError)
        return kind(message["message"], message["cure"])

    def _how_it_died(self) -> str:
        if self._process is None:
            return "is not running"
        return how_it_ended(self._process)

    def _cannot_start(self, died: WorkerDiedError) -> EngineError:
        tail = last_words(self.log_file)
        cure = f"See {self.log_file}, and run: tagger doctor"
        if "illegal instruction" in died.how:
            cure = f"This processor lacks instructions that it needs. {NO_TENSORFLOW}"
        return EngineError(f"The process that runs the model {died.how} {_STARTS} times in a row.{tail}", cure)
