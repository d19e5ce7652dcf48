"""The networks that tagger knows, and the ModelId that names a network with its weights. No TensorFlow here.

Facts (addresses, MD5 sums, preprocessing) are those of `keras.applications`, but for `efficientnet_lite2`, which Keras
does not have: tagger builds it (`engines/networks.py`).
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.core.config import Views
from tagger.core.errors import UnknownModelError
from tagger.inference.engine_specs import TENSORFLOW
from tagger.inference.preprocessing import Preprocessing

_BASE = "https://storage.googleapis.com/tensorflow/keras-applications/"


MODELS_FOLDER = "models"


@dataclass(frozen=True, slots=True)
class Network:
    """A network that the owner trained: its classes, and without an architecture's name its blocks and features."""

    widths: tuple[int, ...]
    dense: int
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network of `keras.applications`, or one that was trained here (`network`, with the `sha256` of its weights).

    `input_size`: pixels a side. `features`: length of the pooled feature vector, the input of the last layer.
    `built_in`: the light model in the package, by the name of its file; empty for none. `show_thresholds`: the
    probability that shows a label, with squares and with the whole picture, as measured (docs/labels.md).
    `md5`: what Keras publishes for the weights file, or None where Keras publishes nothing.
    """

    name: str
    keras_name: str
    input_size: int
    features: int
    preprocessing: Preprocessing
    url: str
    md5: str | None
    megabytes: int
    about: str
    built_in: str = ""
    show_thresholds: tuple[float, float] = (0.60, 0.60)
    network: Network | None = None
    sha256: str = ""

    @property
    def file_name(self) -> str:
        """The name of the published weights file, or of the one that training wrote."""
        return self.url.rpartition("/")[2] or f"{self.name}{TENSORFLOW.suffix}"

    def views(self, wanted: Views) -> Views:
        """What it sees of each photo. A network that was trained here sees what it was trained on: whole pictures."""
        return wanted if self.network is None else "whole"

    def show_threshold(self, views: Views) -> float:
        """The probability that shows a label."""
        squares, whole = self.show_thresholds
        return squares if views == "squares" else whole


REGISTRY = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "resnet50",
            "ResNet50",
            224,
            2048,
            Preprocessing.CAFFE,
            _BASE + "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
            "2cb95161c43110f7111970584f804107",
            103,
            "the default: a good balance of quality and speed",
        ),
        Architecture(
            "resnet50v2",
            "ResNet50V2",
            224,
            2048,
            Preprocessing.TF,
            _BASE + "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels.h5",
            "3ef43a0b657b3be2300d5770ece849e0",
            103,
            "a later ResNet50 of the same cost",
        ),
        Architecture(
            "vgg16",
            "VGG16",
            224,
            4096,
            Preprocessing.CAFFE,
            _BASE + "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
            "64373286793e3c8b2b4e3219cbf3544b",
            553,
            "old, large and slow; its features are well known",
        ),
        Architecture(
            "inception_v3",
            "InceptionV3",
            299,
            2048,
            Preprocessing.TF,
            _BASE + "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
            "9a0d58056eeedaa3f26cb7ebd46da564",
            96,
            "a little better and a little slower than ResNet50",
        ),
        Architecture(
            "mobilenet_v2",
            "MobileNetV2",
            224,
            1280,
            Preprocessing.TF,
            _BASE + "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
            None,
            14,
            "small and fast, for weak machines",
            show_thresholds=(0.50, 0.60),
        ),
        Architecture(
            "efficientnet_b0",
            "EfficientNetB0",
            224,
            1280,
            Preprocessing.NONE,
            "https://storage.googleapis.com/keras-applications/efficientnetb0.h5",
            "902e53a9f72be733fc0bcb005b3ebbac",
            21,
            "small, and better than its size",
        ),
        Architecture(
            "efficientnet_lite2",
            "EfficientNetLite2",
            260,
            1280,
            Preprocessing.LITE,
            "",
            None,
            25,
            "small and quick, and better than its size",
            built_in="efficientnet_lite2.tflite",
            show_thresholds=(0.35, 0.40),
        ),
    )
}


def registered(name: str, trained: Sequence[str] = ()) -> Architecture:
    """The architecture of the registry with this name. `trained`: other names that could be meant.

    Raises UnknownModelError with the nearest names.
    """
    found = REGISTRY.get(name)
    if found is None:
        known = [*REGISTRY, *trained]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UnknownModelError(f"There is no model {name!r}.", f"{hint}The models are: {', '.join(known)}.")
    return found


# What comes before the network, by what it sees. To be counted up when that changes, because it makes another model.
REVISIONS: dict[Views, int] = {"whole": 1, "squares": 2}
# The network in the package, which labels where the wanted one cannot.
BUILT_IN = "efficientnet_lite2"


def views_of_revision(revision: int) -> Views:
    """What a model with this preprocessing revision sees of each photo."""
    return "whole" if revision == REVISIONS["whole"] else "squares"


def model_id(architecture: Architecture, weights_sha256: str, views: Views) -> str:
    """The name of a model for ever: 16 hexadecimal digits over architecture, weights and preprocessing.

    The same network with the same weights and views has the same ModelId on every machine, whatever engine runs it.
    """
    text = f"{architecture.name}\n{weights_sha256}\n{REVISIONS[architecture.views(views)]}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
