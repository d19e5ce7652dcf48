"""A root and what is in it, by any of their names."""

from __future__ import annotations

from pathlib import Path

from tagger.core.clock import SystemClock
from tagger.core.config import Settings
from tagger.store.roots import add_root, root_of
from tagger.store.session import open_store


def test_a_path_is_found_in_its_root_by_any_name(tmp_path: Path) -> None:
    disk, link, other = tmp_path / "disk" / "Photos", tmp_path / "Photos", tmp_path / "other"
    (disk / "sub").mkdir(parents=True)
    link.symlink_to(disk)
    other.symlink_to(disk / "sub")
    with open_store(Settings(data_dir=tmp_path / "data"), create=True) as store, store.write() as session:
        root = add_root(session, str(link), SystemClock().now())
        for folder in (link / "sub", disk / "sub", other):
            assert root_of(session, f"{folder}/a.jpg") == (root, "sub/a.jpg")
        assert root_of(session, str(link)) == root_of(session, str(disk)) == (root, "")
        assert root_of(session, str(tmp_path / "PhotosB" / "a.jpg")) is None
        inner = add_root(session, str(other), SystemClock().now())
        assert root_of(session, f"{other}/a.jpg") == (inner, "a.jpg")
