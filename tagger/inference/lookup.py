"""Finding a network by its name: one of the registry, or one that was trained here."""

from __future__ import annotations

from pathlib import Path

from tagger.inference.custom_models import SUFFIX, Description, description_file, read
from tagger.inference.preprocessing import Preprocessing
from tagger.inference.registry import MODELS_FOLDER, REGISTRY, Architecture, Network, registered


def as_architecture(description: Description) -> Architecture:
    """A trained network as the registry has others."""
    base = REGISTRY.get(description.kind)
    return Architecture(
        name=description.name,
        keras_name="" if base is None else base.keras_name,
        input_size=description.input_size,
        features=description.dense if base is None else base.features,
        preprocessing=Preprocessing.TF if base is None else base.preprocessing,
        url="",
        md5=None,
        megabytes=description.megabytes,
        about=f"trained by you: {len(description.classes)} classes, accuracy {description.accuracy:.1%}",
        network=Network(description.widths, description.dense, description.classes),
        sha256=description.weights_sha256,
    )


def architecture(name: str, data_dir: Path) -> Architecture:
    """The model of a name: of the registry, or one that was trained here.

    Raises UnknownModelError with the nearest names, WeightsError where a trained one is damaged.
    """
    path = description_file(data_dir, name)
    if name in REGISTRY or not path.is_file():
        return registered(name, trained_names(data_dir))
    return as_architecture(read(path))


def trained_names(data_dir: Path) -> list[str]:
    """The names of the trained networks."""
    return sorted(path.name.removesuffix(SUFFIX) for path in (data_dir / MODELS_FOLDER).glob(f"*{SUFFIX}"))
