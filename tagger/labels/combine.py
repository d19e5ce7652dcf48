"""Weighs witnesses against each other: the detector's boxes, everyday words, what the file tells, and the classifier.

`claims` turns boxes, words and the file's kinds into labels with a confidence; `doubts` says which labels of the
classifier the others contradict. Every number is in thresholds.toml, with the count that it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from tagger.core.boxes import Box
from tagger.core.evidence import Evidence
from tagger.core.photo import Origin
from tagger.core.sentences import LabelName, Sentence
from tagger.imaging.kinds import FROM_FILE, KINDS
from tagger.labels.taxonomy import load
from tagger.labels.thresholds import rules
from tagger.labels.whys import compared, reaches
from tagger.labels.words import EverydayWords

PEOPLE, PORTRAIT, GROUP, CROWD = "n00007846", "n03987079", "group:group", "n08182379"
ANIMAL, VEHICLE, LANDSCAPE = "n00015388", "n04524313", "group:landscape"
BALL = "n02778669"
# What boxes and words do not show is not surer than this.
UNSURE = 0.45
# The kind of box of a person.
PERSON = 0


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
        kinds = _own_kinds(key) | _wider_kinds(key)
        return next((box for box in self.boxes if box.kind in kinds), None)

    @cached_property
    def people(self) -> Claim | None:
        """Whether people are on the photo."""
        persons = [box for box in self.boxes if box.kind == PERSON]
        if not persons:
            return None
        rule, best = rules().people, persons[0].score
        needed, where = self._needed_of_people(persons)
        confidence = rules().worth("people", best)
        others = sum(box.is_sure for box in persons)
        seen = Sentence("a box of a person, the surest {share}", share=f"{best:.2f}")
        if others > 1:
            seen = Sentence("{number} boxes of a person, the surest {share}", number=others, share=f"{best:.2f}")
        shown = best >= needed
        why = reaches(f"{needed:g}", reached=shown)
        if where:
            why = Sentence("{why}, {where}", why=why, where=where)
        if not shown and not where and best >= rule["weak"] and not self._is_thing:
            said = max(
                ((score, name, key) for key, (name, score, _) in self.words.items() if key in rules().words["people"]),
                default=(0.0, "", ""),
            )
            if said[0] >= rule["words"]:
                word, share = LabelName(said[1], said[2]), f"{said[0]:.2f}"
                shown, why = True, Sentence("{why}, but the word {word} has {share}", why=why, word=word, share=share)
                confidence = max(confidence, 0.9)
        return Claim(PEOPLE, Origin.OBJECT, confidence, rules().worth("people", needed), shown, seen, why)

    def _needed_of_people(self, persons: Sequence[Box]) -> tuple[float, str]:
        """The least score of the surest box, and what asks for more than the usual one; empty for the usual one."""
        rule = rules().people
        animal, land = self.classes.get(ANIMAL, 0.0), self.classes.get(LANDSCAPE, 0.0)
        if animal >= rule["animal"]:
            return rule["with_animal"], Sentence(
                "which a person needs beside an animal at {share}", share=f"{animal:.2f}"
            )
        if max(box.area for box in persons if box.score >= rule["weak"] or box is persons[0]) < rule["speck"]:
            return rule["sure"], Sentence("which persons as small as this need")
        if self._says(rules().words["sunset"]):
            return rule["at_sunset"], Sentence("which a person needs at sunset")
        if land >= rule["landscape"]:
            return rule["in_landscape"], Sentence("which a person needs in a landscape at {share}", share=f"{land:.2f}")
        return rule["likely"], ""

    @cached_property
    def _is_thing(self) -> bool:
        """Whether the classifier is sure of food or of something from a household, which look like people by chance."""
        inside = {index for group in rules().words["things"] for index in load().groups[group]}
        found = sum(self.classes.get(load().classes[index], 0.0) for index in inside)
        return found >= rules().people["thing"]

    def _says(self, keys: Sequence[str]) -> bool:
        """Whether one of some everyday words reaches its threshold."""
        return any(key in self.words and self.words[key][1] >= self.words[key][2] for key in keys)

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
        rule, own = rules().classifier, self._score_of(_own_kinds(key))
        if own >= rule["sure_box"] or self._says([key]) or self._agreed(key):
            return ""
        if own < rule["box"] <= self._score_of(_wider_kinds(key)) and probability < rule["narrow"]:
            kind, below = Sentence("boxes do not tell which kind it is"), _below(probability, rule["narrow"])
            return Sentence("{why}, and {also}", why=kind, also=below)
        needed, why = self._needed(key, own)
        return Sentence("{why}, and {also}", why=why, also=_below(probability, needed)) if probability < needed else ""

    def _needed(self, key: str, own: float) -> tuple[float, str]:
        """The least probability of a class that no sure box shows, and why. `own`: the score of its surest box."""
        rule = rules().classifier
        needed = [(rule["alone"].get(key, 0.0), Sentence("no box shows one"))]
        if _is_below(key, VEHICLE):
            needed.append((rule["vehicle"], Sentence("no sure box shows a vehicle")))
        if key == ANIMAL:
            weak = own >= rule["box"]
            needed.append(
                (rule["animal_box"] if weak else rule["some_animal"], Sentence("no sure box shows an animal"))
            )
        if self.people is not None:
            person = self._score_of(frozenset([PERSON]))
            if own < rule["box"] and _is_below(key, ANIMAL) and person >= rules().people["weak"]:
                needed.append((rule["animal_or_person"], Sentence("a box shows a person rather than an animal")))
            if self.people.shown:
                others = [least for label, least in rule["beside_people_of"].items() if _is_below(key, label)]
                needed.append((min([rule["beside_people"], *others]), _BESIDE))
        return max(needed)

    def _agreed(self, key: str) -> bool:
        """Whether boxes and the classifier see the same thing, a label or one below it."""
        return any(
            box.score >= rules().objects[box.kind].second
            and self.classes.get(rules().objects[box.kind].label, 0.0) >= rules().classifier["second"]
            for box in self.boxes
            if box.kind in _own_kinds(key) and rules().objects[box.kind].label != key
        )

    def _score_of(self, kinds: frozenset[int]) -> float:
        """The score of the surest box of some kinds; 0 without one."""
        return next((box.score for box in self.boxes if box.kind in kinds), 0.0)

    def _of_people(self) -> list[Claim]:
        found = self.people
        if found is None:
            return []
        rule = rules().people
        sure = [box for box in self.boxes if box.kind == PERSON and box.score >= rule["group"]]
        largest = max(sure, key=lambda box: box.area, default=None)
        if largest is None or not found.shown:
            return [found]
        near = [box for box in sure if box.area >= rule["small"] * largest.area]
        made = [found]
        if len(near) == 1 and largest.area >= rule["portrait"] and largest.score >= rule["portrait_sure"]:
            seen = Sentence("one person at {share},", share=f"{largest.score:.2f}")
            covers = Sentence("who covers {share} of the picture", share=f"{largest.area:.0%}")
            made.append(_of_person(PORTRAIT, largest, seen, covers))
        if len(near) >= 3:
            made.append(_of_person(GROUP, near[2], _persons(len(near)), Sentence("three or more")))
        if len(sure) >= rule["crowd"]:
            many = Sentence("{number} or more", number=f"{rule['crowd']:g}")
            made.append(_of_person(CROWD, sure[2], _persons(len(sure)), many))
        return made

    def _of_boxes(self) -> list[Claim]:
        best: dict[str, Claim] = {}
        for box in self.boxes:
            rule = rules().objects.get(box.kind)
            if rule is None or (rule.label in best and best[rule.label].shown):
                continue
            classes, word = self.classes.get(rule.label, 0.0), self.words.get(rule.label)
            confirmed = self.confirmed(rule.label)
            needed = rule.second if confirmed else rule.alone
            confidence = rules().worth("things", box.score)
            confidence = (
                1 - (1 - confidence) * (1 - max(classes, word[1] if word else 0.0)) if confirmed else confidence
            )
            shown = box.score >= needed
            why: str = reaches(f"{needed:g}", reached=shown)
            if needed > 1:
                why = Sentence("is shown only where another witness sees it, too")
            if confirmed:
                why = Sentence("{why}, as {confirmed}", why=why, confirmed=confirmed)
            if shown and self._another(rule.label):
                shown, why = False, self._another(rule.label)
            least = min(1.0, rules().worth("things", needed))
            name = LabelName(box.name, rule.label)
            seen = Sentence("a box of a {name} at {share}", name=name, share=f"{box.score:.2f}")
            claim = Claim(rule.label, Origin.OBJECT, confidence, least, shown, seen, why)
            if rule.label not in best or shown:
                best[rule.label] = claim
        return list(best.values())

    def confirmed(self, key: str) -> str:
        """By what the classifier or a word confirms a box that is a label; empty if neither does."""
        classes, word = self.classes.get(key, 0.0), self.words.get(key)
        if classes >= rules().classifier["second"]:
            return Sentence("the classifier gives it {share}", share=f"{classes:.2f}")
        if word is not None and word[1] >= word[2] / 2:
            return Sentence("the word {word} has {share}", word=LabelName(word[0], key), share=f"{word[1]:.2f}")
        return ""

    def _another(self, key: str) -> str:
        """Why what boxes or words see is something else; empty if it may be right."""
        if key == BALL and self._says(rules().words["sunset"]):
            return Sentence("but at sunset it is the sun")
        if ANIMAL not in load().ancestors(key):
            return ""
        other = self.classes.get(ANIMAL, 0.0) - self.classes.get(key, 0.0)
        if other < rules().people["animal"] or self.classes.get(key, 0.0) >= rules().classifier["second"]:
            return ""
        return Sentence("but the classifier sees another animal at {share}", share=f"{other:.2f}")

    def _of_words(self) -> list[Claim]:
        made = []
        for key, (name, score, threshold) in self.words.items():
            shown = score >= threshold
            why: str = reaches(f"{threshold:.2f}", reached=shown)
            if shown and self.evidence.boxes is not None and key in rules().words["confirmed_by_boxes"]:
                box = self.box_of(key)
                if box is None or box.score < rules().classifier["box"]:
                    shown, why = False, Sentence("but no box shows one")
                elif self._another(key):
                    shown, why = False, self._another(key)
            elif shown and self._lacks_person(key):
                shown, why = False, Sentence("but no box shows a person")
            seen = Sentence("the word {word} at {share}", word=LabelName(name, key), share=f"{score:.2f}")
            made.append(Claim(key, Origin.WORD, score, threshold, shown, seen, why))
        return made

    def _lacks_person(self, key: str) -> bool:
        """Whether a word is one of what people are or do, and no box shows anybody."""
        looked = self.evidence.boxes is not None and key in rules().words["people"]
        return looked and self._score_of(frozenset([PERSON])) < rules().people["weak"]

    def _of_file(self) -> list[Claim]:
        made = []
        for kind in self.evidence.kinds or ():
            key = load().label_named(kind)
            if key is not None:
                # Of a kind that a newer version knew, only the name is left.
                shown, seen = (
                    (KINDS[kind].shown, KINDS[kind].by) if kind in KINDS else (False, Sentence("its file says so"))
                )
                why = "" if shown else Sentence("(such labels serve search only)")
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
def _own_kinds(key: str) -> frozenset[int]:
    """The kinds of boxes that are a label, or one below it."""
    return frozenset(kind for label, kinds in rules().of_label.items() if _is_below(label, key) for kind in kinds)


@cache
def _wider_kinds(key: str) -> frozenset[int]:
    """The kinds of boxes that are a label above it: they show a dog, but not which."""
    return frozenset(kind for label, kinds in rules().of_label.items() if label in _above(key) for kind in kinds)


def _is_below(key: str, other: str) -> bool:
    """Whether a label is another one, or one below it."""
    return key == other or other in _above(key)


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


_BESIDE = Sentence("it is beside people without a sure box of it")


def _persons(number: int) -> Sentence:
    return Sentence("{number} persons from {least} on,", number=number, least=f"{rules().people['group']:g}")


def _below(probability: float, least: float) -> Sentence:
    return compared(f"{probability:.2f}", f"{least:g}", reached=False)
