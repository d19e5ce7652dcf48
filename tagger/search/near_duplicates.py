"""Near-duplicates: groups of photos whose features are nearly the same, every pair of the library compared.

A million photos are half a trillion pairs, too many for 2048 numbers each. So each row is turned into its strongest
coordinates, 64 and 256 of them, and the length of what they leave out: for rows of length one the product of these is
never less than the cosine similarity (Cauchy-Schwarz for what is left out). So what 64 coordinates rule out is
certain; pairs that pass are compared with 256 coordinates, and the few that remain with all. Nothing is missed.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tagger.core.progress import OnProgress, StopCheck
from tagger.core.union_find import UnionFind
from tagger.search.feature_index import FeatureMatrix
from tagger.system.machine import usable_threads

_COARSE, _FINE = 64, 256
_SAMPLE = 4096
_BLOCK = 4096
# Rounding of the sums must not hide a pair.
_SLACK = 1e-4


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that are nearly the same. `photos`: ids; `similarity`: the least of the pairs that make it a group."""

    photos: tuple[int, ...]
    similarity: float


def near_duplicates(
    matrix: FeatureMatrix,
    least: float,
    folder: Path,
    on_progress: OnProgress,
    stop: StopCheck,
) -> list[Group]:
    """Groups of photos that a chain of pairs with at least this cosine similarity connects, the largest first.

    `folder`: for a temporary file where the 256 coordinates are larger than the memory allowed. `on_progress` gets rows
    compared with all others, and rows in all. If stopped early, returns what was found so far.
    """
    count = len(matrix.ids)
    if count < 2:
        return []
    with tempfile.TemporaryFile(dir=folder) as file, ThreadPoolExecutor(usable_threads(0)) as pool:
        coarse, fine = _coordinates(matrix, file)
        groups = _Groups(count)
        for start in range(0, count, _BLOCK):
            if stop():
                break

            def near(other: int, start: int = start) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
                return _compared(matrix, _maybe_near(coarse, fine, start, other, least - _SLACK), least)

            for pairs, cosines in pool.map(near, range(start, count, _BLOCK)):
                for (one, other), cosine in zip(pairs.tolist(), cosines.tolist(), strict=True):
                    groups.join(one, other, min(1.0, cosine))
            on_progress(min(start + _BLOCK, count), count)
    found = [
        Group(tuple(sorted(int(matrix.ids[place]) for place in places)), similarity)
        for places, similarity in groups.all()
    ]
    return sorted(found, key=lambda group: (-len(group.photos), group.photos))


def _maybe_near(
    coarse: NDArray[np.float32], fine: NDArray[np.float32], start: int, other: int, least: float
) -> NDArray[np.int64]:
    """The pairs (one of the rows from `start`, one from `other`) that may be near, int (pairs, 2), each once."""
    bounds = coarse[start : start + _BLOCK] @ coarse[other : other + _BLOCK].T
    pairs = np.argwhere(bounds >= least)
    pairs += (start, other)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    kept = [
        part[np.einsum("ij,ij->i", fine[part[:, 0]], fine[part[:, 1]]) >= least]
        for part in (pairs[i : i + _BLOCK] for i in range(0, len(pairs), _BLOCK))
    ]
    return np.concatenate([pairs[:0], *kept])


def _coordinates(matrix: FeatureMatrix, file: IO[bytes]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """float32 (photos, coordinates + 1), few and more of them: see above. `file`: where the latter may be kept."""
    count = len(matrix.ids)
    places = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(np.int64))
    basis = _basis(matrix.units(places.tolist()))
    few, width = min(_COARSE, basis.shape[1]), basis.shape[1]
    coarse = np.empty((count, few + 1), np.float32)
    large = 4 * count * (width + 1) > matrix.memory_mb << 20
    shape = (count, width + 1)
    fine: NDArray[np.float32] = np.memmap(file, np.float32, "w+", shape=shape) if large else np.empty(shape, np.float32)
    for start in range(0, count, _BLOCK):
        rows = matrix.units(range(start, min(start + _BLOCK, count)))
        inside = rows @ basis
        whole = np.einsum("ij,ij->i", rows, rows)
        for target, number in ((coarse, few), (fine, width)):
            part = inside[:, :number]
            target[start : start + len(rows), :-1] = part
            target[start : start + len(rows), -1] = np.sqrt(np.maximum(whole - np.einsum("ij,ij->i", part, part), 0))
    return coarse, fine


def _basis(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Orthonormal directions, float32 (features, coordinates), in which the rows are longest, about; longest first.

    Halko, Martinsson and Tropp, "Finding structure with randomness" (2011), algorithm 4.4.
    """
    wanted = min(_FINE, *rows.shape)
    found = np.random.default_rng(0).normal(size=(rows.shape[1], wanted)).astype(np.float32)
    for _ in range(3):
        found, _ = np.linalg.qr(rows.T @ (rows @ found))
    _, _, turned = np.linalg.svd(rows @ found, full_matrices=False)
    basis: NDArray[np.float32] = (found @ turned.T).astype(np.float32)
    return basis


def _compared(
    matrix: FeatureMatrix, pairs: NDArray[np.int64], least: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Of some pairs of rows those that are near, compared in full, with their cosines."""
    found, cosines = [pairs[:0]], [np.zeros(0, np.float32)]
    for start in range(0, len(pairs), _BLOCK):
        part = pairs[start : start + _BLOCK]
        places, where = np.unique(part, return_inverse=True)
        rows = matrix.units(places.tolist())
        where = where.reshape(part.shape)
        told = np.einsum("ij,ij->i", rows[where[:, 0]], rows[where[:, 1]])
        found.append(part[told >= least])
        cosines.append(told[told >= least])
    return np.concatenate(found), np.concatenate(cosines)


class _Groups:
    """Groups of rows, each with the least similarity of the pairs that joined it."""

    def __init__(self, count: int) -> None:
        self._rows = UnionFind(count)
        self._least: dict[int, float] = {}

    def join(self, one: int, other: int, similarity: float) -> None:
        least = (self._least.pop(self._rows.root(row), 1.0) for row in (one, other))
        least_of_all = min(*least, similarity)
        self._least[self._rows.join(one, other)] = least_of_all

    def all(self) -> list[tuple[list[int], float]]:
        members: dict[int, list[int]] = {}
        roots = self._rows.roots()
        for row in np.flatnonzero(roots != np.arange(len(roots))).tolist():
            members.setdefault(int(roots[row]), []).append(row)
        return [([root, *rows], self._least[root]) for root, rows in members.items()]
