"""With how many bits the network computes, and why: bfloat16 is tried on this machine once. No TensorFlow here.

bfloat16 is about twice as fast as float32 on a processor with AVX512-BF16 (benchmarks/README.md), and slower than it on
a processor that has no instructions for it: so it is tried out, on the owner's own photos.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tagger.core.atomic_file import replacing
from tagger.system.machine import processor_flags, processor_name

# What Linux calls the instructions that multiply bfloat16: two of Intel's and AMD's, and Arm's.
_INSTRUCTIONS = frozenset(("amx_bf16", "avx512_bf16", "bf16"))
# Faster by less is not worth rounding for.
_WORTH = 1.15
# Of a hundred photos, one may get another first class.
_AGREEMENT = 0.99


class Precision(StrEnum):
    """The type of the network's numbers."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class Trial:
    """What bfloat16 came to on this machine: how many times as fast as float32 it is, and on what share of so many
    photos both found the same first class."""

    speedup: float
    agreement: float
    photos: int

    @property
    def precision(self) -> Precision:
        """What to compute with."""
        good = self.speedup >= _WORTH and self.agreement >= _AGREEMENT
        return Precision.BFLOAT16 if good else Precision.FLOAT32

    def __str__(self) -> str:
        if not self.photos:
            return "bfloat16 was tried here, and the trial did not come to an end"
        return (
            f"bfloat16 was {self.speedup:g} times as fast as float32 here and found the same first class on "
            f"{self.agreement:.1%} of {self.photos} photos"
        )


# Remembered while a trial goes on.
UNFINISHED = Trial(0.0, 0.0, 0)


def computes_bfloat16() -> bool:
    """Whether bfloat16 may be worth a trial: without instructions for it, it is many times slower than float32."""
    flags = processor_flags()
    return flags is None or bool(flags & _INSTRUCTIONS)


def remembered(data_dir: Path, model_id: str) -> Trial | None:
    """The trial of a model on this machine; None if there was none, or on another processor."""
    try:
        said = json.loads(_file(data_dir, model_id).read_text())
        if said.pop("processor") != processor_name():
            return None
        return Trial(float(said["speedup"]), float(said["agreement"]), int(said["photos"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Nothing that a new trial does not give.
        return None


def remember(data_dir: Path, model_id: str, trial: Trial) -> None:
    """Keep a trial for the next start. Raises OSError."""
    with replacing(_file(data_dir, model_id)) as temporary:
        temporary.write_text(json.dumps({**asdict(trial), "processor": processor_name()}))


def _file(data_dir: Path, model_id: str) -> Path:
    return data_dir / "trials" / f"{model_id}.json"
