"""Features of photo files as the product makes them, without a library."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.core.config import Settings
from tagger.inference.protocol import FEATURES, Outcome, Request
from tagger.inference.selection import with_model
from tagger.inference.weights import ChosenModel
from tagger.inference.worker_client import WorkerClient

_SECONDS = 300.0


def features_of(photos: Sequence[Path], settings: Settings, model: ChosenModel) -> dict[Path, NDArray[np.float16]]:
    """The features of photos, float16 (features,) each, as a library would store them.

    Files that cannot be looked at are left out. Raises ModelError.
    """
    wants = frozenset({FEATURES})
    found: dict[Path, NDArray[np.float16]] = {}
    with WorkerClient(with_model(settings, objects=False), model) as client:
        client.start()
        size = client.batch_size
        waiting = deque(range(0, len(photos), size))
        while waiting or client.photos_in_flight:
            while waiting and client.has_room:
                start = waiting.popleft()
                batch = enumerate(photos[start : start + size], start)
                client.submit([Request(number, os.fspath(photo), wants=wants) for number, photo in batch])
            for reply in client.replies(_SECONDS) or ():
                if reply.outcome is Outcome.FEATURES:
                    found[photos[reply.job_id]] = reply.vector.astype(np.float16)
    return found
