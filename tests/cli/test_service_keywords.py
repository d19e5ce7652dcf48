"""The service writes keywords as a second kind of job, and takes no notice of its own writes."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests import exiftool
from tests.cli.runner import Tagger, use_light
from tests.cli.service import running, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def tagger(tagger: Tagger, exported: Path) -> Tagger:
    return use_light(tagger, exported)


def subject(path: Path) -> list[str]:
    return exiftool.lists(path, "XMP-dc:Subject").get("XMP-dc:Subject", [])


def numbers(tagger: Tagger) -> tuple[int, int, int, int]:
    """Photos labelled and sent through the network by all runs, jobs left, files written."""
    with sqlite3.connect(f"file:{tagger.database}?mode=ro", uri=True, timeout=30) as connection:
        row = connection.execute(
            "SELECT sum(labelled), sum(classified), (SELECT count(*) FROM jobs), sum(written) FROM runs"
        ).fetchone()
    return row[0] or 0, row[1] or 0, row[2], row[3] or 0


def test_what_arrives_gets_keywords_and_no_echo_follows(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    sources = sorted((shared / "photos" / "labelled").glob("n0212*"))
    tiger = folder / "n02129604_tiger.JPEG"
    tagger.environ |= {"TAGGER_KEYWORDS_MODE": "embed", "TAGGER_INTAKE_SETTLE_SECONDS": "1"}
    with running(tagger, folder) as service:
        for source in sources:
            shutil.copy2(source, folder)
        wait_for(lambda: "tiger" in subject(tiger), 90, service.said)
        wait_for(lambda: numbers(tagger)[2] == 0, 60, service.said)
        first = numbers(tagger)
        assert first[0] == len(sources)
        service.wait_for_log("keywords files=")
        # A new look at everything, through the watcher and through a scan, finds nothing to do.
        scans = sum("looked through" in line for line in service.log)
        tagger("backfill", folder)
        other = folder / "another.JPEG"
        shutil.copy2(sources[0], other)
        wait_for(lambda: numbers(tagger)[0] == len(sources) + 1 and numbers(tagger)[2] == 0, 60, service.said)
        labelled, classified, _, _ = numbers(tagger)
        # The copy has a twin before that was written to since: only its pixels are the same.
        assert (labelled - first[0], classified - first[1]) in ((1, 0), (1, 1))
        assert not any("changed=" in line and "changed=0" not in line for line in service.log), service.said()
        assert sum("looked through" in line for line in service.log) <= scans + 1

        # A person edits: no inference, and the person's keyword stays.
        exiftool.edit(tiger, "-XMP-dc:Subject+=mine")
        wait_for(lambda: numbers(tagger)[0] == labelled + 1 and numbers(tagger)[2] == 0, 60, service.said)
        assert numbers(tagger)[1] == classified
        assert "mine" in subject(tiger)

        # The commands work beside it.
        status = service.status()
        assert status["keywords"]["photos"] > 0
        assert status["service"]["keywords"]["mode"] == "embed"
        tagger("undo", "--all")
        assert subject(tiger) == ["mine"]
        done = tagger.json("write", "tiger")
        assert done["files"] >= 1
        assert {"tiger", "mine"} <= set(subject(tiger))
        assert "Keywords" in tagger("status").stdout
        assert service.stop() == 0
    assert not [path for path in folder.iterdir() if path.name.startswith(".tagger")]
