"""Dog or not dog, taught on the features of real pictures, beside scikit-learn on the same features."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tagger.core.linear_heads import unit
from tagger.teaching.logistic import STRENGTH, fit
from tests.cli.runner import Tagger
from tests.teaching.pictures import CLASSES, extract, of

KERAS = Path(__file__).parents[1] / "inference" / "plain_keras.py"
OTHERS = [name for name in CLASSES if name != "dog"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "vgg16", "inception_v3"])
def test_dog_or_not_dog_is_told_as_scikit_learn_tells_it(tmp_path: Path, shared: Path, name: str) -> None:
    """40 + 40 examples; 108 + 108 unseen pictures, 27 + 27 of slow networks. MobileNetV2 has its
    real weights, the others random ones.

    Features of random weights tell little, but the head must make as much of them as scikit-learn does.
    """
    weights = shared / "models" / "mobilenet_v2_imagenet.weights.h5"
    if name != "mobilenet_v2":
        weights = tmp_path / "weights.h5"
        subprocess.run([sys.executable, KERAS, "make", name, weights], check=True, capture_output=True)
    tagger = Tagger(tmp_path / "home", {"TAGGER_MODEL_NAME": name, "TAGGER_MODEL_WEIGHTS": str(weights)})
    photos = tmp_path / "photos"
    taught = [*of("train", "dog", 0, 40), *(one for kind in OTHERS for one in of("train", kind, 0, 5))][:80]
    each = 12 if name == "mobilenet_v2" else 3
    asked = [*of("test", "dog", 0, 9 * each), *(one for kind in OTHERS for one in of("test", kind, 0, each))]
    extract(shared, photos, [*taught, *asked])
    tagger("backfill", photos)
    # Whatever is learned is kept, so that it can be looked at: a precision that chance reaches, too.
    [told] = tagger.json(
        "teach",
        "my dog",
        "--yes",
        photos / "train" / "dog",
        "--no",
        "path:train/ -path:dog",
        "--precision",
        "0.05",
        code=None,
    )
    assert (told["yes"], told["no"]) == (40, 40)
    rows, kinds, train = features(tagger)
    reference = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=10_000, tol=1e-8)
    reference.fit(rows[train].astype(np.float64), kinds[train])
    expected = float((reference.predict(rows[~train]) == kinds[~train]).mean())
    if name == "mobilenet_v2":
        assert not told["refused"]
        with sqlite3.connect(tagger.database) as connection:
            [(blob, bias)] = connection.execute("SELECT weights, bias FROM taught_heads")
        connection.close()
        weights_ = np.frombuffer(blob, "<f4")
    else:
        # Features of random weights are hardly better than chance: this is said, or a classifier is kept that learned
        # from photos drawn from the library, too, and scikit-learn did not.
        assert not told["refused"] or "chance" in told["refused"]
        weights_, bias = fit(rows[train], kinds[train])
    ours = float(((rows[~train] @ weights_ + bias > 0) == kinds[~train]).mean())
    print(f"{name}: tagger {ours:.3f}, scikit-learn {expected:.3f}, of {int((~train).sum())} unseen; chance 0.5")
    assert abs(ours - expected) <= 0.01
    if name == "mobilenet_v2":
        assert ours > 0.75


def features(tagger: Tagger) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every photo's features by the model that labels, whether it is a dog, and whether it was an example."""
    with sqlite3.connect(tagger.database) as connection:
        found = connection.execute(
            "SELECT photos.path, vector FROM features JOIN photos ON photos.id = photo_id AND labelled_by = model_id "
            "ORDER BY photos.path"
        ).fetchall()
    connection.close()
    rows = unit(np.stack([np.frombuffer(vector, "<f2") for _, vector in found]))
    return (
        rows,
        np.array(["/dog/" in path for path, _ in found]),
        np.array([path.startswith("train/") for path, _ in found]),
    )
