"""Training networks through the command line, on a slice of CIFAR-10."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import tarfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from tagger.cli import train
from tagger.core.progress import never_stop
from tests.cli.runner import MOBILENET, Tagger
from tests.clock import Clock
from tests.teaching.pictures import extract, of

KINDS = ("airplane", "frog", "truck")


def by_network(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The labels that the trained network gave, without those of boxes, words and the file."""
    return [label for label in record["labels"] if label["origin"] == "model"]


@pytest.fixture
def pictures(tmp_path: Path, shared: Path) -> Path:
    extract(
        shared,
        tmp_path / "pictures",
        [name for kind in KINDS for part, count in (("train", 150), ("test", 40)) for name in of(part, kind, 0, count)],
    )
    (tmp_path / "pictures" / "train" / "frog" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return tmp_path / "pictures"


@pytest.fixture
def plain(tmp_path: Path) -> Tagger:
    """A tagger without settings; its model is whatever a test says."""
    (tmp_path / "home").mkdir()
    return Tagger(tmp_path / "home", {"TAGGER_MODEL_DOWNLOAD": "false"})


@pytest.mark.slow
def test_a_small_network_learns_and_is_a_model_like_any_other(plain: Tagger, pictures: Path) -> None:
    found = plain.json("train", pictures, "--name", "three", "--epochs", "8")
    assert found["accuracy"] > 0.6, "chance is a third"
    assert found["judged"] == "test"
    assert len(found["history"]) == 8
    assert found["history"][-1]["loss"] < found["history"][0]["loss"]
    best = max(entry["val_accuracy"] for entry in found["history"])
    assert found["history"][found["best_epoch"] - 1]["val_accuracy"] == best
    assert np.array(found["confusion"]).sum() == 120
    assert len(found["skipped"]) == 1
    assert "broken.jpg" in found["skipped"][0]
    for name in ("curves_png", "confusion_png"):
        with Image.open(found[name]) as picture:
            assert picture.format == "PNG"
            assert len(picture.getcolors(1 << 24) or ()) > 20
    assert not list((plain.data / "training").iterdir())
    # It is not lost by training once more.
    assert "There is a model 'three' already" in plain("train", pictures, "--name", "three", code=2).stderr
    # It labels photos, with classes and a ModelId of its own.
    plain("backfill", "--model", "three", pictures / "test", environ={"TAGGER_LABELS_SHOW_THRESHOLD": "0"})
    records = plain.export()
    assert len(records) == 120
    assert {label["name"] for record in records for label in by_network(record)} == set(KINDS)
    right = [record for record in records if by_network(record)[0]["name"] == Path(record["path"]).parent.name]
    assert len(right) / 120 == pytest.approx(found["accuracy"], abs=0.03)
    plain("model", "use", "three")
    shown = plain.json("model", "show", "three")
    assert shown["used"]
    assert len(shown["model_id"]) == 16
    assert "three" in plain("model", "list").stdout
    explained = plain.json("explain", records[0]["path"])
    assert {one["name"] for one in explained["classes"]} == set(KINDS)
    # A class that is called like a known label is that label.
    assert plain.found("amphibian")
    plain("relabel")
    assert "are here already" in plain("model", "fetch", "three").stdout
    weights = plain.data / "models" / "three.weights.h5"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    error = plain("backfill", pictures / "train", code=3).stderr
    assert "does not hold the weights that three was trained to" in error
    weights.unlink()
    assert "are gone" in plain("backfill", pictures / "train", code=3).stderr


@pytest.mark.slow
def test_training_that_was_interrupted_goes_on(plain: Tagger, pictures: Path) -> None:
    command = ("train", pictures, "--name", "three", "--epochs", "4", "--batch-size", "32")
    running = plain.start(*command)
    history = plain.data / "training" / "three" / "history.json"
    deadline = time.monotonic() + 120
    while not history.exists():
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.05)
    # Once by Ctrl-C, once by force.
    os.kill(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "the same command goes on" in err
    done = len(json.loads(history.read_text()))
    assert 1 <= done < 4
    running = plain.start(*command)
    deadline = time.monotonic() + 120
    while len(json.loads(history.read_text())) == done and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.kill()
    running.communicate()
    finished = plain(*command)
    assert "going on behind epoch" in finished.stderr
    assert "by epoch" in finished.stdout
    assert "three" in plain("model", "list").stdout


@pytest.mark.slow
def test_an_architecture_is_fine_tuned_from_its_published_weights(plain: Tagger, pictures: Path, shared: Path) -> None:
    found = plain.json(
        "train",
        pictures,
        "--name",
        "tuned",
        "--architecture",
        "mobilenet_v2",
        "--size",
        "96",
        "--fine-tune",
        "8",
        "--weights",
        shared / "models" / MOBILENET,
        "--epochs",
        "3",
        "--batch-size",
        "32",
        "--patience",
        "2",
    )
    assert found["accuracy"] > 0.8
    plain("backfill", "--model", "tuned", pictures / "test" / "frog", environ={"TAGGER_LABELS_SHOW_THRESHOLD": "0"})
    records = plain.export()
    assert sum(by_network(record)[0]["name"] == "frog" for record in records) > 28


@pytest.mark.slow
def test_a_size_that_published_weights_do_not_fit_is_refused(plain: Tagger, pictures: Path, tmp_path: Path) -> None:
    weights = tmp_path / "vgg16.h5"
    weights.write_bytes(b"never read")
    options = ("--architecture", "vgg16", "--size", "64", "--fine-tune", "2", "--weights", weights)
    said = plain("train", pictures, "--name", "tuned", *options, code=2).stderr
    assert "The weights of vgg16 do not fit pictures of 64 x 64." in said
    assert "--size 224" in said


def binary(folder: Path) -> Path:
    """A few records in CIFAR-10's binary version."""
    folder.mkdir()
    random = np.random.default_rng(0)
    (folder / "batches.meta.txt").write_text("cat\ndog\n\n")
    for name, count in (("data_batch_1.bin", 60), ("test_batch.bin", 10)):
        records = [bytes([i % 2]) + random.integers(0, 128, 3072, np.uint8).tobytes() for i in range(count)]
        (folder / name).write_bytes(b"".join(records))
    return folder


@pytest.mark.slow
def test_archives_and_the_binary_version_are_read(plain: Tagger, pictures: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "pictures.tar.gz", "w:gz") as archive:
        archive.add(pictures, ".")
    found = plain.json("train", tmp_path / "pictures.tar.gz", "--epochs", "1")
    assert (found["name"], tuple(found["classes"])) == ("pictures", KINDS)
    found = plain.json("train", binary(tmp_path / "binary"), "--name", "two", "--epochs", "1")
    assert found["classes"] == ["cat", "dog"]
    assert np.array(found["confusion"]).sum() == 10


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch executed",)


@pytest.mark.slow
def test_what_cannot_be_trained_on_is_refused(plain: Tagger, tmp_path: Path, shared: Path) -> None:
    def refused(*arguments: object) -> str:
        return plain("train", *arguments, code=2).stderr

    assert "There is no folder or archive" in refused(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    assert "holds no two folders with pictures" in refused(tmp_path / "empty")
    one = tmp_path / "one" / "cat"
    one.mkdir(parents=True)
    shutil.copy(next((shared / "photos" / "labelled").iterdir()), one / "1.jpg")
    assert "only 'cat'" in refused(one.parent)
    shutil.copytree(one, one.parent / "dog")
    assert "'cat' has 1 pictures to train with; at least 10 a class" in refused(one.parent)
    half = tmp_path / "half.tar.gz"
    half.write_bytes((shared / "datasets" / "cifar10.tar.gz").read_bytes()[:100_000])
    assert "is no tar archive that can be read" in refused(half)
    (tmp_path / "pickles").mkdir()
    (tmp_path / "pickles" / "data_batch_1").write_bytes(pickle.dumps(Bomb()))
    assert "pickles, which can run code, and is not opened" in refused(tmp_path / "pickles")
    assert not Path("executed").exists()
    cut = binary(tmp_path / "binary") / "data_batch_1.bin"
    cut.write_bytes(cut.read_bytes()[:5000])
    assert "is not whole" in refused(cut.parent)
    for name in ("cat", "dog"):
        for number in range(12):
            (tmp_path / "broken" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "broken" / name / f"{number}.jpg").write_text("no picture")
    assert "No picture of 'cat' for the train can be read. 0.jpg:" in refused(tmp_path / "broken")
    assert "cannot be the name of a model" in refused(one.parent, "--name", "../evil")
    assert "is a model already" in refused(one.parent, "--name", "resnet50")
    assert "makes no network" in refused(one.parent, "--blocks", "1,2")
    assert "nothing to fine-tune" in refused(one.parent, "--fine-tune", "3")
    assert "There is no model" in plain("train", one.parent, "--architecture", "vgg17", code=2).stderr


def describe(folder: Path, **changes: object) -> None:
    about = {
        "format": "tagger trained model",
        "version": 1,
        "name": "ours",
        "kind": "small",
        "widths": [32, 64],
        "dense": 64,
        "input_size": 32,
        "classes": ["cat", "dog"],
        "weights_sha256": "0" * 64,
        "megabytes": 1,
        "accuracy": 0.9,
        "made": "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ours.model.json").write_text(json.dumps(about | changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "os.system"}, "does not know"),
        ({"widths": [10**9]}, "widths"),
        ({"classes": ["cat"]}, "classes"),
        ({"classes": ["cat\n", "dog"]}, "classes"),
        ({"input_size": 10**6}, "input_size"),
        ({"name": "../ours"}, "name"),
        ({"name": "other"}, "it is of a model called other"),
        ({"accuracy": "NaN"}, "accuracy"),
        ({"module": "builtins", "class_name": "exec"}, "module"),
        ({"version": 2}, "version"),
    ],
)
def test_a_hostile_description_is_refused(plain: Tagger, changes: dict[str, object], why: str) -> None:
    describe(plain.data / "models", **changes)
    error = plain("model", "show", "ours", code=3).stderr
    assert "is no description of a trained model that can be used" in error
    assert why in error


def test_configured_weights_are_those_of_the_configured_model_only(plain: Tagger, tmp_path: Path) -> None:
    describe(plain.data / "models")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "1.png")
    (tmp_path / "resnet50.h5").write_bytes(b"of another model")
    environ = {"TAGGER_MODEL_WEIGHTS": str(tmp_path / "resnet50.h5"), "TAGGER_MODEL_SHA256": "0" * 64}
    error = plain("backfill", "--model", "ours", tmp_path / "photos", environ=environ, code=3).stderr
    assert "The weights of ours, which was trained here, are gone" in error
    error = plain("backfill", "--model", "resnet50", tmp_path / "photos", environ=environ, code=3).stderr
    assert "resnet50.h5" in error


@pytest.mark.slow
def test_a_half_written_or_foreign_model_is_refused(plain: Tagger, tmp_path: Path) -> None:
    models = plain.data / "models"
    describe(models)
    path = models / "ours.model.json"
    for content in (b"", path.read_bytes()[:100], b"[" * 200_000, pickle.dumps(Bomb())):
        path.write_bytes(content)
        assert "damaged or was not written to its end" in plain("model", "show", "ours", code=3).stderr
    describe(models)
    # Weights that are something else altogether, or of another shape, with the right checksum or without.
    import hashlib

    for name, content in (("pickle", pickle.dumps(Bomb())), ("keras", b"PK\x03\x04" + b"\0" * 100), ("empty", b"")):
        (models / "ours.weights.h5").write_bytes(content)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.new("RGB", (40, 40)).save(tmp_path / "photos" / f"{name}.png")
        assert "does not hold the weights" in plain("backfill", "--model", "ours", tmp_path / "photos", code=3).stderr
        describe(models, weights_sha256=hashlib.sha256(content).hexdigest())
        error = plain("backfill", "--model", "ours", tmp_path / "photos", code=3).stderr
        assert "is damaged or no HDF5 file of weights" in error
        describe(models)
    with h5py.File(models / "ours.weights.h5", "w") as file:
        file.attrs["layer_names"] = [b"evil"]
        file.create_group("evil").attrs["weight_names"] = []
    digest = hashlib.sha256((models / "ours.weights.h5").read_bytes()).hexdigest()
    describe(models, weights_sha256=digest)
    error = plain("backfill", "--model", "ours", tmp_path / "photos", code=3).stderr
    assert "does not hold weights of a small network with its 2 classes" in error
    assert not Path("executed").exists()


def test_training_says_how_long_it_will_still_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(0.0)
    monkeypatch.setattr(train, "SystemClock", lambda: clock)
    with ExitStack() as stack:
        screen = train._Screen(stack, 5, False, never_stop)
        # Two epochs were done before it was interrupted.
        screen.ready(2, 1000, "CPU")
        for epoch in (3, 4, 5):
            clock.time += 90
            screen.epoch({"epoch": epoch, "accuracy": 0.5, "val_accuracy": 0.5, "best": 0.5})
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Epoch")]
    assert [line.partition("), ")[2] for line in lines] == ["about 3 min 00 s to go", "about 1 min 30 s to go", ""]
