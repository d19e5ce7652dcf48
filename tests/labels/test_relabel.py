"""Relabelling beside other work, and comparing on a sample."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tagger.core.config import LabelSettings, Settings
from tagger.core.progress import Callbacks
from tagger.labels import relabel as module
from tagger.labels.relabel import compare, relabel
from tagger.labels.relabel_request import ask_for, is_due, relabel_due
from tagger.store.library import open_library
from tests.cli.gallery import LABELLED
from tests.cli.runner import Tagger
from tests.cli.service import running, wait_for

EVERYTHING = LabelSettings(show_threshold=0.05)


def settings_of(tagger: Tagger, labels: LabelSettings | None = None) -> Settings:
    return Settings(data_dir=tagger.data, labels=labels or LabelSettings())


def test_a_sample_is_spread_over_the_library(gallery: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(gallery, EVERYTHING)
    monkeypatch.setattr(module, "_PAGE", 10)
    with open_library(settings) as library:
        whole = compare(library)
        some = compare(library, sample=40)
    assert whole.photos == some.photos == whole.differences.photos == LABELLED
    assert 30 <= some.differences.photos <= 60
    share = [1 - found.same / found.photos for found in (whole.differences, some.differences)]
    assert share[0] > 0.5
    assert abs(share[0] - share[1]) < 0.25
    assert all(Path(example.path).is_file() for example in some.differences.examples)


def test_a_photo_that_is_looked_at_meanwhile_keeps_what_that_gave(
    gallery: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(gallery, EVERYTHING)
    real = module._same
    touched = False

    def same(one: Any) -> bool:  # type: ignore[no-untyped-def]
        # Between reading features and writing labels another process stores a new look at the first photo.
        nonlocal touched
        if not touched:
            touched = True
            with sqlite3.connect(gallery.database) as connection:
                [(first,)] = connection.execute("SELECT min(photo_id) FROM features")
                connection.execute("UPDATE features SET vector = zeroblob(length(vector)) WHERE photo_id = ?", (first,))
                connection.execute("DELETE FROM photo_labels WHERE photo_id = ?", (first,))
            connection.close()
        return real(one)

    monkeypatch.setattr(module, "_same", same)
    with open_library(settings) as library:
        done = relabel(library)
    assert done.changed > 50
    with sqlite3.connect(gallery.database) as connection:
        [(left,)] = connection.execute(
            "SELECT count(*) FROM photo_labels WHERE photo_id = (SELECT min(photo_id) FROM features)"
        )
    connection.close()
    assert left == 0


def test_what_is_asked_for_stays_due_until_it_is_done(gallery: Tagger) -> None:
    settings = settings_of(gallery, EVERYTHING)
    ask_for(gallery.data)
    with open_library(settings) as library:
        assert relabel_due(library, Callbacks(stop=lambda: True)).interrupted
        assert is_due(gallery.data)
        relabel_due(library, Callbacks(lambda _done, _total: ask_for(gallery.data)))
        assert is_due(gallery.data), "asked for again while it ran"
        assert relabel_due(library).changed == 0
    assert not is_due(gallery.data)


@pytest.mark.slow
def test_the_service_relabels_when_it_is_asked(gallery: Tagger) -> None:
    config = gallery.home / "config.toml"
    config.write_text("")
    with running(gallery, environ={"TAGGER_CONFIG": str(config)}) as service:
        config.write_text('[labels.rename]\nespresso = "Coffee, coffee"\n')
        said = gallery("relabel", environ={"TAGGER_CONFIG": str(config)}).stdout
        assert "The service relabels" in said
        service.wait_for_log(f"relabelled photos={LABELLED}")
        wait_for(lambda: gallery.found('"coffee, coffee"'), 20)
        assert not is_due(gallery.data)
        # What was asked for and not done before a kill is done by the next start.
        config.write_text("")
        ask_for(gallery.data)
    with running(gallery, environ={"TAGGER_CONFIG": str(config)}) as service:
        service.wait_for_log(f"relabelled photos={LABELLED}")
        assert not gallery.found('"coffee, coffee"')
        assert service.stop() == 0
