"""Everyday words, such as *snow*, *beach* or *soccer*, told from a model's features: one logistic regression a word.

They were trained once, by `python -m tagger.teaching.build_words`, on photos that people described, and are shipped in
`everyday_words.npz`; what each word means and is called is in `everyday_words.toml`. NumPy only.
"""

from __future__ import annotations

import json
import tomllib
import zipfile
import zlib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.atomic_file import replacing
from tagger.core.errors import ModelError, WeightsError
from tagger.core.linear_heads import sigmoid, unit
from tagger.inference.registry import REVISIONS, model_id, registered

_HERE = Path(__file__).parent
PACKAGED = _HERE / "everyday_words.npz"
TABLE = _HERE / "everyday_words.toml"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Word:
    """A word that people search for. `key`: a WordNet id, or `group:NAME` where WordNet has no such sense.

    `synonyms`: other words for it; `above`: wider words that should find it, too. `boxes`: the kinds of
    `core.boxes.OBJECTS` that are the same thing, of which a detector should see one. `said`: the words by which
    sentences say that it is there; `confirmed`: the share of shown photos of which they must, less than usual for what
    describers leave out. `scenes`, `not_scenes`: classes of the scene set that show it and that do not.
    """

    name: str
    key: str
    synonyms: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    boxes: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    not_scenes: tuple[str, ...] = ()
    confirmed: float | None = None


def table(path: Path = TABLE) -> tuple[Word, ...]:
    """Every word of the table, also those that could not be learned well enough to be shipped."""
    entries: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    lists = [field.name for field in fields(Word) if field.name not in ("name", "key", "confirmed")]
    return tuple(
        Word(
            name,
            entry["key"],
            **{field: tuple(entry.get(field, ())) for field in lists},
            confirmed=entry.get("confirmed"),
        )
        for name, entry in entries.items()
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """How good a word was on photos that neither trained it nor chose its threshold.

    `examples`: photos that it was trained on as right. `shown`: how many of the counted photos got it. `confirmed`: the
    share of these where somebody's sentence says it. `found`: the share of the photos where two say it that got it.
    """

    examples: int
    shown: int
    confirmed: float
    found: float


@dataclass(frozen=True)
class EverydayWords:
    """The words of one model. `weights`: float32 (features, words); `bias`, `thresholds`: float32 (words,).

    `thresholds`: the least probability for which a photo may show the word. `architecture`, `weights_sha256`: of the
    model whose features are meant, whatever it sees of a photo.
    """

    architecture: str
    weights_sha256: str
    keys: tuple[str, ...]
    names: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    counted: tuple[Counted, ...]

    @property
    def model_ids(self) -> frozenset[str]:
        """The models whose features can be scored: the network with squares, and with the whole picture."""
        network = registered(self.architecture)
        return frozenset(model_id(network, self.weights_sha256, views) for views in REVISIONS)

    def require(self, model: str) -> None:
        """Refuse the features of another model. Raises ModelError."""
        if model not in self.model_ids:
            raise ModelError(
                f"The everyday words are for the features of {self.architecture}, not for those of model {model}."
            )

    def scores(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Features (photos, features) of any float type -> probabilities, float32 (photos, words).

        A probability is the share of such photos of which a describer would say the word. Photos whose features are
        all zero or not finite get 0. Raises ModelError if they are not as many a photo as the model has.
        """
        if features.ndim != 2 or features.shape[1] != len(self.weights):
            raise ModelError(
                f"The everyday words need the {len(self.weights):,} features of {self.architecture} for each photo, "
                f"but were given an array of {' x '.join(f'{side:,}' for side in features.shape)}."
            )
        known = np.isfinite(features).all(axis=1) & features.any(axis=1)
        rows = unit(np.where(known[:, np.newaxis], features, 0))
        return np.where(known[:, np.newaxis], sigmoid(rows @ self.weights + self.bias), np.float32(0))

    def save(self, path: Path) -> None:
        """Write to a file, all or nothing: weights as float16."""
        about = {
            "format": _FORMAT,
            "architecture": self.architecture,
            "weights_sha256": self.weights_sha256,
        }
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                about=np.array(json.dumps(about)),
                keys=np.array(self.keys),
                names=np.array(self.names),
                weights=self.weights.astype(np.float16),
                bias=self.bias,
                thresholds=self.thresholds,
                examples=np.array([one.examples for one in self.counted], np.int32),
                shown=np.array([one.shown for one in self.counted], np.int32),
                confirmed=np.array([one.confirmed for one in self.counted], np.float32),
                found=np.array([one.found for one in self.counted], np.float32),
            )

    @classmethod
    def load(cls, path: Path = PACKAGED) -> EverydayWords:
        """Read a file written by `save`, once a process. Raises ModelError if it is missing, damaged or another's."""
        return _load(path)


@cache
def _load(path: Path) -> EverydayWords:
    try:
        # Every byte first: NumPy believes what stands in a damaged header, and leaves the file open.
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            wrong = archive.testzip()
            if wrong is not None:
                raise _damaged(path, f"the checksum of {wrong} does not fit")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            about: dict[str, Any] = json.loads(str(data["about"]))
            columns = (data[name].tolist() for name in ("examples", "shown", "confirmed", "found"))
            words = EverydayWords(
                str(about["architecture"]),
                str(about["weights_sha256"]),
                tuple(data["keys"].tolist()),
                tuple(data["names"].tolist()),
                data["weights"].astype(np.float32),
                data["bias"].astype(np.float32),
                data["thresholds"].astype(np.float32),
                tuple(Counted(*row) for row in zip(*columns, strict=True)),
            )
            version = about["format"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, str(error)) from error
    if version != _FORMAT:
        raise _damaged(path, f"it has format {version}, and this version reads format {_FORMAT}")
    count = len(words.keys)
    shapes = (words.weights.shape[1:], words.bias.shape, words.thresholds.shape)
    if words.weights.ndim != 2 or set(shapes) != {(count,)} or {len(words.names), len(words.counted)} != {count}:
        raise _damaged(path, "its shapes do not fit")
    if not all(np.isfinite(part).all() for part in (words.weights, words.bias, words.thresholds)):
        raise _damaged(path, "it holds numbers that are not finite")
    return words


def _damaged(path: Path, why: str) -> WeightsError:
    return WeightsError(f"The everyday words cannot be read from {path}: {why}.", "Install tagger again.")
