"""What the service costs while nothing happens, with a library of 100,000 photos.

    python benchmarks/idle.py [--files 100000] [--seconds 60]

Makes a library of small files that count as labelled, starts `tagger run` on it, waits until it has looked through the
folders, and then reads what the kernel counted for the process in the idle time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.rescan import TAGGER, make_files, make_library
from tagger.core.config import ModelSettings, Settings


def counted(process: int) -> dict[str, int]:
    """Reads, writes, voluntary context switches and CPU ticks of a process with all its threads (proc(5))."""
    base = Path(f"/proc/{process}")
    found = {line.split(":")[0]: int(line.split(":")[1]) for line in (base / "io").read_text().splitlines()}
    ticks = (base / "stat").read_text().rpartition(")")[2].split()
    switches = 0
    for task in (base / "task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                switches += int(line.split()[1])
    return {
        "reads": found["syscr"],
        "writes": found["syscw"],
        "wake-ups": switches,
        "ticks": int(ticks[11]) + int(ticks[12]),
    }


def resident_mb(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "photos"
        make_files(root, arguments.files)
        weights = Path(folder) / "weights.h5"
        weights.write_bytes(b"x")
        settings = Settings(data_dir=Path(folder) / "data", model=ModelSettings(weights=weights))
        make_library(settings, root)
        environ = {**os.environ, "TAGGER_DATA_DIR": str(settings.data_dir), "TAGGER_MODEL_WEIGHTS": str(weights)}
        started = time.monotonic()
        with subprocess.Popen([TAGGER, "run"], env=environ, stderr=subprocess.PIPE, text=True) as service:
            try:
                assert service.stderr is not None
                service.stderr.readline()
                print(f"watching {arguments.files:,} files after {time.monotonic() - started:.1f} s")
                time.sleep(10)
                before = counted(service.pid)
                time.sleep(arguments.seconds)
                after = counted(service.pid)
                print(f"resident memory: {resident_mb(service.pid)} MB")
                for name, value in after.items():
                    print(f"{name} in {arguments.seconds} s: {value - before[name]}")
            finally:
                service.terminate()


if __name__ == "__main__":
    main()
