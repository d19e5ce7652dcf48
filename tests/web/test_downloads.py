"""Several photos as one zip: their own bytes, under names that are unique everywhere."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from tagger.core.paths import PhotoPath
from tagger.core.photo import Fingerprint
from tagger.store.records import PhotoRecord
from tagger.web.api_downloads import unique_names, zipped
from tests.web.site import Site


def record(root: Path, name: str, number: int = 1, size: int = 10) -> PhotoRecord:
    nothing = dict.fromkeys(
        ("content_hash", "format", "width", "height", "taken", "labelled_at", "labelled_by", "missing_since", "error")
    )
    return PhotoRecord(
        id=number,
        path=PhotoPath(str(root), name),
        fingerprint=Fingerprint(size, 1, 1, 1),
        added_at=1,
        job_state=None,
        **nothing,  # type: ignore[arg-type]
    )


def test_names_are_unique_and_possible_everywhere(tmp_path: Path) -> None:
    paths = ["a/IMG.jpg", "b/img.JPG", "c/IMG.jpg", "IMG (2).jpg", 'w/<a>:"b"?.jpg', "x\\y.jpg", "n\udcff.jpg", "..."]
    paths += ["not included.txt", "É.jpg", "E\u0301.jpg"]
    names = unique_names([record(tmp_path, path) for path in paths])
    assert names[:6] == ["IMG.jpg", "img (2).JPG", "IMG (3).jpg", "IMG (2) (2).jpg", "_a___b__.jpg", "x_y.jpg"]
    assert names[7:] == ["photo", "not included (2).txt", "É.jpg", "E\u0301 (2).jpg"]
    for name in names:
        name.encode()


def test_a_zip_holds_the_bytes_and_says_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    content = {"one.jpg": os.urandom(3 << 20), "two.jpg": b"", "three.jpg": b"x" * 100}
    for name, data in content.items():
        (tmp_path / "in" / name).write_bytes(data)
    os.utime(tmp_path / "in" / "two.jpg", (0, 0))
    (tmp_path / "secret").write_bytes(b"elsewhere")
    (tmp_path / "in" / "link.jpg").symlink_to(tmp_path / "secret")
    names = [*content, "link.jpg", "gone.jpg"]
    parts = list(zipped([record(tmp_path / "in", name) for name in names]))
    # It is sent as it is read.
    assert max(map(len, parts)) < 2 << 20
    # What it is not until then.
    large = record(tmp_path / "in", "one.jpg", size=1 << 32)
    for data in (b"".join(parts), b"".join(zipped([large]))):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            for info in archive.infolist():
                assert info.compress_type == zipfile.ZIP_STORED
                if info.filename in content:
                    assert archive.read(info) == content[info.filename]
            if len(archive.namelist()) > 1:
                assert archive.namelist() == [*content, "not included.txt"]
                told = archive.read("not included.txt").decode()
    assert "link.jpg" in told
    assert "gone.jpg" in told
    assert b"elsewhere" not in b"".join(parts)


@pytest.mark.slow
def test_photos_are_downloaded_as_they_are(reading: Site) -> None:
    found = reading.api("/search?q=espresso&limit=500")["photos"]
    asked = reading.send("/downloads", {"photos": [*(one["id"] for one in found), 999_999]})
    paths = [Path(one["path"]) for one in found]
    assert (asked["photos"], asked["bytes"]) == (len(found), sum(path.stat().st_size for path in paths))
    answer = reading.get("/api/v1/" + asked["path"])
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="photos.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert [archive.read(path.name) for path in paths] == [path.read_bytes() for path in paths]
    assert reading.get("/api/v1/downloads/AAAAAAAAAAAAAAAAAAAAAA").status == 404
    ids = reading.api("/search/ids?q=espresso")
    assert ids == {"photos": [one["id"] for one in found], "more": False}
    said = {"photos": ids["photos"], "confirm": ["espresso"]}
    assert reading.send("/corrections/preview", said) == {"id": None, "photos": len(found), "changed": len(found)}
    assert reading.send("/corrections/preview", {"photos": ids["photos"], "add": ["never seen"]})["changed"] == len(
        found
    )
    assert reading.api("/corrections") == []
