"""Prints what tagger needs where nothing is to be run by TensorFlow: its dependencies and those of the extras named.

    python deploy/light_requirements.py raw postgres > light.txt
    pip install -c deploy/constraints.txt -r light.txt && pip install --no-deps .

The models in the package, light models, search and the page work in it; it is 0.3 GB instead of 2.3.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

# Whatever else they bring (tensorboard, grpcio, ...) stays out with them.
WITHOUT = {"tensorflow", "keras", "h5py"}


def light_requirements(pyproject: Path, extras: list[str]) -> list[str]:
    """The requirements, as pip reads them. Raises KeyError for an extra that there is not."""
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    return [one for one in asked if re.split(r"[^\w.-]", one)[0] not in WITHOUT]


if __name__ == "__main__":
    print(*light_requirements(Path(__file__).parents[1] / "pyproject.toml", sys.argv[1:]), sep="\n")
