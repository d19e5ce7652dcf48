from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.service.maintenance import tidy
from tagger.store import jobs, records
from tagger.store.features import features_count
from tagger.store.photos import photos_gone
from tagger.store.session import Store
from tests import clock
from tests.store import samples
from tests.store.samples import NOW, label

DAY = 86400


class Clock(clock.Clock):
    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits here")


def test_what_has_gone_for_long_is_forgotten_and_nothing_else(settings: Settings, store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [here, gone, longer] = samples.add(session, root, "here.jpg", "gone.jpg", "longer.jpg")
        model = samples.model(session)
        for photo in (here, gone, longer):
            samples.save(session, photo, model, [label("tiger")], number=photo)
        jobs.drop_queued(session, [here, gone, longer], None)
        photos_gone(session, [longer], NOW)
        photos_gone(session, [gone], NOW + 2 * DAY)
    done = tidy(store, settings, model, Clock(NOW + 31 * DAY))
    assert (done.dropped_photos, done.dropped_features) == (1, 0)
    assert {record.path.relative: record.state for record, _ in records.all_records(store)} == {
        "here.jpg": "labelled",
        "gone.jpg": "missing",
    }


def test_features_of_the_old_model_stay_until_the_new_one_has_settled_in(settings: Settings, store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [one, two] = samples.add(session, root, "one.jpg", "two.jpg")
        old, new = samples.model(session), samples.model(session, "fedcba9876543210")
        for photo in (one, two):
            samples.save(session, photo, old, [label("tiger")], number=photo)
        samples.save(session, one, new, [label("lion")], number=one)
    late = Clock(NOW + 40 * DAY)
    # One photo still has the old model's labels.
    assert tidy(store, settings, new, late).dropped_features == 0
    with store.write() as session:
        samples.save(session, two, new, [label("lion")], number=two)
    assert tidy(store, settings, new, Clock(NOW + 29 * DAY)).dropped_features == 0
    assert tidy(store, settings, new, late).dropped_features == 2
    with store.read() as session:
        assert features_count(session, new) == 2


def test_backups_are_whole_and_the_newest_are_kept(tmp_path: Path) -> None:
    from tagger.store.session import open_store

    settings = Settings.model_validate({"data_dir": tmp_path, "service": {"keep_backups": 2}})
    with open_store(settings, create=True) as store:
        with store.write() as session:
            samples.root(session)
            # What a backup that was killed left.
            (tmp_path / "backups").mkdir(exist_ok=True)
            (tmp_path / "backups" / ".library-20200101T000000Z.db.12.0123abcd.tmp").write_bytes(bytes(1000))
            # A writer is at work; the backup is of what was committed before.
        made = [tidy(store, settings, None, Clock(NOW + number)).backup for number in range(3)]
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == sorted(p.name for p in made[1:] if p)
    assert made[2] is not None
    connection = sqlite3.connect(made[2])
    assert connection.execute("SELECT path FROM roots").fetchall() == [("/photos",)]
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    # It is a library: put back, it opens.
    (tmp_path / "library.db").write_bytes(made[2].read_bytes())
    open_store(settings).close()


def test_a_backup_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    from tagger.store.session import open_store

    settings = Settings(data_dir=tmp_path)
    with open_store(settings, create=True) as store:
        (tmp_path / "backups").write_text("in the way")
        with pytest.raises(StoreError, match="backup"):
            tidy(store, settings, None, Clock(NOW))
