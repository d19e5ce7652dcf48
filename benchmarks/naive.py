"""What a tutorial does: one `load_img` and one `model.predict` a photo. The baseline of benchmarks/speed.py.

python benchmarks/naive.py ARCHITECTURE WEIGHTS FOLDER COUNT      seconds a photo, without starting up
python benchmarks/naive.py ARCHITECTURE WEIGHTS predict BATCH     seconds a photo of `predict` alone
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tagger.inference.registry import REGISTRY

_MODULES = {"resnet50v2": "resnet_v2", "efficientnet_b0": "efficientnet"}


def main(name: str, weights: str, what: str, count: int) -> None:
    architecture = REGISTRY[name]
    preprocess = getattr(keras.applications, _MODULES.get(name, name)).preprocess_input
    network = getattr(keras.applications, architecture.keras_name)(weights=None)
    network.load_weights(weights)
    size = (architecture.input_size, architecture.input_size)
    if what == "predict":
        pixels = np.random.default_rng(0).uniform(0, 255, (count, *size, 3)).astype(np.float32)
        seconds = []
        for _ in range(1 + max(4, 96 // count)):
            started = time.perf_counter()
            network.predict(preprocess(pixels.copy()), verbose=0)
            seconds.append(time.perf_counter() - started)
        # The first call traces.
        print(median(seconds[1:]) / count)
        return
    photos = sorted(Path(what).iterdir())[: count + 1]
    for number, path in enumerate(photos):
        if number == 1:
            started = time.perf_counter()
        array = keras.utils.img_to_array(keras.utils.load_img(path, target_size=size))
        network.predict(preprocess(array[np.newaxis]), verbose=0)
    print((time.perf_counter() - started) / (len(photos) - 1))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
