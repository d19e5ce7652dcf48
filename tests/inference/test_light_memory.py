"""How much memory a light model takes, in processes of their own; and that what it finds does not depend on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from tagger.core.config import Settings
from tagger.inference.detector import DETECTOR_FILE
from tagger.inference.engines.litert import LiteRtEngine
from tagger.inference.light_model import light_model_path
from tagger.inference.registry import BUILT_IN, REGISTRY

FILE = light_model_path(Settings(data_dir=Path("none")), REGISTRY[BUILT_IN])
LOADING = """
import json, sys
from pathlib import Path
import numpy as np
from tagger.inference.engines.detecting import Detector
from tagger.inference.engines.litert import LiteRtEngine
from tagger.inference.registry import BUILT_IN, REGISTRY

def megabytes(path=None):
    "What this process holds by itself, or of a file."
    whose, held = "", {"anonymous": 0}
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0]:
            whose = words[5] if len(words) > 5 else ""
        elif words[0] == "Rss:":
            held[whose] = held.get(whose, 0) + int(words[1]) / 1024
        elif words[0] == "Anonymous:":
            held["anonymous"] += int(words[1]) / 1024
    return held.get(path or "anonymous", 0)

what, file = sys.argv[1:]
before = megabytes()
if what == "detector":
    network = Detector(1)
    network.look(np.zeros((480, 640, 3), np.uint8), (640, 480))
else:
    network = LiteRtEngine(REGISTRY[BUILT_IN], Path(file), threads=1, together=int(what))
    network.features(np.zeros((8, 260, 260, 3), np.uint8))
print(json.dumps([megabytes() - before, megabytes(file)]))
"""
"""Prints how many megabytes a network takes, and how many pages of its file are in memory."""


def loaded(what: object, file: object) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", LOADING, str(what), str(file)], check=True, stdout=subprocess.PIPE, text=True
    )
    own, of_file = json.loads(done.stdout)
    return own, of_file


def test_one_view_at_a_time_takes_less_memory_than_four() -> None:
    one, four = loaded(1, FILE)[0], loaded(4, FILE)[0]
    assert 4 < one < four - 5


def test_the_pages_of_a_networks_file_do_not_stay_in_memory() -> None:
    assert loaded(1, FILE)[1] < 0.5
    assert loaded("detector", DETECTOR_FILE)[1] < 0.5


def test_features_are_the_same_however_many_views_go_through_together() -> None:
    views = np.random.default_rng(0).integers(0, 256, (7, 260, 260, 3), dtype=np.uint8)
    one, three, four = (
        LiteRtEngine(REGISTRY[BUILT_IN], FILE, threads=2, together=together).features(views) for together in (1, 3, 4)
    )
    assert one.any()
    assert one.tobytes() == three.tobytes() == four.tobytes()
