"""Build NanoDet-g, the network that finds objects, in Keras.

NanoDet (RangiLyu 2021), version g: one convolution network with detections on three grids, each cell with the logits of
COCO's 80 classes and, for each side of a box, its distance as a distribution over 11 bins (generalised focal loss, Li
et al. 2020). Plain 3x3 convolutions, batch normalisation already folded into them.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from tagger.core.boxes import OBJECTS
from tagger.inference.detector import BINS

_SLOPE = 0.1
_CHANNELS = 128
# Filters, stride and blocks of the stages.
_STAGES = ((32, 1, 1), (64, 2, 2), (128, 2, 2), (256, 2, 3))


def build_detector(size: int, *, as_published: bool = False) -> Any:
    """NanoDet-g with random weights: pictures (n, size, size, 3) -> (n, cells, 80 + 4 x 11). `size`: multiple of 32.

    The cells of the grids with strides 8, 16 and 32 follow each other, row by row. `as_published`: each 3x3 convolution
    after a padding of its own; that is the order of layers in which weights files hold them, and computes the same.
    """
    build = _Builder(as_published)
    given = keras.Input((size, size, 3))
    found = build.convolved(given, 32, 2)
    found = layers.ZeroPadding2D(((1, 0), (1, 0)))(found)
    found = layers.MaxPooling2D(3, 2)(found)
    levels = []
    for filters, stride, blocks in _STAGES:
        found = build.stage(found, filters, stride, blocks)
        levels.append(found)
    fine, middle, coarse = (build.projected(level, _CHANNELS) for level in levels[1:])
    middle = layers.Add()([middle, _twice(coarse)])
    fine = layers.Add()([fine, _twice(middle)])
    middle = layers.Add()([middle, _half(fine)])
    coarse = layers.Add()([coarse, _half(middle)])
    outputs = len(OBJECTS) + 4 * BINS
    cells = []
    for level in (fine, middle, coarse):
        head = build.projected(build.convolved(level, _CHANNELS), outputs)
        cells.append(layers.Reshape((-1, outputs))(head))
    return keras.Model(given, layers.Concatenate(axis=1)(cells))


class _Builder:
    """Names the convolutions in order of creation, so that weights can be copied between the two ways to build it."""

    def __init__(self, as_published: bool) -> None:
        self._as_published = as_published
        self._count = 0

    def convolved(self, given: Any, filters: int, stride: int = 1) -> Any:
        """3x3 convolution with a zero padding of 1 on all sides, and LeakyReLU."""
        if stride == 1 and not self._as_published:
            found = layers.Conv2D(filters, 3, padding="same", name=self._name())(given)
        else:
            padded = layers.ZeroPadding2D(1)(given)
            found = layers.Conv2D(filters, 3, strides=stride, name=self._name())(padded)
        return layers.LeakyReLU(_SLOPE)(found)

    def projected(self, given: Any, filters: int) -> Any:
        """1x1 convolution without activation."""
        return layers.Conv2D(filters, 1, name=self._name())(given)

    def stage(self, given: Any, filters: int, stride: int, blocks: int) -> Any:
        """A stage of half-wide residual blocks whose inputs are concatenated instead of added."""
        first = found = self.convolved(given, filters, stride)
        for _ in range(blocks):
            one = self.convolved(found, filters // 2)
            found = layers.Concatenate()([self.convolved(one, filters // 2), one])
        return layers.Concatenate()([self.convolved(found, filters), first])

    def _name(self) -> str:
        self._count += 1
        return f"convolution_{self._count}"


def _twice(given: Any) -> Any:
    return layers.UpSampling2D(2, interpolation="bilinear")(given)


def _half(given: Any) -> Any:
    # With half-pixel centres, bilinear to half the size is the mean of two by two.
    return layers.AveragePooling2D(2)(given)
