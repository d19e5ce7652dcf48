"""Applying the label policy and its rules again, from stored features: no photo is opened, no child is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import ModelError, WeightsError
from tagger.core.photo import JobKind, Label, Origin
from tagger.inference.head import Head, head_file
from tagger.inference.selection import choose_model, open_worker
from tagger.labels.differences import Differences
from tagger.labels.labeller import Labeller, policy_for
from tagger.store import corrections, jobs, records, runs
from tagger.store.features import features_count, features_now, features_page, to_matrix
from tagger.store.labels import LabelIds, labels_of, relabel_photos
from tagger.store.models import Model, all_models
from tagger.store.photos import last_photo_id
from tagger.store.session import Store

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


@dataclass(slots=True)
class Compared:
    """What a run would change. `photos`: in all. `skipped`: reason by model that cannot be told."""

    photos: int = 0
    differences: Differences = field(default_factory=Differences)
    skipped: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


def relabel(
    store: Store,
    settings: Settings,
    report: Callable[[int, int], None],
    stop: Callable[[], bool],
    clock: Clock | None = None,
) -> Relabelled:
    """Give every photo the labels that the present rules give its stored features.

    For who holds the work lock: whoever labels meanwhile must do it by the same rules. `report` is told photos done and
    in all. Photos whose labels stay the same are not written. Stopped half way, what is done is done, and the next run
    does all again. Raises StoreError, ConfigError.
    """
    clock = clock or SystemClock()
    policy_for(settings)
    models, counts = _counted(store)
    result = Relabelled(sum(counts.values()), 0, 0, {}, False)
    with store.write() as session:
        run_id = runs.start_run(session, "relabel", None, clock.now())
    started = clock.monotonic()
    outcome = "failed"
    try:
        for model in models:
            if counts[model.id] and not stop():
                _relabel_model(store, settings, model, counts[model.id], result, report, stop, clock)
        result.interrupted = stop()
        outcome = "interrupted" if result.interrupted else "done"
    finally:
        with store.write() as session:
            runs.count_run(session, run_id, labelled=result.changed, classified=0, failed=0)
            runs.end_run(session, run_id, outcome, clock.monotonic() - started, clock.now())
    return result


def compare(
    store: Store,
    settings: Settings,
    report: Callable[[int, int], None],
    stop: Callable[[], bool],
    sample: int | None = None,
) -> Compared:
    """What `relabel` would do, without doing it; a service may be at work meanwhile. Raises StoreError, ConfigError.

    `sample`: look at about so many photos, spread over the library; None for all.
    """
    policy_for(settings)
    found = Compared()
    models, counts = _counted(store)
    found.photos = sum(counts.values())
    for model in models:
        if not counts[model.id] or stop():
            continue
        try:
            labeller = _labeller(settings, model)
        except ModelError as error:
            found.skipped[_skipped(model, counts[model.id])] = str(error)
            continue
        wanted = None if sample is None else max(1, sample * counts[model.id] // found.photos)
        for page in _pages(store, labeller, stop, wanted):
            for one in page:
                decided = {label.name for label in one.before if label.shown and label.key in one.kept}
                before = {label.name for label in one.before if label.shown}
                after = decided | {label.name for label in one.after if label.shown}
                found.differences.add(one.photo_id, before, after)
            report(found.differences.photos, found.photos)
    with store.read() as session:
        paths = records.paths_of(session, [example.photo_id for example in found.differences.examples])
    found.differences.place({number: path.absolute for number, path in paths.items()})
    found.interrupted = stop()
    return found


def _counted(store: Store) -> tuple[list[Model], dict[int, int]]:
    """Every model, and by its row id how many photos have labels and features of it."""
    with store.read() as session:
        models = list(all_models(session).values())
        return models, {model.id: features_count(session, model) for model in models}


def _relabel_model(
    store: Store,
    settings: Settings,
    model: Model,
    count: int,
    result: Relabelled,
    report: Callable[[int, int], None],
    stop: Callable[[], bool],
    clock: Clock,
) -> None:
    try:
        labeller = _labeller(settings, model)
    except ModelError as error:
        result.skipped[_skipped(model, count)] = str(error)
        return
    label_ids = LabelIds()
    for page in _pages(store, labeller, stop):
        changed = {one.photo_id: one.after for one in page if not _same(one)}
        if changed:
            with store.write() as session:
                # A photo that was looked at anew meanwhile has its labels from that.
                now = features_now(session, list(changed), model)
                same = {one.photo_id for one in page if now.get(one.photo_id) == one.vector}
                changed = {photo_id: given for photo_id, given in changed.items() if photo_id in same}
                label_ids.remember(session)
                relabel_photos(session, label_ids, model, changed, clock.now(), labeller.taught(session))
                if settings.keywords.mode != "off":
                    jobs.enqueue(session, list(changed), jobs.PRIORITY_ARCHIVE, kind=JobKind.KEYWORDS)
        result.done += len(page)
        result.changed += len(changed)
        report(result.done, result.total)


@dataclass(frozen=True, slots=True)
class _Photo:
    """The labels that a photo has, and those that the policy gives it; `kept`: the keys of which it has no say."""

    photo_id: int
    vector: bytes
    before: list[Label]
    after: tuple[Label, ...]
    kept: set[str]


def _pages(
    store: Store, labeller: Labeller, stop: Callable[[], bool], sample: int | None = None
) -> Iterator[list[_Photo]]:
    """The photos that a model labelled, page by page, with the labels that their stored features give.

    `sample`: only about so many of them, in pages spread over the library.
    """
    after, leap = 0, 0
    if sample is not None:
        with store.read() as session:
            leap = last_photo_id(session) // -(-sample // _PAGE)
    while not stop():
        with store.read() as session:
            page = features_page(session, labeller.model, after, None, _PAGE)
            if not page:
                return
            ids = [photo_id for photo_id, _ in page]
            before = labels_of(session, ids)
            kept = corrections.kept_keys(session, ids)
            features = to_matrix([vector for _, vector in page])
            judged = labeller.labels_for(session, features)
            decided = labeller.taught_keys(session)
        after = max(page[-1][0], after + leap)
        for number, labels in before.items():
            # Taught, but not yet for this model.
            kept[number] |= {one.key for one in labels if one.origin is Origin.TAUGHT and one.key not in decided}
        yield [
            _Photo(
                number, vector, before[number], tuple(one for one in given if one.key not in kept[number]), kept[number]
            )
            for (number, vector), given in zip(page, judged, strict=True)
        ]


def _skipped(model: Model, count: int) -> str:
    return f"{model.architecture} ({model.model_id}, {count:,} photos)"


def _labeller(settings: Settings, model: Model) -> Labeller:
    """Raises ModelError where the model's last layer or its classes are not here."""
    return Labeller(model, _head(settings, model), policy_for(settings, model.architecture))


def _head(settings: Settings, model: Model) -> Head:
    """The model's last layer: kept since it was last used, or made anew if it is the configured model."""
    path = head_file(settings.data_dir, model.model_id)
    try:
        return Head.load(path)
    except WeightsError:
        chosen = choose_model(settings, lambda _done, _total: None)
        if chosen.model_id != model.model_id:
            raise
        with open_worker(settings, chosen) as client:
            return client.head()


def _same(one: _Photo) -> bool:
    before = [label for label in one.before if label.origin is not Origin.PERSON and label.key not in one.kept]
    return len(before) == len(one.after) and all(
        (old.key, old.name, old.shown, old.origin) == (new.key, new.name, new.shown, new.origin)
        and abs(old.confidence - new.confidence) < _SAME
        for old, new in zip(sorted(before, key=_key), sorted(one.after, key=_key), strict=True)
    )


def _key(label: Label) -> str:
    return label.key
