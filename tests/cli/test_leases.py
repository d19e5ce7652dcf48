"""What a killed tagger had in hand is taken up by the next one, wherever and whenever that starts."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from tagger.core.photo import JobKind
from tests.cli.runner import Tagger

HOUR = 3600


def leave_leased(tagger: Tagger, kind: JobKind, until: float) -> int:
    """Make every photo a job that another host holds, as a killed process leaves it; returns how many."""
    with closing(sqlite3.connect(tagger.database)) as database, database:
        if kind == JobKind.LABEL:
            database.execute("UPDATE photos SET labelled_by = NULL, content_hash = NULL, pixel_hash = NULL")
            database.execute("DELETE FROM features")
        else:
            database.execute("UPDATE photos SET keywords_as = NULL")
        database.execute("DELETE FROM jobs WHERE kind = ? AND state != 'failed'", [kind])
        return database.execute(
            "INSERT INTO jobs"
            " (photo_id, kind, state, priority, attempts, crashes, not_before, lease_owner, lease_until)"
            " SELECT id, ?, 'leased', 10, 1, 0, 0, 'a1b2c3d4e5f6:/data', ? FROM photos"
            " WHERE id NOT IN (SELECT photo_id FROM jobs WHERE kind = ?)",
            [kind, int(until), kind],
        ).rowcount


@pytest.mark.parametrize("ends", [-HOUR, 600, 400 * 24 * HOUR], ids=["over", "still held", "the clock was set back"])
@pytest.mark.slow
def test_photos_that_a_dead_container_held_are_labelled_by_the_next(gallery: Tagger, ends: float) -> None:
    held = leave_leased(gallery, JobKind.LABEL, time.time() + ends)
    assert gallery.json("status")["queued"] == held
    done = gallery.json("backfill", code=None)
    assert (done["labelled"], done["left"]) == (held, 0)
    assert gallery.json("status")["queued"] == 0


@pytest.mark.parametrize("ends", [-HOUR, 600, 400 * 24 * HOUR], ids=["over", "still held", "the clock was set back"])
@pytest.mark.slow
def test_keywords_that_a_dead_container_held_are_written_by_the_next(gallery: Tagger, ends: float) -> None:
    gallery.environ["TAGGER_KEYWORDS_MODE"] = "sidecar"
    leave_leased(gallery, JobKind.KEYWORDS, time.time() + ends)
    gallery("write", code=None)
    assert gallery.json("status")["keywords"]["queued"] == 0
    assert len(list(gallery.home.rglob("*.xmp"))) > 30
