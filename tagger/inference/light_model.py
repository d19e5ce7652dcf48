"""The light model: a network in 8-bit integers with its last layer, in one file. `tagger model export` makes it.

The file is a TensorFlow Lite model with a zip archive behind it, in the way in which TensorFlow Lite's metadata keeps
associated files: LiteRT reads it from its beginning, `unzip` from its end. No TensorFlow and no LiteRT here.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tagger.core.config import Settings
from tagger.core.errors import EngineError, ModelUnavailableError, WeightsError
from tagger.core.hashing import content_hash, content_hash_of_parts
from tagger.inference.engine_specs import LITERT, TENSORFLOW
from tagger.inference.head import Head
from tagger.inference.registry import MODELS_FOLDER, Architecture
from tagger.inference.weights import find_weights

_PART = 1 << 16
# Format 1 held the last layer in float32, which was two fifths of a small network's file.
_FORMAT, _READABLE = 2, (1, 2)
# Counted up when a network must be converted in another way.
NETWORK_REVISION = 1
_PACKAGED = Path(__file__).parent / "models"
_ABOUT, _HEAD = "tagger.json", "head.npz"
_EXPORT = "Make it anew with: tagger model export"


@dataclass(frozen=True, slots=True)
class About:
    """What a light model says of itself.

    `weights_sha256`: of the Keras weights that it was made from. `agreement`: on what share of `photos`, which were
    held back from the `calibrated_on` others, it found the same first class as float32.
    """

    architecture: str
    weights_sha256: str
    revision: int
    agreement: float
    photos: int
    calibrated_on: int
    made_by: str

    def __str__(self) -> str:
        return f"same first class as float32 on {self.agreement:.1%} of {self.photos} photos"


def exported_path(settings: Settings, architecture: Architecture) -> Path:
    """Where `tagger model export` puts the light model of an architecture."""
    return settings.data_dir / MODELS_FOLDER / f"{architecture.name}{LITERT.suffix}"


def light_model_path(settings: Settings, architecture: Architecture) -> Path:
    """Where the light model of an architecture is looked for: the exported one, else the one in the package."""
    exported = exported_path(settings, architecture)
    if architecture.built_in and not exported.is_file():
        return _PACKAGED / architecture.built_in
    return exported


def find_light(settings: Settings, architecture: Architecture) -> About | None:
    """The light model at its place, if it is to be used; None where TensorFlow is to run the Keras weights.

    `engine.kind = "auto"` uses a light model that is there, if LiteRT is installed and the model was made from the
    weights that are configured. Raises ModelError where it is damaged, or demanded and cannot be used.
    """
    path = light_model_path(settings, architecture)
    kind = settings.engine.kind
    if kind == TENSORFLOW.setting or (kind == "auto" and not (path.is_file() and LITERT.is_installed)):
        return None
    if not path.is_file():
        raise ModelUnavailableError(
            f'engine.kind = "light" needs a light model of {architecture.name}, and there is none at {path}.',
            f"Make it with: tagger model export {architecture.name}\n"
            "On a computer without much memory, make it on another one, and copy the file to that place.",
        )
    if not LITERT.is_installed:
        raise EngineError("The light engine's runtime, LiteRT, is not installed.", LITERT.install)
    about = read_about(path)
    if about.architecture != architecture.name or about.revision != NETWORK_REVISION:
        raise WeightsError(
            f"{path} is a light model of {about.architecture}, not of this version of {architecture.name}.", _EXPORT
        )
    weights = find_weights(settings, architecture)
    wanted = settings.model.sha256 or (about.weights_sha256 if weights is None else weights.sha256)
    if wanted == about.weights_sha256:
        return about
    if kind == "auto":
        return None
    raise WeightsError(f"The light model {path} was made from other weights than those that are configured.", _EXPORT)


def write_light(path: Path, network: bytes, head: Head, about: About) -> None:
    """Write a light model. Raises OSError.

    network: a TensorFlow Lite model, preprocessed pixels -> pooled features.
    """
    path.write_bytes(network)
    last_layer = io.BytesIO()
    # 8-bit integers with a scale for each class, as the network's other weights.
    scales = np.maximum(np.abs(head.weights).max(axis=0), np.float32(1e-12)) / np.float32(127)
    np.savez(last_layer, weights=np.round(head.weights / scales).astype(np.int8), scales=scales, bias=head.bias)
    text = {"format": _FORMAT, "bytes": len(network), "blake3": content_hash(network).hex(), **asdict(about)}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(_ABOUT, json.dumps(text, indent=1))
        archive.writestr(_HEAD, last_layer.getvalue())


def read_about(path: Path) -> About:
    """What a light model says of itself. Raises WeightsError if the file is damaged or something else."""
    said = _said(path)
    try:
        return About(
            str(said["architecture"]),
            str(said["weights_sha256"]),
            int(said["revision"]),
            float(said["agreement"]),
            int(said["photos"]),
            int(said["calibrated_on"]),
            str(said["made_by"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{_ABOUT} lacks {error}") from error


def read_head(path: Path) -> Head:
    """The last layer of a light model, after a look at every byte of it. Raises WeightsError if any is damaged."""
    said = _said(path)
    try:
        if _network_hash(path, int(said["bytes"])).hex() != said["blake3"]:
            raise _damaged(path, "its network has another checksum than it had")
        with zipfile.ZipFile(path) as archive, np.load(io.BytesIO(archive.read(_HEAD)), allow_pickle=False) as data:
            weights = data["weights"].astype(np.float32)
            if "scales" in data:
                weights *= data["scales"]
            return Head(weights, data["bias"].astype(np.float32))
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, str(error)) from error


def _network_hash(path: Path, size: int) -> bytes:
    """The content hash of a file's first bytes, read part by part: whole, they would stay in this process's heap."""
    with path.open("rb") as file:
        return content_hash_of_parts(file.read(min(_PART, size - start)) for start in range(0, size, _PART))


def _said(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            said = json.loads(archive.read(_ABOUT))
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(said, dict) or said.get("format") not in _READABLE:
        raise WeightsError(f"{path} is a light model of another version of tagger.", _EXPORT)
    return said


def _damaged(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{os.fspath(path)} is damaged or no light model of tagger's: {why}.",
        f"Copy it again, or remove it. {_EXPORT}",
    )
