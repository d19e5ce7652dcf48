"""The command that makes everyday_words.npz, on a small set of photos."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagger.inference.registry import BUILT_IN, registered
from tagger.labels.words import EverydayWords, table

pytestmark = pytest.mark.slow
PHOTOS = Path(__file__).resolve().parents[1] / "photos"
WIDTH = registered(BUILT_IN).features


@pytest.fixture
def captioned(tmp_path: Path) -> Path:
    """300 photos by their features, of which a third shows snow and is said to; three pictures; one scene."""
    folder = tmp_path / "captioned"
    folder.mkdir()
    random = np.random.default_rng(0)
    snowy = np.arange(300) % 3 == 0
    features = random.gamma(0.5, 1.0, (300, WIDTH))
    features[snowy, :200] += 0.5
    names = [f"{number}.jpg" for number in range(300)]
    pictures = ["cat.jpg", "coffee.jpg", "rocket.jpg"]
    sentences = {name: "Much snow ." if snow else "A wall ." for name, snow in zip(names, snowy, strict=True)}
    sentences |= dict.fromkeys(pictures, "Something else")
    (folder / "captions.tsv").write_text("".join(f"{name}\t{said}\n" * 5 for name, said in sentences.items()))
    np.savez(folder / "features.npz", names=np.array(names), features=features.astype(np.float16))
    with tarfile.open(folder / "images.tar", "w") as archive:
        for name in pictures:
            archive.add(PHOTOS / name, f"images/{name}")
    for scene in ("street", "sunset"):
        (tmp_path / "scenes" / "train" / scene).mkdir(parents=True)
        for number, name in enumerate(pictures):
            with Image.open(PHOTOS / name) as picture:
                picture.save(tmp_path / "scenes" / "train" / scene / f"{number}.png")
    return folder


def build(captioned: Path, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tagger.teaching.build_words", captioned, "--output", output]
    command += ["--scenes", captioned.parent / "scenes", *more]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_one_command_makes_the_words(captioned: Path, tmp_path: Path) -> None:
    output = tmp_path / "words.npz"
    done = build(captioned, output)
    assert done.returncode == 0, done.stderr
    words = EverydayWords.load(output)
    assert words.names == ("snow",)
    assert words.keys == tuple(word.key for word in table() if word.name == "snow")
    assert words.model_ids == EverydayWords.load().model_ids
    assert words.counted[0].examples == 100
    assert words.counted[0].shown == 0
    features = np.random.default_rng(1).gamma(0.5, 1.0, (50, WIDTH))
    snowy = features + 0.5 * (np.arange(WIDTH) < 200)
    assert (words.scores(snowy) >= words.thresholds).mean() > 0.9
    assert (words.scores(features) >= words.thresholds).mean() < 0.1


def test_features_of_another_model_are_refused(captioned: Path, tmp_path: Path) -> None:
    with np.load(captioned / "features.npz") as data:
        np.savez(captioned / "other.npz", names=data["names"], features=data["features"][:, :512])
    done = build(captioned, tmp_path / "words.npz", "--features", str(captioned / "other.npz"))
    assert done.returncode == 1
    assert "holds features of another model than efficientnet_lite2" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "words.npz").exists()
