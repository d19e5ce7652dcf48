"""Relabelling: applies the current label policy and rules to stored features. Opens no photo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tagger.core.config import Settings
from tagger.core.errors import ModelError, UsageError, WeightsError
from tagger.core.photo import JobKind, Label, Origin
from tagger.core.progress import SILENT, Callbacks, StopCheck
from tagger.inference.head import Head, head_file
from tagger.inference.selection import model_of_library
from tagger.inference.witnesses import stored_witnesses
from tagger.inference.worker_client import WorkerClient
from tagger.labels.differences import Differences
from tagger.labels.labeller import Labeller, policy_for
from tagger.store import corrections, jobs, records, runs
from tagger.store.evidence import evidence_of
from tagger.store.features import features_count, features_now, features_page, to_matrix
from tagger.store.labels import LabelIds, LabelledBy, labels_of, relabel_photos
from tagger.store.library import Library
from tagger.store.models import Model, all_models
from tagger.store.photos import last_photo_id
from tagger.store.runs import OpenRun
from tagger.store.session import Store

_PAGE = 500
# Stored features are rounded to float16, which moves a probability by this much at most.
_SAME = 1e-3


@dataclass(slots=True)
class Relabelled:
    """The result of a run. `changed`: photos whose labels changed. `skipped`: models that cannot be used, and why."""

    total: int
    done: int
    changed: int
    skipped: dict[str, str]
    interrupted: bool


@dataclass(slots=True)
class Compared:
    """What a run would change. `photos`: how many there are. `skipped`: models that cannot be used, and why."""

    photos: int = 0
    differences: Differences = field(default_factory=Differences)
    skipped: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


def relabel(library: Library, callbacks: Callbacks = SILENT) -> Relabelled:
    """Give every photo the labels that the current rules derive from its stored features.

    Caller must hold the work lock. Concurrent labelling must use the same rules. Writes only photos whose labels
    change. An interrupted run keeps what it did; the next run starts from the beginning. Progress counts photos.
    Raises StoreError, ConfigError.
    """
    policy_for(library.settings)
    models, counts = _counted(library.store)
    result = Relabelled(sum(counts.values()), 0, 0, {}, False)
    with runs.recorded(library, "relabel", callbacks.stop) as run:
        for labeller in _labellers(library, models, counts, result.skipped, callbacks.stop):
            _relabel_by(library, labeller, run, result, callbacks)
        result.interrupted = callbacks.stop()
    return result


def compare(library: Library, callbacks: Callbacks = SILENT, sample: int | None = None) -> Compared:
    """What `relabel` would change. Stores nothing, and needs no lock. Raises StoreError, ConfigError.

    `sample`: compare about this many photos, spread over the library; None compares all.
    """
    store, stop = library.store, callbacks.stop
    policy_for(library.settings)
    found = Compared()
    models, counts = _counted(store)
    found.photos = sum(counts.values())
    for labeller in _labellers(library, models, counts, found.skipped, stop):
        wanted = None if sample is None else max(1, sample * counts[labeller.model.id] // found.photos)
        for page in _pages(library, labeller, stop, wanted):
            for one in page:
                decided = {label.name for label in one.before if label.shown and label.key in one.kept}
                before = {label.name for label in one.before if label.shown}
                after = decided | {label.name for label in one.after if label.shown}
                found.differences.add(one.photo_id, before, after)
            callbacks.on_progress(found.differences.photos, found.photos)
    with store.read() as session:
        paths = records.paths_of(session, [example.photo_id for example in found.differences.examples])
    found.differences.place({number: path.absolute for number, path in paths.items()})
    found.interrupted = stop()
    return found


def _counted(store: Store) -> tuple[list[Model], dict[int, int]]:
    """All models, and for each row id of them the number of photos with its labels and features."""
    with store.read() as session:
        models = list(all_models(session).values())
        return models, {model.id: features_count(session, model) for model in models}


def _labellers(
    library: Library, models: Sequence[Model], counts: Mapping[int, int], skipped: dict[str, str], stop: StopCheck
) -> Iterator[Labeller]:
    """A labeller for each model that labelled photos. Adds models that cannot be used to `skipped`."""
    for model in models:
        count = counts[model.id]
        if not count or stop():
            continue
        try:
            policy = policy_for(library.settings, model)
            labeller = Labeller(model, _head(library.settings, model), policy)
        except ModelError as error:
            skipped[f"{model.architecture} ({model.model_id}, {count:,} photos)"] = str(error)
            continue
        yield labeller


def _relabel_by(library: Library, labeller: Labeller, run: OpenRun, result: Relabelled, callbacks: Callbacks) -> None:
    store, settings, model = library.store, library.settings, labeller.model
    label_ids = LabelIds()
    for page in _pages(library, labeller, callbacks.stop):
        changed = {one.photo_id: one.after for one in page if not _same(one)}
        if changed:
            with store.write() as session:
                # Leave out photos that were labelled again since the page was read.
                now = features_now(session, list(changed), model)
                same = {one.photo_id for one in page if now.get(one.photo_id) == one.vector}
                changed = {photo_id: given for photo_id, given in changed.items() if photo_id in same}
                label_ids.remember(session)
                by = LabelledBy(model, library.clock.now(), labeller.taught(session))
                relabel_photos(session, label_ids, by, changed)
                if settings.keywords.mode != "off":
                    jobs.enqueue(session, list(changed), jobs.PRIORITY_ARCHIVE, kind=JobKind.KEYWORDS)
                runs.count_run(session, run.id, labelled=len(changed))
        result.done += len(page)
        result.changed += len(changed)
        callbacks.on_progress(result.done, result.total)


@dataclass(frozen=True, slots=True)
class _Photo:
    """A photo's stored labels, and those that the policy derives. `kept`: keys that the policy must not touch."""

    photo_id: int
    vector: bytes
    before: list[Label]
    after: tuple[Label, ...]
    kept: set[str]


def _pages(library: Library, labeller: Labeller, stop: StopCheck, sample: int | None = None) -> Iterator[list[_Photo]]:
    """The photos that a model labelled, in pages, with stored and derived labels.

    `sample`: only about this many, in pages spread over the library.
    """
    store = library.store
    after, leap = 0, 0
    with store.read() as session:
        # Once, because it reads the detector's whole file.
        witnesses = stored_witnesses(session, library.settings, labeller.model)
        if sample is not None:
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
            evidence = evidence_of(session, ids, witnesses)
            judged = labeller.labels_for(session, features, evidence)
            decided = labeller.taught_keys(session)
        after = max(page[-1][0], after + leap)
        for number, labels in before.items():
            # Taught labels that have no classifier for this model yet.
            kept[number] |= {one.key for one in labels if one.origin is Origin.TAUGHT and one.key not in decided}
        yield [
            _Photo(
                number, vector, before[number], tuple(one for one in given if one.key not in kept[number]), kept[number]
            )
            for (number, vector), given in zip(page, judged, strict=True)
        ]


def _head(settings: Settings, model: Model) -> Head:
    """The model's last layer: from its file, or extracted again if the model is here."""
    path = head_file(settings.data_dir, model.model_id)
    try:
        return Head.load(path)
    except WeightsError as error:
        try:
            chosen = model_of_library(settings, model)
        except UsageError:
            # The file of the last layer was all that was left of this model.
            raise error from None
        with WorkerClient(settings, chosen) as client:
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
