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

from tagger.core.progress import SILENT, Callbacks

Array = NDArray[np.float32]
# Places of the known words of a sentence, int64 (words,).
Bag = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. `trainings`: how many are joined into one, each from a seed of its own.

    Of features, hidden numbers and words some are dropped at random; `keep_...`: the share that is not. `scale`: what
    features of length one are multiplied by. `temperature`: what similarities are multiplied by at first;
    it is learned.
    """

    trainings: int = 6
    width: int = 256
    hidden: int = 384
    keep_features: float = 0.4
    keep_hidden: float = 0.5
    keep_words: float = 0.85
    scale: float = 30.0
    temperature: float = 20.0
    epochs: int = 90
    batch: int = 1024
    rate: float = 2e-3
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

    def photos(self, rows: Array) -> Array:
        """Where photos lie, float32 (photos, width), not yet of length one."""
        found: Array = np.maximum(rows @ self.hidden + self.hidden_bias, 0) @ self.output + self.output_bias
        return found

    def sentences(self, said: Array) -> Array:
        """Where sentences lie, float32 (sentences, width), not yet of length one. `said`: as `means` gives them."""
        return said @ self.words + self.word_bias


def joined(several: Sequence[Trained], rows: Array, said: Array, width: int) -> Trained:
    """Several trainings as one: vectors side by side, turned so that `width` numbers hold nearly all that differs.

    `rows`: photos as in `train`; `said`: sentences as `means` gives them; each training counts as much as the others,
    by the mean length of its vectors. On 1,000 photos four trainings find 59 % among ten instead of 56 %, and fewer
    numbers cost nothing.
    """
    photo_sizes = [np.float32(1 / np.linalg.norm(one.photos(rows), axis=1).mean()) for one in several]
    text_sizes = [np.float32(1 / np.linalg.norm(one.sentences(said), axis=1).mean()) for one in several]
    photos = [one.photos(rows) * size for one, size in zip(several, photo_sizes, strict=True)]
    together, _ = _units(np.concatenate(photos, axis=1))
    # Ascending: the last directions are those in which photos differ most.
    turn = np.linalg.eigh(together.T.astype(np.float64) @ together)[1][:, -width:].astype(np.float32)
    turns = np.split(turn, len(several))
    by_photo = [part * size for part, size in zip(turns, photo_sizes, strict=True)]
    by_text = [part * size for part, size in zip(turns, text_sizes, strict=True)]
    return Trained(
        hidden=np.concatenate([one.hidden for one in several], axis=1),
        hidden_bias=np.concatenate([one.hidden_bias for one in several]),
        output=np.concatenate([one.output @ part for one, part in zip(several, by_photo, strict=True)]),
        output_bias=_sum([one.output_bias @ part for one, part in zip(several, by_photo, strict=True)]),
        words=_sum([one.words @ part for one, part in zip(several, by_text, strict=True)]),
        word_bias=_sum([one.word_bias @ part for one, part in zip(several, by_text, strict=True)]),
    )


def _sum(arrays: Sequence[Array]) -> Array:
    found: Array = np.sum(np.stack(arrays), axis=0)
    return found


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


@dataclass(frozen=True)
class Said:
    """The words of some sentences, one sentence a row. `flat`: places of all words; `rows`: the sentence of each.

    `shares`: float32 (sentences,), what a word counts: one by their number, 0 without any.
    """

    flat: Bag
    rows: NDArray[np.int64]
    shares: Array

    @classmethod
    def of(cls, bags: Sequence[Bag]) -> Said:
        """The sentences of these words."""
        counts = np.array([len(bag) for bag in bags], np.int64)
        shares = np.where(counts > 0, 1 / np.maximum(counts, 1), 0).astype(np.float32)
        return cls(np.concatenate([np.zeros(0, np.int64), *bags]), np.repeat(np.arange(len(bags)), counts), shares)

    def means(self, words: Array) -> Array:
        """The mean of each sentence's words, (sentences, width), of vectors (words, width)."""
        return _summed(words[self.flat], self.rows, len(self.shares)) * self.shares[:, np.newaxis]

    def to_words(self, gradient: Array, words: int) -> Array:
        """The gradient of the words' vectors, (words, width), from that of the sentences."""
        order = np.argsort(self.flat, kind="stable")
        each = (gradient * self.shares[:, np.newaxis])[self.rows[order]]
        return _summed(each, self.flat[order], words)


def _summed(rows: Array, groups: NDArray[np.int64], count: int) -> Array:
    """The sum of the rows of each group, (count, width). `groups`: ascending."""
    found = np.zeros((count, rows.shape[1]), rows.dtype)
    if len(groups):
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        found[groups[starts]] = np.add.reduceat(rows, starts, axis=0)
    return found


def means(bags: Sequence[Bag], words: int) -> Array:
    """Each sentence as the share of every word in it, float32 (sentences, words)."""
    found = np.zeros((len(bags), words), np.float32)
    for row, bag in zip(found, bags, strict=True):
        if len(bag):
            np.add.at(row, bag, np.float32(1 / len(bag)))
    return found


def train(  # noqa: PLR0913 - what is learned from, and what from there on
    rows: Array,
    bags: Sequence[Sequence[Bag]],
    kin: NDArray[np.int64],
    seed: int,
    recipe: Recipe,
    start: Trained | None = None,
    callbacks: Callbacks = SILENT,
) -> Trained:
    """Learn both towers. `rows`: float32 (photos, features) of length one; `bags`: the sentences of each photo.

    `kin`: (words,), equal numbers for forms of one word (dog, dogs), which learn from each other; -1 for a word of one
    form. `start`: to go on from. `callbacks`: progress counts epochs; stopped early, what is learned so far comes back.
    """
    random = np.random.default_rng(seed)
    # What photos have in common tells none from the others, and what is left out at random is then as in most photos.
    usual: Array = rows.mean(axis=0)
    values = _first_values(random, rows.shape[1], kin, recipe)
    if start is not None:
        values = _values_of(start, kin, recipe)
        values["hidden_bias"] += usual @ start.hidden
    dropped = (rows.shape[1], recipe.keep_features), (values["hidden"].shape[1], recipe.keep_hidden)
    adam = _Adam(values, recipe.decay)
    rows = (rows - usual) * np.float32(recipe.scale)
    batches = max(1, round(len(rows) / recipe.batch))
    steps, done = recipe.epochs * batches, 0
    for epoch in range(recipe.epochs):
        callbacks.on_progress(epoch, recipe.epochs)
        if callbacks.stop():
            break
        for chosen in np.array_split(random.permutation(len(rows)), batches):
            drawn = [bags[place][int(random.integers(len(bags[place])))] for place in chosen.tolist()]
            said = Said.of([_some(random, bag, recipe.keep_words) for bag in drawn])
            kept = [_kept(random, (len(chosen), size), keep) for size, keep in dropped]
            done += 1
            # Smaller steps towards the end.
            rate = recipe.rate * (1 + float(np.cos(np.pi * done / steps))) / 2
            adam.step(_gradients(values, rows[chosen], said, kin, kept), rate)
    values["hidden"] *= np.float32(recipe.scale)
    values["hidden_bias"] -= usual @ values["hidden"]
    values["words"] = _with_kin(values, kin)
    del values["temperature"], values["kin"]
    return Trained(**values)


def _first_values(
    random: np.random.Generator, features: int, kin: NDArray[np.int64], recipe: Recipe
) -> dict[str, Array]:
    hidden, width = recipe.hidden, recipe.width
    return {
        "hidden": _normal(random, (features, hidden), 1 / np.sqrt(features)),
        "hidden_bias": np.zeros(hidden, np.float32),
        "output": _normal(random, (hidden, width), 1 / np.sqrt(hidden)),
        "output_bias": np.zeros(width, np.float32),
        "words": _normal(random, (len(kin), width), 0.05),
        "kin": _normal(random, (int(kin.max()) + 1, width), 0.05),
        "word_bias": np.zeros(width, np.float32),
        "temperature": np.array([np.log(recipe.temperature)], np.float32),
    }


def _values_of(start: Trained, kin: NDArray[np.int64], recipe: Recipe) -> dict[str, Array]:
    return {
        "hidden": start.hidden / np.float32(recipe.scale),
        "hidden_bias": start.hidden_bias.copy(),
        "output": start.output.copy(),
        "output_bias": start.output_bias.copy(),
        "words": start.words.copy(),
        "kin": np.zeros((int(kin.max()) + 1, start.words.shape[1]), np.float32),
        "word_bias": start.word_bias.copy(),
        "temperature": np.array([np.log(recipe.temperature)], np.float32),
    }


def _with_kin(values: dict[str, Array], kin: NDArray[np.int64]) -> Array:
    """The vectors of words: their own and that of all their forms."""
    found = values["words"].copy()
    found[kin >= 0] += values["kin"][kin[kin >= 0]]
    return found


def _normal(random: np.random.Generator, shape: tuple[int, int], size: float) -> Array:
    return (random.standard_normal(shape, np.float32) * np.float32(size)).astype(np.float32)


def _kept(random: np.random.Generator, shape: tuple[int, int], keep: float) -> Array:
    """What to multiply by: zeros at random, and so much more for the rest (dropout)."""
    return (random.random(shape, np.float32) < keep).astype(np.float32) / np.float32(keep)


def _some(random: np.random.Generator, bag: Bag, keep: float) -> Bag:
    """A sentence without some of its words; never without all."""
    kept = bag[random.random(len(bag)) < keep]
    return kept if len(kept) else bag


def _gradients(
    values: dict[str, Array], rows: Array, said: Said, kin: NDArray[np.int64], kept: Sequence[Array]
) -> dict[str, Array]:
    """The gradients of a batch's loss. `said`: one sentence a row."""
    seen = rows * kept[0]
    inner = np.maximum(seen @ values["hidden"] + values["hidden_bias"], 0) * kept[1]
    photos, photo_lengths = _units(inner @ values["output"] + values["output_bias"])
    sentences, sentence_lengths = _units(said.means(_with_kin(values, kin)) + values["word_bias"])
    temperature = np.exp(values["temperature"][0])
    alike = photos @ sentences.T
    logits = temperature * alike
    wrong: Array = _softmax(logits, 1) + _softmax(logits, 0) - 2 * np.eye(len(rows), dtype=np.float32)
    wrong *= temperature / np.float32(2 * len(rows))
    to_photo = _through_units(wrong @ sentences, photos, photo_lengths)
    to_sentence = _through_units(wrong.T @ photos, sentences, sentence_lengths)
    to_inner = (to_photo @ values["output"].T) * (inner > 0) * kept[1]
    to_words = said.to_words(to_sentence, len(kin))
    to_kin = np.zeros_like(values["kin"])
    np.add.at(to_kin, kin[kin >= 0], to_words[kin >= 0])
    return {
        "hidden": seen.T @ to_inner,
        "hidden_bias": to_inner.sum(axis=0),
        "output": inner.T @ to_photo,
        "output_bias": to_photo.sum(axis=0),
        "words": to_words,
        "kin": to_kin,
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
