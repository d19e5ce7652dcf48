"""What the settings of the engine do; how fast it all is, the benchmarks say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import label_precision
from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo
from tagger.imaging.inputs import NetworkInput
from tagger.inference.precision import UNFINISHED, Trial, computes_bfloat16, remember, remembered
from tagger.system.machine import usable_cores
from tests.cli.runner import MOBILENET, Tagger
from tests.inference.test_engine import keras

pytestmark = pytest.mark.slow


def test_bfloat16_is_tried_once_on_the_owners_own_photos(labelled: Tagger) -> None:
    trials = list(labelled.data.glob("trials/*.json"))
    if not computes_bfloat16():
        assert trials == []
        return
    [file] = trials
    trial = remembered(labelled.data, file.stem)
    assert trial is not None
    assert trial.photos == 128
    assert 0.9 <= trial.agreement <= 1
    engine = next(finding for finding in labelled.json("doctor") if finding["about"] == "Engine")
    assert f"threads, {trial.precision} (bfloat16 was {trial.speedup:g} times as fast" in engine["text"]


def test_the_run_says_what_ran_the_network(labelled: Tagger, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.radial_gradient("L").save(tmp_path / "photos" / "new.png")
    labelled("backfill", tmp_path / "photos")
    last = next(line for line in labelled("status").stdout.splitlines() if line.startswith("Last run"))
    assert re.search(r": 1 labelled, 0 failed \(tensorflow [0-9.]+ (float32|bfloat16) (CPU|GPU)\)$", last)


@pytest.mark.parametrize(
    ("speedup", "agreement", "precision"),
    [(3.5, 1.0, "bfloat16"), (3.5, 0.98, "float32"), (1.1, 1.0, "float32"), (0.2, 1.0, "float32"), (0, 0, "float32")],
)
def test_what_a_trial_said_is_followed_and_can_be_overruled(
    labelled: Tagger, speedup: float, agreement: float, precision: str
) -> None:
    [head] = labelled.data.glob("heads/*.npz")
    remember(labelled.data, head.stem, Trial(speedup, agreement, 128) if speedup else UNFINISHED)

    def computes(**environ: str) -> str:
        done = labelled("doctor", "--json", environ=environ)
        return str(next(finding for finding in json.loads(done.stdout) if finding["about"] == "Engine")["text"])

    assert f"threads, {precision} (" in computes()
    other = "float32" if precision == "bfloat16" else "bfloat16"
    assert f"threads, {other}, ready" in computes(TAGGER_ENGINE_PRECISION=other)


def test_a_trial_of_another_processor_or_a_damaged_one_does_not_count(tmp_path: Path) -> None:
    remember(tmp_path, "0123456789abcdef", Trial(2, 1, 128))
    [file] = tmp_path.glob("trials/*")
    good = file.read_text()
    assert remembered(tmp_path, "0123456789abcdef") == Trial(2, 1, 128)
    assert remembered(tmp_path, "fedcba9876543210") is None
    for text in ("", "{}", "[]", good[:20], good.replace('"processor": "', '"processor": "another ')):
        file.write_text(text)
        assert remembered(tmp_path, "0123456789abcdef") is None


def make_photos(folder: Path, count: int) -> None:
    folder.mkdir()
    chance = np.random.default_rng(0)
    noise = chance.integers(0, 256, (900, 1300, 3), dtype=np.uint8)
    for number in range(count):
        top, left = chance.integers(0, 100, 2)
        Image.fromarray(noise[top : top + 800, left : left + 1200]).save(folder / f"{number:05}.jpg", quality=60)


def cpu_seconds(process: int) -> float:
    """What a process and its children have used (proc_pid_stat(5), fields 14 and 15)."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ticks = 0
    for each in (process, *map(int, children)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def labelled_photos(tagger: Tagger) -> int:
    return int(tagger.json("status")["labelled"]) if tagger.database.exists() else 0


@pytest.mark.slow
def test_scaled_decoding_gives_the_labels_of_full_decoding(tagger: Tagger, shared: Path, tmp_path: Path) -> None:
    """At a camera's size, where libjpeg decodes a quarter of width and height."""
    (tmp_path / "large").mkdir()
    full, scaled = [], []
    for photo in sorted((shared / "photos" / "labelled").iterdir()):
        large = tmp_path / "large" / photo.name
        with Image.open(photo) as picture:
            factor = (12e6 / (picture.width * picture.height)) ** 0.5
            size = (round(picture.width * factor), round(picture.height * factor))
            picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(large, "JPEG", quality=90)
        with Image.open(large) as picture:
            full.append(np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR)))
        with open_photo(str(large)) as opened:
            scaled.extend(decode(opened, [NetworkInput(224, "whole")], limits=LimitSettings()).pixels)
    np.save(tmp_path / "full.npy", np.stack(full))
    np.save(tmp_path / "scaled.npy", np.stack(scaled))
    weights = shared / "models" / MOBILENET
    assert keras("agree", "mobilenet_v2", weights, tmp_path / "full.npy", tmp_path / "scaled.npy") >= 0.99
    # What is shown is as true as for pixels that were decoded in full.
    (tmp_path / "small").mkdir()
    for photo, pixels in zip(sorted((tmp_path / "large").iterdir()), full, strict=True):
        Image.fromarray(pixels).save(tmp_path / "small" / f"{photo.stem}.png")
    tagger("backfill", tmp_path / "large", tmp_path / "small")
    counted = {
        folder: label_precision.count([photo for photo in tagger.export() if f"/{folder}/" in photo["path"]])
        for folder in ("large", "small")
    }
    assert counted["large"].photos == counted["small"].photos == 129
    assert counted["large"].precision >= counted["small"].precision - 0.01
    # Two photos of 129, whose labels are just sure enough to be shown, or just not.
    assert counted["large"].covered >= counted["small"].covered - 0.02


@pytest.mark.slow
def test_max_cpu_holds_decoding_and_inference_together(tagger: Tagger, tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", 3000)
    process = tagger.start("backfill", tmp_path / "photos", environ={"TAGGER_ENGINE_MAX_CPU": "0.25"})
    try:
        while labelled_photos(tagger) < 64:
            assert process.poll() is None
            time.sleep(1)
        begun, used = time.monotonic(), cpu_seconds(process.pid)
        time.sleep(60)
        assert process.poll() is None
        share = (cpu_seconds(process.pid) - used) / (time.monotonic() - begun) / usable_cores()
    finally:
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    assert share == pytest.approx(0.25, abs=0.05)
