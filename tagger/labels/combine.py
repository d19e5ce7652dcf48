"""Weighs witnesses against each other: the detector's boxes, everyday words, what the file tells, and the classifier.

`claims` turns boxes, words and the file's kinds into labels with a confidence; `doubts` says which labels of the
classifier the others contradict. Every number is in thresholds.toml, with the count that it comes from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.boxes import OBJECTS, Box
from tagger.core.evidence import Evidence
from tagger.core.photo import Origin
from tagger.imaging.kinds import FROM_FILE, KINDS
from tagger.labels.taxonomy import load
from tagger.labels.words import EverydayWords

PEOPLE, PORTRAIT, GROUP, CROWD = "n00007846", "n03987079", "group:group", "n08182379"
ANIMAL = "n00015388"
# What boxes and words do not show is not surer than this.
UNSURE = 0.45


@dataclass(frozen=True, slots=True)
class Claim:
    """What one witness says of a photo. `confidence`: the share of such claims that is true; `shown`: by its own rule.

    `threshold`: the confidence at which it would be. `seen`: what was seen, with which score; `rule`: what decided.
    """

    key: str
    origin: Origin
    confidence: float
    threshold: float
    shown: bool
    seen: str
    rule: str


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """A kind of box as a label. `alone`: the least score; `second`: the least where another witness sees it, too."""

    label: str
    alone: float
    second: float


@dataclass(frozen=True)
class Rules:
    """The content of thresholds.toml."""

    people: Mapping[str, float]
    confidence: Mapping[str, list[list[float]]]
    classifier: Mapping[str, Any]
    words: Mapping[str, list[str]]
    objects: Mapping[int, ObjectRule]

    @cached_property
    def of_label(self) -> dict[str, tuple[int, ...]]:
        """The kinds of boxes that are a label."""
        found: dict[str, tuple[int, ...]] = {}
        for kind, rule in self.objects.items():
            found[rule.label] = (*found.get(rule.label, ()), kind)
        return found

    def worth(self, what: str, score: float) -> float:
        """The share of boxes of such a score that is true. `what`: people or things."""
        scores, shares = zip(*self.confidence[what], strict=True)
        return float(np.interp(score, scores, shares))


@cache
def rules() -> Rules:
    """The thresholds in the package."""
    found = tomllib.loads((Path(__file__).parent / "thresholds.toml").read_text(encoding="utf-8"))
    objects = {
        OBJECTS.index(name): ObjectRule(rule["label"], rule.get("alone", 2.0), rule.get("with", 2.0))
        for name, rule in found["objects"].items()
    }
    return Rules(found["people"], found["confidence"], found["classifier"], found["words"], objects)


def spoken_words(evidence: Sequence[Evidence]) -> list[NDArray[np.float32] | None]:
    """Each photo's probabilities of the everyday words, float32 (words,); None where no network looked for them."""
    found: list[NDArray[np.float32] | None] = [None] * len(evidence)
    known = [(number, one.words) for number, one in enumerate(evidence) if one.words is not None]
    if known:
        scores = EverydayWords.load().scores(np.stack([features for _, features in known]))
        for (number, _), row in zip(known, scores, strict=True):
            found[number] = row
    return found


@dataclass(frozen=True)
class Witnesses:
    """What is known of one photo, as the rules ask for it. `classes`: the classifier's probability of each label.

    `spoken`: the probability of each everyday word, float32 (words,); None where no network looked for words.
    """

    evidence: Evidence
    classes: Mapping[str, float]
    spoken: NDArray[np.float32] | None

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """The detector's boxes, the surest first."""
        return tuple(sorted(self.evidence.boxes or (), key=lambda box: -box.score))

    @cached_property
    def words(self) -> dict[str, tuple[str, float, float]]:
        """Label -> everyday word, its probability, its threshold. Empty where no network looked for words."""
        if self.spoken is None:
            return {}
        known = EverydayWords.load()
        found: dict[str, tuple[str, float, float]] = {}
        for key, name, score, threshold in zip(known.keys, known.names, self.spoken, known.thresholds, strict=True):
            label = _label_of(key, name)
            if label is not None:
                found[label] = (name, float(score), float(threshold))
        return found

    def box_of(self, key: str) -> Box | None:
        """The surest box that is this label, or one below or above it."""
        kinds = _kinds_of(key)
        return next((box for box in self.boxes if box.kind in kinds), None)

    @cached_property
    def people(self) -> Claim | None:
        """Whether people are on the photo."""
        persons = [box for box in self.boxes if box.kind == 0]
        if not persons:
            return None
        rule, best = rules().people, persons[0].score
        animal = self.classes.get(ANIMAL, 0.0)
        said = max(
            ((score, name) for key, (name, score, _) in self.words.items() if key in rules().words["people"]),
            default=(0.0, ""),
        )
        confidence = rules().worth("people", best)
        seen = f"{_count(persons, best)} of a person, the surest {best:.2f}"
        needed = rule["likely"]
        if animal >= rule["animal"]:
            needed = rule["with_animal"]
            shown = best >= needed
            why = f"with an animal at {animal:.2f} a person needs {rule['with_animal']:g}"
        elif max(box.area for box in persons if box.score >= rule["weak"] or box is persons[0]) < rule["speck"]:
            needed = rule["sure"]
            shown = best >= needed
            why = f"{'reaches' if shown else 'is below'} {needed:g}, which persons as small as this need"
        elif best >= rule["likely"]:
            shown, why = True, f"reaches {rule['likely']:g}"
        else:
            shown = best >= rule["weak"] and said[0] >= rule["words"]
            why = f"is below {rule['likely']:g}" + (f", but the word {said[1]} has {said[0]:.2f}" if shown else "")
            confidence = max(confidence, 0.9) if shown else confidence
        return Claim(PEOPLE, Origin.OBJECT, confidence, rules().worth("people", needed), shown, seen, why)

    def claims(self) -> list[Claim]:
        """What boxes, words and the file say. What is not shown was right in fewer than half of the cases."""
        made = (*self._of_people(), *self._of_boxes(), *self._of_words(), *self._of_file())
        return [
            claim
            if claim.shown or claim.origin is Origin.FILE
            else replace(claim, confidence=min(claim.confidence, UNSURE))
            for claim in made
        ]

    def doubt(self, key: str, probability: float) -> str:
        """Why a label of the classifier that reaches its threshold is not shown all the same; empty if it is."""
        if self.evidence.boxes is None:
            return ""
        rule = rules().classifier
        box = self.box_of(key)
        if box is not None and box.score >= rule["box"]:
            return ""
        if key in self.words and self.words[key][1] >= self.words[key][2]:
            return ""
        if key == ANIMAL and probability < rule["some_animal"]:
            return f"no box shows an animal, and {probability:.2f} is below {rule['some_animal']:g}"
        beside = self.people is not None and self.people.shown
        if not beside or probability >= rule["beside_people"]:
            return ""
        if _right_beside_people(key):
            return ""
        return f"beside people, and {probability:.2f} is below {rule['beside_people']:g} with no box of it"

    def _of_people(self) -> list[Claim]:
        found = self.people
        if found is None:
            return []
        rule = rules().people
        sure = [box for box in self.boxes if box.kind == 0 and box.score >= rule["group"]]
        largest = max(sure, key=lambda box: box.area, default=None)
        if largest is None or not found.shown:
            return [found]
        near = [box for box in sure if box.area >= rule["small"] * largest.area]
        made = [found]
        if len(near) == 1 and largest.area >= rule["portrait"] and largest.score >= rule["portrait_sure"]:
            seen = f"one person at {largest.score:.2f},"
            made.append(_of_person(PORTRAIT, largest, seen, f"who covers {largest.area:.0%} of the picture"))
        if len(near) >= 3:
            made.append(_of_person(GROUP, near[2], f"{len(near)} persons from {rule['group']:g} on,", "three or more"))
        if len(sure) >= rule["crowd"]:
            seen = f"{len(sure)} persons from {rule['group']:g} on,"
            made.append(_of_person(CROWD, sure[2], seen, f"{rule['crowd']:g} or more"))
        return made

    def _of_boxes(self) -> list[Claim]:
        best: dict[str, Claim] = {}
        second = rules().classifier["second"]
        for box in self.boxes:
            rule = rules().objects.get(box.kind)
            if rule is None or (rule.label in best and best[rule.label].shown):
                continue
            classes, word = self.classes.get(rule.label, 0.0), self.words.get(rule.label)
            confirmed = ""
            if classes >= second:
                confirmed = f"the classifier gives it {classes:.2f}"
            elif word is not None and word[1] >= word[2] / 2:
                confirmed = f"the word {word[0]} has {word[1]:.2f}"
            needed = rule.second if confirmed else rule.alone
            confidence = rules().worth("things", box.score)
            confidence = (
                1 - (1 - confidence) * (1 - max(classes, word[1] if word else 0.0)) if confirmed else confidence
            )
            shown = box.score >= needed
            why = f"{'reaches' if shown else 'is below'} {needed:g}"
            if needed > 1:
                why = "is shown only where another witness sees it, too"
            if confirmed:
                why += f", as {confirmed}"
            if shown and self._another_animal(rule.label):
                shown, why = False, self._another_animal(rule.label)
            least = min(1.0, rules().worth("things", needed))
            claim = Claim(
                rule.label, Origin.OBJECT, confidence, least, shown, f"a box of a {box.name} at {box.score:.2f}", why
            )
            if rule.label not in best or shown:
                best[rule.label] = claim
        return list(best.values())

    def _another_animal(self, key: str) -> str:
        """Why an animal that boxes or words see is another one; empty if it may be right."""
        if ANIMAL not in load().ancestors(key):
            return ""
        other = self.classes.get(ANIMAL, 0.0) - self.classes.get(key, 0.0)
        if other < rules().people["animal"] or self.classes.get(key, 0.0) >= rules().classifier["second"]:
            return ""
        return f"but the classifier sees another animal at {other:.2f}"

    def _of_words(self) -> list[Claim]:
        made = []
        for key, (name, score, threshold) in self.words.items():
            shown, why = score >= threshold, f"{'reaches' if score >= threshold else 'is below'} {threshold:.2f}"
            if shown and self.evidence.boxes is not None and key in rules().words["confirmed_by_boxes"]:
                box = self.box_of(key)
                if box is None or box.score < rules().classifier["box"]:
                    shown, why = False, "but no box shows one"
                elif self._another_animal(key):
                    shown, why = False, self._another_animal(key)
            made.append(Claim(key, Origin.WORD, score, threshold, shown, f"the word {name} at {score:.2f}", why))
        return made

    def _of_file(self) -> list[Claim]:
        made = []
        for kind in self.evidence.kinds or ():
            key = load().label_named(kind)
            if key is not None:
                # Of a kind that a newer version knew, only the name is left.
                shown, seen = (KINDS[kind].shown, KINDS[kind].by) if kind in KINDS else (False, "its file says so")
                why = "" if shown else "(such labels serve search only)"
                made.append(Claim(key, Origin.FILE, FROM_FILE, FROM_FILE, shown, seen, why))
        return made


@cache
def least_shown() -> Mapping[str, float]:
    """Labels of boxes and words, each with about the least confidence with which it is shown."""
    people = {PEOPLE: "likely", PORTRAIT: "portrait_sure", GROUP: "group", CROWD: "group"}
    found = {key: rules().worth("people", rules().people[name]) for key, name in people.items()}
    for rule in rules().objects.values():
        least = rules().worth("things", min(rule.alone, rule.second))
        found[rule.label] = min(least, found.get(rule.label, 1.0))
    words = EverydayWords.load()
    for key, name, threshold in zip(words.keys, words.names, words.thresholds, strict=True):
        label = _label_of(key, name)
        if label is not None:
            found[label] = min(float(threshold), found.get(label, 1.0))
    return found


@cache
def witness_labels() -> tuple[str, ...]:
    """The keys of all labels that boxes, words and files may give."""
    known, words = load(), EverydayWords.load()
    spoken = (_label_of(key, name) for key, name in zip(words.keys, words.names, strict=True))
    told = (known.label_named(kind) for kind in KINDS)
    objects = (rule.label for rule in rules().objects.values())
    return tuple(
        dict.fromkeys(key for key in (PEOPLE, PORTRAIT, GROUP, CROWD, *objects, *spoken, *told) if key is not None)
    )


@cache
def _label_of(key: str, name: str) -> str | None:
    """The label that an everyday word is: by its synset, else by its name."""
    return key if key in load().labels else load().label_named(name)


@cache
def _kinds_of(key: str) -> frozenset[int]:
    """The kinds of boxes that are a label, or one below or above it."""
    labels = (label for label in rules().of_label if label == key or label in _above(key) or key in _above(label))
    return frozenset(kind for label in labels for kind in rules().of_label[label])


@cache
def _right_beside_people(key: str) -> bool:
    """Whether the classifier is right about a label beside people as elsewhere."""
    return any(other == key or other in _above(key) for other in rules().classifier["beside_people_except"])


@cache
def _above(key: str) -> frozenset[str]:
    """What lies above a label: hypernyms, and groups that hold all of its classes."""
    inside = set(load().classes_under(key))
    groups = {group for group, covered in load().groups.items() if inside and inside.issubset(covered)}
    return load().ancestors(key) | groups


def _of_person(key: str, box: Box, seen: str, rule: str) -> Claim:
    """A label for a number of persons, as sure as the last of them."""
    needed = rules().worth("people", rules().people["group"])
    return Claim(key, Origin.OBJECT, rules().worth("people", box.score), needed, True, seen, rule)


def _count(persons: Sequence[Box], best: float) -> str:
    others = sum(box.score >= rules().people["weak"] for box in persons)
    return "a box" if others <= 1 else f"{others} boxes"
