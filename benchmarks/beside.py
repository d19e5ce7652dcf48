"""What the networks beside the classifier cost: whole backfills with and without them, and each network alone.

    python benchmarks/beside.py [--photos 200] [--megapixels 12] [--rounds 3] [--weights FILE] [--only NAME]

Two classifiers, each with squares: the model in the package, and ResNet50 in TensorFlow (with random weights unless a
file is named), beside which the model in the package runs for everyday words. `model.objects = false` turns all others
off. The ways take turns; starting up is measured with a few photos and taken off.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.photo_like import make_photos
from benchmarks.speed import BUILT_IN, HERE, PACKAGED, backfill, measured, run
from tagger.inference.precision import computes_bfloat16
from tagger.system.machine import processor_name, usable_cores

_FEW = 8


@dataclass(frozen=True)
class Round:
    """Seconds and CPU seconds a photo, and the megabytes of parent and child at their peaks."""

    seconds: float
    cpu: float
    megabytes: float


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def once(work: Path, few: Path, many: Path, environ: dict[str, str]) -> Round:
    data, photos = work / "data", len(list(many.iterdir()))
    shutil.rmtree(data, ignore_errors=True)
    started = _cpu()
    start = backfill(data, few, environ)
    middle = _cpu()
    everything = backfill(data, many, environ)
    cpu = (_cpu() - middle) - (middle - started)
    return Round((everything.seconds - start.seconds) / (photos - _FEW), cpu / (photos - _FEW), everything.megabytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--only", help="one of the classifiers, by the beginning of its name")
    options = parser.parse_args()
    what = f"{options.photos} JPEG files of {options.megapixels:g} megapixels"
    print(f"{processor_name()}, {usable_cores():g} cores; {what}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        many, few = work / "many", work / "few"
        make_photos(many, options.photos, options.megapixels)
        make_photos(few, _FEW, options.megapixels, seed=2)
        weights = options.weights
        if weights is None:
            weights = work / "weights.h5"
            make = HERE.parent / "tests" / "inference" / "plain_keras.py"
            run(os.path.relpath(make, HERE), "make", "resnet50", weights)
        precision = "bfloat16" if computes_bfloat16() else "float32"
        resnet = {
            "TAGGER_MODEL_NAME": "resnet50",
            "TAGGER_MODEL_WEIGHTS": str(weights),
            "TAGGER_ENGINE_PRECISION": precision,
        }
        classifiers = {BUILT_IN: {"TAGGER_MODEL_NAME": BUILT_IN}, f"resnet50 {precision}": resnet}
        classifiers = {name: one for name, one in classifiers.items() if name.startswith(options.only or "")}
        rounds: dict[tuple[str, str], list[Round]] = {}
        for _ in range(options.rounds):
            for name, settings in classifiers.items():
                for objects in ("false", "true"):
                    environ = {**os.environ, **settings, "TAGGER_MODEL_OBJECTS": objects}
                    rounds.setdefault((name, objects), []).append(once(work, few, many, environ))
        print(f"\n{'':24}{'photos/s':>10}{'CPU ms a photo':>16}{'MB':>8}   share of the speed: by time, by CPU")
        for name in classifiers:
            alone, beside = rounds[name, "false"], rounds[name, "true"]
            for what, found in (("alone", alone), ("all networks", beside)):
                seconds, cpu, size = (median(getattr(one, key) for one in found) for key in Round.__annotations__)
                shares = ""
                if found is beside:
                    by_time, by_cpu = (
                        median(getattr(a, key) / getattr(b, key) for a, b in zip(alone, beside, strict=True))
                        for key in ("seconds", "cpu")
                    )
                    shares = f"{by_time:7.1%}{by_cpu:9.1%}"
                print(f"{f'{name}, {what}':36}{1 / seconds:8.1f}{cpu * 1000:12.1f}{size:9,.0f}   {shares}", flush=True)
        print("\nCPU ms a photo, each alone")
        squares = 2 * measured("light", BUILT_IN, PACKAGED, "int8", 32)["cpu"]
        print(f"  {BUILT_IN}, two squares        {squares * 1000:6.1f}")
        print(f"  the detector                           {measured('detect', '-', '-', 'int8', 1)['cpu'] * 1000:6.1f}")
        one, all_inputs = (measured("decode", BUILT_IN, few, views)["cpu"] for views in ("squares", "beside"))
        print(f"  decoding for {BUILT_IN}    {one * 1000:6.1f}")
        print(f"  decoding for both                      {all_inputs * 1000:6.1f}")


if __name__ == "__main__":
    main()
