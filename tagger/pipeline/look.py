"""Looking at many photos with a model, without storing anything."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from tagger.core.config import Settings
from tagger.core.errors import TaggerError, UsageError
from tagger.inference.protocol import Reply, Request
from tagger.inference.selection import choose_model, open_worker
from tagger.inference.worker_client import WorkerClient, WorkerDiedError
from tagger.store.models import Model

Tell = Callable[[int, int], None]


def extract_with_model(
    settings: Settings, model: Model, paths: Sequence[str], fetching: Callable[[int, int | None], None], report: Tell
) -> list[Reply]:
    """The replies of the model that labelled the library for files that a person names, however new they are.

    Otherwise as `look_at`. Raises UsageError where another model is configured by now.
    """
    chosen = choose_model(settings, fetching)
    if chosen.model_id != model.model_id:
        raise UsageError(
            f"The photos of the library are labelled by {model.architecture} ({model.model_id}), but the model is "
            f"{chosen.architecture.name} ({chosen.model_id}) now.",
            "Label them first: tagger backfill",
        )
    intake = settings.intake.model_copy(update={"settle_seconds": 0.0})
    with open_worker(settings.model_copy(update={"intake": intake}), chosen) as client:
        return extract_features(client, paths, settings.engine.batch_size, report)


def extract_features(
    client: WorkerClient,
    paths: Sequence[str],
    batch_size: int,
    report: Tell,
    stop: Callable[[], bool] = lambda: False,
) -> list[Reply]:
    """The child's replies for photos at absolute paths, whose job ids are their places in the list.

    `report` is told photos done and in all. Stopped half way, the replies are fewer. Raises ModelError, TaggerError
    where the child dies.
    """
    client.start()
    numbered = list(enumerate(paths))
    batches = deque(numbered[start : start + batch_size] for start in range(0, len(numbered), batch_size))
    replies: list[Reply] = []
    try:
        while (batches and not stop()) or client.photos_in_flight:
            while batches and client.has_room and not stop():
                client.submit([Request(number, path, None, ()) for number, path in batches.popleft()])
            if client.photos_in_flight:
                replies += client.replies(1.0) or []
            report(len(replies), len(paths))
    except WorkerDiedError as died:
        raise TaggerError(f"The process that looks at photos {died.how}.", f"See {client.log_file}") from died
    return replies
