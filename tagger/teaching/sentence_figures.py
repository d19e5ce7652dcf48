"""How good towers are: on photos that they were not learned from, and by sentences that nobody learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from tagger.core.errors import UsageError
from tagger.labels import taxonomy
from tagger.search.towers import KINDS, SIGNS, Calibration, Towers
from tagger.search.understand import Understood, kind_of, probability, signs, understand
from tagger.teaching.logistic import fit
from tagger.teaching.sentence_data import Photos, Query, sentences

# Pairs that are less alike than any photo and any sentence are shown by no cut-off.
_LEAST_BEYOND = 0.0
_CUT_OFFS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)


@dataclass(frozen=True, slots=True)
class Recall:
    """How often a sentence's own photo is found. `first`, `ten`, `fifty`: shares; `median`: of its ranks."""

    photos: int
    first: float
    ten: float
    fifty: float
    median: float

    @property
    def line(self) -> str:
        """In one line."""
        return (
            f"Among {self.photos:,} photos: first {self.first:.1%}, among ten {self.ten:.1%}, "
            f"among fifty {self.fifty:.1%}, median rank {self.median:g}"
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """What a cut-off does to queries. `confirmed`: the share of the shown photos that a sentence confirms.

    `found`: the share of the photos so confirmed that are shown. `silent`: the share of the queries that show nothing.
    """

    cut_off: float
    queries: int
    shown: int
    confirmed: float
    found: float
    silent: float

    @property
    def line(self) -> str:
        """In one line."""
        return (
            f"From {self.cut_off:.2f}: {self.queries} queries show {self.shown:,} photos, {self.confirmed:.1%} of them "
            f"confirmed, {self.found:.1%} of the confirmed are shown, {self.silent:.1%} show nothing"
        )

    @property
    def worth(self) -> float:
        """The harmonic mean of what is confirmed and what is found (F1)."""
        return 2 * self.confirmed * self.found / max(self.confirmed + self.found, 1e-9)


class Judge:
    """Photos under towers. `vectors`: float32 (photos, width), as a library would keep them."""

    def __init__(self, towers: Towers, photos: Photos) -> None:
        self.towers = towers
        self.photos = photos
        whole, scales = towers.photo_vectors(photos.rows)
        self.vectors: NDArray[np.float32] = whole.astype(np.float32) * scales[:, np.newaxis]

    def asked(self, query: Query) -> tuple[Understood, NDArray[np.float32]]:
        """What a query says, and each photo's similarity."""
        found = understand(self.towers, taxonomy.load(), query.text)
        return found, np.zeros(len(self.vectors), np.float32) if found.vector is None else self.vectors @ found.vector

    def ranks(self) -> NDArray[np.int64]:
        """At which place every sentence of every photo finds its own photo, from 1."""
        ranks = []
        for query in sentences(self.photos.described):
            _, alike = self.asked(query)
            # Equal ones come first: towers that know nothing find nothing.
            ranks.append(int((alike >= alike[query.photo]).sum()))
        return np.array(ranks, np.int64)

    def recall(self) -> Recall:
        """By every sentence of every photo."""
        return recall_of(self.ranks(), len(self.vectors))

    def shown(self, queries: Sequence[Query], cut_offs: Sequence[float]) -> list[Shown]:
        """What cut-offs do. Raises UsageError without a query."""
        if not queries:
            raise UsageError("No sentence has two words that say something of a photo: nothing can be judged by them.")
        likely = np.stack([probability(self.towers, *self.asked(query)) for query in queries])
        truth = np.stack([query.confirmed(self.photos.described) for query in queries])
        found = []
        for cut_off in cut_offs:
            sure = likely >= cut_off
            right = int((sure & truth).sum())
            shown, silent = int(sure.sum()), float(1 - sure.any(axis=1).mean())
            found.append(
                Shown(cut_off, len(queries), shown, right / max(shown, 1), right / max(int(truth.sum()), 1), silent)
            )
        return found

    def calibrated(self, queries: Sequence[Query]) -> Towers:
        """The same towers, with a probability that is right on average for these photos and each kind of queries."""
        rows: list[list[NDArray[np.float32]]] = [[] for _ in range(KINDS)]
        truths: list[list[NDArray[np.bool_]]] = [[] for _ in range(KINDS)]
        far_rows, far_truths = [], []
        for query in queries:
            understood, alike = self.asked(query)
            if understood.vector is None:
                continue
            found, truth = signs(self.towers, understood, alike), query.confirmed(self.photos.described)
            near, farthest = found[:, SIGNS.index("beyond")] >= _LEAST_BEYOND, [int(alike.argmin())]
            rows[kind_of(understood)].append(found[near])
            truths[kind_of(understood)].append(truth[near])
            far_rows.append(found[farthest])
            far_truths.append(truth[farthest])
        learned = []
        for kind in range(KINDS):
            some, told = rows[kind], truths[kind]
            if not _has_both(told):
                some, told = [*chain(*rows)], [*chain(*truths)]
            if not _has_both(told):
                # All that is near is right: what is farthest is not.
                some, told = [*some, *far_rows], [*told, *far_truths]
            learned.append(fit(np.concatenate(some), np.concatenate(told), 1e4, 1e-4, balanced=False))
        weights = np.stack([found for found, _ in learned])
        # What a word costs that is not known, no query of one word tells.
        unknown = [place for place, sign in enumerate(SIGNS) if "missing" in sign]
        weights[0, unknown] = weights[1, unknown]
        bias = np.array([found for _, found in learned], np.float32)
        return replace(self.towers, calibration=replace(self.towers.calibration, weights=weights, bias=bias))

    def with_cut_off(self, queries: Sequence[Query]) -> Towers:
        """The same towers, with the cut-off that shows most of what is confirmed and least of the rest."""
        best = max(self.curve(queries), key=lambda one: one.worth)
        return replace(self.towers, calibration=replace(self.towers.calibration, cut_off=best.cut_off))

    def curve(self, queries: Sequence[Query]) -> list[Shown]:
        """What every cut-off would do."""
        return self.shown(queries, _CUT_OFFS)


def _has_both(truths: Sequence[NDArray[np.bool_]]) -> bool:
    """Whether there are examples of both kinds."""
    return any(of_one.any() for of_one in truths) and not all(of_one.all() for of_one in truths)


def recall_of(ranks: NDArray[np.int64], photos: int) -> Recall:
    """The figures of ranks among so many photos."""
    first, ten, fifty = (float((ranks <= most).mean()) for most in (1, 10, 50))
    return Recall(photos, first, ten, fifty, float(np.median(ranks)))


def surely_better(before: NDArray[np.int64], after: NDArray[np.int64]) -> bool:
    """Whether more of the same sentences find their photo among ten than chance explains (McNemar's test, 2 sigma)."""
    gained, lost = int(((after <= 10) & (before > 10)).sum()), int(((after > 10) & (before <= 10)).sum())
    return bool(gained - lost > 2 * np.sqrt(gained + lost))


def uncalibrated(towers: Towers, rows: NDArray[np.float32]) -> Calibration:
    """How the vectors of ordinary photos lie, without a probability yet. `rows`: float32 (photos, features)."""
    whole, scales = towers.photo_vectors(rows)
    vectors = whole.astype(np.float32) * scales[:, np.newaxis]
    mean = vectors.mean(axis=0)
    spread = (vectors - mean).T @ (vectors - mean) / np.float32(len(vectors))
    # As the file keeps it.
    return replace(Calibration.none(towers.width), mean=mean, spread=spread.astype(np.float16))
