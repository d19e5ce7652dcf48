"""A disk that goes away while its photos are labelled: nothing is taken as gone, and the rest is done."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.runner import BUILT_IN, Tagger
from tests.cli.service import running, wait_for

pytestmark = pytest.mark.slow
CAT = Path(__file__).parents[1] / "photos" / "cat.jpg"
PHOTOS = 400


def fill(folder: Path, photos: int) -> None:
    """Photos each with bytes of its own."""
    folder.mkdir(parents=True)
    data = CAT.read_bytes()
    for number in range(photos):
        (folder / f"{number}.jpg").write_bytes(data + number.to_bytes(2, "big"))


@pytest.fixture
def tagger(tmp_path: Path) -> Tagger:
    return Tagger(tmp_path / "home", dict(BUILT_IN))


def count(tagger: Tagger, what: str) -> int:
    if not tagger.database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{tagger.database}?mode=ro", uri=True, timeout=10)) as library:
        if not library.execute("SELECT 1 FROM sqlite_master WHERE name = 'photos'").fetchall():
            return 0
        [(number,)] = library.execute(f"SELECT {what} FROM photos").fetchall()
    return int(number)


def lose(folder: Path, away: Path) -> None:
    """As the mount point of a disk that was pulled out."""
    folder.rename(away)
    folder.mkdir()


def find(folder: Path, away: Path) -> None:
    folder.rmdir()
    away.rename(folder)


def test_backfill_says_so_and_goes_on_when_it_is_back(tagger: Tagger, tmp_path: Path) -> None:
    disk, other = tmp_path / "disk", tmp_path / "other"
    fill(disk, PHOTOS)
    fill(other, 3)
    backfill = tagger.start("backfill", disk, other)
    deadline = time.monotonic() + 60
    while not count(tagger, "count(labelled_by)"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    lose(disk, tmp_path / "away")
    _, said = backfill.communicate(timeout=120)
    assert backfill.returncode == 1, said
    assert f"There are no files any longer in {disk}: is a disk away? Nothing was taken as gone." in said
    assert "the photos stay queued" in said
    assert count(tagger, "count(missing_since)") == 0
    assert 3 < count(tagger, "count(labelled_by)") < PHOTOS
    # The other folder was done.
    assert len(tagger.found(f"path:{other}/*")) == 3
    find(disk, tmp_path / "away")
    tagger("backfill")
    assert count(tagger, "count(labelled_by)") == PHOTOS + 3


def test_the_service_waits_for_it_and_does_what_comes_elsewhere(tagger: Tagger, tmp_path: Path) -> None:
    tagger.environ |= {"TAGGER_SERVICE_NICE": "0"}
    disk, other = tmp_path / "disk", tmp_path / "other"
    fill(disk, PHOTOS)
    other.mkdir()
    with running(tagger, disk, other) as service:
        wait_for(lambda: count(tagger, "count(labelled_by)") > 0, 60, service.said)
        lose(disk, tmp_path / "away")
        wait_for(lambda: tagger.json("status")["service"]["labelling"]["problem"] != "", 60, service.said)
        (other / "new.jpg").write_bytes(CAT.read_bytes())
        wait_for(lambda: len(tagger.found(f"path:{other}/*")) == 1, 60, service.said)
        assert count(tagger, "count(missing_since)") == 0
        find(disk, tmp_path / "away")
        wait_for(lambda: count(tagger, "count(labelled_by)") == PHOTOS + 1, 120, service.said)
