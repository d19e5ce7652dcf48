"""What each number of thresholds.toml does on everyday photos: the counts that stand beside it.

    python benchmarks/everyday/rules.py PHOTOS CAPTIONS.tsv SCENES

PHOTOS are described in CAPTIONS.tsv (see count.py); SCENES are pictures of landscapes and streets on which things are
rare. For each rule that hides labels: how many more would be shown without it, and how many of these are right; of the
scenes only how many, as nobody said what is on them. For each kind of box: how many of those are right that neither the
classifier nor a word confirms, by their score. A label is right if a sentence says it, or if it was judged so by eye
(captioned_judged.json; what no sentence says and is missing there was looked at, too, and is wrong or says nothing).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.everyday.count import HERE, Looked, looked_at, saying, sentences, words_of
from tagger.core.boxes import OBJECTS
from tagger.core.photo import Label
from tagger.labels import combine, taxonomy
from tagger.labels.thresholds import Rules, rules

# The value with which a rule hides nothing. What the classifier must have alone is 0 for each of its labels.
OFF: dict[tuple[str, ...], float] = {
    ("people", "animal"): 2.0,
    ("people", "speck"): 0.0,
    ("people", "landscape"): 2.0,
    ("people", "at_sunset"): rules().people["likely"],
    ("people", "thing"): 99.0,
    ("classifier", "narrow"): 0.0,
    ("classifier", "some_animal"): 0.0,
    ("classifier", "animal_box"): 0.0,
    ("classifier", "animal_or_person"): 0.0,
    ("classifier", "vehicle"): 0.0,
    ("classifier", "beside_people"): 0.0,
} | {("classifier", "alone", key): 0.0 for key in rules().classifier["alone"]}
SCORES = (0.3, 0.4, 0.5, 0.6, 0.7, 1.01)


def changed(path: tuple[str, ...], value: float) -> Rules:
    """The rules with one number changed."""
    known = {field.name: getattr(rules(), field.name) for field in fields(Rules)}
    tables = deepcopy({name: known[name] for name in ("people", "classifier")})
    place: dict[str, Any] = tables
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return Rules(**(known | tables))


def shown(looked: Looked) -> list[dict[str, Label]]:
    """The labels that each photo shows, by key."""
    given = looked.policy.labels_for(looked.head.scores(looked.features), looked.evidence)
    return [{label.key: label for label in labels if label.shown} for labels in given]


def right_by(captions: Path) -> Callable[[str, str, str], bool]:
    """Whether a label is right on a photo: name of its file, key and name of the label."""
    said, eye = sentences(captions), json.loads((HERE / "captioned_judged.json").read_text(encoding="utf-8"))

    @cache
    def forms(key: str, name: str) -> frozenset[str]:
        return frozenset(words_of(key, name))

    def right(photo: str, key: str, name: str) -> bool:
        return saying(said[photo], forms(key, name)) > 0 or name in eye.get(photo, ())

    return right


def more(before: list[dict[str, Label]], after: list[dict[str, Label]]) -> Iterator[tuple[int, Label]]:
    """The labels that are shown after and not before, with the number of their photo."""
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        yield from ((number, other[key]) for key in other.keys() - one.keys())


def count_rules(photos: Looked, scenes: Looked, right: Callable[[str, str, str], bool]) -> None:
    """Print what each rule hides."""
    known = taxonomy.load()
    usual, usual_scenes = shown(photos), shown(scenes)
    print("without the rule      more labels, right        more on scenes")
    for path, value in OFF.items():
        with patch.object(combine, "rules", return_value=changed(path, value)):
            found, on_scenes = list(more(usual, shown(photos))), list(more(usual_scenes, shown(scenes)))
        name = known.names.get(path[-1], path[-1])
        true = sum(right(Path(photos.names[number]).name, label.key, label.name) for number, label in found)
        print(f"  {path[0]} {name:20} {len(found):5} {true:5}     {len(on_scenes):5}", flush=True)


def count_boxes(photos: Looked, right: Callable[[str, str, str], bool]) -> None:
    """Print how right boxes are that no other witness confirms, and those that one does."""
    known, tally = taxonomy.load(), dict[tuple[int, int], list[bool]]()
    rows = photos.policy._probabilities(photos.head.scores(photos.features))
    words = combine.spoken_words(photos.evidence)
    for name, row, evidence, spoken in zip(photos.names, rows, photos.evidence, words, strict=True):
        witnesses = photos.policy._witnesses(row, evidence, spoken)
        best = {box.kind: box for box in reversed(witnesses.boxes)} if witnesses else {}
        for kind, box in best.items():
            rule = rules().objects.get(kind)
            if rule is None or box.score < rule.second:
                continue
            verdict = right(Path(name).name, rule.label, known.names[rule.label])
            place = -1 if witnesses.confirmed(rule.label) else int(np.searchsorted(SCORES, box.score, "right"))
            tally.setdefault((kind, place), []).append(verdict)
    print("\nboxes, right of all: confirmed, and alone with a score from", *SCORES[:-1])
    for kind, rule in rules().objects.items():
        parts = [tally.get((kind, place), []) for place in (-1, *range(1, len(SCORES)))]
        counts = "".join(f"{f'{sum(part)} of {len(part)}':>12}" for part in parts)
        print(f"  {OBJECTS[kind]:14} {rule.alone:4.2f} {counts}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("captions", type=Path)
    parser.add_argument("scenes", type=Path)
    options = parser.parse_args()
    photos, right = looked_at(options.photos), right_by(options.captions)
    count_rules(photos, looked_at(options.scenes), right)
    count_boxes(photos, right)


if __name__ == "__main__":
    main()
