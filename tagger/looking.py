"""Looking at many photos with a model, without storing anything."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from tagger.errors import TaggerError
from tagger.vision.classifier import ChildDiedError, Classifier
from tagger.vision.protocol import Answer, Request


def look_at(
    classifier: Classifier,
    paths: Sequence[str],
    batch_size: int,
    report: Callable[[int, int], None],
    stop: Callable[[], bool] = lambda: False,
) -> list[Answer]:
    """The child's answers for photos at absolute paths, whose job ids are their places in the list.

    `report` is told photos done and in all. Stopped half way, the answers are fewer. Raises ModelError, TaggerError
    where the child dies.
    """
    classifier.start()
    numbered = list(enumerate(paths))
    batches = deque(numbered[start : start + batch_size] for start in range(0, len(numbered), batch_size))
    answers: list[Answer] = []
    try:
        while (batches and not stop()) or classifier.photos_in_flight:
            while batches and classifier.has_room and not stop():
                classifier.submit([Request(number, path, None, ()) for number, path in batches.popleft()])
            if classifier.photos_in_flight:
                answers += classifier.answers(1.0) or []
            report(len(answers), len(paths))
    except ChildDiedError as died:
        raise TaggerError(f"The process that looks at photos {died.how}.", f"See {classifier.log_file}") from died
    return answers
