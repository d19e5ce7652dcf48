"""Makes everyday_words.npz from described photos. Run by hand, some ten minutes:

    python -m tagger.teaching.build_words CAPTIONED --scenes SCENES

CAPTIONED holds `captions.tsv` (lines `NAME<tab>SENTENCE`, several sentences a photo), `features.npz` (arrays `names`
and `features`) and `images.tar` with some of the photos. SCENES holds pictures as `train/CLASS/...`.

The photos of images.tar are kept for the figures: nothing is trained on them and no threshold chosen by them, and their
features are made by the product itself, from the pictures. All others train. Each of them gets a score by a classifier
that was trained on the other four fifths; from these scores come the scale of the probability and the threshold.

For another model: --model NAME --weights FILE --features FILE --output FILE.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tagger.core.config import Settings
from tagger.core.errors import TaggerError
from tagger.core.linear_heads import unit
from tagger.inference.registry import BUILT_IN
from tagger.inference.selection import choose_model, with_model
from tagger.inference.weights import ChosenModel
from tagger.labels.words import PACKAGED, Counted, EverydayWords, Word, table
from tagger.teaching.described import Described, read_described, read_features, rows_of
from tagger.teaching.photo_features import features_of
from tagger.teaching.word_heads import CONFIRMED, FOLDS, SURE, Evidence, WordHead, train

# Fewer photos that show a word teach nothing that holds.
_LEAST_EXAMPLES = 7
# The scene set's pictures have sides of 150 pixels or more. Copies of the larger ones teach that softness is no sign.
_SMALL = 150


@dataclass(frozen=True)
class Scenes:
    """Pictures of known scenes. `rows`: float32 (pictures, features), of length one; `classes`: str (pictures,)."""

    rows: NDArray[np.float32]
    classes: NDArray[np.str_]

    def of(self, word: Word) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The pictures that tell whether a word fits, and which of them show it."""
        yes = np.isin(self.classes, word.scenes)
        used = yes | np.isin(self.classes, word.not_scenes)
        return self.rows[used], yes[used]


@dataclass(frozen=True)
class Photos:
    """Described photos. `rows`: float32 (photos, features) of length one."""

    described: Described
    rows: NDArray[np.float32]


def counted(shown: NDArray[np.bool_], sayers: NDArray[np.int64], examples: int) -> Counted:
    """How good a word is on photos that trained nothing: which of them show it, and how many describers say it."""
    sure = sayers >= SURE
    confirmed = float((sayers[shown] >= CONFIRMED).mean()) if shown.any() else 0.0
    return Counted(examples, int(shown.sum()), confirmed, float(shown[sure].mean()) if sure.any() else 0.0)


def learn(word: Word, photos: Photos, scenes: Scenes) -> tuple[WordHead | None, int]:
    """A word's classifier, if it can be learned, and the number of photos that show the word."""
    evidence = Evidence(photos.rows, photos.described.sayers(word), *scenes.of(word), word.confirmed)
    if evidence.examples < _LEAST_EXAMPLES:
        return None, evidence.examples
    fold = np.random.default_rng(0).permutation(len(photos.rows)) % FOLDS
    return train(evidence, fold), evidence.examples


def pictures(folder: Path) -> list[Path]:
    """The files below a folder, in order. Raises TaggerError if there are none."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if not found:
        raise TaggerError(f"There are no pictures in {folder}.")
    return found


def read_scenes(folder: Path, scratch: Path, settings: Settings, model: ChosenModel) -> Scenes:
    """The scene set's pictures, and small copies of those that are larger than the others."""
    files = {path: path.parent.name for path in pictures(folder / "train")}
    for number, (path, scene) in enumerate(list(files.items())):
        with Image.open(path) as picture:
            share = _SMALL / min(picture.size)
            if share < 1:
                copy = scratch / f"{number}.jpg"
                sides = tuple(round(side * share) for side in picture.size)
                picture.convert("RGB").resize((sides[0], sides[1]), Image.Resampling.LANCZOS).save(copy, quality=90)
                files[copy] = scene
    found = features_of(list(files), settings, model)
    return Scenes(unit(np.stack(list(found.values()))), np.array([files[path] for path in found]))


def unpack(archive: Path, folder: Path) -> None:
    """Put the files of a tar archive into a folder by their bare names, whatever paths they have in there."""
    with tarfile.open(archive) as opened:
        for member in opened:
            content = opened.extractfile(member) if member.isfile() else None
            if content is not None:
                (folder / Path(member.name).name).write_bytes(content.read())


def split(folder: Path, features: Path, settings: Settings, model: ChosenModel) -> tuple[Photos, Photos]:
    """The photos that train, and those of images.tar, which are kept for the figures."""
    described = read_described(folder / "captions.tsv")
    known = read_features(features)
    with tempfile.TemporaryDirectory() as scratch:
        unpack(folder / "images.tar", Path(scratch))
        made = {path.name: row for path, row in features_of(pictures(Path(scratch)), settings, model).items()}
    widths = {row.shape for row in (*known.values(), *made.values())}
    if len(widths) != 1:
        raise TaggerError(
            f"{features} holds features of another model than {model.architecture.name}.", "Say which: --model NAME"
        )
    kept = described.only(name for name in described.names if name in made)
    others = described.only(name for name in described.names if name not in made)
    return Photos(others, unit(rows_of(others.names, known))), Photos(kept, unit(rows_of(kept.names, made)))


def build(words: tuple[Word, ...], train_on: Photos, kept: Photos, scenes: Scenes, model: ChosenModel) -> EverydayWords:
    """Learn every word, and keep those that reach the wanted precision on photos that did not train them."""
    heads: list[tuple[Word, WordHead, Counted]] = []
    with ProcessPoolExecutor() as pool:
        learned = pool.map(learn, words, repeat(train_on), repeat(scenes))
        for word, (head, examples) in zip(words, learned, strict=True):
            if head is None:
                print(f"{word.name:16} {examples:5} examples are not enough", flush=True)
                continue
            shown = kept.rows @ head.weights + np.float32(head.bias) >= np.log(head.threshold / (1 - head.threshold))
            count = counted(shown, kept.described.sayers(word), examples)
            heads.append((word, head, count))
            print(
                f"{word.name:16} {examples:5} examples, C = {head.strength:g}, from {head.threshold:.2f}: "
                f"{count.shown} shown, {count.confirmed:.0%} confirmed, {count.found:.0%} found",
                flush=True,
            )
    if not heads:
        raise TaggerError("No word could be learned: too few photos show any.")
    return EverydayWords(
        architecture=model.architecture.name,
        weights_sha256=model.weights.sha256,
        keys=tuple(word.key for word, _, _ in heads),
        names=tuple(word.name for word, _, _ in heads),
        weights=np.stack([head.weights for _, head, _ in heads], axis=1),
        bias=np.array([head.bias for _, head, _ in heads], np.float32),
        thresholds=np.array([head.threshold for _, head, _ in heads], np.float32),
        counted=tuple(count for _, _, count in heads),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captioned", type=Path)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--features", type=Path, help="of the captioned photos, by another model")
    parser.add_argument("--model", default=BUILT_IN)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--output", type=Path, default=PACKAGED)
    options = parser.parse_args()
    try:
        run(options)
    except TaggerError as error:
        raise SystemExit(str(error)) from error


def run(options: argparse.Namespace) -> None:
    """Look at the pictures, learn the words, and write them."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = with_model(Settings(data_dir=Path(scratch)), name=options.model, weights=options.weights)
        model = choose_model(settings, fetch=False)
        features = options.features or options.captioned / "features.npz"
        train_on, kept = split(options.captioned, features, settings, model)
        small = Path(scratch) / "small"
        small.mkdir()
        scenes = read_scenes(options.scenes, small, settings, model)
        build(table(), train_on, kept, scenes, model).save(options.output)


if __name__ == "__main__":
    main()
