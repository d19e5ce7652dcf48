"""The child process that extracts features from photos; started by `tagger.inference.worker_client` only.

It has three kinds of threads. One reads the parent's messages and submits each photo to a pool. The pool's threads
read, hash, decode and resize. The main thread runs the network on one batch while the pool prepares the next. The
process exits when the parent does.
"""

from __future__ import annotations

import io
import itertools
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.clock import SystemClock
from tagger.core.config import KeywordSettings, LimitSettings
from tagger.core.errors import ModelError
from tagger.core.full_disk import full_disk, is_full
from tagger.core.os_words import why
from tagger.core.paths import shown_path
from tagger.core.photo import Inspection, PhotoFacts, PhotoFields
from tagger.imaging.decode import OpenPhoto, decode, hash_content, open_photo
from tagger.imaging.errors import DecodeError, DecodeFault
from tagger.imaging.faults import os_fault
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.metadata.fields import read_fields
from tagger.inference.engine_specs import ENGINES
from tagger.inference.engines import Engine, EngineOrder, TriesBfloat16
from tagger.inference.lookup import architecture
from tagger.inference.precision import UNFINISHED, Precision, Trial
from tagger.inference.processes.beside import Beside, mean_features
from tagger.inference.processes.found import Found, FoundLately
from tagger.inference.protocol import (
    BOXES,
    FEATURES,
    WORDS,
    Outcome,
    Reply,
    Request,
    request_from,
    send_replies,
    wire_features,
)
from tagger.inference.throttle import Throttle
from tagger.intake.settle import is_unsettled
from tagger.system.allocator import return_free_memory
from tagger.system.child_process import receive, send
from tagger.system.machine import memory, usable_cores, usable_threads

# So many photos are looked at by the networks beside the classifier together, as soon as they are decoded: what these
# see is three times what the classifier sees, and is not kept for a whole batch.
_BESIDE = 4
# So many photos are decoded before these networks have looked at them: a megabyte each. Several batches would be, while
# the classifier is at work. More than are looked at together, or nothing would be decoded meanwhile.
_AHEAD = 2 * _BESIDE
# The number of photos for the trial of bfloat16.
_TRIAL_PHOTOS = 128

# Megabytes for TensorFlow with a network, and for the activations of one photo of a batch: somewhat more than ResNet50
# in float32 needs (benchmarks/README.md).
_ENGINE_MB, _PHOTO_MB = 900, 16

_Try = Callable[[NDArray[np.uint8]], Trial]

_OUTCOMES = {
    DecodeFault.BROKEN: Outcome.FAILED,
    DecodeFault.TOO_BIG: Outcome.FAILED,
    DecodeFault.UNREADABLE: Outcome.FAILED,
    DecodeFault.CHANGED: Outcome.LATER,
    DecodeFault.UNAVAILABLE: Outcome.LATER,
    DecodeFault.GONE: Outcome.GONE,
    DecodeFault.MEMORY: Outcome.MEMORY,
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A decoded photo on its way to the networks. `inputs`: what each of them sees; empty if nothing is missing.

    `known`: what an identical picture showed shortly before.
    """

    reply: Reply
    inputs: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    wants: frozenset[str] = frozenset()
    known: Found = field(default_factory=Found)


class _Worker:
    def __init__(
        self, channel: Connection, load: dict[str, Any], engine: Engine, trial: _Try | None, beside: Beside
    ) -> None:
        self._channel = channel
        self._engine = engine
        self._trial = trial
        self._beside = beside
        # The classifier's is always the first: its pixels identify the picture.
        self._inputs = {FEATURES: NetworkInput(engine.architecture.input_size, load["views"]), **beside.inputs}
        self._batch_size = int(load["batch_size"])
        self._limits = LimitSettings.model_validate(load["limits"])
        self._keywords = KeywordSettings(sidecar_folder=load["sidecar_folder"])
        self._memory = FoundLately()
        self._sending = threading.Lock()
        # Importing TensorFlow and building the network are not throttled.
        self._throttle = Throttle(float(load["max_cpu"]), usable_cores())
        # Photos collected for the trial of bfloat16; None if there is no trial.
        self._trying: list[NDArray[np.uint8]] | None = [] if trial is not None else None
        self._pool = ThreadPoolExecutor(usable_threads(int(load["threads"])), thread_name_prefix="decode")
        self._batches: queue.SimpleQueue[list[Future[_Seen]] | None] = queue.SimpleQueue()
        # How many photos were looked at beside the classifier; photos take turns by their numbers.
        self._looked_at = 0
        self._turn = threading.Condition()

    def run(self) -> None:
        """Work until the parent sends stop."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        while (batch := self._batches.get()) is not None:
            seen, found = self._look_beside(batch)
            replies = self._reply(seen, found)
            with self._sending:
                for fault in self._beside.take_faults():
                    send(self._channel, "warning", text=fault)
                send_replies(self._channel, replies)
            if self._trying is not None:
                self._try_bfloat16(seen)
            # Not kept until the next batch is decoded.
            del seen, batch
        self._pool.shutdown(cancel_futures=True)

    def _listen(self) -> None:
        numbers = itertools.count()
        try:
            while (message := receive(self._channel))["kind"] == "batch":
                requests = [request_from(data) for data in message["photos"]]
                self._batches.put([self._pool.submit(self._see, request, next(numbers)) for request in requests])
            self._batches.put(None)
        except (EOFError, OSError):
            # The parent was killed. Nothing here is worth finishing: its jobs are still in the database.
            os._exit(0)

    def _see(self, request: Request, number: int) -> _Seen:
        if self._beside.inputs:
            with self._turn:
                self._turn.wait_for(lambda: number < self._looked_at + _AHEAD)
        self._throttle.wait(self._alive)
        seen = self._inspect(request)
        self._alive()
        return seen

    def _alive(self) -> None:
        with self._sending:
            send(self._channel, "alive")

    def _try_bfloat16(self, batch: Sequence[_Seen]) -> None:
        """Collect the batch's pixels; once there are enough, try bfloat16 on them, and tell the parent the result."""
        assert self._trying is not None
        assert self._trial is not None
        self._trying += [view for seen in batch for view in seen.inputs.get(FEATURES, ())]
        if len(self._trying) < _TRIAL_PHOTOS:
            return
        # If the trial kills this process, the next one does not try again.
        self._tell(UNFINISHED)
        self._tell(self._trial(np.stack(self._trying[:_TRIAL_PHOTOS])))
        self._trying = None

    def _tell(self, trial: Trial) -> None:
        with self._sending:
            send(self._channel, "trial", trial=asdict(trial), about=self._engine.describe())

    def _inspect(self, request: Request) -> _Seen:
        job = request.job_id
        try:
            with open_photo(request.path, request.name) as photo:
                fingerprint = photo.fingerprint
                if is_unsettled(fingerprint, SystemClock().now(), request.min_age_seconds):
                    return _Seen(Reply(job, Outcome.LATER, "still being written", fingerprint=fingerprint))
                try:
                    content_hash = hash_content(photo, limits=self._limits)
                    # Also of twins, which may have other sidecars.
                    fields = self._fields(photo, request)
                    if content_hash in request.twins:
                        inspection = Inspection(fingerprint, content_hash, b"", PhotoFacts("", 0, 0, None), fields)
                        return _Seen(Reply(job, Outcome.TWIN, inspection=inspection))
                    wants = request.wants & self._inputs.keys()
                    known = self._memory.facts(content_hash)
                    if known is not None and not (found := self._memory.found(known[0])).lacks(wants):
                        reply = self._known(request, Inspection(fingerprint, content_hash, *known, fields))
                        return _Seen(reply, wants=wants, known=found)
                    inputs = {name: seen for name, seen in self._inputs.items() if name == FEATURES or name in wants}
                    decoded = decode(photo, list(inputs.values()), limits=self._limits)
                except DecodeError as error:
                    if error.detail:
                        # Into the worker's log, for those who know decoders.
                        print(f"{shown_path(request.path)}: {error.detail}", file=sys.stderr, flush=True)
                    return _Seen(Reply(job, _OUTCOMES[error.fault], error.reason, fingerprint=fingerprint))
        except DecodeError as error:
            return _Seen(Reply(job, _OUTCOMES[error.fault], error.reason))
        except MemoryError:
            return _Seen(Reply(job, Outcome.MEMORY, "there was not enough memory to decode it"))
        facts = decoded.facts if fields.taken is None else replace(decoded.facts, taken=fields.taken)
        inspection = Inspection(decoded.fingerprint, decoded.content_hash, decoded.pixel_hash, facts, fields)
        pixels = dict(zip(inputs, (decoded.pixels, *decoded.others), strict=True))
        return _Seen(self._known(request, inspection), pixels, wants)

    def _fields(self, photo: OpenPhoto, request: Request) -> PhotoFields:
        source = photo.file if photo.data is None else io.BytesIO(photo.data)
        try:
            return read_fields(source, request.path, self._keywords, name=request.name)
        except OSError as error:
            raise os_fault(error) from error

    def _known(self, request: Request, inspection: Inspection) -> Reply:
        same = inspection.pixel_hash == request.pixel_hash
        return Reply(request.job_id, Outcome.SAME_PIXELS if same else Outcome.FEATURES, inspection=inspection)

    def _look_beside(self, batch: Sequence[Future[_Seen]]) -> tuple[list[_Seen], dict[bytes, Found]]:
        """Run new pictures through the networks beside the classifier, and let go of what only these see.

        Returns the batch, when all of it is decoded, and what was found.
        """
        every: list[_Seen] = []
        found: dict[bytes, Found] = {}
        for start in range(0, len(batch), _BESIDE):
            some = [future.result() for future in batch[start : start + _BESIDE]]
            for name in self._beside.inputs:
                self._look(name, some, found)
                for seen in some:
                    seen.inputs.pop(name, None)
            every += some
            with self._turn:
                self._looked_at += len(some)
                self._turn.notify_all()
        return every, found

    def _reply(self, batch: Sequence[_Seen], found: dict[bytes, Found]) -> list[Reply]:
        """Run new pictures through the classifier, each once, and complete the replies."""
        fresh = self._look(FEATURES, batch, found)
        for seen in batch:
            inspection = seen.reply.inspection
            if inspection is not None and inspection.pixel_hash in found:
                self._memory.remember(inspection, found[inspection.pixel_hash])
        return [self._complete(seen, found, fresh) for seen in batch]

    def _look(self, name: str, batch: Sequence[_Seen], found: dict[bytes, Found]) -> dict[bytes, _Seen]:
        """Add to `found` what a network finds on pictures that it is wanted for; those that it looked at."""
        fresh: dict[bytes, _Seen] = {}
        for seen in batch:
            inspection = seen.reply.inspection
            if seen.reply.outcome is Outcome.FEATURES and inspection is not None:
                picture = inspection.pixel_hash
                known = found.setdefault(picture, Found()).also(seen.known).also(self._memory.found(picture))
                found[picture] = known
                if name in seen.wants and name in seen.inputs and known.lacks((name,)):
                    fresh.setdefault(picture, seen)
        if fresh:
            for picture, value in zip(fresh, self._run(name, list(fresh.values())), strict=True):
                found[picture] = replace(found[picture], **{name: value})
        return fresh

    def _run(self, name: str, batch: Sequence[_Seen]) -> Sequence[bytes | None]:
        """What a network finds on each photo of a batch."""
        self._throttle.wait(self._alive)
        pixels = [seen.inputs[name] for seen in batch]
        if name == WORDS:
            return self._beside.words(pixels)
        if name == BOXES:
            facts = [seen.reply.inspection.facts for seen in batch if seen.reply.inspection is not None]
            return self._beside.boxes(list(zip(pixels, facts, strict=True)))
        return wire_features(mean_features(self._engine, pixels, self._batch_size))

    def _complete(self, seen: _Seen, found: dict[bytes, Found], fresh: dict[bytes, _Seen]) -> Reply:
        reply = seen.reply
        if reply.outcome is not Outcome.FEATURES or reply.inspection is None:
            return reply
        pixel_hash = reply.inspection.pixel_hash
        whole = found[pixel_hash]
        return replace(
            reply,
            features=(whole.features or b"") if FEATURES in seen.wants else b"",
            words=(whole.words or b"") if WORDS in seen.wants else b"",
            boxes=whole.boxes if BOXES in seen.wants else None,
            inferred=fresh.get(pixel_hash) is seen,
        )


def main(descriptor: int) -> None:
    """Load the model that the first message names, report that it is ready, and work until stopped."""
    channel = Connection(descriptor)
    load = receive(channel)
    try:
        engine, trial = _engine(load)
        head_file = Path(load["head_file"])
        if not head_file.is_file():
            head_file.parent.mkdir(parents=True, exist_ok=True)
            engine.head().save(head_file)
    except ModelError as error:
        send(channel, "fault", error=type(error).__name__, message=error.message, cure=error.cure)
        return
    except OSError as error:
        if is_full(error):
            full = full_disk(error.filename or load["head_file"], "a part of the model")
            send(channel, "fault", error="StoreError", message=full.message, cure=full.cure)
        else:
            reason = f"The model cannot be loaded: {_file(error)}."
            send(channel, "fault", error="EngineError", message=reason, cure="")
        return
    # Half of the threads, because photos are decoded meanwhile: all take a tenth more CPU time, waiting for each other.
    beside = Beside(load, max(1, usable_threads(load["threads"]) // 2))
    # Loading leaves much free memory behind, scattered over the heap.
    return_free_memory()
    send(channel, "ready", about=engine.describe(), faults=beside.take_faults())
    _Worker(channel, load, engine, trial, beside).run()


def _file(error: OSError) -> str:
    """Which file or folder an error is of, and what it means."""
    of = f"{error.filename}: " if error.filename else ""
    return of + why(error)


def fitting_batch(wanted: int, free: tuple[int, int] | None = None) -> int:
    """How many photos may go through the network at once: as many as wanted, or fewer if memory is short.

    `free`: megabytes as `tagger.system.machine.memory` returns them; None calls it. Half is left for decoding.
    """
    free = free or memory()
    if free is None:
        return wanted
    fitting = max(1, (free[0] - _ENGINE_MB) // 2 // _PHOTO_MB)
    # A power of two, because other sizes are padded to one.
    return min(wanted, 1 << (fitting.bit_length() - 1))


def _engine(load: dict[str, Any]) -> tuple[Engine, _Try | None]:
    """The engine, and its trial of bfloat16 if wanted. Imports only the library of this engine."""
    order = EngineOrder(
        architecture(load["architecture"], Path(load["data_dir"])),
        Path(load["weights"]),
        usable_threads(load["threads"]),
        fitting_batch(int(load["batch_size"])),
        Precision(load["precision"]),
    )
    engine: Engine = import_module(ENGINES[load["engine"]].module).open_engine(order)
    if load["try_bfloat16"] and isinstance(engine, TriesBfloat16):
        return engine, engine.try_bfloat16
    return engine, None


if __name__ == "__main__":
    main(int(sys.argv[1]))
