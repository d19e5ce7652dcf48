"""Without TensorFlow, as in the light image: the model in the package labels, and what needs TensorFlow says so."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.runner import MOBILENET, Tagger

TOP = Path(__file__).parents[2]
# Python runs a module of this name at each start, in the child processes as well.
HIDE = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
hidden = ("tensorflow", "keras", "h5py")
PathFinder.find_spec = lambda name, *where: None if name.partition(".")[0] in hidden else find(name, *where)
"""


@pytest.fixture
def light(tmp_path: Path) -> Tagger:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(HIDE)
    (tmp_path / "photos").mkdir()
    shutil.copy(TOP / "tests" / "photos" / "cat.jpg", tmp_path / "photos")
    path = os.pathsep.join(filter(None, [str(tmp_path / "hidden"), str(TOP), os.environ.get("PYTHONPATH", "")]))
    return Tagger(tmp_path, {"PYTHONPATH": path})


@pytest.mark.slow
def test_the_model_in_the_package_labels_and_says_why(light: Tagger, tmp_path: Path) -> None:
    done = light("backfill", tmp_path / "photos")
    assert "TensorFlow is not installed here" in done.stdout + done.stderr
    assert "1 photo labelled" in done.stdout
    assert light.found("cat") == ["cat.jpg"]
    [about] = [one for one in light.json("doctor") if one["about"] == "Model"]
    assert about["grade"] == "warn"
    assert "TensorFlow is not installed here" in about["text"]
    assert "tagger model use efficientnet_lite2" in about["cure"]


@pytest.mark.slow
def test_what_needs_it_says_so_at_once(light: Tagger, tmp_path: Path, shared: Path) -> None:
    for command in (("train", tmp_path / "photos"), ("model", "export", "mobilenet_v2")):
        said = light(*command, code=3)
        assert said.stdout == ""
        assert "needs TensorFlow. TensorFlow is not installed here" in said.stderr
        assert "copy the light model" in said.stderr
    weights = shared / "models" / MOBILENET
    for command in (("model", "use"), ("backfill", tmp_path / "photos", "--model")):
        said = light(*command, "mobilenet_v2", "--weights", weights)
        assert "So efficientnet_lite2, the model in the package, labels the photos" in said.stdout + said.stderr
        assert "will be looked at again" not in said.stdout
        light("model", "use", "efficientnet_lite2")
