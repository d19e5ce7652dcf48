"""Runs photo files through the child process, and waits for the replies. Stores nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from tagger.core.boxes import boxes_from_bytes
from tagger.core.config import Settings
from tagger.core.errors import TaggerError
from tagger.core.evidence import Evidence, is_tiny
from tagger.core.progress import SILENT, Callbacks
from tagger.inference.protocol import Reply, Request
from tagger.inference.selection import model_of_library
from tagger.inference.worker_client import WorkerClient, WorkerDiedError
from tagger.store.models import Model


def extract_with_model(
    settings: Settings, model: Model, paths: Sequence[str], callbacks: Callbacks = SILENT
) -> list[Reply]:
    """Extract the features of photos with the model that labelled the library, in a child process of its own.

    Otherwise as `extract_features`. Raises UsageError if the model's weights are not here any more.
    """
    with WorkerClient(settings, model_of_library(settings, model)) as client:
        return extract_features(client, paths, callbacks)


def extract_features(
    client: WorkerClient, paths: Sequence[str], callbacks: Callbacks = SILENT, *, min_age_seconds: float = 0.0
) -> list[Reply]:
    """The child's replies with features only, for photos at absolute paths; a reply's job id is the index in `paths`.

    `min_age_seconds`: files modified more recently are answered with LATER. Raises as `run_requests` does.
    """
    wants = frozenset({"features"})
    requests = [Request(index, path, min_age_seconds=min_age_seconds, wants=wants) for index, path in enumerate(paths)]
    return run_requests(client, requests, callbacks)


def evidence_in(reply: Reply) -> Evidence:
    """What a reply says of its photo besides the classifier's features."""
    facts = None if reply.inspection is None else reply.inspection.facts
    return Evidence(
        None if reply.boxes is None else boxes_from_bytes(reply.boxes),
        reply.word_vector if reply.words else None,
        None if facts is None else facts.kinds,
        facts is not None and is_tiny(facts.width, facts.height),
    )


def run_requests(
    client: WorkerClient, requests: Sequence[Request], callbacks: Callbacks = SILENT, doing: str = "looks at photos"
) -> list[Reply]:
    """Run requests through the child in batches, and wait for all replies. Progress counts photos.

    When stopped, finishes what is in flight and returns fewer replies. `doing`: completes "The process that ..." in
    the error. Raises ModelError, and TaggerError if the child dies; nothing is tried twice.
    """
    return list(replies_to(client, requests, callbacks, doing))


def replies_to(
    client: WorkerClient, requests: Sequence[Request], callbacks: Callbacks = SILENT, doing: str = "looks at photos"
) -> Iterator[Reply]:
    """The same, each reply as soon as its batch is through."""
    size = client.batch_size
    waiting = deque(requests[start : start + size] for start in range(0, len(requests), size))
    done = 0
    client.start()
    try:
        while (waiting and not callbacks.stop()) or client.photos_in_flight:
            while waiting and client.has_room and not callbacks.stop():
                client.submit(waiting.popleft())
            replies = (client.replies(1.0) or []) if client.photos_in_flight else []
            done += len(replies)
            yield from replies
            callbacks.on_progress(done, len(requests))
    except WorkerDiedError as died:
        raise TaggerError(f"The process that {doing} {died.how}.", f"See {client.log_file}") from died
