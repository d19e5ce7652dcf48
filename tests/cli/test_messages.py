"""What is said is true, says what comes next, and is said for people."""

from __future__ import annotations

import logging
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tagger.core import events
from tagger.core.config import Settings, WebSettings
from tagger.core.page_address import page_address
from tagger.store import runs
from tagger.store.library import open_library
from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, Tagger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "photos" / "2019"
    found.mkdir(parents=True)
    for name in ("cat.jpg", "coffee.jpg", "rocket.jpg"):
        shutil.copy(PHOTOS / name, found)
    return found


@pytest.fixture
def tagger(tmp_path: Path) -> Tagger:
    return Tagger(tmp_path / "home", BUILT_IN)


@pytest.mark.slow
def test_what_waits_is_never_called_nothing_new(tagger: Tagger, folder: Path) -> None:
    assert "Looked through 3 photos: 3 new." in tagger("backfill", folder).stderr
    assert "Looked through 3 photos: nothing new." in tagger("backfill").stderr
    (folder / "cat.jpg").write_bytes((folder / "cat.jpg").read_bytes()[:300])
    tagger("backfill", code=1)
    tagger("retry")
    assert "Looked through 3 photos: 1 to label." in tagger("backfill", code=1).stderr
    shutil.copy(PHOTOS / "brick.jpg", folder)
    tagger("retry")
    assert "Looked through 4 photos: 1 new; 2 to label." in tagger("backfill", code=1).stderr


@pytest.mark.slow
def test_why_a_photo_failed_is_said_in_plain_words_wherever_it_is_said(tagger: Tagger, folder: Path) -> None:
    (folder / "cut.jpg").write_bytes((folder / "cat.jpg").read_bytes()[:2000])
    (folder / "odd.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)
    tagger("backfill", folder, code=1)
    told = tagger("status").stdout + tagger("status", "--json").stdout
    told += tagger("classify", folder / "cut.jpg", folder / "odd.png", code=1).stderr
    told += tagger("show", folder / "odd.png").stdout + tagger("explain", folder / "cut.jpg", code=2).stderr
    for jargon in ("decoder", "Errno", "_io", "not processed", "SyntaxError", "PIL"):
        assert jargon not in told


def test_the_end_says_what_was_found_and_what_to_do_with_it(tagger: Tagger, folder: Path) -> None:
    done = tagger("backfill", folder)
    assert "3 photos labelled" in done.stdout
    assert "Most often: " in done.stdout
    assert "tagger search " in done.stderr
    assert "tagger web" in done.stderr


def test_the_search_that_is_shown_is_for_something_on_photos_and_finds_it(tagger: Tagger, folder: Path) -> None:
    for name in ("cat.jpg", "coffee.jpg", "rocket.jpg", "temple.jpg"):
        with Image.open(PHOTOS / name) as photo:
            photo.convert("L").save(folder / f"grey {name}")
    done = tagger("backfill", folder)
    assert "Most often: black and white (4)" in done.stdout
    [line] = [line for line in done.stderr.splitlines() if line.startswith("Find them: tagger search ")]
    [query] = shlex.split(line.removeprefix("Find them: tagger search "))
    assert query != "black and white"
    assert tagger("search", query).stdout


@pytest.mark.slow
def test_a_folder_above_a_known_one_says_what_becomes_of_corrections(tagger: Tagger, folder: Path) -> None:
    tagger("backfill", folder)
    refused = tagger("backfill", folder.parent, code=2).stderr
    assert "what you corrected by hand is lost" in refused
    assert f"tagger backfill {folder.parent}" in refused
    # And it is as it says.
    tagger("correct", folder / "cat.jpg", "--add", "our cat")
    tagger("forget", "--yes", folder)
    tagger("backfill", folder.parent)
    assert tagger.found("cat") == ["cat.jpg"]
    assert tagger.found('"our cat"') == []


@pytest.mark.slow
def test_copies_are_not_alike_by_100_percent_or_more(tagger: Tagger, folder: Path) -> None:
    shutil.copy(folder / "cat.jpg", folder / "copy.jpg")
    tagger("backfill", folder)
    said = tagger("duplicates").stdout
    assert "2 photos that look the same:" in said
    assert "100" not in said.splitlines()[0]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("the child had the same Ctrl-C")])
def test_what_a_person_ended_is_interrupted_not_failed(tmp_path: Path, error: BaseException) -> None:
    asked = isinstance(error, RuntimeError)
    with open_library(Settings(data_dir=tmp_path / "data"), create=True) as library:
        with pytest.raises(type(error)), runs.recorded(library, "backfill", lambda: asked):
            raise error
        with pytest.raises(ValueError), runs.recorded(library, "backfill", lambda: False):
            raise ValueError
        with library.store.read() as session:
            assert [run.outcome for run in runs.last_runs(session)] == ["failed", "interrupted"]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (
            events.NOTICED(folder="/my {photos} 100 %s", new=1300, changed=0, moved=0, back=0, gone=2),
            "noticed /my {photos} 100 %s: 1,300 new, 2 gone",
        ),
        (events.BATCH(photos=8, failed=0, seconds=0.5, run=3), "labelled: 8 photos, 0.50 seconds"),
        (events.POLLED(folder="/p", why="it is a share"), "/p is polled: it is a share"),
        (events.READY(folders=2), "ready: 2 folders"),
        (events.RELOADED(), "settings reloaded"),
        (events.FETCHING(percent=5, megabytes=100), "fetching the model's weights: 5 % of 100 MB"),
        (events.RELABELLED(photos=0, changed=0), "relabelled: nothing"),
    ],
)
def test_the_service_on_a_terminal_speaks_to_people(told: events.Told, says: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, told, (), None)
    assert logging.Formatter("%(message)s").format(record) == says


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8643", "http://127.0.0.1:8643/tagger/"),
        ("[::1]:80", "http://[::1]:80/tagger/"),
        ("unix:/run/tagger.sock", "unix:/run/tagger.sock"),
    ],
)
def test_the_address_of_the_page(listen: str, address: str) -> None:
    assert page_address(WebSettings(listen=listen, root_path="/tagger")) == address
    assert "0.0.0.0" not in page_address(WebSettings(listen="0.0.0.0:1"))
