"""Makes sentences.npz, by which photos are found by a sentence, from described photos. Some minutes:

    python -m tagger.teaching.build_sentences CAPTIONED

CAPTIONED holds `captions.tsv` (lines `NAME<tab>SENTENCE`, several sentences a photo), `features.npz` (arrays `names`
and `features`) and `images.tar` with some of the photos.

The photos of images.tar are kept for the figures: nothing is learned from them and nothing chosen by them, and their
features are made by the product itself, from the pictures. The others are learned from; a fifth of them is first held
back, to make the probability and the cut-off by towers that did not see them. The figures are printed, and stand in the
file's card. The same seed and photos give the same file.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tagger.core.config import Settings
from tagger.core.errors import TaggerError
from tagger.inference.registry import BUILT_IN
from tagger.inference.selection import choose_model, with_model
from tagger.inference.weights import ChosenModel
from tagger.search.towers import PACKAGED, SIGNS, Calibration, Small, Towers
from tagger.teaching.build_words import split
from tagger.teaching.sentence_data import Photos, Words, sentences, short_queries
from tagger.teaching.sentence_figures import Judge
from tagger.teaching.tower_training import Recipe, train

_HELD_BACK = 5
_CUT_OFF = 0.5


def learn(photos: Photos, words: Words, recipe: Recipe, seed: int, model: ChosenModel) -> Towers:
    """Towers from described photos, without a probability yet."""
    print(f"Learning from {len(photos.rows):,} photos, seed {seed}", flush=True)
    found = train(photos.rows, words.bags(photos.described), len(words.names), seed, recipe)
    width = recipe.width
    none = np.zeros(width, np.float32)
    return Towers(
        architecture=model.architecture.name,
        weights_sha256=model.weights.sha256,
        hidden=Small.of(found.hidden),
        hidden_bias=found.hidden_bias,
        output=Small.of(found.output),
        output_bias=found.output_bias,
        words=words.names,
        vectors=Small.of(found.words.T),
        word_bias=found.word_bias,
        said=words.said,
        photos=len(photos.rows),
        calibration=Calibration(np.zeros(len(SIGNS), np.float32), 0.0, none, np.eye(width, dtype=np.float32), _CUT_OFF),
    )


def build(learned_from: Photos, kept: Photos, recipe: Recipe, seed: int, model: ChosenModel) -> Towers:
    """Learn, calibrate, judge."""
    held_back = np.random.default_rng(seed).permutation(len(learned_from.rows)) % _HELD_BACK == 0
    inner, outer = learned_from.part(~held_back), learned_from.part(held_back)
    first = Judge(learn(inner, Words.of(inner.described), recipe, seed, model), outer)
    queries = short_queries(outer.described, (1, 2, 2, 3, 3, 4), 600, seed)
    queries += [one for place, one in enumerate(sentences(outer.described)) if place % 10 == 0]
    calibration = first.calibrated(queries, _CUT_OFF).calibration
    final = learn(learned_from, Words.of(learned_from.described), recipe, seed, model)
    judge = Judge(final, learned_from)
    centred = judge.vectors - judge.vectors.mean(axis=0)
    spread = (centred.T @ centred / np.float32(len(centred))).astype(np.float16).astype(np.float32)
    final = replace(final, calibration=replace(calibration, mean=judge.vectors.mean(axis=0), spread=spread))
    last = Judge(final, kept)
    recall, shown = last.recall(), last.shown(short_queries(kept.described, (2, 3), 300, seed))
    print(recall.line, shown.line, sep="\n")
    card: dict[str, Any] = {
        "seed": seed,
        "learned_from": len(learned_from.rows),
        "held_back": int(held_back.sum()),
        "recipe": asdict(recipe),
        "recall": asdict(recall),
        "shown": asdict(shown),
    }
    return replace(final, card=card)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captioned", type=Path)
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
        learned_from, kept = split(options.captioned, options.captioned / "features.npz", settings, model)
    photos, others = (Photos(part.described, part.rows) for part in (learned_from, kept))
    build(photos, others, Recipe(), options.seed, model).save(options.output)


if __name__ == "__main__":
    main()
