from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from tests.cli.runner import Tagger, with_mobilenet


@pytest.fixture
def tagger(tmp_path: Path, shared: Path) -> Tagger:
    """A new library with MobileNetV2's real weights."""
    (tmp_path / "home").mkdir()
    return with_mobilenet(tmp_path / "home", shared)


@pytest.fixture(scope="session")
def labelled_once(tmp_path_factory: pytest.TempPathFactory, shared: Path, worker_id: str) -> Tagger:
    """photos/labelled, backfilled once for all test processes; only to be read."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "labelled_once"
    tagger = with_mobilenet(home, shared)
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            tagger("backfill", shared / "photos" / "labelled")
            (home / "done").touch()
    return tagger


@pytest.fixture
def labelled(labelled_once: Tagger, tmp_path: Path) -> Tagger:
    """A copy of that library, to be changed."""
    shutil.copytree(labelled_once.home, tmp_path / "labelled")
    return Tagger(tmp_path / "labelled", dict(labelled_once.environ))
