"""The status in a sentence, as a chart, and with cures for what failed."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import datetime

import pytest
from playwright.sync_api import Browser, expect

from tagger.core.local_zone import LocalZone
from tagger.web.schemas_work import ModelStatusOut, SpeedOut, StatusOut
from tagger.web.status_words import chart, cure_of, sentence
from tagger.web.words import words
from tests.cli.gallery import COUNT, LABELLED
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site
from tests.web.test_browser import ready, shoot
from tests.web.test_label_pages import PHONE

# A Tuesday, by this machine's clock.
NOW = datetime(2026, 3, 3, 21, 0, tzinfo=LocalZone()).timestamp()


def status(**told: object) -> StatusOut:
    """A library of 300,000 photos with nothing to do, but for what is told."""
    idle: dict[str, object] = {
        **dict.fromkeys(("missing", "queued", "failed", "keywords_queued", "prepared"), 0),
        **dict.fromkeys(("finished_at", "last_run", "window_opens_at", "backed_up_at", "fetching_at")),
        **{name: [] for name in ("folders", "problems", "nodes", "speed", "failures")},
        **dict.fromkeys(("at_work", "window"), ""),
        "photos": 300_000,
        "labelled": 300_000,
        "photos_per_second": 0.0,
        "keywords_mode": "off",
        "version": "1",
        "service": False,
        "relabelling": False,
        "keeps_backups": True,
        "models": {},
        "next_runs": {},
        "hooks": {"waiting": {}, "problems": []},
        "model": ModelStatusOut(labels="resnet50", wanted="resnet50", why="", note=""),
    }
    return StatusOut.model_validate(idle | told)


def at(day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(2026, 3, day, hour, minute, tzinfo=LocalZone()).timestamp())


WORKING = {"labelled": 41_200, "queued": 258_800, "service": True, "photos_per_second": 38.2}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {**WORKING, "finished_at": at(5, 4, 10), "window": "22:00-06:00"},
            "Labelling: 41,200 of 300,000 photos, 38 a second, done on Thursday at 04:10 within your work window"
            " 22:00-06:00.",
        ),
        (
            {**WORKING, "photos_per_second": 3.25, "finished_at": at(3, 23, 5)},
            "Labelling: 41,200 of 300,000 photos, 3.2 a second, done today at 23:05.",
        ),
        (
            {**WORKING, "finished_at": at(4, 0, 30)},
            "Labelling: 41,200 of 300,000 photos, 38 a second, done tomorrow at 00:30.",
        ),
        (
            {**WORKING, "photos_per_second": 0.0, "window": "22:00-06:00", "window_opens_at": at(3, 22)},
            "41,200 of 300,000 photos are labelled; 258,800 wait for the work window 22:00-06:00, which opens today at"
            " 22:00.",
        ),
        (
            {**WORKING, "photos_per_second": 0.0},
            "Labelling: 41,200 of 300,000 photos. How fast it goes is not known yet.",
        ),
        (
            {**WORKING, "photos_per_second": 0.0, "service": False},
            "41,200 of 300,000 photos are labelled; 258,800 wait, and nobody is at work on them.",
        ),
        ({}, "All 300,000 photos are labelled."),
        ({"photos": 1, "labelled": 1}, "The 1 photo is labelled."),
        ({"failed": 5, "labelled": 299_995}, "299,995 of 300,000 photos are labelled. Nothing is waiting."),
        ({"relabelling": True}, "All 300,000 photos are labelled. Changed rules are being applied."),
        ({"photos": 0, "labelled": 0}, "The library has no photos yet."),
    ],
)
def test_one_sentence_says_what_is_going_on(told: dict[str, object], said: str) -> None:
    assert sentence(status(**told), words("en"), NOW) == said


def test_the_sentence_is_said_in_the_languages_of_the_page() -> None:
    found = status(**WORKING, finished_at=at(5, 4, 10), window="22:00-06:00")
    assert "41.200 von 300.000 Fotos, 38 pro Sekunde, fertig am Donnerstag um 04:10" in sentence(
        found, words("de"), NOW
    )
    assert "jeudi à 04:10" in sentence(found, words("fr"), NOW)
    assert "el jueves a las 04:10" in sentence(found, words("es"), NOW)


def test_the_chart_shows_when_it_was_how_fast_and_is_never_an_empty_frame() -> None:
    assert chart([], NOW) is None
    assert chart([SpeedOut(at=int(NOW) - 60, photos_per_second=0.0)], NOW) is None
    assert chart([SpeedOut(at=int(NOW) - 4000, photos_per_second=9.0)], NOW) is None
    speeds = [(1800, 10.0), (1780, 20.0), (1760, 0.0), (0, 5.0)]
    found = chart([SpeedOut(at=int(NOW) - ago, photos_per_second=speed) for ago, speed in speeds], NOW)
    assert found is not None
    assert found.most == 20.0
    assert [round(bar.height) for bar in found.bars] == [50, 100, 25]
    # Half an hour ago is in the middle, and what was not seen for long is no long bar.
    assert abs(found.bars[0].x + found.bars[0].width - found.width / 2) < 0.5
    assert all(bar.x >= 0 and bar.x + bar.width <= found.width + 0.2 for bar in found.bars)
    assert found.bars[2].width < 20
    assert (found.times[0], found.times[-1]) == (NOW - 3600, NOW)


@pytest.mark.parametrize(
    ("reason", "cure"),
    [
        ("it is larger than limits.file_mb allows", "Raise that limit"),
        ("RAW photos need one more package: pip install rawpy", "pip install rawpy"),
        ("Permission denied", "right to read"),
        ("the file is empty", "copy it again"),
        ("something that nobody thought of", "another program"),
    ],
)
def test_what_failed_is_told_with_a_cure(reason: str, cure: str) -> None:
    assert cure in cure_of(reason)


def test_failures_the_last_run_and_the_backup_are_told(reading: Site) -> None:
    found = reading.api("/status")
    assert found["failures"] == [
        {
            "kind": "classify",
            "reason": found["failures"][0]["reason"],
            "photos": 1,
            "cure": found["failures"][0]["cure"],
        }
    ]
    # Others of these tests may have looked at the library again.
    with closing(sqlite3.connect(f"file:{reading.tagger.database}?mode=ro", uri=True)) as library:
        [last] = library.execute("SELECT command, labelled, failed FROM runs ORDER BY id DESC LIMIT 1").fetchall()
    assert (found["last_run"]["command"], found["last_run"]["labelled"], found["last_run"]["failed"]) == last
    assert found["backed_up_at"] is None
    text = reading.get("/status").text
    for told in ("What failed, and what helps", "Open one in another program", "none yet; the service makes one"):
        assert told in text, told
    assert f"{LABELLED} of {COUNT} photos are labelled. Nothing is waiting." in text


def test_the_copies_of_the_library_are_told_by_the_time_of_the_last(site: Site) -> None:
    folder = site.tagger.data / "backups"
    folder.mkdir()
    copy = folder / "library-20260101T030000Z.db"
    shutil.copy(site.tagger.database, copy)
    assert site.api("/status")["backed_up_at"] == int(copy.stat().st_mtime)


def test_the_machines_of_a_cluster_are_told(site: Site) -> None:
    now = int(time.time())
    with sqlite3.connect(site.tagger.database) as connection:
        connection.execute("UPDATE runs SET outcome = NULL, ended_at = NULL")
        [run] = connection.execute("SELECT max(id) FROM runs").fetchone()
        row = (run, "attic", now - 100, now, 200)
        connection.execute(
            "INSERT INTO run_nodes (run_id, node, started_at, seen_at, labelled) VALUES (?, ?, ?, ?, ?)", row
        )
    connection.close()
    [node] = site.api("/status")["nodes"]
    assert (node["node"], node["labelled"]) == ("attic", 200)
    text = site.get("/status").text
    assert "Machines that label together" in text
    assert "<td>attic</td>" in text


def test_all_that_failed_for_a_reason_is_tried_again(site: Site) -> None:
    [failure] = site.api("/status")["failures"]
    assert site.send("/retry", {"reason": "another one"})["queued"] == 0
    assert site.send("/retry", {"reason": failure["reason"]})["queued"] == 1
    assert site.api("/failed")["failed"] == []


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_what_failed_is_tried_again_from_the_status(browser: Browser, site: Site, options: dict[str, object]) -> None:
    with watched(browser, site.address, **options) as page:
        ready(page, "/status")
        expect(page.locator("#lead")).to_have_text(f"{LABELLED} of {COUNT} photos are labelled. Nothing is waiting.")
        expect(page.locator("#still")).to_be_visible()
        assert complaints(page, axe_script()) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
        shoot(page, f"status-{'phone' if options else 'desktop'}", whole=True)
        button = page.get_by_role("button", name="Try again")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("1 queued again")
        expect(button).to_have_count(0)
        expect(page.locator("#lead")).to_contain_text("nobody is at work", timeout=20_000)
        expect(page.locator("#queued")).to_have_text(re.compile("^1$"))
        assert complaints(page, axe_script()) == []
