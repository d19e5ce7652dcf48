"""How right taught labels are in a library, and how right they are said to be.

    python benchmarks/teach_library.py [--seeds 3] [--photos 2000] [--library DATA_DIR] [--each]

On stored features (6,000 everyday photos that five people described each, `../shared/datasets/captioned`): up to 40
photos of which at least three of the five say a word are the right examples, a library is drawn from the others, and
photos of which fewer say it are left out. With `--library`, also on the photos of a library: ImageNet's, by the animal
in the name (`n02099601_golden_retriever.JPEG`), and those of folders that are named after what they show.

Whatever is to be looked at is answered by the descriptions, as often as a label asks for it, up to five times. What
is a constant in `tagger/teaching` was chosen on every second label, of which the first is one. Printed for both
halves, of labels that go to five photos or more: the share of right photos among those that get a label, and the share
that is told; how many labels are told more than 10 points too much; the share of a library's right photos that is
found.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tagger.core.linear_heads import unit
from tagger.store.examples import Example, Kind
from tagger.store.features import FEATURE_DTYPE
from tagger.teaching.doubt import doubtful, spread, why_look
from tagger.teaching.measure import Examples, Scored, measure_best, train_head, train_on_given
from tagger.teaching.report import Report

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "datasets" / "captioned"
WORDS = {
    "baby": "baby|babies|infant|toddler",
    "ball": "balls?",
    "baseball": "baseball",
    "basketball": "basketball",
    "beach": "beach|shore",
    "bench": "bench",
    "bicycle": "bikes?|bicycles?|cyclist|biker",
    "bird": "birds?|duck|seagulls?",
    "boat": "boats?|ship|kayak|canoe|sailboat",
    "building": "buildings?|city",
    "camera": "camera",
    "car": "cars?|truck|van",
    "child": "child|children|kids?|boys?|girls?",
    "climber": "climbs?|climbing|climber",
    "crowd": "crowd|crowded|audience",
    "dance": "dances?|dancing|dancer",
    "dog": "dogs?|puppy|puppies",
    "fish": "fish|fishing|fisherman",
    "flowers": "flowers?",
    "food": "food|cake|eating|pizza",
    "football": "football",
    "grass": "grass|grassy|lawn",
    "guitar": "guitars?|band|musician",
    "hat": "hats?|cap",
    "horse": "horses?",
    "jump": "jumps?|jumping",
    "motorcycle": "motorcycles?|motorbike|dirt bike|motocross",
    "mountain": "mountains?|mountainside",
    "person": "man|woman|men|women|boys?|girls?|people|person|child|children|kids?|players?|lady|guy|baby|toddler",
    "playground": "playground|slide",
    "red": "red",
    "rock": "rocks?|rocky|cliff",
    "running": "runs?|running",
    "skateboard": "skateboard(s|er|ing)?",
    "snow": "snow|snowy|ski|skier|snowboarder",
    "soccer": "soccer",
    "stick": "sticks?",
    "street": "street|road|sidewalk",
    "sunglasses": "sunglasses|glasses",
    "surfer": "surf(s|er|ing|board)?|wave",
    "swimming": "swims?|swimming|swimmer",
    "swing": "swings?|swinging",
    "tennis": "tennis|racket",
    "toy": "toys?",
    "tree": "trees?|forest|woods",
    "water": "water|pool|lake|ocean|sea|river",
}
# WordNet's animals have neighbouring numbers in ImageNet.
ANIMALS = {
    "animal": ("n01440764", "n02510455"),
    "bird, by name": ("n01514668", "n01622779"),
    "dog, by name": ("n02085620", "n02113978"),
    "insect": ("n02165105", "n02281787"),
}
WANTED, EXAMPLES, ROUNDS = 0.9, 40, 5
# Of a label in a library: features of length one, which photos show it, which do not.
Label = tuple[str, np.ndarray, np.ndarray, np.ndarray]


def described() -> Iterator[Label]:
    stored = np.load(FOLDER / "features.npz")
    said: dict[str, list[str]] = {}
    for line in (FOLDER / "captions.tsv").read_text().splitlines():
        name, text = line.split("\t")
        said.setdefault(name, []).append(text.lower())
    rows = unit(stored["features"])
    for name, words in WORDS.items():
        pattern = re.compile(rf"\b({words})\b")
        votes = np.array([sum(bool(pattern.search(text)) for text in said[str(photo)]) for photo in stored["names"]])
        yield name, rows, votes >= 3, votes == 0


def named(data_dir: Path) -> Iterator[Label]:
    """Labels that the names of a library's photos and folders tell."""
    with sqlite3.connect(f"file:{data_dir}/library.db?mode=ro", uri=True) as connection:
        found = connection.execute("SELECT path, vector FROM photos JOIN features ON photo_id = photos.id").fetchall()
    paths = [Path(path.decode() if isinstance(path, bytes) else path) for path, _ in found]
    rows = unit(np.stack([np.frombuffer(vector, FEATURE_DTYPE) for _, vector in found]))
    numbers = np.array([path.name[:9] if re.match(r"n\d{8}_", path.name) else "" for path in paths])
    named_ = numbers != ""
    for name, (first, last) in ANIMALS.items():
        right = (numbers >= first) & (numbers <= last)
        yield name, rows[named_], right[named_], ~right[named_]
    folders = np.array([path.parent.name for path in paths])
    for name in sorted(set(folders[~named_])):
        # Only what has the same kind of folders beside it.
        beside = ~named_ & (folders != "")
        if (folders == name).sum() >= 2 * EXAMPLES:
            yield name, rows[beside], (folders == name)[beside], (folders != name)[beside]


def lesson(rows: np.ndarray, outside: np.ndarray, said: dict[int, bool], asked: set[int]) -> tuple[Report, Scored, str]:
    """A label that was taught, the library's scores by it, and why somebody has to look. Photos are numbered from 1."""
    drawn = [one for one in np.random.default_rng(0).permutation(len(rows))[:1000].tolist() if one + 1 not in said]
    places = [one - 1 for one in said]
    kinds = ["yes"] * len(outside) + ["yes" if right else "no" for right in said.values()] + ["sampled"] * len(drawn)
    examples = Examples(
        np.concatenate([outside, rows[places], rows[drawn]]),
        np.array(kinds),
        np.array([0] * len(outside) + list(said) + [one + 1 for one in drawn]),
    )
    counts = Report(kinds.count("yes"), kinds.count("no"), len(drawn), wanted=WANTED)
    fitted = [one for train in (train_on_given, train_head) if (one := train("own:x", "x", examples, counts))]
    heads = [one.head for one in fitted if one.head is not None]
    scores = [Scored(np.arange(1, len(rows) + 1), head.scores(rows)) for head in heads]
    measured, scored = measure_best(fitted, scores, asked)
    report = measured.report
    answers = [Example(Kind.YES if right else Kind.NO, number) for number, right in said.items()]
    return report, scored, report.refused or why_look(spread(scored, report.threshold, answers), report, 0.0)


def result(report: Report, scored: Scored, truth: np.ndarray, said: dict[int, bool]) -> list[float]:
    """Photos that get the label (not those of which somebody said no), the share that is right, told, and found."""
    found = [one - 1 for one in scored.above(report.threshold) if said.get(one, True)]
    right = float(truth[found].sum())
    none = float("nan")
    if report.refused or not found:
        return [0.0 if report.refused else len(found), none, none, none]
    return [len(found), right / len(found), report.precision, right / max(truth.sum(), 1)]


def one_run(label: Label, seed: int, photos: int) -> list[float]:
    """How many photos show it; what is given at first; how many were looked at; what is given then."""
    _, rows, right, never = label
    random = np.random.default_rng(seed)
    sure = random.permutation(np.flatnonzero(right))
    chosen = sure[: min(EXAMPLES, len(sure) // 2)]
    library = random.permutation(np.setdiff1d(np.flatnonzero(right | never), chosen))[:photos]
    of_library, truth = rows[library], right[library]
    said: dict[int, bool] = {}
    asked: set[int] = set()
    report, scored, why = lesson(of_library, rows[chosen], said, asked)
    first = result(report, scored, truth, said)
    for _ in range(ROUNDS):
        if not why:
            break
        shown = [one for one, _ in doubtful(scored, report.threshold if not report.refused else 0.5, set(said))]
        asked |= set(shown)
        said |= {one: bool(truth[one - 1]) for one in shown}
        report, scored, why = lesson(of_library, rows[chosen], said, asked)
    return [float(truth.sum()), *first, float(len(said)), *result(report, scored, truth, said)]


def summary(half: str, runs: np.ndarray) -> None:
    """How right labels are that go to at least five photos."""
    for when, start in (("at first", 1), ("after looking", 6)):
        some = runs[runs[:, 5] > 0] if start == 6 else runs
        of = some[some[:, start] >= 5][:, start : start + 4]
        if not len(of):
            continue
        over = of[:, 2] > of[:, 1] + 0.1
        few = of[:, 0] < 20
        print(
            f"{half}, {when}: {len(of)} libraries; right {of[:, 1].mean():.0%}, told {of[:, 2].mean():.0%}; "
            f"told too much {over.mean():.0%} (of those that go to fewer than 20 photos {over[few].mean():.0%}); "
            f"found {of[:, 3].mean():.0%}; at most {int(some[:, 5].max(initial=0))} looked at"
        )


def main() -> None:
    warnings.simplefilter("ignore", RuntimeWarning)  # Means of nothing are nothing.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--library", type=Path, help="data directory of a library with SQLite")
    parser.add_argument("--each", action="store_true", help="print every label, too")
    options = parser.parse_args()
    labels = [*enumerate(described()), *enumerate(named(options.library) if options.library else ())]
    if options.each:
        print("                 right  get it  are right  told  found | looked at  get it  are right  told  found")
    halves: list[list[list[float]]] = [[], []]
    for number, label in labels:
        if label[2].sum() < EXAMPLES:
            continue
        runs = [one_run(label, seed, options.photos) for seed in range(options.seeds)]
        halves[number % 2] += runs
        if options.each:
            of = np.nan_to_num(np.nanmean(np.array(runs), axis=0))
            print(
                f"{'*' if number % 2 else ' '} {label[0]:14} {of[0]:5.0f} {of[1]:7.0f} {of[2]:10.0%} {of[3]:5.0%} "
                f"{of[4]:6.0%} | {of[5]:9.0f} {of[6]:7.0f} {of[7]:10.0%} {of[8]:5.0%} {of[9]:6.0%}",
                flush=True,
            )
    for half, runs in zip(("constants chosen on", "reported"), halves, strict=True):
        summary(half, np.array(runs))


if __name__ == "__main__":
    main()
