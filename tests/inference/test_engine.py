"""The engine against plain Keras. TensorFlow runs in other processes, as in real life."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tagger.imaging.decode import decode, open_photo
from tagger.imaging.inputs import NetworkInput
from tagger.inference.registry import REGISTRY
from tagger.labels import taxonomy
from tagger.labels.policy import top_classes
from tests.inference import plain_keras


def keras(*arguments: object, **environ: str) -> Any:
    done = subprocess.run(
        [sys.executable, plain_keras.__file__, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environ},
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None


@pytest.fixture
def random_weights(tmp_path_factory: pytest.TempPathFactory, worker_id: str, name: str) -> Path:
    """Random weights of the network `name`, made once for all test processes; only to be read."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "random_weights"
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.h5"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            keras("make", name, folder / f"{name}.new")
            (folder / f"{name}.new").rename(file)
    return file


@pytest.mark.slow
@pytest.mark.parametrize("name", list(REGISTRY))
def test_scores_are_those_of_plain_keras(tmp_path: Path, random_weights: Path, name: str) -> None:
    """Random weights in the published layout; the same pixels through Keras' own preprocess_input and predict."""
    size = REGISTRY[name].input_size
    np.save(tmp_path / "pixels.npy", np.random.default_rng(0).integers(0, 256, (6, size, size, 3), dtype=np.uint8))
    found, rounded = keras("scores", name, random_weights, tmp_path / "pixels.npy", "float32", "bfloat16")
    assert found["features"] == [6, REGISTRY[name].features]
    assert found["largest"] > 0.01  # or agreement would mean nothing
    assert found["difference"] < 1e-4
    # Rounding to float16 matters more the sharper the last layer is; see the test with real weights.
    assert rounded["features"] == found["features"]
    # Random weights make no sure scores, so a small difference is a large share of them.
    assert 0 < rounded["mean_difference"] < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_real_weights_on_real_photos(shared: Path, tmp_path: Path, precision: str) -> None:
    """float32 differs from plain Keras by less than 0.0001, bfloat16 by less than 0.05 on average (0.03 measured)."""
    photos = sorted((shared / "photos" / "labelled").iterdir())[: 24 if precision == "float32" else None]
    pixels = []
    for path in photos:
        from tagger.core.config import LimitSettings

        with open_photo(str(path)) as photo:
            pixels.extend(decode(photo, [NetworkInput(224, "whole")], limits=LimitSettings()).pixels)
    np.save(tmp_path / "pixels.npy", np.stack(pixels))
    weights = shared / "models" / "mobilenet_v2_imagenet.weights.h5"
    [found] = keras("scores", "mobilenet_v2", weights, tmp_path / "pixels.npy", precision)
    assert found["largest"] > 0.9
    if precision == "float32":
        assert found["difference"] < 1e-4
        assert found["stored_difference"] < 1e-3
        assert found["same_first"] == 1
    else:
        assert 1e-4 < found["mean_difference"] < 0.05
        assert found["same_first"] >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in REGISTRY if name not in ("mobilenet_v2", "efficientnet_lite2")])
def test_light_models_of_every_architecture_give_its_features(tmp_path: Path, random_weights: Path, name: str) -> None:
    """In 8-bit integers; the angle between the features is less than 3 degrees (cosine 0.9993 to 0.99995 measured).

    The random weights of the two networks with ReLU6 make features that are next to nothing; with their real ones they
    are tried in tests/cli/test_light.py and tests/cli/test_built_in.py.
    """
    size = REGISTRY[name].input_size
    np.save(tmp_path / "pixels.npy", np.random.default_rng(0).integers(0, 256, (6, size, size, 3), dtype=np.uint8))
    found = keras("light", name, random_weights, tmp_path / "pixels.npy", tmp_path / "light.tflite")
    assert found["features"] == [6, REGISTRY[name].features]
    assert found["cosine"] > 0.9986
    assert found["mean_difference"] < 0.04


@pytest.mark.slow
def test_labels_are_ordered_as_decode_predictions_orders_them(shared: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    scores = rng.dirichlet(np.full(1000, 0.02), 40).astype(np.float32)
    scores[0] = 0.001  # all alike
    scores[1, :] = 0
    scores[1, [3, 700, 12]] = 1 / 3
    np.save(tmp_path / "scores.npy", scores)
    # Keras would download its class list; here is a copy with the checksum that it wants.
    (tmp_path / "models").mkdir()
    shutil.copy(shared / "models" / "imagenet_class_index.json", tmp_path / "models")
    decoded = keras("order", tmp_path / "scores.npy", KERAS_HOME=str(tmp_path))
    known = taxonomy.load()
    for row, expected in zip(scores, decoded, strict=True):
        found = top_classes(row, known)
        assert [(wnid, pytest.approx(score)) for wnid, _, score in found] == [(w, s) for w, _, s in expected]


@pytest.mark.slow
def test_files_that_are_not_its_weights_are_refused_by_name(shared: Path, tmp_path: Path) -> None:
    real = shared / "models" / "mobilenet_v2_imagenet.weights.h5"
    data = real.read_bytes()
    (tmp_path / "truncated.h5").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.h5").write_text("not found")
    (tmp_path / "empty.h5").write_bytes(b"")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["measurements"] = np.arange(9)
    shutil.copy(real, tmp_path / "nan.weights.h5")
    with h5py.File(tmp_path / "nan.weights.h5", "r+") as file:
        found: list[str] = []
        file.visititems(lambda name, item: found.append(name) if getattr(item, "ndim", 0) == 4 else None)
        file[found[0]][0] = np.nan
    (tmp_path / "spots.weights.h5").write_bytes(data[: len(data) // 2] + bytes(5000) + data[len(data) // 2 + 5000 :])
    files = sorted(tmp_path.glob("*.h5"))
    said = keras("load", "mobilenet_v2", real, *files)
    assert said.pop(real.name) == "taken"
    # A hole of zeros in the middle of the numbers cannot be told from weights; only a checksum can.
    said.pop("spots.weights.h5")
    for name, text in said.items():
        assert text.startswith("WeightsError"), name
        assert name in text
    assert "damaged" in said["nan.weights.h5"]
    assert "MobileNetV2" in said["foreign.h5"]
    other = keras("load", "resnet50", real)
    assert other[real.name].startswith("WeightsError")
    assert "ResNet50" in other[real.name]
