"""How many of the labels shown are true, for several thresholds; on photos whose class is in their file name.

    python benchmarks/label_precision.py PHOTOS WEIGHTS [--model mobilenet_v2]

PHOTOS holds files named WNID_class_name.ext, one ImageNet class each. Everything goes through the ordinary
commands: one `tagger backfill` into a temporary data directory, then `tagger relabel` and `tagger export` for each
threshold. A label is true if it is the photo's class, a synonym of it, or above it in WordNet or in a group.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.labels import taxonomy

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
TAGGER = Path(sys.executable).parent / "tagger"


@dataclass(frozen=True)
class Counted:
    """What one pass over the library found. `photos_true`: photos that show at least one true label."""

    photos: int
    photos_true: int
    shown: int
    shown_true: int

    @property
    def precision(self) -> float:
        """The share of shown labels that are true."""
        return self.shown_true / self.shown if self.shown else 1.0

    @property
    def covered(self) -> float:
        """The share of photos that show a true label."""
        return self.photos_true / self.photos


def is_true(label: Mapping[str, Any], wnid: str) -> bool:
    """Whether a label of `tagger export` is true of a photo of class `wnid`."""
    known = taxonomy.load()
    keys = [label["wnid"]] if label["wnid"] else known.lookup(label["name"])
    return any(known.classes.index(wnid) in known.classes_under(key) for key in keys)


def count(photos: list[dict[str, Any]]) -> Counted:
    """Count the shown labels of `tagger export`'s objects."""
    shown = true = covered = 0
    for photo in photos:
        wnid = Path(photo["path"]).name.split("_")[0]
        verdicts = [is_true(label, wnid) for label in photo["labels"] if label["shown"]]
        shown += len(verdicts)
        true += sum(verdicts)
        covered += any(verdicts)
    return Counted(len(photos), covered, shown, true)


def raw(photos: list[dict[str, Any]]) -> Counted:
    """Count what other programs show: the model's own top classes, without policy."""
    plain = [
        photo | {"labels": [label | {"shown": True} for label in photo["labels"] if label["origin"] == "model"]}
        for photo in photos
    ]
    return count(plain)


def export(environ: dict[str, str]) -> list[dict[str, Any]]:
    """The library as `tagger export` writes it."""
    done = subprocess.run([TAGGER, "export"], check=True, stdout=subprocess.PIPE, text=True, env=environ)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--model", default="mobilenet_v2")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "TAGGER_DATA_DIR": folder}
        backfill = [TAGGER, "backfill", "--model", arguments.model, "--weights", arguments.weights, arguments.photos]
        subprocess.run(backfill, check=True, env=environ)
        print("\nthreshold  labels a photo  true labels  photos with a true label")
        found = raw(export(environ))
        print(f"raw top-5  {found.shown / found.photos:14.2f}  {found.precision:11.1%}  {found.covered:24.1%}")
        for threshold in THRESHOLDS:
            environ["TAGGER_LABELS_SHOW_THRESHOLD"] = str(threshold)
            subprocess.run([TAGGER, "relabel"], check=True, env=environ, stdout=subprocess.DEVNULL)
            found = count(export(environ))
            default = "  (default)" if threshold == 0.6 else ""
            print(
                f"{threshold:9.2f}  {found.shown / found.photos:14.2f}  {found.precision:11.1%}"
                f"  {found.covered:24.1%}{default}"
            )


if __name__ == "__main__":
    main()
