from __future__ import annotations

import os
from pathlib import Path

import pytest

from tagger.inference.processes.feature_worker import fitting_batch
from tagger.system.machine import (
    memory,
    processor_flags,
    processor_name,
    usable_cores,
    usable_threads,
    why_no_tensorflow,
)

CORES = len(os.sched_getaffinity(0))
CPUINFO = """processor\t: 0
cpu family\t: 6
model\t\t: 122
model name\t: Intel(R) Celeron(R) J4105 CPU @ 1.50GHz
flags\t\t: fpu sse sse2 sse4_2

processor\t: 1
model name\t: another
"""


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, CORES),
        ({"cpu.max": "max 100000\n"}, CORES),
        ({"cpu.max": "50000 100000\n"}, 0.5),
        ({"cpu.max": "1000000000 100000\n"}, CORES),
        ({"cpu.max": "nonsense"}, CORES),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, CORES),
        ({"cpu/cpu.cfs_quota_us": "25000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.25),
    ],
)
def test_a_containers_quota_counts(tmp_path: Path, files: dict[str, str], cores: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cores(tmp_path) == cores


def test_threads_are_as_many_as_wanted_or_as_there_are_cores() -> None:
    assert usable_threads(7) == 7
    assert 1 <= usable_threads(0) <= CORES


def test_what_a_processor_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    assert processor_flags(tmp_path / "cpuinfo") == {"fpu", "sse", "sse2", "sse4_2"}
    assert processor_name(tmp_path / "cpuinfo") == "Intel(R) Celeron(R) J4105 CPU @ 1.50GHz 6 122"
    assert processor_flags(tmp_path / "none") is None
    assert processor_name(tmp_path / "none")


def test_tensorflow_needs_avx_on_x86_only() -> None:
    assert "AVX" in str(why_no_tensorflow("x86_64", frozenset(("sse2",))))
    assert why_no_tensorflow("x86_64", frozenset(("sse2", "avx"))) is None
    assert why_no_tensorflow("aarch64", frozenset(("asimd",))) is None


def test_memory_is_what_a_container_may_have(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:        8000000 kB\nMemFree:  1 kB\nMemAvailable:    4000000 kB\nHugePages_Total: 0\n")
    assert memory(meminfo, tmp_path / "none") == (3906, 7812)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text(f"{100 << 20}\n")
    assert memory(meminfo, tmp_path) == (3906, 7812)
    (tmp_path / "memory.max").write_text(f"{1024 << 20}\n")
    assert memory(meminfo, tmp_path) == (924, 1024)
    (tmp_path / "memory.max").unlink()
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text(f"{512 << 20}\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text(f"{600 << 20}\n")
    assert memory(meminfo, tmp_path) == (0, 512)
    assert memory(tmp_path / "none", tmp_path) is None
    real = memory()
    assert real is not None
    assert 100 < real[0] < real[1]


@pytest.mark.parametrize(
    ("wanted", "free", "batch"),
    [(32, 8000, 32), (32, 1924, 32), (32, 1200, 8), (32, 500, 1), (4, 1924, 4), (48, 9000, 48)],
)
def test_a_batch_is_smaller_where_memory_is_short(wanted: int, free: int, batch: int) -> None:
    assert fitting_batch(wanted, (free, 16_000)) == batch
