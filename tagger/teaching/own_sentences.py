"""The towers adapted to the sentences that the owner wrote into photos, and used only if that helps.

Nothing of it leaves the data directory. The probability stays the package's: its signs are counted anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tagger.core.errors import UsageError
from tagger.core.linear_heads import unit
from tagger.core.progress import SILENT, Callbacks
from tagger.core.sidecar_names import Folders
from tagger.imaging.metadata.descriptions import descriptions_at
from tagger.search.function_words import IGNORED
from tagger.search.towers import Calibration, Small, Towers
from tagger.search.understand import words_of
from tagger.store.features import reusable_features, to_matrix
from tagger.store.library import Library
from tagger.store.models import all_models
from tagger.store.records import labelled_paths
from tagger.teaching.described import Described
from tagger.teaching.sentence_data import Photos, Words
from tagger.teaching.sentence_figures import Judge, Recall, recall_of, surely_better, uncalibrated
from tagger.teaching.tower_training import Recipe, Trained, train

# Fewer say nothing of what helps.
LEAST = 200
# A text on more photos than this, and on more than this share of them, describes none of them.
_SAME, _SAME_SHARE = 10, 0.02
_HELD_BACK, _SEED = 4, 1
# Gentle: what the package's towers know is worth more than a few hundred sentences.
_RECIPE = Recipe(rate=5e-4, epochs=40, batch=64, temperature=20.0)
_PAGE = 500


@dataclass(frozen=True)
class Adapted:
    """What adapting came to. `before`, `after`: how photos are found that were held back; `towers`: None if no better.

    `new_words`: words that the package's towers do not have.
    """

    photos: int
    before: Recall
    after: Recall
    new_words: tuple[str, ...]
    towers: Towers | None


def read_descriptions(library: Library, callbacks: Callbacks = SILENT) -> dict[int, list[str]]:
    """What people wrote about the library's labelled photos, by photo id, from the files and their sidecars."""
    with library.store.read() as session:
        photos = labelled_paths(session)
    found: dict[int, list[str]] = {}
    folders = Folders()
    with ThreadPoolExecutor(4, "descriptions") as pool:
        for start in range(0, len(photos), _PAGE):
            if callbacks.stop():
                break
            part = photos[start : start + _PAGE]
            texts = pool.map(lambda item: _texts_of(library, item[1].absolute, folders), part)
            found |= {number: of_one for (number, _), of_one in zip(part, texts, strict=True) if of_one}
            callbacks.on_progress(start + len(part), len(photos))
    return _without_common(found)


def _texts_of(library: Library, path: str, folders: Folders) -> list[str]:
    """The texts of one photo; none if it cannot be read."""
    try:
        return descriptions_at(path, library.settings.keywords, folders)
    except OSError:
        return []


def _without_common(found: dict[int, list[str]]) -> dict[int, list[str]]:
    counts = Counter(text for texts in found.values() for text in texts)
    most = max(_SAME, int(_SAME_SHARE * len(found)))
    kept = {number: [text for text in texts if counts[text] <= most] for number, texts in found.items()}
    return {number: texts for number, texts in kept.items() if any(words_of(text) for text in texts)}


def described_photos(library: Library, towers: Towers, texts: dict[int, list[str]]) -> Photos:
    """The photos with sentences whose features the towers take, in the order of their ids."""
    rows: dict[int, NDArray[np.float32]] = {}
    with library.store.read() as session:
        models = [model for model in all_models(session).values() if model.model_id in towers.model_ids]
        for model in models:
            for part in _parts(sorted(texts.keys() - rows.keys())):
                stored = reusable_features(session, part, model)
                rows |= dict(zip(stored, unit(to_matrix(list(stored.values()))), strict=True))
    known = sorted(number for number in rows if rows[number].any() and np.isfinite(rows[number]).all())
    sentences = tuple(tuple(" ".join(words_of(text)) for text in texts[number]) for number in known)
    features = np.zeros((len(known), len(towers.hidden.whole)), np.float32)
    for place, number in enumerate(known):
        features[place] = rows[number]
    return Photos(Described(tuple(map(str, known)), sentences), features)


def _parts(ids: list[int]) -> Iterator[list[int]]:
    yield from (ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE))


def adapt(towers: Towers, photos: Photos, callbacks: Callbacks = SILENT) -> Adapted:
    """Adapt towers to described photos, and judge by those that were held back. Raises UsageError if they are few."""
    if len(photos.rows) < LEAST:
        raise UsageError(
            f"{len(photos.rows):,} labelled photos have a description of their own; at least {LEAST} are needed.",
            "Descriptions are read from dc:description, the IPTC caption and ImageDescription, in files and sidecars.",
        )
    held_back = np.random.default_rng(_SEED).permutation(len(photos.rows)) % _HELD_BACK == 0
    others = photos.part(held_back)
    first = adapted(towers, photos.part(~held_back), callbacks)
    before, after = Judge(towers, others).ranks(), Judge(first, others).ranks()
    new = tuple(word for word in first.words if word not in towers.places)
    better = surely_better(before, after) and not callbacks.stop()
    found = adapted(towers, photos, callbacks) if better else None
    count = len(others.rows)
    return Adapted(len(photos.rows), recall_of(before, count), recall_of(after, count), new, found)


def adapted(towers: Towers, photos: Photos, callbacks: Callbacks = SILENT) -> Towers:
    """The same towers, trained on with described photos, and with the words that are said of enough of them."""
    own = Words.of(photos.described)
    said = dict(zip(own.names, own.said.tolist(), strict=True))
    names = tuple(sorted({*towers.words, *(word for word in said if word not in IGNORED)}))
    before = dict(zip(towers.words, towers.said.tolist(), strict=True))
    count = np.array([said.get(name, 0) + before.get(name, 0) for name in names], np.int32)
    words = Words(names, count)
    known = np.array([name in towers.places for name in names])
    vectors = np.zeros((len(names), towers.width), np.float32)
    vectors[known] = towers.word_vectors(list(range(len(towers.words))))
    start = Trained(
        towers.hidden.wide, towers.hidden_bias, towers.output.wide, towers.output_bias, vectors, towers.word_bias
    )
    found = train(photos.rows, words.bags(photos.described), words.kin, _SEED, _RECIPE, start, callbacks)
    others = {word: taken for word, taken in towers.taken_for.items() if word not in said}
    places = {name: place for place, name in enumerate(names)}
    result = replace(
        towers,
        hidden=Small.of(found.hidden),
        hidden_bias=found.hidden_bias,
        output=Small.of(found.output),
        output_bias=found.output_bias,
        words=names,
        vectors=Small.of(found.words.T),
        word_bias=found.word_bias,
        said=count,
        photos=towers.photos + len(photos.rows),
        others=tuple(others),
        meant=np.array([places.get(word, -1) for word, _ in others.values()], np.int16),
        wider=np.array([how == "wider" for _, how in others.values()], np.bool_),
    )
    return replace(result, calibration=_counted_anew(result, photos))


def _counted_anew(towers: Towers, photos: Photos) -> Calibration:
    """The package's probability for other vectors: how these lie among ordinary photos is counted on the owner's."""
    here = uncalibrated(towers, photos.rows)
    return replace(towers.calibration, mean=here.mean, spread=here.spread)
