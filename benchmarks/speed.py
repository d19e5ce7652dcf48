"""How fast photos are labelled: the network alone, decoding alone, the whole backfill; beside a tutorial's script.

    python benchmarks/speed.py [--photos 500] [--megapixels 12] [--rounds 3] [--architecture resnet50] [--weights FILE]
                               [--parts inference,starting,decoding,whole] [--check]

Weights are random unless a file is named: speed does not depend on what they say. That architecture looks at whole
pictures, in TensorFlow and as a light model; beside them stands the model in the package, with two squares of each
photo. All are the classifier alone (`model.objects = false`); what the networks beside it cost is in beside.py.
Everything runs in processes of its own, in turns, and the medians of the rounds are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.photo_like import make_photos
from tagger.core.config import Settings
from tagger.inference.light_model import light_model_path
from tagger.inference.registry import BUILT_IN, REGISTRY
from tagger.system.machine import processor_name, usable_cores

HERE = Path(__file__).resolve().parent
PACKAGED = light_model_path(Settings(data_dir=HERE / "none"), REGISTRY[BUILT_IN])
# Photos that decide about bfloat16, before anything is measured.
_WARM_UP = 160
_FEW = 8
# With --check less than this is a fault: half of what was measured, because machines differ and are noisy.
_LEAST_RATIO, _LEAST_SHARE = 2.5, 0.6


def run(script: str, *arguments: object) -> str:
    """The last line that one of the scripts beside this one prints."""
    done = subprocess.run(
        [sys.executable, HERE / script, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return done.stdout.strip().rpartition("\n")[2]


def measured(*arguments: object) -> dict[str, float]:
    """What benchmarks/engine.py says."""
    found: dict[str, float] = json.loads(run("engine.py", *arguments))
    return found


@dataclass(frozen=True)
class Ran:
    """What a command took. `megabytes`: the sum of the peaks of all its processes; `resident`: what they had together
    after a quarter, a half and three quarters of the time, and at the end."""

    seconds: float
    megabytes: float
    resident: list[float]


def tagger(environ: dict[str, str], *arguments: object) -> Ran:
    """Run a command of tagger's to its end."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "tagger", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environ,
    )
    peaks: dict[str, int] = {}
    sums: list[int] = []
    while process.poll() is None:
        with contextlib.suppress(OSError):
            # They end while they are looked at.
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            now = 0
            for each in (str(process.pid), *children):
                lines = Path(f"/proc/{each}/status").read_text().splitlines()
                sizes = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Vm")}
                peaks[each] = sizes.get("VmHWM", peaks.get(each, 0))
                now += sizes.get("VmRSS", 0)
            sums.append(now)
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"tagger {arguments} ended with {process.returncode}")
    quarters = [sums[len(sums) * part // 4 - 1] / 1024 for part in (1, 2, 3, 4)]
    return Ran(time.perf_counter() - started, sum(peaks.values()) / 1024, quarters)


def backfill(data: Path, folder: Path, environ: dict[str, str]) -> Ran:
    """A whole `tagger backfill`."""
    return tagger({**environ, "TAGGER_DATA_DIR": str(data)}, "backfill", folder)


def light_model(work: Path, name: str, weights: Path) -> Path:
    """A light model, made by `tagger model export`."""
    photos, file = work / "calibration", work / f"{name}.tflite"
    make_photos(photos, 60, 1, seed=4)
    environ = {**os.environ, "TAGGER_DATA_DIR": str(work / "export")}
    demands = ("--least-agreement", 0, "--photos", photos, "--to", file)
    tagger(environ, "model", "export", name, "--weights", weights, *demands)
    return file


def inference(name: str, weights: Path, light: Path, rounds: int) -> None:
    print("\nThe network alone, photos a second (median)\n")
    there = importlib.util.find_spec("openvino") is not None
    others = [("openvino", p) for p in ("float32", "bfloat16", "int8")] if there else []
    ours = [("tensorflow", "float32"), ("tensorflow", "bfloat16"), ("light", "int8"), ("litert", "int8")]
    names = {"tensorflow": "tagger", "light": "tagger", "litert": "LiteRT alone,", "openvino": "OpenVINO"}
    rows: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for batch in (1, 32):
            seconds = float(run("naive.py", name, weights, "predict", batch))
            rows.setdefault(f"Keras predict, batch {batch}", []).append({"seconds": seconds, "megabytes": 0, "cpu": 0})
        for engine, precision in [*ours, *others]:
            for batch in (1, 4, 8) if precision == "int8" else (1, 16, 32):
                file = light if precision == "int8" else weights
                rows.setdefault(f"{names[engine]} {precision}, batch {batch}", []).append(
                    measured(engine, name, file, precision, batch)
                )
        for batch in (1, 4, 8):
            rows.setdefault(f"{BUILT_IN} int8, batch {batch}", []).append(
                measured("light", BUILT_IN, PACKAGED, "int8", batch)
            )
    base = median(row["seconds"] for row in rows["Keras predict, batch 32"])
    print(f"{'':34}{'photos/s':>9}  {'x predict at 32':>15}  {'CPU ms':>7}  {'peak MB':>8}")
    for what, found in rows.items():
        seconds = median(row["seconds"] for row in found)
        cpu, size = (median(row[key] for row in found) for key in ("cpu", "megabytes"))
        more = f"  {cpu * 1000:7.1f}  {size:8,.0f}" if cpu else ""
        print(f"{what:34}{1 / seconds:9.1f}  {base / seconds:15.2f}{more}")


def starting(name: str, weights: Path, light: Path, rounds: int) -> None:
    print("\nStarting up: seconds of each step in the process that runs the network (median)\n")
    each = [
        ("float32", name, weights),
        ("bfloat16", name, weights),
        ("int8", name, light),
        ("int8", BUILT_IN, PACKAGED),
    ]
    for precision, network, file in each:
        found = [measured("start", network, file, precision) for _ in range(rounds)]
        steps = {what: median(row[what] for row in found) for what in found[0]}
        print(
            f"{network} {precision:10}" + "  ".join(f"{what} {seconds:.2f}" for what, seconds in steps.items()),
            flush=True,
        )


def decoding(work: Path, name: str, count: int) -> None:
    print("\nDecoding alone, one thread\n")
    print(f"{'':34}{'whole, ' + name:>24}  {'squares, ' + BUILT_IN:>30}")
    print(f"{'':34}{'photos/s':>15}  {'CPU ms':>7}  {'photos/s':>21}  {'CPU ms':>7}")
    jpegs = [(2, False, "JPEG"), (12, False, "JPEG"), (12, True, "JPEG"), (48, False, "JPEG")]
    others = ("HEIF", "HEIF+", "WEBP", "PNG", "TIFF")
    for megapixels, progressive, kind in [*jpegs, *((12, False, kind) for kind in others)]:
        folder = work / f"decode-{megapixels}-{progressive}-{kind}"
        make_photos(folder, count, megapixels, progressive=progressive, kind=kind)
        found = measured("decode", name, folder, "whole")
        ours = measured("decode", BUILT_IN, folder, "squares")
        what = (
            f"{kind.replace('+', ' with thumbnail')}, {megapixels} megapixels{', progressive' if progressive else ''}"
        )
        print(
            f"{what:34}{1 / found['seconds']:15.1f}  {found['cpu'] * 1000:7.1f}  "
            f"{1 / ours['seconds']:21.1f}  {ours['cpu'] * 1000:7.1f}",
            flush=True,
        )
        shutil.rmtree(folder)


def _way(key: str, start: Ran, everything: Ran, decode: float, infer: float, photos: int) -> dict[str, float]:
    """The figures of one way to label. `start`: a backfill of a few photos; `decode`, `infer`: CPU seconds a photo."""
    return {
        f"{key}rate": (photos - _FEW) / (everything.seconds - start.seconds),
        f"{key}with start-up": photos / everything.seconds,
        f"{key}limit": usable_cores() / (decode + infer),
        f"{key}decode": decode,
        f"{key}infer": infer,
        f"{key}start": start.seconds,
        f"{key}megabytes": everything.megabytes,
    }


def whole(work: Path, name: str, weights: Path, light: Path, options: argparse.Namespace) -> None:
    print(f"\nThe whole way: {options.photos} JPEG files of {options.megapixels:g} megapixels\n", flush=True)
    many, few, warm = work / "many", work / "few", work / "warm"
    make_photos(many, options.photos, options.megapixels)
    make_photos(few, _FEW, options.megapixels, seed=2)
    make_photos(warm, _WARM_UP, 1, seed=3)
    size = sum(path.stat().st_size for path in many.iterdir()) / options.photos / 1e6
    environ = {
        **os.environ,
        "TAGGER_MODEL_NAME": name,
        "TAGGER_MODEL_WEIGHTS": str(weights),
        "TAGGER_ENGINE_KIND": "tensorflow",
        "TAGGER_MODEL_VIEWS": "whole",
        "TAGGER_MODEL_OBJECTS": "false",
    }
    environ_built_in = {**os.environ, "TAGGER_MODEL_NAME": BUILT_IN, "TAGGER_MODEL_OBJECTS": "false"}
    ready = work / "ready"
    backfill(ready, warm, environ)
    trials = [json.loads(path.read_text()) for path in ready.glob("trials/*.json")]
    precision = "bfloat16" if trials and trials[0]["speedup"] >= 1.15 and trials[0]["agreement"] >= 0.99 else "float32"
    sample = work / "sample"
    sample.mkdir()
    for path in sorted(many.iterdir())[:40]:
        os.link(path, sample / path.name)
    rounds: list[dict[str, float]] = []
    resident: dict[str, list[float]] = {}
    for number in range(options.rounds):
        data = work / f"data-{number}"
        shutil.copytree(ready, data)
        start = backfill(data, few, environ)
        everything = backfill(data, many, environ)
        small = work / f"light-{number}"
        (small / "models").mkdir(parents=True)
        os.link(light, small / "models" / light.name)
        environ_light = {**environ, "TAGGER_ENGINE_KIND": "light"}
        start_light = backfill(small, few, environ_light)
        everything_light = backfill(small, many, environ_light)
        start_built_in = backfill(work / f"built-in-{number}", few, environ_built_in)
        everything_built_in = backfill(work / f"built-in-{number}", many, environ_built_in)
        resident = {
            "": everything.resident,
            "light ": everything_light.resident,
            "built-in ": everything_built_in.resident,
        }
        # Two squares of each photo, which is 4:3.
        infer_built_in = 2 * measured("light", BUILT_IN, PACKAGED, "int8", 32)["cpu"]
        decode_built_in = measured("decode", BUILT_IN, sample, "squares")["cpu"]
        infer_light = measured("light", name, light, "int8", 32)["cpu"]
        decode = measured("decode", name, sample, "whole")["cpu"]
        infer = measured("tensorflow", name, weights, precision, 32)["cpu"]
        rounds.append(
            {
                "naive": 1 / float(run("naive.py", name, weights, sample, 39)),
                **_way("", start, everything, decode, infer, options.photos),
                **_way("light ", start_light, everything_light, decode, infer_light, options.photos),
                **_way(
                    "built-in ", start_built_in, everything_built_in, decode_built_in, infer_built_in, options.photos
                ),
            }
        )
    middle: dict[str, Any] = {key: median(found[key] for found in rounds) for key in rounds[0]}
    print(f"{size:.1f} MB a photo; {precision}; trial of bfloat16: {trials[0] if trials else 'none'}")
    print(f"one by one, as a tutorial does     {middle['naive']:7.1f} photos/s")
    ways = (
        (f"tagger backfill, TensorFlow {precision}", ""),
        ("tagger backfill, light engine", "light "),
        (f"tagger backfill, {BUILT_IN} with squares", "built-in "),
    )
    for what, key in ways:
        rate = f"{key}rate"
        ratio = median(found[rate] / found["naive"] for found in rounds)
        share = median(found[rate] / found[f"{key}limit"] for found in rounds)
        print(f"\n{what}")
        print(f"  after starting up                {middle[rate]:7.1f} photos/s, {ratio:.1f} times as many")
        print(
            f"  with starting up                 {middle[f'{key}with start-up']:7.1f} photos/s "
            f"({middle[f'{key}start']:.1f} s for {_FEW} photos)"
        )
        print(
            f"  limit: cores / CPU seconds       {middle[f'{key}limit']:7.1f} photos/s "
            f"({middle[f'{key}decode'] * 1000:.1f} ms decoding + "
            f"{middle[f'{key}infer'] * 1000:.1f} ms inference a photo)"
        )
        print(f"  share of the limit               {share:7.1%}")
        quarters = ", ".join(f"{megabytes:,.0f}" for megabytes in resident[key])
        print(f"  parent and child at their peaks  {middle[f'{key}megabytes']:7,.0f} MB (over time {quarters})")
        if options.check and (ratio < _LEAST_RATIO or share < _LEAST_SHARE):
            sys.exit(f"That is less than {_LEAST_RATIO} times as many, or than {_LEAST_SHARE:.0%} of the limit.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--parts", default="inference,starting,decoding,whole", help="which to run, with commas")
    parser.add_argument("--check", action="store_true", help="fail if the backfill is far slower than it should be")
    parser.add_argument("--folder", type=Path, help="where to work; default: the system's temporary folder")
    options = parser.parse_args()
    name = options.architecture
    print(f"{processor_name()}, {usable_cores():g} cores")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        work = Path(folder)
        weights = options.weights
        if weights is None:
            weights = work / "weights.h5"
            make = HERE.parent / "tests" / "inference" / "plain_keras.py"
            run(os.path.relpath(make, HERE), "make", name, weights)
        light = light_model(work, name, weights)
        if "inference" in options.parts:
            inference(name, weights, light, options.rounds)
        if "starting" in options.parts:
            starting(name, weights, light, options.rounds)
        if "decoding" in options.parts:
            decoding(work, name, 12)
        if "whole" in options.parts:
            whole(work, name, weights, light, options)


if __name__ == "__main__":
    main()
