"""How many of the labels shown are true, for several thresholds; on photos whose class is in their file name.

    python benchmarks/label_precision.py PHOTOS [mobilenet_v2=FILE ...] [--views squares|whole]

PHOTOS holds files named WNID_class_name.ext, one ImageNet class each. The model in the package, and each whose
weights are named, look at them with each kind of views. Everything goes through the ordinary commands: one `tagger
backfill` into a temporary data directory, then `tagger relabel` and `tagger export` for each threshold. A label of the
classifier is true if it is the photo's class, a synonym of it, or above it in WordNet or in a group. What else is on a
photo, no class says: labels of boxes and words are counted apart, by everyday/evaluation_judged.json, which was made by
eye; a photo that truly shows one has a true label. The photos are halved in the order of their names: thresholds are
chosen on the first half (1st, 3rd, 5th ... photo) and reported on the second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tagger.inference.registry import BUILT_IN, REGISTRY
from tagger.labels import taxonomy

THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
CLASSIFIER = ("model", "hierarchy")
TAGGER = Path(sys.executable).parent / "tagger"


@dataclass(frozen=True)
class Counted:
    """What one pass over the library found. `photos_true`: photos that show at least one true label.

    `shown`: labels of the classifier; `others`: labels of other witnesses.
    """

    photos: int
    photos_true: int
    shown: int
    shown_true: int
    others: int = 0
    others_true: int = 0

    @property
    def precision(self) -> float:
        """The share of shown labels that are true."""
        return self.shown_true / self.shown if self.shown else 1.0

    @property
    def covered(self) -> float:
        """The share of photos that show a true label."""
        return self.photos_true / self.photos


def is_true(label: Mapping[str, Any], wnid: str) -> bool:
    """Whether a label of `tagger export` is true of a photo of class `wnid`."""
    known = taxonomy.load()
    keys = [label["wnid"]] if label["wnid"] else known.lookup(label["name"])
    return any(known.classes.index(wnid) in known.classes_under(key) for key in keys)


def count(photos: list[dict[str, Any]]) -> Counted:
    """Count the shown labels of `tagger export`'s objects."""
    shown = true = covered = others = others_true = 0
    for photo in photos:
        name = Path(photo["path"]).name
        wnid = name.split("_")[0]
        labels = [label for label in photo["labels"] if label["shown"]]
        verdicts = [is_true(label, wnid) for label in labels if label["origin"] in CLASSIFIER]
        beside = [
            is_true(label, wnid) or label["name"] in judged().get(name, ())
            for label in labels
            if label["origin"] not in CLASSIFIER
        ]
        shown += len(verdicts)
        true += sum(verdicts)
        others += len(beside)
        others_true += sum(beside)
        covered += any((*verdicts, *beside))
    return Counted(len(photos), covered, shown, true, others, others_true)


@cache
def judged() -> dict[str, list[str]]:
    """Photo -> what of other witnesses' labels is true of it, by eye."""
    found: dict[str, list[str]] = json.loads(
        (Path(__file__).parent / "everyday" / "evaluation_judged.json").read_text()
    )
    return found


def raw(photos: list[dict[str, Any]]) -> Counted:
    """Count what other programs show: the model's own top classes, without policy."""
    plain = [
        photo | {"labels": [label | {"shown": True} for label in photo["labels"] if label["origin"] == "model"]}
        for photo in photos
    ]
    return count(plain)


def export(environ: dict[str, str]) -> list[dict[str, Any]]:
    """The library as `tagger export` writes it."""
    done = subprocess.run([TAGGER, "export"], check=True, stdout=subprocess.PIPE, text=True, env=environ)
    return [json.loads(line) for line in done.stdout.splitlines()]


def first_right(photos: list[dict[str, Any]]) -> float:
    """The share of photos whose likeliest class is right."""
    right = 0
    for photo in photos:
        classes = [label for label in photo["labels"] if label["origin"] == "model"]
        best = max(classes, key=lambda label: label["confidence"], default=None)
        right += best is not None and best["wnid"] == Path(photo["path"]).name.split("_")[0]
    return right / len(photos)


def measure(name: str, weights: Path | None, views: str, photos: Path) -> None:
    """Print a table for one model and what it sees."""
    usual = REGISTRY[name].show_threshold("whole" if views == "whole" else "squares")
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "TAGGER_DATA_DIR": folder, "TAGGER_MODEL_NAME": name, "TAGGER_MODEL_VIEWS": views}
        if weights is not None:
            environ["TAGGER_MODEL_WEIGHTS"] = str(weights)
        started = time.perf_counter()
        subprocess.run([TAGGER, "backfill", "--offline", photos], check=True, env=environ, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        found = export(environ)
        print(
            f"\n{name}, {views}: {len(found)} photos in {seconds:.0f} s, first class right on {first_right(found):.1%}"
        )
        plain = raw(found)
        print(
            f"  without policy, its own five likeliest: {plain.precision:.1%} true, {plain.covered:.1%} of the photos"
        )
        print(f"  {'threshold':>9}   first half: true  photos   second half: true  photos    all: true  photos")
        for threshold in THRESHOLDS:
            environ["TAGGER_LABELS_SHOW_THRESHOLD"] = str(threshold)
            subprocess.run([TAGGER, "relabel"], check=True, env=environ, stdout=subprocess.DEVNULL)
            ordered = sorted(export(environ), key=lambda photo: Path(photo["path"]).name)
            one, other, both = count(ordered[0::2]), count(ordered[1::2]), count(ordered)
            print(
                f"  {threshold:9.2f}  {one.precision:16.1%}  {one.covered:6.1%}  {other.precision:17.1%}  "
                f"{other.covered:6.1%}  {both.precision:10.1%}  {both.covered:6.1%}"
                + ("  (its own)" if threshold == usual else ""),
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument(
        "weights", nargs="*", metavar="MODEL=FILE", help="weights of other models than the packaged one"
    )
    parser.add_argument("--views", choices=("squares", "whole", "both"), default="both")
    options = parser.parse_args()
    models: dict[str, Path | None] = {BUILT_IN: None}
    for given in options.weights:
        name, _, file = given.partition("=")
        models[name] = Path(file)
    for name, file in models.items():
        for views in ("squares", "whole") if options.views == "both" else (options.views,):
            measure(name, file, views, options.photos)


if __name__ == "__main__":
    main()
