"""Makes sentences.npz, by which photos are found by a sentence, from described photos. Ten minutes of one core:

    python -m tagger.teaching.build_sentences CAPTIONED

CAPTIONED holds `captions.tsv` (lines `NAME<tab>SENTENCE`, several sentences a photo), `features.npz` (arrays `names`
and `features`) and `images.tar` with some of the photos. WordNet 3.0 says what other words are taken for.

The last 1,000 photos of images.tar by name are kept for the figures: nothing is learned from them and nothing chosen by
them, and their features are made by the product itself, from the pictures. The others are learned from; a fifth of them
is first held back, of which one half makes the probability and the other the cut-off, by towers that saw neither. The
figures are printed, and stand in the file's card. The same seed and photos give the same file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.config import Settings
from tagger.core.errors import TaggerError
from tagger.inference.registry import BUILT_IN
from tagger.inference.selection import choose_model, with_model
from tagger.inference.weights import ChosenModel
from tagger.search.towers import PACKAGED, Calibration, Small, Towers
from tagger.system.machine import usable_threads
from tagger.teaching.build_words import split
from tagger.teaching.known_names import known_names
from tagger.teaching.sentence_data import (
    Photos,
    Query,
    Words,
    absent_queries,
    both,
    said_phrases,
    sentences,
    short_queries,
)
from tagger.teaching.sentence_figures import Judge, uncalibrated
from tagger.teaching.tower_training import Recipe, Trained, joined, means, train
from tagger.teaching.word_net import taken_for

# Several threads add in another order, and then a seed does not give the same file on every machine.
_THREADS = "OPENBLAS_NUM_THREADS"
_KEPT = 1000
_HELD_BACK = 5
# Queries that make the probability: of so many words, and a whole sentence for each so many; so many are half known.
_LENGTHS, _QUERIES, _SENTENCES, _HALF_KNOWN = (1, 1, 2, 2, 3, 3, 4), 1800, 5, 400


@dataclass(frozen=True)
class Source:
    """What towers are made with. `others`: what other words are taken for. `phrases`: names of labels that are said.

    `seed`: of the first training.
    """

    model: ChosenModel
    others: Mapping[str, tuple[str, str]]
    phrases: frozenset[str]
    recipe: Recipe
    seed: int


def learn(photos: Photos, source: Source) -> Towers:
    """Towers from described photos, without a probability yet."""
    words = Words.of(photos.described)
    bags = words.bags(photos.described)
    seeds = range(source.seed, source.seed + source.recipe.trainings)
    print(f"Learning from {len(photos.rows):,} photos, {len(seeds)} times", flush=True)
    fixed = (photos.rows, bags, words.kin)
    with ProcessPoolExecutor(min(len(seeds), usable_threads(0))) as pool:
        several = list(pool.map(train, *map(repeat, fixed), seeds, repeat(source.recipe)))
    said = means([of_one[0] for of_one in bags], len(words.names))
    return packed(joined(several, photos.rows, said, source.recipe.width), words, photos.rows, source)


def packed(found: Trained, words: Words, rows: NDArray[np.float32], source: Source) -> Towers:
    """Trained towers as a file keeps them, without a probability yet."""
    places = {name: place for place, name in enumerate(words.names)}
    others = {other: taken for other, taken in source.others.items() if other not in places}
    meant = [(places.get(word, -1), how == "wider") for word, how in others.values()]
    towers = Towers(
        architecture=source.model.architecture.name,
        weights_sha256=source.model.weights.sha256,
        hidden=Small.of(found.hidden),
        hidden_bias=found.hidden_bias,
        output=Small.of(found.output),
        output_bias=found.output_bias,
        words=words.names,
        vectors=Small.of(found.words.T),
        word_bias=found.word_bias,
        said=words.said,
        photos=len(rows),
        others=tuple(others),
        meant=np.array([place for place, _ in meant], np.int16),
        wider=np.array([wide for _, wide in meant], np.bool_),
        phrases=source.phrases,
        calibration=Calibration.none(len(found.word_bias)),
    )
    return replace(towers, calibration=uncalibrated(towers, rows))


def calibrated(towers: Towers, held_back: Photos, seed: int) -> Towers:
    """Towers with a probability from photos that they have not seen.

    The cut-off is chosen on one half of them, by the probability from the other half.
    """
    first = np.random.default_rng(seed).permutation(len(held_back.rows)) % 2 == 0
    one, other = held_back.part(first), held_back.part(~first)
    halved = Judge(Judge(towers, one).calibrated(_calibrating(one, seed)), other).with_cut_off(_asked(other, seed))
    whole = Judge(towers, held_back).calibrated(_calibrating(held_back, seed))
    return replace(whole, calibration=replace(whole.calibration, cut_off=halved.cut_off))


def _calibrating(photos: Photos, seed: int) -> list[Query]:
    """What the probability is learned from."""
    queries = short_queries(photos.described, _LENGTHS, _QUERIES, seed)
    random = np.random.default_rng(seed)
    half_known = [query.half_known(random) for query in queries[:_HALF_KNOWN]]
    return [*queries, *half_known, *sentences(photos.described)[::_SENTENCES]]


def _asked(photos: Photos, seed: int) -> list[Query]:
    """What the cut-off is chosen and judged by."""
    return short_queries(photos.described, (2, 3), 300, seed)


def build(photos: Photos, kept: Photos, source: Source) -> Towers:
    """Learn, calibrate, judge."""
    seed = source.seed
    held_back = np.random.default_rng(seed).permutation(len(photos.rows)) % _HELD_BACK == 0
    inner = calibrated(learn(photos.part(~held_back), source), photos.part(held_back), seed).calibration
    towers = learn(photos, source)
    own = towers.calibration
    towers = replace(towers, calibration=replace(inner, mean=own.mean, spread=own.spread))
    judge = Judge(towers, kept)
    recall, asked = judge.recall(), _asked(kept, seed)
    shown, absent = judge.shown(asked, [towers.cut_off])[0], judge.shown(absent_queries(), [towers.cut_off])[0]
    print(recall.line, shown.line, f"Of what is not there, {absent.silent:.0%} of the queries show nothing", sep="\n")
    print("Other cut-offs:", *(one.line for one in judge.curve(asked)), sep="\n  ")
    card: dict[str, Any] = {
        "seed": seed,
        "learned_from": len(photos.rows),
        "held_back_for_the_probability": int(held_back.sum()),
        "recipe": asdict(source.recipe),
        "recall": asdict(recall),
        "shown": asdict(shown),
        "absent": asdict(absent),
    }
    return replace(towers, card=card)


def main() -> None:
    """Command line."""
    if os.environ.get(_THREADS) != "1":
        # NumPy reads it when it is loaded, which has happened.
        command = [sys.executable, "-m", "tagger.teaching.build_sentences", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, _THREADS: "1"})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captioned", type=Path)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=PACKAGED)
    options = parser.parse_args()
    try:
        run(options)
    except TaggerError as error:
        raise SystemExit(str(error)) from error


def run(options: argparse.Namespace) -> None:
    """Look at the kept photos, learn, and write the file."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = with_model(Settings(data_dir=Path(scratch)), name=BUILT_IN)
        model = choose_model(settings, fetch=False)
        others, pictured = (
            Photos(part.described, part.rows)
            for part in split(options.captioned, options.captioned / "features.npz", settings, model)
        )
    kept = np.arange(len(pictured.rows)) >= len(pictured.rows) - _KEPT
    photos = both(others, pictured.part(~kept))
    words = Words.of(photos.described)
    taken = taken_for(options.wordnet, words.names)
    names = known_names(options.wordnet, dict(zip(words.names, words.said.tolist(), strict=True)))
    taken = dict.fromkeys(names, ("", "")) | taken
    taken = {word: taken[word] for word in sorted(taken)}
    source = Source(model, taken, said_phrases(photos.described), Recipe(), options.seed)
    build(photos, pictured.part(kept), source).save(options.output)


if __name__ == "__main__":
    main()
