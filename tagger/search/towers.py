"""Where a sentence lies among photos: two small networks that put both into one space of a few hundred numbers.

The image tower takes the built-in model's features of a photo, the text tower the words of a sentence; the more alike
their vectors, the likelier the sentence is true of the photo. They were learned once, by
`python -m tagger.teaching.build_sentences`, on photos that people described, and are shipped in `sentences.npz`.
NumPy only. docs/sentences.md says how good they are.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.atomic_file import replacing
from tagger.core.errors import ModelError, WeightsError
from tagger.core.linear_heads import unit

PACKAGED = Path(__file__).parent / "sentences.npz"
# A library's own, in its data directory.
OWN = "sentences.npz"
_FORMAT = 2
# What a probability goes by. Of the query, each scaled to about one: the share of words that are not known; how many
# are; the logarithm of the share of photos that have the rarest of them, and the sum of these logarithms; how widely
# similarities with ordinary photos are spread; how long the sentence's vector was: short where its words disagree.
QUERY = ("missing", "words", "rarest", "share", "spread", "length")
# Then the products of any two of these but the first; how far a photo's similarity is from that of ordinary photos, in
# standard deviations, alone and times each of the first; and its square, above zero.
PAIRS = tuple((one, other) for place, one in enumerate(QUERY[1:], 1) for other in QUERY[place:])
SIGNS = (*QUERY, *(f"{one} {other}" for one, other in PAIRS), "beyond", *(f"beyond {one}" for one in QUERY), "square")
# Queries of one word, of a few, and of more, of which some may be said otherwise, have weights of their own.
FEW, KINDS = 3, 3
# Photos, and columns of a matrix, at once: enough for the product, and few megabytes.
_ROWS, _COLUMNS = 512, 256


@dataclass(frozen=True)
class Small:
    """A matrix of 8-bit integers. `whole`: int8 (rows, columns); `scales`: float32 (columns,), worth of one unit."""

    whole: NDArray[np.int8]
    scales: NDArray[np.float32]

    @classmethod
    def of(cls, matrix: NDArray[np.floating]) -> Small:
        """The nearest such matrix, with a scale a column."""
        scales = np.maximum(np.abs(matrix).max(axis=0), 1e-12).astype(np.float32) / np.float32(127)
        return cls(np.rint(matrix / scales).astype(np.int8), scales)

    @property
    def wide(self) -> NDArray[np.float32]:
        """The matrix, float32 (rows, columns)."""
        matrix = self.whole.astype(np.float32)
        matrix *= self.scales
        return matrix

    def product(self, rows: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
        """`rows @ wide + bias`, float32 (rows, columns), without the whole matrix in float32, which has 12 MB."""
        found = np.empty((len(rows), len(bias)), np.float32)
        for start in range(0, len(bias), _COLUMNS):
            part = slice(start, start + _COLUMNS)
            found[:, part] = rows @ Small(self.whole[:, part], self.scales[part]).wide
        found += bias
        return found


@dataclass(frozen=True)
class Calibration:
    """From similarity to probability: logistic regressions on `signs` of query and photo.

    `weights`: float32 (kinds of query, signs), `bias`: float32 (kinds,). `mean`: float32 (width,), `spread`: float32
    (width, width), of the vectors of ordinary photos, by which a similarity is compared with that of any photo.
    `cut_off`: the least probability that is shown by default.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    cut_off: float

    @classmethod
    def none(cls, width: int) -> Calibration:
        """One that knows of no photos, and by which everything is as likely as not."""
        zeros = np.zeros((KINDS, len(SIGNS)), np.float32)
        return cls(zeros, zeros[:, 0], np.zeros(width, np.float32), np.zeros((width, width), np.float32), 1.0)


@dataclass(frozen=True)
class Towers:
    """Both towers of one model's features, as the file has them. `version`: of its content, which vectors depend on.

    Of the image tower `hidden`: (features, hidden) with `hidden_bias`, `output`: (hidden, width) with `output_bias`. Of
    the text tower `words` in order, with `vectors`: (width, words), and `word_bias`: float32 (width,). `said`: int32
    (words,), how many of the described `photos` have a sentence with the word. `others`: English words that no sentence
    has, with what each is taken for, as a place among `words`, -1 for nothing (`meant`: int16), and whether that says
    less (`wider`: bool). `phrases`: names of labels that the sentences say, whose words tell more. `card`: how it was
    learned, and its figures.
    """

    architecture: str
    weights_sha256: str
    hidden: Small
    hidden_bias: NDArray[np.float32]
    output: Small
    output_bias: NDArray[np.float32]
    words: tuple[str, ...]
    vectors: Small
    word_bias: NDArray[np.float32]
    said: NDArray[np.int32]
    photos: int
    others: tuple[str, ...]
    meant: NDArray[np.int16]
    wider: NDArray[np.bool_]
    phrases: frozenset[str]
    calibration: Calibration
    card: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return len(self.word_bias)

    @property
    def cut_off(self) -> float:
        """The least probability that is shown by default."""
        return self.calibration.cut_off

    @property
    def model_ids(self) -> frozenset[str]:
        """The models whose features it takes: the network with squares, and with the whole picture."""
        # A search needs it only where photos were labelled since the last one.
        from tagger.inference.registry import REVISIONS, model_id, registered

        network = registered(self.architecture)
        return frozenset(model_id(network, self.weights_sha256, views) for views in REVISIONS)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each word stands."""
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def taken_for(self) -> dict[str, tuple[str, str]]:
        """What other words are taken for, and whether that is a `synonym` or `wider`; nothing as empty texts."""
        return {
            other: (self.words[place], "wider" if wider else "synonym") if place >= 0 else ("", "")
            for other, place, wider in zip(self.others, self.meant.tolist(), self.wider.tolist(), strict=True)
        }

    def photo_vectors(self, features: NDArray[np.floating]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Features (photos, features) of any float type -> int8 (photos, width) and a scale a photo, float32 (photos,).

        A row times its scale is a vector of about length one. Photos whose features are all zero or not finite get
        zeros. Raises ModelError if they are not as many a photo as the model has.
        """
        wanted = len(self.hidden.whole)
        if features.ndim != 2 or features.shape[1] != wanted:
            raise ModelError(
                f"Sentences need the {wanted:,} features of {self.architecture} for each photo, "
                f"but were given an array of {' x '.join(f'{side:,}' for side in features.shape)}."
            )
        whole = np.zeros((len(features), self.width), np.int8)
        scales = np.zeros(len(features), np.float32)
        for start in range(0, len(features), _ROWS):
            part = slice(start, start + _ROWS)
            known = np.isfinite(features[part]).all(axis=1) & features[part].any(axis=1)
            rows = unit(np.where(known[:, np.newaxis], features[part], 0))
            inner = self.hidden.product(rows, self.hidden_bias)
            np.maximum(inner, 0, out=inner)
            lifted = unit(self.output.product(inner, self.output_bias))
            lifted[~known] = 0
            whole[part], scales[part] = _rounded(lifted)
        return whole, scales

    def word_vectors(self, places: list[int]) -> NDArray[np.float32]:
        """The vectors of some words, float32 (places, width); a sentence's is their mean plus `word_bias`."""
        part = Small(self.vectors.whole[:, places], self.vectors.scales[places])
        return part.wide.T

    def save(self, path: Path) -> None:
        """Write to a file, all or nothing; the same content gives the same bytes."""
        about = {
            "format": _FORMAT,
            "architecture": self.architecture,
            "weights_sha256": self.weights_sha256,
            "photos": self.photos,
            "cut_off": self.calibration.cut_off,
            "card": dict(self.card),
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        smalls = {f"{name}_{part}": getattr(getattr(self, name), part) for name in _SMALLS for part in _PARTS}
        judged = {name: getattr(self.calibration, name) for name in _CALIBRATION}
        judged["spread"] = judged["spread"].astype(np.float16)
        with replacing(path) as temporary, temporary.open("wb") as file:
            # Not compressed: it would gain a tenth, and cost a search half of its time.
            np.savez(
                file,
                about=_bytes(json.dumps(about, sort_keys=True)),
                words=_bytes("\n".join(self.words)),
                others=_bytes("\n".join(self.others)),
                phrases=_bytes("\n".join(sorted(self.phrases))),
                **arrays,
                **smalls,
                **judged,
            )

    @classmethod
    def load(cls, path: Path = PACKAGED) -> Towers:
        """Read a file written by `save`, once while it stays the same. Raises WeightsError if it is damaged."""
        try:
            status = path.stat()
        except OSError as error:
            raise _damaged(path, error.strerror or str(error)) from error
        return _load(path, status.st_mtime_ns, status.st_size)

    @staticmethod
    def forget() -> None:
        """Let go of what `load` keeps: 10 MB that an idle service can do without."""
        _load.cache_clear()

    @classmethod
    def in_use(cls, data_dir: Path) -> Towers:
        """A library's own (`tagger train words`) where it has some, else the package's. Raises WeightsError."""
        return cls.load(_file_in_use(data_dir))

    @staticmethod
    def version_in_use(data_dir: Path) -> str:
        """The version of a library's towers, without loading them. Raises OSError."""
        path = _file_in_use(data_dir)
        status = path.stat()
        return _version(path, status.st_mtime_ns, status.st_size)


_ARRAYS = ("hidden_bias", "output_bias", "word_bias", "said", "meant", "wider")
_SMALLS, _PARTS = ("hidden", "output", "vectors"), ("whole", "scales")
_CALIBRATION = ("weights", "bias", "mean", "spread")


def _bytes(text: str) -> NDArray[np.uint8]:
    """A text in UTF-8: NumPy's own would take four bytes a letter."""
    return np.frombuffer(text.encode(), np.uint8)


def _text(stored: NDArray[np.uint8]) -> str:
    return stored.tobytes().decode()


def _rounded(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Vectors as int8, with a scale a row."""
    scales = np.abs(vectors).max(axis=1) / np.float32(127)
    return np.rint(vectors / np.maximum(scales, 1e-12)[:, np.newaxis]).astype(np.int8), scales.astype(np.float32)


def _file_in_use(data_dir: Path) -> Path:
    own = data_dir / OWN
    return own if own.exists() else PACKAGED


def _version_of(archive: zipfile.ZipFile) -> str:
    """The version of a file, by the checksums of its parts, so that nobody needs to read them for it."""
    parts = sorted(f"{part.filename} {part.file_size} {part.CRC}" for part in archive.infolist())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@lru_cache(maxsize=2)
def _version(path: Path, _changed: int, _size: int) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            return _version_of(archive)
    except zipfile.BadZipFile:
        return ""


@lru_cache(maxsize=2)
def _load(path: Path, _changed: int, _size: int) -> Towers:
    try:
        with zipfile.ZipFile(path) as archive:
            data = {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}
            version = _version_of(archive)
        about: dict[str, Any] = json.loads(_text(data["about"]))
        if about["format"] != _FORMAT:
            raise _damaged(path, f"it has format {about['format']}, and this version reads format {_FORMAT}")
        calibration = Calibration(
            **{name: data[name].astype(np.float32) for name in _CALIBRATION},
            cut_off=float(about["cut_off"]),
        )
        arrays: dict[str, Any] = {name: data[name] for name in _ARRAYS}
        matrices: dict[str, Any] = {name: Small(data[f"{name}_whole"], data[f"{name}_scales"]) for name in _SMALLS}
        towers = Towers(
            architecture=str(about["architecture"]),
            weights_sha256=str(about["weights_sha256"]),
            **matrices,
            **arrays,
            words=tuple(_text(data["words"]).split("\n")),
            others=tuple(_text(data["others"]).split()),
            phrases=frozenset(_text(data["phrases"]).split("\n")),
            photos=int(about["photos"]),
            calibration=calibration,
            card=about["card"],
            version=version,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, str(error)) from error
    _check(path, towers)
    return towers


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One part of a file. Its checksum is looked at first: NumPy believes what stands in a damaged header."""
    return np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)


def _check(path: Path, towers: Towers) -> None:
    """Refuse a file whose parts do not fit. Raises WeightsError."""
    features, hidden, width, words = (
        *towers.hidden.whole.shape,
        towers.width,
        len(towers.words),
    )
    judged = towers.calibration
    shapes: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {
        "hidden": (towers.hidden.scales, (hidden,)),
        "hidden_bias": (towers.hidden_bias, (hidden,)),
        "output": (towers.output.whole, (hidden, width)),
        "output scales": (towers.output.scales, (width,)),
        "output_bias": (towers.output_bias, (width,)),
        "word_bias": (towers.word_bias, (width,)),
        "vectors": (towers.vectors.whole, (width, words)),
        "vector scales": (towers.vectors.scales, (words,)),
        "said": (towers.said, (words,)),
        "meant": (towers.meant, (len(towers.others),)),
        "wider": (towers.wider, (len(towers.others),)),
        "mean": (judged.mean, (width,)),
        "spread": (judged.spread, (width, width)),
        "weights": (judged.weights, (KINDS, len(SIGNS))),
        "bias": (judged.bias, (KINDS,)),
    }
    for name, (array, shape) in shapes.items():
        if array.shape != shape:
            raise _damaged(path, f"the shape of {name} does not fit")
        if not np.isfinite(array).all():
            raise _damaged(path, f"{name} holds numbers that are not finite")
    if len(towers.meant) and not -1 <= int(towers.meant.min()) <= int(towers.meant.max()) < words:
        raise _damaged(path, "it takes words for words that it does not have")
    if not features:
        raise _damaged(path, "it takes no features")


def _damaged(path: Path, why: str) -> WeightsError:
    cure = "Install tagger again." if path == PACKAGED else "Go back to the package's: tagger train words --undo"
    return WeightsError(f"Sentences cannot be searched for: {path} cannot be read: {why}.", cure)
