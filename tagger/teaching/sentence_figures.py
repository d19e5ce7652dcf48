"""How good towers are: on photos that they were not learned from, and by sentences that nobody learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tagger.labels import taxonomy
from tagger.search.towers import SIGNS, Calibration, Towers
from tagger.search.understand import Understood, probability, signs, understand
from tagger.teaching.logistic import fit
from tagger.teaching.sentence_data import Photos, Query, confirmed, sentences

# Pairs that are less alike than this, in standard deviations of any photo's likeness, teach nothing about the others.
_LEAST_BEYOND = 0.5


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
            f"among {self.photos:,} photos: first {self.first:.1%}, among ten {self.ten:.1%}, "
            f"among fifty {self.fifty:.1%}, median rank {self.median:g}"
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """What a cut-off does to queries. `confirmed`: the share of the shown photos that a sentence confirms.

    `found`: the share of the photos so confirmed that are shown. `silent`: the share of the queries that show nothing.
    """

    queries: int
    shown: int
    confirmed: float
    found: float
    silent: float

    @property
    def line(self) -> str:
        """In one line."""
        return (
            f"{self.queries} queries show {self.shown:,} photos, {self.confirmed:.1%} of them confirmed; "
            f"{self.found:.1%} of the confirmed are shown; {self.silent:.1%} show nothing"
        )


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

    def recall(self) -> Recall:
        """By every sentence of every photo."""
        ranks = []
        for query in sentences(self.photos.described):
            _, alike = self.asked(query)
            # Equal ones come first: a towers that knows nothing finds nothing.
            ranks.append(int((alike >= alike[query.photo]).sum()))
        place = np.array(ranks)
        first, ten, fifty = (float((place <= most).mean()) for most in (1, 10, 50))
        return Recall(len(self.vectors), first, ten, fifty, float(np.median(place)))

    def shown(self, queries: Sequence[Query]) -> Shown:
        """What the cut-off does."""
        shown, right, wanted, silent = 0, 0, 0, 0
        for query in queries:
            sure = probability(self.towers, *self.asked(query)) >= self.towers.cut_off
            truth = confirmed(self.photos.described, query.text)
            shown += int(sure.sum())
            right += int((sure & truth).sum())
            wanted += int(truth.sum())
            silent += not sure.any()
        return Shown(len(queries), shown, right / max(shown, 1), right / max(wanted, 1), silent / max(len(queries), 1))

    def calibrated(self, queries: Sequence[Query], cut_off: float) -> Towers:
        """The same towers, with a probability made from these photos and queries."""
        centred = self.vectors - self.vectors.mean(axis=0)
        spread = (centred.T @ centred / np.float32(len(centred))).astype(np.float16).astype(np.float32)
        first = Calibration(np.zeros(len(SIGNS), np.float32), 0.0, self.vectors.mean(axis=0), spread, cut_off)
        towers = replace(self.towers, calibration=first)
        rows, truths = [], []
        for query in queries:
            understood, alike = self.asked(query)
            found = signs(towers, understood, alike)
            near = found[:, SIGNS.index("beyond")] >= _LEAST_BEYOND
            rows.append(found[near])
            truths.append(confirmed(self.photos.described, query.text)[near])
        every, truth = np.concatenate(rows), np.concatenate(truths)
        weights, bias = fit(every, truth, 1e3, 1e-4)
        # Both kinds counted as much; now as they are.
        bias += float(np.log(truth.sum() / (~truth).sum()))
        return replace(towers, calibration=replace(first, weights=weights, bias=bias))
