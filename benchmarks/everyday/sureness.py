"""Which measure tells best whether a label of the classifier is right, and whether a temperature calibrates it.

    python benchmarks/everyday/sureness.py PHOTOS CAPTIONS.tsv EVALUATION

PHOTOS are described in CAPTIONS.tsv (see count.py); EVALUATION are photos named by their class
(see label_precision.py).
Printed for each measure of the labels that the classifier alone shows on PHOTOS, breeds of dogs apart: the area under
the curve (0.5 is chance), and how many are right of the four fifths of which it says most. A label is right as in
rules.py. Temperatures are fitted on the first half of each kind of photos (1st, 3rd ... by name) and counted on the
second: the expected calibration error of all classes and parents from 0.1 on, in 15 bins.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.everyday.count import Looked, looked_at
from benchmarks.everyday.rules import right_by, shown
from tagger.core.boxes import Box
from tagger.core.linear_heads import unit
from tagger.labels import taxonomy
from tagger.labels.combine import PERSON

DOG = "n02084071"
TEMPERATURES = np.exp(np.linspace(np.log(0.4), np.log(2.5), 25))
LEAST, BINS = 0.1, 15
Right = Callable[[str, str, str], bool]


def logits_of(looked: Looked) -> NDArray[np.float32]:
    """float32 (photos, classes)."""
    found: NDArray[np.float32] = looked.features.astype(np.float32) @ looked.head.weights + looked.head.bias
    return found


def probabilities(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Softmax with a temperature, float32 (photos, classes)."""
    powers = np.exp((logits - logits.max(1, keepdims=True)) / temperature)
    found: NDArray[np.float32] = powers / powers.sum(1, keepdims=True)
    return found


def under_curve(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """The share of pairs of a right and a wrong one in which the right one has more; draws count as half."""
    above = scores[right][:, np.newaxis] - scores[~right][np.newaxis]
    return float((above > 0).mean() + (above == 0).mean() / 2)


def measures(looked: Looked, right: Right) -> None:
    """Print how well each measure tells right labels from wrong ones."""
    known, logits = taxonomy.load(), logits_of(looked)
    rows, shares = unit(looked.features.astype(np.float32)), probabilities(logits)
    without = looked.policy.labels_for(np.zeros_like(shares), looked.evidence)
    of_photo = {
        "largest logit": logits.max(1),
        "energy": np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1),
        "entropy, less is more": (shares * np.log(shares + 1e-9)).sum(1),
        "like the mean of photos": rows @ rows.mean(0),
        "unlike the mean of photos": -(rows @ rows.mean(0)),
        "no person's box": np.array([-_persons(one.boxes or ()) for one in looked.evidence]),
    }
    found: dict[str, list[float]] = {name: [] for name in ("its probability", *of_photo)}
    verdicts = []
    for number, labels in enumerate(shown(looked)):
        others = {label.key for label in without[number] if label.shown}
        for key, label in labels.items():
            if key in others or key == DOG or DOG in known.ancestors(key):
                continue
            verdicts.append(right(Path(looked.names[number]).name, key, label.name))
            found["its probability"].append(label.confidence)
            for name, values in of_photo.items():
                found[name].append(float(values[number]))
    verdict = np.array(verdicts)
    print(f"{len(verdict)} labels, {verdict.mean():.1%} right      area   right of the best four fifths")
    for name, values in found.items():
        scores = np.array(values)
        best = np.argsort(-scores, kind="stable")[: len(scores) * 4 // 5]
        print(f"  {name:27} {under_curve(scores, verdict):8.2f}   {verdict[best].mean():.1%}")


def _persons(boxes: Iterable[Box]) -> float:
    """The score of the surest box of a person."""
    return max((box.score for box in boxes if box.kind == PERSON), default=0.0)


def calibration(name: str, looked: Looked, right: Right) -> None:
    """Print the temperature that calibrates the first half best, and what becomes of the second."""
    logits = logits_of(looked)
    rows = looked.policy._probabilities(probabilities(logits))
    pairs, verdicts = [], []
    for number, row in enumerate(rows):
        for place in np.flatnonzero(row >= LEAST):
            candidate = looked.policy.candidates[place]
            if candidate.classes:
                pairs.append((number, place))
                verdicts.append(right(Path(looked.names[number]).name, candidate.key, candidate.name))
    photos, places = np.array(pairs).T
    verdict, order = np.array(verdicts), np.argsort(np.argsort(looked.names))
    first = order[photos] % 2 == 0

    def error(temperature: float, half: NDArray[np.bool_]) -> float:
        share = looked.policy._probabilities(probabilities(logits, temperature))[photos, places][half]
        bins = np.minimum((share * BINS).astype(int), BINS - 1)
        return sum(abs((share - verdict[half])[bins == one].sum()) for one in set(bins.tolist())) / len(share)

    best = min(TEMPERATURES, key=lambda one: error(one, first))
    print(
        f"{name}: temperature {best:.2f}; error on the second half {error(1, ~first):.3f} without, "
        f"{error(best, ~first):.3f} with it"
    )


def by_class(photo: str, key: str, _: str) -> bool:
    """Whether a label is the class in the photo's name, or above it."""
    known = taxonomy.load()
    return known.classes.index(photo.split("_")[0]) in known.classes_under(key)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("captions", type=Path)
    parser.add_argument("evaluation", type=Path)
    options = parser.parse_args()
    photos, right = looked_at(options.photos), right_by(options.captions)
    measures(photos, right)
    calibration("described photos", photos, right)
    calibration("photos of one class", looked_at(options.evaluation), by_class)


if __name__ == "__main__":
    main()
