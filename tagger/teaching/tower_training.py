"""Learning the two towers: where photos and the sentences about them lie in one space.

Photos and sentences are drawn in pairs, one sentence of each photo at a time; each should be more alike its own partner
than all others of the batch: InfoNCE (A. van den Oord et al., "Representation Learning with Contrastive Predictive
Coding", 2018), both ways as in A. Radford et al., "Learning Transferable Visual Models From Natural Language
Supervision", 2021. The gradients are written out: NumPy is enough, and a seed gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
# Places of the known words of a sentence, int64 (words,).
Bag = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. `keep`: the share of features and hidden numbers that is not dropped at random.

    `scale`: what features of length one are multiplied by. `temperature`: what similarities are multiplied by at first;
    it is learned.
    """

    width: int = 256
    hidden: int = 768
    keep: float = 0.7
    scale: float = 30.0
    temperature: float = 20.0
    epochs: int = 30
    batch: int = 256
    rate: float = 1e-3
    decay: float = 1e-4


@dataclass(frozen=True)
class Trained:
    """Both towers as trained, float32. Image: (features, hidden), (hidden,), (hidden, width), (width,), for rows of
    length one. Text: (words, width), (width,).
    """

    hidden: Array
    hidden_bias: Array
    output: Array
    output_bias: Array
    words: Array
    word_bias: Array


class _Adam:
    """Adam with decoupled weight decay (I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", 2019)."""

    def __init__(self, values: dict[str, Array], decay: float) -> None:
        self._values = values
        self._decay = decay
        self._means = {name: np.zeros_like(value) for name, value in values.items()}
        self._squares = {name: np.zeros_like(value) for name, value in values.items()}
        self._steps = 0

    def step(self, gradients: dict[str, Array], rate: float) -> None:
        self._steps += 1
        size = np.float32(rate * np.sqrt(1 - 0.999**self._steps) / (1 - 0.9**self._steps))
        for name, gradient in gradients.items():
            mean, square, value = self._means[name], self._squares[name], self._values[name]
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.001) * (gradient * gradient - square)
            if value.ndim == 2:
                value *= np.float32(1 - rate * self._decay)
            value -= size * mean / (np.sqrt(square) + np.float32(1e-7))


def means(bags: Sequence[Bag], words: int) -> Array:
    """Each sentence as the share of every word in it, float32 (sentences, words)."""
    found = np.zeros((len(bags), words), np.float32)
    for row, bag in zip(found, bags, strict=True):
        if len(bag):
            np.add.at(row, bag, np.float32(1 / len(bag)))
    return found


def train(
    rows: Array,
    bags: Sequence[Sequence[Bag]],
    words: int,
    seed: int,
    recipe: Recipe,
) -> Trained:
    """Learn both towers. `rows`: float32 (photos, features) of length one; `bags`: the sentences of each photo."""
    random = np.random.default_rng(seed)
    features, hidden, width = rows.shape[1], recipe.hidden, recipe.width
    values = {
        "hidden": _normal(random, (features, hidden), 1 / np.sqrt(features)),
        "hidden_bias": np.zeros(hidden, np.float32),
        "output": _normal(random, (hidden, width), 1 / np.sqrt(hidden)),
        "output_bias": np.zeros(width, np.float32),
        "words": _normal(random, (words, width), 0.05),
        "word_bias": np.zeros(width, np.float32),
        "temperature": np.array([np.log(recipe.temperature)], np.float32),
    }
    adam = _Adam(values, recipe.decay)
    rows = rows * np.float32(recipe.scale)
    batch = min(recipe.batch, len(rows))
    steps, done = recipe.epochs * (len(rows) // batch), 0
    for _ in range(recipe.epochs):
        order = random.permutation(len(rows))
        for start in range(0, len(rows) - batch + 1, batch):
            chosen = order[start : start + batch]
            said = means([bags[place][int(random.integers(len(bags[place])))] for place in chosen.tolist()], words)
            kept = _kept(random, (batch, features), recipe.keep), _kept(random, (batch, hidden), recipe.keep)
            done += 1
            # Smaller steps towards the end.
            rate = recipe.rate * (1 + float(np.cos(np.pi * done / steps))) / 2
            adam.step(_gradients(values, rows[chosen], said, kept), rate)
    values["hidden"] *= np.float32(recipe.scale)
    del values["temperature"]
    return Trained(**values)


def _normal(random: np.random.Generator, shape: tuple[int, int], size: float) -> Array:
    return (random.standard_normal(shape, np.float32) * np.float32(size)).astype(np.float32)


def _kept(random: np.random.Generator, shape: tuple[int, int], keep: float) -> Array:
    """What to multiply by: zeros at random, and so much more for the rest (dropout)."""
    return (random.random(shape, np.float32) < keep).astype(np.float32) / np.float32(keep)


def _gradients(values: dict[str, Array], rows: Array, said: Array, kept: tuple[Array, Array]) -> dict[str, Array]:
    """The gradients of a batch's loss. `said`: as `means` gives them, of one sentence a row."""
    seen = rows * kept[0]
    inner = np.maximum(seen @ values["hidden"] + values["hidden_bias"], 0) * kept[1]
    photos, photo_lengths = _units(inner @ values["output"] + values["output_bias"])
    sentences, sentence_lengths = _units(said @ values["words"] + values["word_bias"])
    temperature = np.exp(values["temperature"][0])
    alike = photos @ sentences.T
    logits = temperature * alike
    wrong: Array = _softmax(logits, 1) + _softmax(logits, 0) - 2 * np.eye(len(rows), dtype=np.float32)
    wrong *= temperature / np.float32(2 * len(rows))
    to_photo = _through_units(wrong @ sentences, photos, photo_lengths)
    to_sentence = _through_units(wrong.T @ photos, sentences, sentence_lengths)
    to_inner = (to_photo @ values["output"].T) * (inner > 0) * kept[1]
    return {
        "hidden": seen.T @ to_inner,
        "hidden_bias": to_inner.sum(axis=0),
        "output": inner.T @ to_photo,
        "output_bias": to_photo.sum(axis=0),
        "words": said.T @ to_sentence,
        "word_bias": to_sentence.sum(axis=0),
        "temperature": np.array([(wrong * alike).sum()], np.float32),
    }


def _units(vectors: Array) -> tuple[Array, Array]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) + np.float32(1e-8)
    return vectors / lengths, lengths


def _through_units(gradient: Array, units: Array, lengths: Array) -> Array:
    """The gradient of vectors from that of the same vectors at length one."""
    found: Array = (gradient - units * (units * gradient).sum(axis=1, keepdims=True)) / lengths
    return found


def _softmax(logits: Array, axis: int) -> Array:
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    found: Array = powers / powers.sum(axis=axis, keepdims=True)
    return found
