"""How fast the folders of an archive are looked through by one process, and by the machines of a Ray cluster.

    python benchmarks/walk.py [--files 200000] [--folder-of 200] [--delays 0,0.3] [--scan]

Makes empty files, in years of folders, and goes through them: one process, and clusters of one and of two nodes of one
core each on this machine. A delay is what each file costs besides, in milliseconds, as one on a network file system
does that is asked for over the network: the listing of a folder sleeps that long for each file in it, in all processes.
--scan stores what is found in a new SQLite library besides. Memory and processor time are those of the process that
walks, after so many of the files; the readers of the cluster have theirs beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.cluster import ray_nodes
from tagger.cluster.walk import cluster_walk
from tagger.core.clock import SystemClock
from tagger.core.config import ClusterSettings, IntakeSettings, Settings
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanCallbacks, scan_roots
from tagger.store.library import Library
from tagger.store.session import open_store
from tagger.system.machine import processor_name, usable_cores

# Python reads this before anything else, in this benchmark's processes and in those of its clusters.
DELAY = """
import os, time
listed = os.scandir
class Listed(list):
    def __enter__(self): return self
    def __exit__(self, *_): pass
def scandir(path="."):
    if not os.fspath(path).startswith({root!r}): return listed(path)
    with listed(path) as found: entries = Listed(found)
    time.sleep({seconds!r} * (1 + len(entries)))
    return entries
os.scandir = scandir
"""


def make_files(root: Path, count: int, each: int) -> None:
    for start in range(0, count, each):
        folder = root / f"{1990 + start // 10_000}" / f"{start // each:06}"
        folder.mkdir(parents=True)
        for number in range(start, min(count, start + each)):
            (folder / f"IMG_{number:08}.jpg").touch()


def memory() -> float:
    """Resident memory now, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(root: Path, address: str, data: str) -> None:
    """Go through the files once, in this process; print what it took as JSON."""
    settings = Settings(data_dir=Path(data or "/nonexistent"), cluster=ClusterSettings(address=address))
    with cluster_walk(settings) as walk:
        # What comes before is the start of Ray and of its readers.
        for _ in walk(str(root), settings.intake, print, []) if address else ():
            pass
        before, began, used = memory(), time.perf_counter(), time.process_time()
        halfway = [0.0]

        def counted(*walked: Any) -> Iterator[Any]:
            for number, file in enumerate(walk(*walked)):
                if number == total // 2:
                    halfway[0] = memory()
                yield file

        total = int(os.environ["TAGGER_BENCHMARK_FILES"])
        if data:
            with open_store(settings, create=True) as store:
                roots = resolve_roots(store, [str(root)], SystemClock())
                seen = scan_roots(Library(store, settings), roots, ScanCallbacks(walk=counted)).seen
        else:
            seen = sum(1 for _ in counted(str(root), IntakeSettings(), print, []))
        assert seen == total, seen
        found = {"seconds": time.perf_counter() - began, "used": time.process_time() - used}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps(found | {"before": before, "halfway": halfway[0], "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--folder-of", type=int, default=200)
    parser.add_argument("--delays", default="0,0.3", help="milliseconds a file, with commas")
    parser.add_argument("--scan", action="store_true")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Path(options.measure[0]), *options.measure[1:])
        return
    print(f"{processor_name()}, {usable_cores():g} cores; load of the machine before: {os.getloadavg()[0]:.1f}")
    print(f"{options.files:,} empty files in folders of {options.folder_of}\n")
    print(f"{'':26}{'seconds':>9}{'paths/s':>10}{'CPU us/path':>13}{'MB before':>11}{'halfway':>9}{'at most':>9}")
    with tempfile.TemporaryDirectory() as folder:
        root, site = Path(folder) / "archive", Path(folder) / "site"
        make_files(root, options.files, options.folder_of)
        site.mkdir()
        os.environ["PYTHONPATH"] = os.pathsep.join([str(site), *sys.path])
        os.environ["TAGGER_BENCHMARK_FILES"] = str(options.files)
        for delay in map(float, options.delays.split(",")):
            (site / "sitecustomize.py").write_text(DELAY.format(root=str(root), seconds=delay / 1e3) if delay else "")
            for what, nodes in (("one process", 0), ("one node", 1), ("two nodes", 2)):
                with ray_nodes(nodes) if nodes else contextlib.nullcontext("") as address:
                    data = str(Path(folder) / f"data-{delay}-{nodes}") if options.scan else ""
                    done = subprocess.run(
                        [sys.executable, __file__, "--measure", root, address, data], check=True, stdout=subprocess.PIPE
                    )
                found = json.loads(done.stdout.splitlines()[-1])
                rate, each = options.files / found["seconds"], found["used"] / options.files * 1e6
                sizes = f"{found['before']:11.0f}{found['halfway']:9.0f}{found['peak']:9.0f}"
                name = f"{what}, {delay:g} ms a file" if delay else what
                print(f"{name:26}{found['seconds']:9.1f}{rate:10,.0f}{each:13.1f}{sizes}", flush=True)


if __name__ == "__main__":
    main()
