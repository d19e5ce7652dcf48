"""A small network trained from scratch on CIFAR-10, as `tagger train` does it: accuracy on the test pictures, and time.

    python benchmarks/cifar10.py [--epochs 28] [--keep FOLDER]

Wanted: 85 % in 30 minutes on two cores. `--keep` puts the curves and the confusion matrix into a folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tagger.system.machine import usable_cores

SHARED = Path(__file__).resolve().parents[2] / "shared"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=28)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).parent / "tagger", "--data-dir", folder, "train"]
        source = SHARED / "datasets" / "cifar10.tar.gz"
        command += [source, "--name", "cifar10", "--epochs", str(options.epochs), "--json"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            for name in ("curves_png", "confusion_png"):
                shutil.copy(found[name], options.keep)
            (options.keep / "cifar10.json").write_text(done.stdout)
    print(
        f"{usable_cores():g} cores: {found['accuracy']:.2%} of the {found['judged']} pictures right, "
        f"by epoch {found['best_epoch']} of {len(found['history'])}, in {found['seconds'] / 60:.1f} minutes"
    )
    return 0 if found["accuracy"] >= 0.85 and found["seconds"] <= 1800 else 1


if __name__ == "__main__":
    sys.exit(main())
