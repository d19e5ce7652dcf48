"""How pixels become what a network was trained on (`keras.applications.imagenet_utils`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

# Means of ImageNet's blue, green and red.
_CAFFE_MEAN_BGR = np.array((103.939, 116.779, 123.68), np.float32)
_NANODET_MEAN_BGR = np.array((103.53, 116.28, 123.675), np.float32)
_NANODET_DEVIATION_BGR = np.array((57.375, 57.12, 58.395), np.float32)


class Preprocessing(StrEnum):
    """How pixels (0 to 255, RGB) become what the network was trained on; the names are `keras.applications`' own."""

    CAFFE = "caffe"  # RGB -> BGR, minus the mean of ImageNet
    TF = "tf"  # x / 127.5 - 1
    LITE = "lite"  # (x - 127) / 128, of the EfficientNet-Lite networks
    NONE = "none"  # the network scales by itself
    NANODET = "nanodet"  # RGB -> BGR, minus the mean of ImageNet, by its standard deviation

    @property
    def turns_to_bgr(self) -> bool:
        """Whether the network's channels are blue, green and red."""
        return self in (Preprocessing.CAFFE, Preprocessing.NANODET)


def preprocessed(pixels: Any, kind: Preprocessing) -> Any:
    """Pixels (..., 3), RGB as float32 0 to 255 -> the same shape, preprocessed; of NumPy or of TensorFlow."""
    match kind:
        case Preprocessing.CAFFE:
            return pixels[..., ::-1] - _CAFFE_MEAN_BGR
        case Preprocessing.TF:
            return pixels / 127.5 - 1.0
        case Preprocessing.LITE:
            return (pixels - 127.0) / 128.0
        case Preprocessing.NONE:
            return pixels
        case Preprocessing.NANODET:
            return (pixels[..., ::-1] - _NANODET_MEAN_BGR) / _NANODET_DEVIATION_BGR
