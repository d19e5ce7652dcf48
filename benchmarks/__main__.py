"""Every benchmark, one after the other; the tables of benchmarks/README.md. Takes about two hours.

    python -m benchmarks [--small]

`--small`: few photos, one round: a quarter of an hour, and rough figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Script, what it is given, and what it is given for rough figures.
SCRIPTS = (
    ("speed.py", (), ("--photos", 150, "--rounds", 1)),
    ("beside.py", (), ("--photos", 60, "--rounds", 1)),
    ("search_million.py", ("--photos", 10_000), ("--photos", 10_000, "--runs", 3)),
    ("search_million.py", ("--photos", 100_000), ("--photos", 100_000, "--runs", 3)),
    ("search_million.py", ("--photos", 1_000_000), ("--photos", 1_000_000, "--runs", 3)),
    ("sentences.py", (), ("--photos", 20_000, "--runs", 3)),
    ("web.py", (), ("--photos", 100_000, "--rounds", 2)),
    ("rescan.py", (), ("--files", 20_000, "--runs", 2)),
    ("keywords.py", (), ("--photos", 100, "--rounds", 1)),
    ("teach.py", (), ("--photos", 10_000, "--rows", 50_000, "--rounds", 1)),
    ("similar.py", ("--photos", 1_000_000), ("--photos", 20_000, "--runs", 3)),
    ("cifar10.py", (), ("--epochs", 1)),
    ("walk.py", (), ("--files", 20_000)),
    ("cluster.py", (), ("--photos", 150, "--rounds", 1, "--tickets", 50, "--rows", 2000)),
    ("search_postgres.py", ("--photos", 1_000_000), ("--photos", 20_000, "--runs", 1, "--rows", 500)),
    ("idle.py", (), ("--files", 20_000, "--seconds", 20)),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    failed = 0
    for script, whole, rough in SCRIPTS:
        options = [str(option) for option in (rough if small else whole)]
        print(f"\n=== {script} {' '.join(options)}", flush=True)
        environ = {**os.environ, "PYTHONPATH": str(HERE.parent)}
        failed += subprocess.run([sys.executable, HERE / script, *options], check=False, env=environ).returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
