"""Networks that the owner trained: a description in JSON and a file of weights, found by name like any other model.

Nothing in either file is code: the network is built by this program from a few checked numbers, and the weights are
arrays in HDF5. (Keras' own files describe layers by the names of Python classes, which a hostile file can choose.)
No TensorFlow here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from tagger.core.atomic_file import replacing
from tagger.core.config import Section, Share
from tagger.core.errors import WeightsError
from tagger.core.os_words import why
from tagger.inference.registry import MODELS_FOLDER, REGISTRY

SUFFIX = ".model.json"
NAME = r"^[a-z0-9][a-z0-9._-]{0,58}$"
_MOST_BYTES = 8 << 20

_ClassName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Description(Section):
    """What is known of a trained network. `kind`: `small`, or an architecture of the registry.

    `widths`: channels of each block of a small network; `dense`: its features. `accuracy`: on the test pictures, or on
    those of the validation. `made`: how it was trained, for people.
    """

    format: Literal["tagger trained model"] = "tagger trained model"
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=NAME)]
    kind: Annotated[str, Field(max_length=64)]
    widths: Annotated[tuple[Annotated[int, Field(ge=4, le=1024)], ...], Field(max_length=6)] = ()
    dense: Annotated[int, Field(ge=8, le=8192)] = 256
    input_size: Annotated[int, Field(ge=16, le=600)]
    classes: Annotated[tuple[_ClassName, ...], Field(min_length=2, max_length=5000)]
    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    megabytes: Annotated[int, Field(ge=0)] = 0
    accuracy: Share
    made: Annotated[str, Field(max_length=500)] = ""


def description_file(data_dir: Path, name: str) -> Path:
    """Where the description of a trained network is kept."""
    return data_dir / MODELS_FOLDER / f"{name}{SUFFIX}"


def write(data_dir: Path, description: Description) -> None:
    """Write a description, all or nothing. Its weights must be there already."""
    with replacing(description_file(data_dir, description.name)) as temporary:
        temporary.write_text(description.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Description:
    """Read and check a description. Raises WeightsError saying what is wrong with it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _wrong(path, "it is too large")
        found = Description.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise _wrong(path, why(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong(path, f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, "it is damaged or was not written to its end") from error
    if path.name != f"{found.name}{SUFFIX}":
        raise _wrong(path, f"it is of a model called {found.name}")
    if found.kind != "small" and found.kind not in REGISTRY:
        raise _wrong(path, f"it is of an architecture {found.kind!r}, which this tagger does not know")
    if found.kind == "small" and not found.widths:
        raise _wrong(path, "it has no blocks")
    return found


def _wrong(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{path} is no description of a trained model that can be used: {why}.",
        "Such files are made by: tagger train",
    )
