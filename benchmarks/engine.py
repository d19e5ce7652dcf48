"""One engine on random pixels, or decoding: seconds, CPU seconds and memory, as JSON. For benchmarks/speed.py.

python benchmarks/engine.py tensorflow ARCHITECTURE WEIGHTS PRECISION BATCH
python benchmarks/engine.py openvino ARCHITECTURE WEIGHTS PRECISION BATCH
python benchmarks/engine.py decode ARCHITECTURE FOLDER
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tagger.config import LimitSettings
from tagger.machine import usable_threads
from tagger.vision.decode import decode, open_photo
from tagger.vision.models import REGISTRY


def say(run: Callable[[], object], count: int, times: int) -> None:
    started = time.perf_counter()
    run()
    first = time.perf_counter() - started
    seconds, cpu = [], []
    for _ in range(times):
        started, used = time.perf_counter(), time.process_time()
        run()
        seconds.append((time.perf_counter() - started) / count)
        cpu.append((time.process_time() - used) / count)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": median(seconds), "cpu": median(cpu), "first": first, "megabytes": megabytes}))


def pixels(name: str, batch: int) -> np.ndarray:  # type: ignore[type-arg]
    size = REGISTRY[name].input_size
    return np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)


def tensorflow(name: str, weights: str, precision: str, batch: int) -> None:
    from tagger.vision.engines.tensorflow import TensorFlowEngine, use_threads
    from tagger.vision.precision import Precision

    use_threads(usable_threads(0))
    engine = TensorFlowEngine(REGISTRY[name], Path(weights), batch_size=batch, precision=Precision(precision))
    given = pixels(name, batch)
    say(lambda: engine.features(given), batch, max(5, 128 // batch))


def openvino(name: str, weights: str, precision: str, batch: int) -> None:
    """The network as OpenVINO's own converter makes it: what this processor can do."""
    import tempfile

    import keras
    import openvino as ov

    with tempfile.TemporaryDirectory() as folder:
        network = getattr(keras.applications, REGISTRY[name].keras_name)(weights=None)
        network.load_weights(weights)
        network.export(folder, verbose=False)
        model = ov.convert_model(folder)
    size = REGISTRY[name].input_size
    model.reshape([batch, size, size, 3])
    hints = {"bfloat16": "bf16", "float32": "f32"}
    compiled = ov.Core().compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": hints[precision], "PERFORMANCE_HINT": "LATENCY"}
    )
    given = pixels(name, batch).astype(np.float32)
    say(lambda: compiled(given), batch, max(5, 128 // batch))


def decoding(name: str, folder: str) -> None:
    paths = sorted(Path(folder).iterdir())

    def run() -> None:
        for path in paths:
            with open_photo(os.fspath(path)) as photo:
                decode(photo, size=REGISTRY[name].input_size, limits=LimitSettings())

    say(run, len(paths), 3)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tensorflow", name, weights, precision, batch]:
            tensorflow(name, weights, precision, int(batch))
        case ["openvino", name, weights, precision, batch]:
            openvino(name, weights, precision, int(batch))
        case ["decode", name, folder]:
            decoding(name, folder)
        case _:
            sys.exit(__doc__)
