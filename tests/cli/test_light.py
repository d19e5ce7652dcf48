"""The light engine and `tagger model export`, on MobileNetV2's real weights and real photos."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo
from tagger.imaging.inputs import NetworkInput
from tagger.inference import light_model
from tests.cli.runner import MOBILENET, Tagger, use_light
from tests.cli.service import running, wait_for
from tests.inference.test_engine import keras

# Each makes or loads a network in TensorFlow; the light engine itself runs in many other tests.
pytestmark = pytest.mark.slow


@pytest.fixture
def nas(tmp_path: Path, exported: Path) -> Tagger:
    """A tagger with a light model and nothing else: no weights, no network, and TensorFlow cannot be imported."""
    home = tmp_path / "nas"
    for package in ("tensorflow", "keras", "h5py"):
        (home / "broken" / package).mkdir(parents=True)
        (home / "broken" / package / "__init__.py").write_text("raise SystemExit('illegal instruction')\n")
    environ = {
        "TAGGER_MODEL_NAME": "mobilenet_v2",
        "TAGGER_MODEL_DOWNLOAD": "false",
        # Before what this run has in it, or another tagger may be tried than this one.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(home / "broken"), os.environ.get("PYTHONPATH", "")])),
    }
    return use_light(Tagger(home, environ), exported)


def test_it_finds_what_float32_finds(shared: Path, tmp_path: Path, exported: Path) -> None:
    """Calibrated on other photos. 128 of the 129 have the same first class, and 1 % more or fewer are right."""
    photos = sorted((shared / "photos" / "labelled").iterdir())
    views = []
    for path in photos:
        with open_photo(str(path)) as photo:
            views.append(decode(photo, [NetworkInput(224, "squares")], limits=LimitSettings()).pixels)
    np.save(tmp_path / "pixels.npy", np.concatenate(views))
    np.save(tmp_path / "counts.npy", [len(each) for each in views])
    weights = shared / "models" / MOBILENET
    found = keras("light", "mobilenet_v2", weights, tmp_path / "pixels.npy", exported, tmp_path / "counts.npy")
    first, ours = np.array(found["first"]), np.array(found["ours"])
    assert (first == ours).mean() >= 0.98
    # The files are named by their class, and the index lists the classes in the network's order.
    index = json.loads((shared / "models" / "imagenet_class_index.json").read_text())
    true = [path.name.split("_")[0] for path in photos]
    right = [
        np.mean([index[str(n)][0] == wnid for n, wnid in zip(which, true, strict=True)]) for which in (first, ours)
    ]
    assert right[1] >= right[0] - 0.01
    assert right[0] > 0.7


def test_a_machine_without_tensorflow_labels_with_it(nas: Tagger, labelled_once: Tagger, shared: Path) -> None:
    photos = shared / "photos" / "labelled"
    assert "129 photos labelled" in nas("backfill", photos).stdout
    assert "0 failed (litert " in nas("status").stdout
    # The same model, so the same library.
    assert nas.json("status")["models"] == labelled_once.json("status")["models"]
    assert set(nas.found("tiger")) == set(labelled_once.found("tiger"))
    findings = {finding["about"]: finding for finding in nas.json("doctor", code=None)}
    assert "LiteRT" in findings["Engine"]["text"]
    assert "int8" in findings["Engine"]["text"]
    assert "same first class as float32 on" in findings["Model"]["text"]
    assert "same first class" in nas("model", "show").stdout
    # What was learnt stays: the last layer came with the file.
    assert nas("relabel", environ={"TAGGER_LABELS_SHOW_THRESHOLD": "0.3"}).returncode == 0
    assert nas("explain", next(photos.iterdir())).stdout


def test_it_needs_less_than_400_megabytes(nas: Tagger, tmp_path: Path) -> None:
    """Parent and child together, at their peaks, while they look at photos of 12 megapixels."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    large = Image.fromarray(noise).resize((4000, 3000))
    (tmp_path / "photos").mkdir()
    for number in range(60):
        large.rotate(number).save(tmp_path / "photos" / f"{number}.jpg", quality=85)
    process = nas.start("backfill", tmp_path / "photos")
    peaks: dict[str, int] = {}
    while process.poll() is None:
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        try:
            for each in (str(process.pid), *Path(children).read_text().split()):
                status = Path(f"/proc/{each}/status").read_text()
                peaks[each] = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            # It has ended in between.
            continue
        time.sleep(0.05)
    said, _ = process.communicate()
    assert "60 photos labelled" in said
    assert len(peaks) == 2
    assert 100_000 < sum(peaks.values()) < 400_000


def test_a_light_model_that_is_not_right_is_refused_by_name(nas: Tagger, exported: Path, shared: Path) -> None:
    file = nas.data / "models" / "mobilenet_v2.tflite"
    good = exported.read_bytes()
    photos = shared / "photos" / "labelled"

    def refused(environ: dict[str, str] | None = None) -> str:
        said = nas("backfill", photos, code=3, environ=environ).stderr
        assert "Traceback" not in said
        return said

    middle = len(good) // 4
    for bad in (good[: len(good) // 2], b"", b"not found", good[:middle] + b"\0" * 900 + good[middle + 900 :]):
        file.write_bytes(bad)
        assert f"{file} is damaged" in refused()
    # Its archive says that it is something else.
    shutil.copy(exported, nas.data / "models" / "resnet50.tflite")
    assert "light model of mobilenet_v2" in refused({"TAGGER_MODEL_NAME": "resnet50"})
    file.unlink()
    assert "tagger model export mobilenet_v2" in refused({"TAGGER_ENGINE_KIND": "light"})
    file.write_bytes(good)
    other = {"TAGGER_MODEL_SHA256": "0" * 64}
    assert "made from other weights" in refused({"TAGGER_ENGINE_KIND": "light", **other})
    # Where nothing is demanded, the weights decide.
    said = nas("backfill", photos, environ=other).stderr
    assert "could not be fetched" in said
    assert "efficientnet_lite2, the model in the package, labels the photos" in said


def test_the_owner_decides_which_engine_runs(labelled: Tagger, exported: Path) -> None:
    def engine(**environ: str) -> str:
        done = labelled("doctor", "--json", environ=environ)
        return str(next(finding for finding in json.loads(done.stdout) if finding["about"] == "Engine")["text"])

    assert engine().startswith("TensorFlow")
    shutil.copy(exported, labelled.data / "models" / "mobilenet_v2.tflite")
    assert engine().startswith("LiteRT")
    assert engine(TAGGER_ENGINE_KIND="light").startswith("LiteRT")
    assert engine(TAGGER_ENGINE_KIND="tensorflow").startswith("TensorFlow")
    # Nothing is to be done again: it is the same model.
    assert "0 labelled" in labelled("backfill").stdout or "Nothing" in labelled("backfill").stdout


def test_without_its_runtime_it_says_what_to_install(
    tmp_path: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tagger.core.config import EngineSettings, Settings
    from tagger.core.errors import EngineError
    from tagger.inference.registry import REGISTRY

    (tmp_path / "models").mkdir()
    shutil.copy(exported, tmp_path / "models" / "mobilenet_v2.tflite")
    assert light_model.find_light(Settings(data_dir=tmp_path), REGISTRY["mobilenet_v2"]) is not None
    monkeypatch.setattr(light_model, "LITERT", replace(light_model.LITERT, runtime="no_such_package"))
    assert light_model.find_light(Settings(data_dir=tmp_path), REGISTRY["mobilenet_v2"]) is None
    demanded = Settings(data_dir=tmp_path, engine=EngineSettings(kind="light"))
    with pytest.raises(EngineError, match="pip install ai-edge-litert"):
        light_model.find_light(demanded, REGISTRY["mobilenet_v2"])


def test_export_uses_the_librarys_own_photos_and_tells_what_came_of_it(labelled: Tagger) -> None:
    said = labelled.json("model", "export", "--sample", "120")
    assert said["used"] is True
    assert (said["calibrated_on"], said["photos"]) == (40, 80)
    assert 0.9 <= said["agreement"] <= 1
    assert said["path"] == str(labelled.data / "models" / "mobilenet_v2.tflite")
    assert light_model.read_about(Path(said["path"])).agreement == said["agreement"]


def test_export_refuses_and_leaves_what_was_there(tagger: Tagger, shared: Path, tmp_path: Path) -> None:
    photos = shared / "photos" / "labelled"
    assert "no library here" in tagger("model", "export", code=2).stderr
    few = tmp_path / "few"
    few.mkdir()
    for number, photo in enumerate(sorted(photos.iterdir())[:40]):
        for copy in range(2):
            shutil.copy(photo, few / f"{number}-{copy}{photo.suffix}")
    (few / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    # Eighty files, forty pictures.
    assert "there are 40" in tagger("model", "export", "--photos", few, code=2).stderr
    assert "is not a folder" in tagger("model", "export", "--photos", few / "none", code=2).stderr
    there = tmp_path / "there.tflite"
    there.write_text("what was there before")
    said = tagger("model", "export", "--photos", photos, "--to", there, "--least-agreement", "1", code=1).stderr
    assert "was not kept: it found the same first class as float32 on 9" in said
    assert there.read_text() == "what was there before"
    said = tagger("model", "export", "--photos", photos, "--to", "/proc/none.tflite", code=2).stderr
    assert "--to" in said
    assert [path.name for path in tmp_path.iterdir() if "tflite" in path.name] == ["there.tflite"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_export_can_be_stopped_at_any_time(
    tagger: Tagger, shared: Path, tmp_path: Path, signal_number: signal.Signals
) -> None:
    there = tmp_path / "there.tflite"
    process = tagger.start("model", "export", "--photos", shared / "photos" / "labelled", "--to", there)
    log = tagger.data / "export.log"
    child = None
    while child is None:
        assert process.poll() is None
        time.sleep(0.05)
        found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        child = int(found[0]) if found and log.exists() else None
    # Until it is at work in TensorFlow.
    while "libtensorflow" not in Path(f"/proc/{child}/maps").read_text():
        time.sleep(0.05)
    os.kill(process.pid, signal_number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == (130 if signal_number == signal.SIGINT else -signal.SIGKILL), said
    assert "Traceback" not in said
    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and "Z" not in subprocess.getoutput(f"ps -o stat= -p {child}"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not there.exists()


def test_a_running_service_goes_over_to_a_new_light_model(labelled: Tagger, shared: Path, tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    with running(labelled, watched) as service:
        assert "The running service was told." in labelled("model", "export", "--sample", "60").stdout
        Image.radial_gradient("L").save(watched / "new.png")
        service.wait_until_done(130)
        wait_for(lambda: "litert" in labelled("status").stdout, 30, service.said)
