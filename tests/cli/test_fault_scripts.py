"""The scripts that showed faults of ordinary use, run as they are: what their last comments say happens no more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.cli.runner import BUILT_IN, COMMAND, MOBILENET, Tagger

pytestmark = pytest.mark.slow


def said_by(script: str, shared: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TAGGER_", "XDG_"))}
    given = {
        "TAGGER": str(COMMAND),
        "WEIGHTS": str(shared / "models" / MOBILENET),
        # Some of them put no quotes around names.
        "PHOTOS": str(Path(__file__).parents[1] / "photos"),
    }
    # Each makes a home of its own there, and one cuts what it prints to a hundred characters.
    with tempfile.TemporaryDirectory(prefix="", dir="/tmp") as folder:
        done = subprocess.run(
            ["bash", shared / "faults" / script],
            env={**kept, **given, "TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_sixty_renamed_one_by_one_keep_what_was_said_of_them(shared: Path) -> None:
    said = said_by("bulk_rename_in_service.sh", shared)
    assert "HELD" not in said
    assert re.search(r"Photos +100\b", said), said
    # While it is watched, and after it.
    assert len(re.findall(r"^\S*/P/a/2019-07-01_1\.jpg$", said, re.M)) == 2, said
    assert not re.search(r"^\S*/P/a/f1\.jpg$", said, re.M), said


def test_folders_with_capitals_beyond_ascii_are_found(shared: Path) -> None:
    said = said_by("path_search_capital_umlaut.sh", shared)
    found = {part.split("\n")[0]: part.split("\n")[1:] for part in said.split("== ")[1:]}
    for query, path in (("path:Österreich", "Österreich/a.jpg"), ("path:Москва", "Москва/b.jpg")):
        assert next(filter(None, found[query])).endswith(path), said


def test_a_sidecar_goes_with_its_photo(shared: Path) -> None:
    said = said_by("sidecar_rename.sh", shared)
    files = {line.rpartition("/P/")[2] for line in said.splitlines() if re.search(r"/P/\S+\.(jpg|xmp)$", line)}
    assert "x/b.jpg" in files
    assert {file for file in files if file.endswith(".xmp")} == {"x/b.jpg.xmp"}, said


def test_what_arrives_in_a_linked_root_is_noticed(shared: Path) -> None:
    said = said_by("symlinked_root_service.sh", shared)
    for name in ("top.jpg", "sub/sub.jpg", "newdir/n.jpg", "sub/one.jpg"):
        assert f"/Photos/{name}" in said, said


def test_their_photos_are_labelled_and_dated_as_far_as_they_are(shared: Path, tmp_path: Path) -> None:
    tagger = Tagger(tmp_path, dict(BUILT_IN))
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("date_d05_hour24.jpg", "png_ztxt_2mb.png"):
        shutil.copy(shared / "faults" / name, photos)
    assert "0 failed" in tagger("backfill", photos).stdout
    taken = {Path(photo["path"]).name: photo["taken"] for photo in tagger.export() if photo["state"] == "labelled"}
    assert taken == {"date_d05_hour24.jpg": "2023-05-17T00:00:00", "png_ztxt_2mb.png": None}
