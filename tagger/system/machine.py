"""This machine's resources: usable cores, free memory, and the processor's instruction sets."""

from __future__ import annotations

import importlib.util
import math
import os
import platform
from pathlib import Path

from tagger.core.errors import EngineError


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> float:
    """The number of cores that this process may use: its CPU affinity, limited by a container's quota.

    The quota is that of cgroup v2 (`cpu.max`) or v1 (`cpu.cfs_quota_us`), as seen from inside a container.
    """
    allowed = float(len(os.sched_getaffinity(0)))
    return max(min(allowed, _quota(cgroup) or allowed), 0.01)


def usable_threads(wanted: int) -> int:
    """The number of threads to compute with: `wanted`, or the number of usable cores if that is 0."""
    return wanted or math.ceil(usable_cores())


def _quota(cgroup: Path) -> float | None:
    for quota, period in (("cpu.max", None), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = (cgroup / quota).read_text().split()
            if period is not None:
                words += (cgroup / period).read_text().split()
            if len(words) == 2 and int(words[0]) > 0:
                return int(words[0]) / int(words[1])
        except (OSError, ValueError, ZeroDivisionError):
            # No such file, or "max": no quota.
            continue
    return None


def memory(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> tuple[int, int] | None:
    """Megabytes of memory (available without swapping, total); None if unknown.

    The machine's memory (proc_meminfo(5)), limited by a container's cgroup v2 (`memory.max`) or v1.
    """
    sizes = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in _lines(meminfo) if line.endswith("kB")}
    if "MemAvailable" not in sizes or "MemTotal" not in sizes:
        return None
    free, total = sizes["MemAvailable"], sizes["MemTotal"]
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most, now = (int((cgroup / name).read_text()) >> 20 for name in (limit, used))
        except (OSError, ValueError):
            # No such file, or "max": no limit.
            continue
        free, total = min(free, max(0, most - now)), min(total, most)
    return free, total


NO_TENSORFLOW = (
    "Use a light model: the one in the package with `tagger model use efficientnet_lite2`, or one that you make on "
    "another computer with `tagger model export` and copy here."
)


def require_tensorflow(what: str) -> None:
    """Raise EngineError if TensorFlow cannot run here. `what` needs it: "Training a network"."""
    lacks = why_no_tensorflow()
    if lacks is not None:
        raise EngineError(
            f"{what} needs TensorFlow. {lacks}",
            "Or do it on another computer, and copy the light model that `tagger model export` makes there to here.",
        )


def why_no_tensorflow(machine: str = platform.machine(), flags: frozenset[str] | None = None) -> str | None:
    """A sentence for people if TensorFlow is not installed or cannot run on this processor, else None.

    Its published packages need AVX on x86-64, and crash without it. `flags`: the processor's, unless given.
    """
    if importlib.util.find_spec("tensorflow") is None:
        return (
            "TensorFlow is not installed here; `pip install tensorflow keras h5py` adds it; in a container, "
            "the full image has it."
        )
    flags = flags if flags is not None else processor_flags()
    if machine in ("x86_64", "AMD64") and flags and "avx" not in flags:
        return "This processor has no AVX instructions, and TensorFlow's published packages do not run without them."
    return None


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str] | None:
    """The instruction set flags of the first processor (proc_cpuinfo(5)); None if unknown."""
    for line in _lines(cpuinfo):
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return None


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name with its family and model if known, else the machine type."""
    found = {}
    for line in _lines(cpuinfo):
        if not line.strip():
            break
        name, _, value = line.partition(":")
        found[name.strip()] = value.strip()
    words = [found[name] for name in ("model name", "cpu family", "model", "CPU part") if name in found]
    return " ".join(words) or platform.machine()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []
