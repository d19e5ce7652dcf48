"""How many of the labels shown on everyday photos are true and useful.

    python benchmarks/everyday/count.py judged PHOTOS JUDGED.json
    python benchmarks/everyday/count.py captioned PHOTOS CAPTIONS.tsv

Photos are labelled by `tagger backfill`, as by everybody. JUDGED.json says of each whether it is a photo, how many
people are on it, and by which words one would search it; words_added.json adds some that are true, too. A label is true
and useful if its name or a synonym is one of these words. CAPTIONS.tsv has lines of a photo's name and a sentence that
somebody said of it: a label is confirmed if one sentence says it, a lower bound of truth, and found if it is shown
where two do.

Thresholds are made on the first half (1st, 3rd ... photo in the order of names); what counts is the second.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.core.config_sources import load_settings
from tagger.core.evidence import Evidence
from tagger.core.photo import Label
from tagger.inference.head import Head
from tagger.inference.witnesses import stored_witnesses
from tagger.labels import taxonomy
from tagger.labels.labeller import stored_labeller
from tagger.labels.policy import Policy
from tagger.labels.words import table
from tagger.store.evidence import evidence_of
from tagger.store.features import reusable_features, to_matrix
from tagger.store.records import labelled_paths, photo_by_id
from tagger.store.session import open_store

HERE = Path(__file__).parent
TAGGER = Path(sys.executable).parent / "tagger"
PEOPLE = "n00007846"
# Words by which a sentence says that a person is there, beside those of man, woman, child and what people do.
PERSONS = """
person persons people man men woman women boy boys girl girls child children kid kids baby babies toddler player
players lady ladies guy guys crowd group couple skier skiers surfer surfers snowboarder snowboarders climber
climbers biker bikers rider riders skateboarder skateboarders hiker hikers someone somebody musician musicians
worker workers dancer dancers swimmer swimmers athlete athletes soldier soldiers bicyclist bicyclists cyclist
cyclists runner runners performer performers friends family adult adults teenager teenagers teen teens mother
father son daughter bride groom student students wrestler wrestlers jogger cheerleader cheerleaders he she him
her his they team
""".split()
# Whether classifier, boxes and words are heard.
WITNESSES = {
    "the classifier": (True, False, False),
    "boxes": (False, True, False),
    "everyday words": (False, False, True),
    "all together": (True, True, True),
}


@dataclass(frozen=True)
class Judged:
    """What a person saw on a photo. `people`: how many; `words`: by which one would search it."""

    people: int
    words: frozenset[str]

    def is_true(self, label: Label) -> bool:
        """Whether a label is true and useful."""
        if label.key == PEOPLE:
            return self.people > 0
        known = taxonomy.load()
        names = (label.name, label.name.partition(" (")[0], *known.synonyms.get(label.key, ()))
        return any(form in self.words for name in names for form in _forms(name))


@dataclass
class Count:
    """Labels shown and true, photos and photos with a true label."""

    photos: int = 0
    covered: int = 0
    shown: int = 0
    true: int = 0

    def add(self, verdicts: Sequence[bool]) -> None:
        """Count a photo by whether each label that it shows is true."""
        self.photos += 1
        self.covered += any(verdicts)
        self.shown += len(verdicts)
        self.true += sum(verdicts)

    def __str__(self) -> str:
        share = self.true / self.shown if self.shown else 1.0
        photos = self.covered / max(1, self.photos)
        return (
            f"{self.true:4} of {self.shown:4} labels ({share:6.1%}), "
            f"{self.covered:3} of {self.photos:3} photos ({photos:6.1%})"
        )


def judged_photos(file: Path) -> dict[str, Judged]:
    """The photos of a file like camera_judged.json, without pictures that are no photos."""
    added: dict[str, list[str]] = json.loads((HERE / "words_added.json").read_text(encoding="utf-8"))
    found = {}
    for name, said in json.loads(file.read_text(encoding="utf-8")).items():
        if said["photo"]:
            words = frozenset(word.lower() for word in (*said["words"], *added.get(name, ())))
            found[name] = Judged(said["people"] or int("people" in words), words)
    return found


@dataclass(frozen=True)
class Looked:
    """Photos that were looked at. `names`: of their files, or paths below the folder; one row and evidence each."""

    names: tuple[str, ...]
    features: NDArray[np.float16]
    head: Head
    policy: Policy
    evidence: list[Evidence]


def looked_at(photos: Path) -> Looked:
    """What all witnesses say of the photos in a folder, by `tagger backfill`."""
    with labelled(photos):
        settings = load_settings()
        with open_store(settings) as store, store.read() as session:
            paths = {photo_id: path.relative for photo_id, path in labelled_paths(session)}
            record = photo_by_id(session, next(iter(paths)))
            known = None if record is None else stored_labeller(session, settings, record)
            if known is None:
                raise SystemExit(f"{photos} has no photo that could be labelled.")
            labeller, *_ = known
            vectors = reusable_features(session, list(paths), labeller.model)
            others = evidence_of(session, list(vectors), stored_witnesses(session, settings, labeller.model))
            features = to_matrix(list(vectors.values()))
            evidence = labeller.with_words(features, others)
            return Looked(
                tuple(paths[photo_id] for photo_id in vectors), features, labeller.head, labeller.policy, evidence
            )


def labels_by_witness(photos: Path) -> Iterator[tuple[str, dict[str, tuple[Label, ...]]]]:
    """Each photo's name and the labels that each of WITNESSES gives it; the file itself speaks beside all together."""
    looked = looked_at(photos)
    scores = looked.head.scores(looked.features)
    given: list[dict[str, tuple[Label, ...]]] = [{} for _ in looked.names]
    for witness, (classes, boxes, words) in WITNESSES.items():
        parts = [_part(one, boxes=boxes, words=words) for one in looked.evidence]
        judged = looked.policy.labels_for(scores if classes else np.zeros_like(scores), parts)
        for by_witness, labels in zip(given, judged, strict=True):
            by_witness[witness] = tuple(label for label in labels if label.shown)
    for name, by_witness in zip(looked.names, given, strict=True):
        yield Path(name).name, by_witness


@contextmanager
def labelled(photos: Path) -> Iterator[None]:
    """A library of the photos in a temporary data directory, which the settings name meanwhile."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"TAGGER_DATA_DIR": folder, "TAGGER_MODEL_NAME": "efficientnet_lite2"}
        try:
            subprocess.run([TAGGER, "backfill", "--offline", photos], check=True, stdout=subprocess.DEVNULL)
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def count_judged(photos: Path, file: Path) -> None:
    """Print the counts of judged photos."""
    judged = judged_photos(file)
    given = {name: labels for name, labels in sorted(labels_by_witness(photos)) if name in judged}
    halves = {
        "first half (thresholds)": sorted(given)[0::2],
        "second half": sorted(given)[1::2],
        "all": sorted(given),
    }
    for witness in WITNESSES:
        print(witness)
        for half, names in halves.items():
            count = Count()
            for name in names:
                count.add([judged[name].is_true(label) for label in given[name][witness]])
            print(f"  {half:24} {count}")
    print("people, all together")
    for half, names in halves.items():
        there = [name for name in names if judged[name].people]
        shown = [name for name in names if any(label.key == PEOPLE for label in given[name]["all together"])]
        right = len({*there} & {*shown})
        print(f"  {half:24} found on {right} of {len(there)}; {right} of {len(shown)} shown are right")
    print("\nwrong, or without a true label:")
    for name, labels in given.items():
        wrong = [label.name for label in labels["all together"] if not judged[name].is_true(label)]
        right = len(labels["all together"]) - len(wrong)
        if wrong or not right:
            print(f"  {name}: {', '.join(wrong) or 'nothing shown'}" + ("" if right else "  (no true label)"))


def count_captioned(photos: Path, captions: Path) -> None:
    """Print the table of labels on photos with sentences, and how `people` does."""
    said = sentences(captions)
    given = {name: labels["all together"] for name, labels in sorted(labels_by_witness(photos)) if name in said}
    for half, names in (
        ("first half (thresholds)", sorted(given)[0::2]),
        ("second half", sorted(given)[1::2]),
        ("all", sorted(given)),
    ):
        counts = {name: saying(said[name], PERSONS) for name in names}
        there = [name for name in names if counts[name] >= 3]
        shown = [name for name in names if any(label.key == PEOPLE for label in given[name])]
        found, confirmed = len({*there} & {*shown}), sum(counts[name] >= 1 for name in shown)
        print(
            f"people, {half}: found on {found} of {len(there)} ({found / max(1, len(there)):.1%}), "
            f"{confirmed} of {len(shown)} shown confirmed ({confirmed / max(1, len(shown)):.1%})"
        )
    print(f"\n{'label':24} shown  confirmed    found")
    rows = []
    for key, name in {(label.key, label.name) for labels in given.values() for label in labels}:
        forms = words_of(key, name)
        counts = {photo: saying(said[photo], forms) for photo in given}
        shown = [photo for photo in given if any(label.key == key for label in given[photo])]
        there = [photo for photo in given if counts[photo] >= 2]
        share = sum(counts[photo] >= 1 for photo in shown) / len(shown)
        rows.append((share, len(shown), name, len({*there} & {*shown}), len(there)))
    for share, shown_on, name, both, all_of_them in sorted(rows, key=lambda row: (-row[1], row[2])):
        print(f"{name:24} {shown_on:5}   {share:8.1%}   {both} of {all_of_them}")
    good = sum(share >= 0.9 for share, *_ in rows)
    print(f"{good} of {len(rows)} labels are confirmed on 90 % of their photos or more")


def sentences(file: Path) -> dict[str, list[str]]:
    """Photo -> what people said of it, in small letters."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, sentence = line.partition("\t")
        found[name].append(sentence.lower())
    return found


def saying(said: Iterable[str], words: Collection[str]) -> int:
    """How many sentences have one of the words."""
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, words)) + r")\b")
    return sum(bool(pattern.search(sentence)) for sentence in said)


def words_of(key: str, name: str) -> set[str]:
    """The words by which a sentence says a label: its own, its synonyms', and those of what lies below it."""
    known = taxonomy.load()
    if key in (PEOPLE, "n03987079", "group:group", "n08182379"):
        return set(PERSONS)
    spoken: Mapping[str, tuple[str, ...]] = {word.key: word.said for word in table()}
    named = {word.name: word.said for word in table()}
    below = known.find(name) or frozenset([key])
    words = {form for one in (key, *below) for word in _names(one) for form in _forms(word)}
    said = {word for one in (key, *below) for word in spoken.get(one, ())} | {*named.get(name, ())}
    return words | said


def _names(key: str) -> tuple[str, ...]:
    known = taxonomy.load()
    return (known.names.get(key, key), *known.synonyms.get(key, ()))


def _forms(name: str) -> tuple[str, ...]:
    """A word, its plural, and its singular."""
    word = name.lower()
    return (word, word + "s", word + "es", word.removesuffix("s"))


def _part(evidence: Evidence, *, boxes: bool, words: bool) -> Evidence:
    return replace(
        evidence,
        boxes=evidence.boxes if boxes else None,
        words=evidence.words if words else None,
        kinds=evidence.kinds if boxes and words else None,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("judged", "captioned"))
    parser.add_argument("photos", type=Path)
    parser.add_argument("truth", type=Path)
    options = parser.parse_args()
    count = count_judged if options.what == "judged" else count_captioned
    count(options.photos, options.truth)


if __name__ == "__main__":
    main()
