"""Applying the label policy and its rules again, from stored features: no photo is opened, no child is started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tagger.chosen_model import choose_model, open_classifier
from tagger.clock import Clock, SystemClock
from tagger.config import Settings
from tagger.errors import ModelError, WeightsError
from tagger.labels import taxonomy
from tagger.labels.policy import Policy
from tagger.photo import Label, Origin
from tagger.store import corrections, jobs, looks, runs
from tagger.store.lock import work_lock
from tagger.store.looks import LabelBook, Model
from tagger.store.session import Store, open_store
from tagger.vision.head import Head, head_file

_PAGE = 500
# Stored features are rounded to float16, which moves a probability by this much at most.
_SAME = 1e-3


@dataclass(slots=True)
class Relabelled:
    """What a run did. `changed`: photos whose labels are others now. `skipped`: reason by model that could not."""

    total: int
    done: int
    changed: int
    skipped: dict[str, str]
    interrupted: bool


def relabel(
    settings: Settings, report: Callable[[int, int], None], stop: Callable[[], bool], clock: Clock | None = None
) -> Relabelled:
    """Give every photo the labels that the present rules give its stored features.

    `report` is told photos done and in all. Photos whose labels stay the same are not written. Stopped half way, what
    is done is done, and the next run does all again. Raises StoreError, ConfigError, BusyError.
    """
    clock = clock or SystemClock()
    policy = Policy.from_settings(settings.labels, taxonomy.load())
    with open_store(settings) as store, work_lock(settings.data_dir, "relabel"):
        with store.read() as session:
            models = list(looks.models(session).values())
            counts = {model.id: looks.features_count(session, model) for model in models}
        result = Relabelled(sum(counts.values()), 0, 0, {}, False)
        with store.write() as session:
            run_id = runs.start_run(session, "relabel", None, clock.now())
        started = clock.monotonic()
        outcome = "failed"
        try:
            for model in models:
                if counts[model.id] and not stop():
                    _relabel_model(store, settings, policy, model, counts[model.id], result, report, stop, clock)
            result.interrupted = stop()
            outcome = "interrupted" if result.interrupted else "done"
        finally:
            with store.write() as session:
                runs.count_run(session, run_id, labelled=result.changed, classified=0, failed=0)
                runs.end_run(session, run_id, outcome, clock.monotonic() - started, clock.now())
        return result


def _relabel_model(
    store: Store,
    settings: Settings,
    policy: Policy,
    model: Model,
    count: int,
    result: Relabelled,
    report: Callable[[int, int], None],
    stop: Callable[[], bool],
    clock: Clock,
) -> None:
    try:
        head = _head(settings, model)
    except ModelError as error:
        result.skipped[f"{model.architecture} ({model.model_id}, {count:,} photos)"] = str(error)
        return
    book = LabelBook()
    after = 0
    while not stop():
        with store.read() as session:
            page = looks.features_page(session, model, after, None, _PAGE)
            before = looks.labels_of(session, [photo_id for photo_id, _ in page])
            kept = corrections.kept_keys(session, [photo_id for photo_id, _ in page])
        if not page:
            return
        after = page[-1][0]
        features = np.frombuffer(b"".join(vector for _, vector in page), "<f2").reshape(len(page), -1)
        # Of what a person decided, the policy has no say.
        labels = [
            tuple(label for label in given if label.key not in kept[photo_id])
            for (photo_id, _), given in zip(page, policy.labels_for(head.scores(features)), strict=True)
        ]
        changed = [
            (photo_id, new) for (photo_id, _), new in zip(page, labels, strict=True) if not _same(before[photo_id], new)
        ]
        if changed:
            with store.write() as session:
                book.remember(session)
                looks.relabel(session, book, model, dict(changed), clock.now())
                if settings.keywords.mode != "off":
                    ids = [photo_id for photo_id, _ in changed]
                    jobs.enqueue(session, ids, jobs.PRIORITY_ARCHIVE, kind=jobs.KEYWORDS)
        result.done += len(page)
        result.changed += len(changed)
        report(result.done, result.total)


def _head(settings: Settings, model: Model) -> Head:
    """The model's last layer: kept since it was last used, or made anew if it is the configured model."""
    path = head_file(settings.data_dir, model.model_id)
    try:
        return Head.load(path)
    except WeightsError:
        chosen = choose_model(settings, lambda _done, _total: None)
        if chosen.model_id != model.model_id:
            raise
        with open_classifier(settings, chosen) as classifier:
            return classifier.head()


def _same(before: Sequence[Label], after: Sequence[Label]) -> bool:
    policys = [label for label in before if label.origin in (Origin.MODEL, Origin.HIERARCHY)]
    return len(policys) == len(after) and all(
        (old.key, old.name, old.shown, old.origin) == (new.key, new.name, new.shown, new.origin)
        and abs(old.confidence - new.confidence) < _SAME
        for old, new in zip(sorted(policys, key=_key), sorted(after, key=_key), strict=True)
    )


def _key(label: Label) -> str:
    return label.key
