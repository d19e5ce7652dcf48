"""How good the everyday words are on photos that trained nothing: described ones, and snapshots judged by eye.

    python benchmarks/everyday/words.py SHARED

SHARED holds `datasets/captioned` and `photos`. A word is confirmed where one of five sentences says it, which is less
than truth: nobody mentions the sky. It is found where two say it and the photo gets it. Photos of images.tar are looked
at by the product itself; neither training nor thresholds know them. The snapshots were judged apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tagger.core.config import Settings
from tagger.inference.registry import BUILT_IN
from tagger.inference.selection import choose_model, with_model
from tagger.labels import taxonomy
from tagger.labels.words import EverydayWords, Word, table
from tagger.teaching.build_words import counted, pictures, unpack
from tagger.teaching.described import read_described
from tagger.teaching.photo_features import features_of

GOOD = 0.9


def scored(words: EverydayWords, photos: list[Path]) -> tuple[list[Path], np.ndarray]:
    """The photos that can be looked at, and their probabilities, float32 (photos, words)."""
    with tempfile.TemporaryDirectory() as folder:
        settings = with_model(Settings(data_dir=Path(folder)), name=BUILT_IN)
        model = choose_model(settings, fetch=False)
        words.require(model.model_id)
        found = features_of(photos, settings, model)
    return list(found), words.scores(np.stack(list(found.values())))


def described(words: EverydayWords, folder: Path) -> int:
    """Print the table of every word on the photos of images.tar; returns how many are good."""
    with tempfile.TemporaryDirectory() as scratch:
        unpack(folder / "images.tar", Path(scratch))
        photos, scores = scored(words, pictures(Path(scratch)))
    order = {path.name: number for number, path in enumerate(photos)}
    sentences = read_described(folder / "captions.tsv").only(order)
    rows = scores[[order[name] for name in sentences.names]]
    known = {word.name: word for word in table()}
    good = shown_all = right_all = 0
    print(f"{len(rows):,} described photos\n{'word':16} {'trained on':>10} {'shown':>6} {'confirmed':>10} {'found':>6}")
    for number, name in enumerate(words.names):
        count = counted(
            rows[:, number] >= words.thresholds[number],
            sentences.sayers(known[name]),
            words.counted[number].examples,
        )
        good += count.shown > 0 and count.confirmed >= GOOD
        shown_all += count.shown
        right_all += round(count.shown * count.confirmed)
        print(f"{name:16} {count.examples:10,} {count.shown:6,} {count.confirmed:10.1%} {count.found:6.1%}")
    print(
        f"{good} of {len(words.names)} words are confirmed on {GOOD:.0%} and more of the photos that show them; "
        f"{right_all:,} of {shown_all:,} shown, {right_all / max(1, shown_all):.1%}"
    )
    return good


def judged(words: EverydayWords, folder: Path) -> None:
    """Print what the judged snapshots show, and whether it is among the words that they were judged to deserve."""
    verdicts = json.loads((folder / "camera_judged.json").read_text())
    photos, scores = scored(words, [folder / "camera" / name for name, found in verdicts.items() if found["photo"]])
    known = {word.name: word for word in table()}
    true = shown = 0
    print(f"\n{len(photos)} snapshots; words in brackets are not among those that somebody wrote down")
    for path, row in zip(photos, scores, strict=True):
        wanted = {taxonomy.normal(word) for word in verdicts[path.name]["words"]}
        names = [words.names[number] for number in np.flatnonzero(row >= words.thresholds)]
        right = [bool(wanted & forms(known[name])) for name in names]
        true, shown = true + sum(right), shown + len(right)
        said = (name if yes else f"[{name}]" for name, yes in zip(names, right, strict=True))
        print(f"  {path.name:36} {', '.join(said)}")
    print(f"{true} of {shown} shown words were written down")


def forms(word: Word) -> set[str]:
    """The ways to write a word, as search compares them."""
    return {taxonomy.normal(text) for text in (word.name, *word.synonyms)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--least", type=int, default=0, help="fail with fewer good words")
    options = parser.parse_args()
    words = EverydayWords.load()
    good = described(words, options.shared / "datasets" / "captioned")
    judged(words, options.shared / "photos")
    return int(good < options.least)


if __name__ == "__main__":
    sys.exit(main())
