"""One engine on random pixels, or decoding: seconds, CPU seconds and memory, as JSON. For benchmarks/speed.py.

python benchmarks/engine.py tensorflow ARCHITECTURE WEIGHTS PRECISION BATCH
python benchmarks/engine.py openvino ARCHITECTURE WEIGHTS PRECISION BATCH
python benchmarks/engine.py light ARCHITECTURE LIGHT int8 BATCH
python benchmarks/engine.py litert ARCHITECTURE LIGHT int8 BATCH   the runtime alone, its input prepared before
python benchmarks/engine.py detect - - int8 1                      the network that finds people and things
python benchmarks/engine.py decode ARCHITECTURE FOLDER squares|whole|beside   beside: squares, and for the detector
python benchmarks/engine.py start ARCHITECTURE FILE PRECISION      seconds of each step until photos are labelled
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
from tagger.core.config import LimitSettings, Views
from tagger.imaging.decode import decode, open_photo
from tagger.imaging.inputs import NetworkInput
from tagger.inference.engines import Engine
from tagger.inference.registry import REGISTRY
from tagger.system.machine import usable_threads


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
    from tagger.inference.engines.tensorflow import TensorFlowEngine, use_threads
    from tagger.inference.precision import Precision

    use_threads(usable_threads(0))
    engine = TensorFlowEngine(REGISTRY[name], Path(weights), batch_size=batch, precision=Precision(precision))
    given = pixels(name, batch)
    say(lambda: engine.features(given), batch, max(5, 128 // batch))


def openvino(name: str, weights: str, precision: str, batch: int) -> None:
    """The network as OpenVINO's own converter makes it: what this processor can do."""
    import tempfile

    import openvino as ov

    given = pixels(name, batch)
    options = {"PERFORMANCE_HINT": "LATENCY"}
    if precision == "int8":
        # tagger's light model, which is a TensorFlow Lite model.
        model = ov.Core().read_model(weights)
    else:
        import keras

        with tempfile.TemporaryDirectory() as folder:
            network = getattr(keras.applications, REGISTRY[name].keras_name)(weights=None)
            network.load_weights(weights)
            network.export(folder, verbose=False)
            model = ov.convert_model(folder)
        options["INFERENCE_PRECISION_HINT"] = {"bfloat16": "bf16", "float32": "f32"}[precision]
        given = given.astype(np.float32)
    model.reshape(list(given.shape))
    compiled = ov.Core().compile_model(model, "CPU", options)
    say(lambda: compiled(given), batch, max(5, 128 // batch))


def light(name: str, file: str, batch: int) -> None:
    from tagger.inference.engines.litert import LiteRtEngine

    engine = LiteRtEngine(REGISTRY[name], Path(file), threads=usable_threads(0))
    given = pixels(name, batch)
    say(lambda: engine.features(given), batch, max(5, 256 // batch))


def litert(name: str, file: str, batch: int) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=file, num_threads=usable_threads(0))
    index = interpreter.get_input_details()[0]["index"]
    given = pixels(name, batch)
    interpreter.resize_tensor_input(index, given.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, given)
    say(interpreter.invoke, batch, max(5, 256 // batch))


def detect() -> None:
    from tagger.imaging.views import letterbox
    from tagger.inference.detector import SIZE
    from tagger.inference.engines.detecting import Detector

    detector = Detector(usable_threads(0))
    # A photo with people and things, or there would be no boxes to work out.
    with open_photo(os.fspath(Path(__file__).resolve().parents[1] / "tests" / "photos" / "astronaut.jpg")) as photo:
        decoded = decode(photo, [NetworkInput(SIZE, "letterbox")], limits=LimitSettings())
    frame = letterbox(decoded.facts.width, decoded.facts.height, SIZE)
    say(lambda: detector.boxes(decoded.pixels, [frame]), 1, 100)


def start(name: str, file: str, precision: str) -> None:
    steps = {}
    given, moment = pixels(name, 32), time.perf_counter()

    def step(what: str) -> None:
        nonlocal moment
        steps[what], moment = time.perf_counter() - moment, time.perf_counter()

    engine: Engine
    if precision == "int8":
        from tagger.inference.engines.litert import LiteRtEngine

        step("import")
        engine = LiteRtEngine(REGISTRY[name], Path(file), threads=usable_threads(0))
    else:
        from tagger.inference.engines.tensorflow import TensorFlowEngine, use_threads
        from tagger.inference.precision import Precision

        step("import")
        use_threads(usable_threads(0))
        engine = TensorFlowEngine(REGISTRY[name], Path(file), batch_size=32, precision=Precision(precision))
    step("build, weights, try out")
    engine.features(given)
    step("first 32 photos")
    engine.features(given)
    step("next 32 photos")
    print(json.dumps(steps))


def decoding(name: str, folder: str, views: Views, *more: NetworkInput) -> None:
    paths = sorted(Path(folder).iterdir())

    def run() -> None:
        for path in paths:
            with open_photo(os.fspath(path)) as photo:
                decode(photo, [NetworkInput(REGISTRY[name].input_size, views), *more], limits=LimitSettings())

    say(run, len(paths), 3)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tensorflow", name, weights, precision, batch]:
            tensorflow(name, weights, precision, int(batch))
        case ["openvino", name, weights, precision, batch]:
            openvino(name, weights, precision, int(batch))
        case ["light", name, file, "int8", batch]:
            light(name, file, int(batch))
        case ["litert", name, file, "int8", batch]:
            litert(name, file, int(batch))
        case ["start", name, file, precision]:
            start(name, file, precision)
        case ["detect", _, _, "int8", _]:
            detect()
        case ["decode", name, folder, "beside"]:
            decoding(name, folder, "squares", NetworkInput(320, "letterbox"))
        case ["decode", name, folder, "squares" | "whole" as views]:
            decoding(name, folder, "whole" if views == "whole" else "squares")
        case _:
            sys.exit(__doc__)
