"""The engines that can run a network, as one table. A new engine is one file in `engines/` and one line here.

No TensorFlow and no LiteRT here: the parent process reads the table, the child process opens the engine.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """An engine. `name`: in code, in messages to the child, and in the history of runs.

    `title`: for people. `setting`: the value of `engine.kind` that demands it. `suffix`: of its model files.
    `module`: has `open_engine(order)`, called in the child process. `runtime`: the package that must be installed;
    `install`: how. `needs_mb`: free memory below which the machine is short of it; `least_mb`: memory of the machine
    below which it is not tried.
    """

    name: str
    title: str
    setting: str
    suffix: str
    module: str
    runtime: str
    install: str
    needs_mb: int
    least_mb: int

    @property
    def is_installed(self) -> bool:
        """Whether its runtime can be imported; nothing is."""
        return importlib.util.find_spec(self.runtime) is not None


TENSORFLOW = EngineSpec(
    name="tensorflow",
    title="TensorFlow",
    setting="tensorflow",
    suffix=".weights.h5",
    module="tagger.inference.engines.tensorflow",
    runtime="tensorflow",
    install="Install it with: pip install tensorflow",
    needs_mb=1500,
    least_mb=1500,
)
LITERT = EngineSpec(
    name="litert",
    title="LiteRT",
    setting="light",
    suffix=".tflite",
    module="tagger.inference.engines.litert",
    runtime="ai_edge_litert",
    install="Install it with: pip install ai-edge-litert",
    needs_mb=400,
    least_mb=0,
)
ENGINES = {spec.name: spec for spec in (TENSORFLOW, LITERT)}
