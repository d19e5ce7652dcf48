"""A worker on some machine of a cluster: takes photos from the queue and labels them as a backfill on one machine does.

It is an actor of Ray, with a child process of its own that runs the network; so a photo that kills the child is
found out as on one machine, and kills no worker. What it knows of the library it has from the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tagger import __version__
from tagger.cluster.patience import PATIENCE_SECONDS, PAUSE_SECONDS, patiently
from tagger.cluster.places import places_on
from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings, Views
from tagger.core.errors import EngineError, StoreError, WeightsError
from tagger.core.os_words import why
from tagger.core.paths import is_object, shown_path
from tagger.inference.custom_models import description_file
from tagger.inference.engine_specs import ENGINES
from tagger.inference.lookup import architecture
from tagger.inference.selection import record_model
from tagger.inference.weights import ChosenModel, WeightsFile
from tagger.inference.witnesses import record_witnesses
from tagger.inference.worker_client import WorkerClient
from tagger.labels.labeller import Labeller, policy_for
from tagger.pipeline.label_queue import LabelRun, Progress, folder_is_away, label_queued
from tagger.store import jobs
from tagger.store.batches import BatchContext, BatchCounts
from tagger.store.library import open_library
from tagger.store.roots import all_roots
from tagger.store.run_nodes import start_node
from tagger.system import objects
from tagger.system.filesystem import has_files


@dataclass(frozen=True, slots=True)
class PackedModel:
    """A model as it travels. `sha256`: what names its weights (a light model's are those that it was made from).

    `digest`: SHA-256 of `weights`, the file. `description`: of a network that was trained here; else empty.
    """

    architecture: str
    engine: str
    views: Views
    sha256: str
    weights: bytes
    digest: str
    description: bytes = b""


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that a worker is told. `lock`: whose leases its leases are; `version`: of the tagger that tells it."""

    settings: Settings
    model: PackedModel
    lock: str
    run_id: int
    root_ids: tuple[int, ...]
    version: str


class LabelWorker:
    """Labels so many photos of the queue at each call. Lives until its process is ended, with all it has opened."""

    def __init__(self, assignment: Assignment, clock: Clock | None = None) -> None:
        if assignment.version != __version__:
            raise EngineError(
                f"{socket.gethostname()} has tagger {__version__}, and this machine {assignment.version}.",
                "Install the same version on all machines of the cluster.",
            )
        self._clock = clock or SystemClock()
        self._stack = contextlib.ExitStack()
        data_dir = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tagger-worker-")))
        settings = assignment.settings.model_copy(update={"data_dir": data_dir})
        chosen = _unpacked(assignment.model, data_dir)
        self._library = patiently(lambda: self._stack.enter_context(open_library(settings, self._clock)), self._clock)
        node, run_id = socket.gethostname(), assignment.run_id
        places = places_on(settings, node)
        self._check_folders(assignment.root_ids, node, places)
        self._client = self._stack.enter_context(WorkerClient(settings, chosen, self._clock))
        model = record_model(self._library, chosen)
        self._owner = f"{assignment.lock}:{secrets.token_hex(8)}"
        labeller = Labeller(model, self._client.head(), policy_for(settings, model))
        witnesses = record_witnesses(self._library, model)
        with self._library.store.write() as session:
            start_node(session, run_id, node, self._clock.now())
        roots = assignment.root_ids
        batches = BatchContext(self._library, labeller, self._owner, roots, run_id, witnesses, node=node, places=places)
        self._run = LabelRun(batches, self._client)

    def _check_folders(self, root_ids: Sequence[int], node: str, places: Mapping[str, str]) -> None:
        """Raise EngineError where this machine has not the photos."""
        with self._library.store.read() as session:
            roots = [root.path for root in all_roots(session) if root.id in root_ids]
        for place in (places.get(root, root) for root in roots):
            if is_object(place):
                _check_storage(node, place)
            elif not has_files(place):
                raise folder_is_away(node, place)

    def __call__(self, ticket: dict[str, Any]) -> dict[str, Any]:
        """Label up to `ticket["photos"]` photos (one number): the counts of a batch, as rows of one number each."""
        progress = Progress()
        self._label(int(ticket["photos"][0]), progress)
        return {count.name: [getattr(progress, count.name)] for count in fields(BatchCounts)}

    def _label(self, photos: int, progress: Progress) -> None:
        """Label until so many are done or none is due; a database that is away for a moment is waited for."""
        done, deadline = 0, None
        while True:
            try:
                if deadline is not None:
                    with self._library.store.write() as session:
                        jobs.release_all(session, self._owner)
                label_queued(self._run, progress, stop=lambda: progress.done >= photos, on_progress=_ignore)
            except StoreError:
                now = self._clock.monotonic()
                if deadline is None or progress.done > done:
                    done, deadline = progress.done, now + PATIENCE_SECONDS
                elif now > deadline:
                    raise
                self._client.close()
                self._clock.sleep(PAUSE_SECONDS)
            else:
                return


def _check_storage(node: str, place: str) -> None:
    """Raise EngineError where a machine cannot read object storage: no photo is at fault."""
    try:
        objects.has_objects(place)
    except OSError as error:
        raise EngineError(
            f"{node} cannot read {shown_path(place)}: {why(error)}.",
            "Each machine of the cluster reads the storage itself, and needs what this one has for that. The photos "
            "stay queued.",
        ) from error


def packed(chosen: ChosenModel, data_dir: Path) -> PackedModel:
    """A model ready to travel. Raises WeightsError if its file cannot be read."""
    name = chosen.architecture.name
    try:
        weights = chosen.weights.path.read_bytes()
        trained = chosen.architecture.network is not None
        description = description_file(data_dir, name).read_bytes() if trained else b""
    except OSError as error:
        raise WeightsError(f"{chosen.weights.path} cannot be read: {why(error)}.") from error
    digest = hashlib.sha256(weights).hexdigest()
    return PackedModel(name, chosen.engine.name, chosen.views, chosen.weights.sha256, weights, digest, description)


def _unpacked(model: PackedModel, data_dir: Path) -> ChosenModel:
    """The model on this machine; its weights are kept for the next time."""
    if model.description:
        description = description_file(data_dir, model.architecture)
        description.parent.mkdir(parents=True, exist_ok=True)
        description.write_bytes(model.description)
    engine = ENGINES[model.engine]
    path = _cache() / f"{model.digest}{engine.suffix}"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != model.digest:
        if hashlib.sha256(model.weights).hexdigest() != model.digest:
            raise WeightsError(f"The weights of {model.architecture} arrived damaged on {socket.gethostname()}.")
        with replacing(path) as temporary:
            temporary.write_bytes(model.weights)
    found = architecture(model.architecture, data_dir)
    return ChosenModel(found, WeightsFile(path, model.sha256, "what the other machine verified"), model.views, engine)


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tagger" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _ignore(_progress: Progress) -> None:
    """Nobody looks on."""
