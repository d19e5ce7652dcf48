"""The command that makes sentences.npz, on a small set of photos."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tagger.inference.registry import BUILT_IN, registered
from tagger.search.towers import Towers

WORDNET = Path("/usr/share/wordnet")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not WORDNET.is_dir(), reason="needs WordNet 3.0 (Debian's wordnet-base)"),
]
PHOTOS = Path(__file__).resolve().parents[1] / "photos"
WIDTH = registered(BUILT_IN).features


@pytest.fixture
def captioned(tmp_path: Path) -> Path:
    """300 photos by their features, which show snow, a dog or a boat and are said to; twelve pictures."""
    folder = tmp_path / "captioned"
    folder.mkdir()
    random = np.random.default_rng(0)
    shown = random.gamma(0.3, 1.0, (3, WIDTH))
    said = ["Much snow in front of trees .", "A dog with a red ball .", "The boat is near the harbour ."]
    names = [f"{number}.jpg" for number in range(300)]
    features = np.stack([shown[number % 3] + random.gamma(0.3, 0.3, WIDTH) for number in range(300)])
    sentences = {name: said[number % 3] for number, name in enumerate(names)}
    pictures = sorted(path.name for path in PHOTOS.glob("*.jpg"))
    sentences |= dict.fromkeys(pictures, "A small cup on a table .")
    (folder / "captions.tsv").write_text("".join(f"{name}\t{text}\n" * 5 for name, text in sentences.items()))
    np.savez(folder / "features.npz", names=np.array(names), features=features.astype(np.float16))
    with tarfile.open(folder / "images.tar", "w") as archive:
        for name in pictures:
            archive.add(PHOTOS / name, f"images/{name}")
    return folder


def build(captioned: Path, output: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tagger.teaching.build_sentences", captioned, "--output", output, *more]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_one_command_makes_the_same_file_again(captioned: Path, tmp_path: Path) -> None:
    for name in ("one.npz", "other.npz"):
        done = build(captioned, tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    assert "first" in done.stdout
    assert "show nothing" in done.stdout
    towers = Towers.load(tmp_path / "one.npz")
    assert {"snow", "dog", "boat", "harbour", "red"} <= {*towers.words}
    assert towers.model_ids == Towers.load().model_ids
    assert towers.taken_for["spaniel"] == ("dog", "wider")
    assert (towers.card["learned_from"], towers.card["recall"]["photos"], towers.card["seed"]) == (300, 12, 1)


def test_without_wordnet_it_says_so(captioned: Path, tmp_path: Path) -> None:
    done = build(captioned, tmp_path / "none.npz", "--wordnet", str(tmp_path))
    assert done.returncode == 1
    assert "Say where WordNet 3.0 is" in done.stderr
    assert not (tmp_path / "none.npz").exists()
