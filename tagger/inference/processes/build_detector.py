"""Make the detector of the package from its Keras weights.

    python -m tagger.inference.processes.build_detector nanodet_g.weights.h5 PHOTOS [--to FILE]

PHOTOS: a folder of photos for calibration. It prints the SHA-256 that `tagger/inference/detector.py` must name.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.atomic_file import replacing
from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo
from tagger.imaging.inputs import NetworkInput
from tagger.inference.detector import DETECTOR_FILE, SIZE
from tagger.inference.preprocessing import Preprocessing

# More photos take longer and change nothing that can be measured.
_PHOTOS = 200
# A batch is one picture: larger ones are no faster.
_BATCH = 1


def letterboxed(paths: Sequence[Path]) -> NDArray[np.uint8]:
    """Photos as the detector sees them: RGB, uint8 (photos, SIZE, SIZE, 3). Raises DecodeError."""
    found = []
    for path in paths:
        with open_photo(os.fspath(path)) as photo:
            found.append(decode(photo, [NetworkInput(SIZE, "letterbox")], limits=LimitSettings()).pixels)
    return np.concatenate(found)


def network_of(weights: Path) -> Any:
    """The Keras network with its weights."""
    from tagger.inference.engines.nanodet import build_detector

    network = build_detector(SIZE)
    network.load_weights(weights)
    return network


def built(network: Any, pixels: NDArray[np.uint8]) -> bytes:
    """The network in 8-bit integers, calibrated on letterboxed photos."""
    from tagger.inference.engines.quantizing import calibrating, in_batches, quantized

    examples = calibrating(pixels, Preprocessing.NANODET, _BATCH, lambda _: None)
    return quantized(in_batches(network, SIZE, _BATCH), "NanoDet-g", examples, integers_out=True)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--to", type=Path, default=DETECTOR_FILE)
    options = parser.parse_args()
    photos = sorted(options.photos.iterdir())
    # Spread over all of them, because neighbours by name are alike.
    chosen = [photos[place * len(photos) // _PHOTOS] for place in range(_PHOTOS)] if len(photos) > _PHOTOS else photos
    content = built(network_of(options.weights), letterboxed(chosen))
    with replacing(options.to) as temporary:
        temporary.write_bytes(content)
    print(f"{options.to}: {len(content):,} bytes, calibrated on {len(chosen)} photos")
    print(f"FILE_SHA256 = {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
