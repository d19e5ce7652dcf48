from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tagger.core.config import IntakeSettings
from tagger.intake.watch import EventKind, Watch, WatchEvent, probe, why_not_native
from tests.intake.test_walk import KEPT_COPIES, UNFINISHED

Heard = Callable[..., set[tuple[EventKind, str]]]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Path, Watch, Heard]]:
    """A watched folder, and the events received within a moment."""
    root = tmp_path / "photos"
    (root / "old").mkdir(parents=True)
    (root / "@eaDir").mkdir()
    inbox: queue.SimpleQueue[WatchEvent] = queue.SimpleQueue()
    watch = Watch(str(root), IntakeSettings(), inbox.put)

    def heard(*expected: tuple[EventKind, str]) -> set[tuple[EventKind, str]]:
        found: set[tuple[EventKind, str]] = set()
        deadline = time.monotonic() + (10 if expected else 0.5)
        while time.monotonic() < deadline and not (expected and found >= set(expected)):
            try:
                event = inbox.get(timeout=0.1)
            except queue.Empty:
                continue
            assert event.root == str(root)
            found.add((event.what, event.path))
        return found

    yield root, watch, heard
    watch.close()


def test_files_are_told_when_they_come_end_and_go(watched: tuple[Path, Watch, Heard]) -> None:
    root, _, heard = watched
    (root / "a.jpg").write_bytes(b"x")
    assert heard((EventKind.FILE, "a.jpg")) == {(EventKind.FILE, "a.jpg")}
    (root / "a.jpg").rename(root / "old" / "b.jpg")
    both = {(EventKind.GONE, "a.jpg"), (EventKind.FILE, "old/b.jpg")}
    assert heard(*both) >= both
    (root / "old" / "b.jpg").unlink()
    assert heard((EventKind.GONE, "old/b.jpg"))


@pytest.mark.slow
def test_new_folders_are_watched_and_told(watched: tuple[Path, Watch, Heard]) -> None:
    root, watch, heard = watched
    (root / "new" / "deep").mkdir(parents=True)
    assert (EventKind.FOLDER, "new") in heard((EventKind.FOLDER, "new"))
    (root / "new" / "deep" / "c.jpg").write_bytes(b"x")
    assert heard((EventKind.FILE, "new/deep/c.jpg"))
    assert len(watch) == 4
    (root / "new").rename(root / "moved")
    both = {(EventKind.GONE, "new"), (EventKind.FOLDER, "moved")}
    assert heard(*both) >= both
    (root / "moved" / "deep" / "d.jpg").write_bytes(b"x")
    assert heard((EventKind.FILE, "moved/deep/d.jpg"))
    assert len(watch) == 4


def test_what_is_ignored_is_neither_watched_nor_told(watched: tuple[Path, Watch, Heard]) -> None:
    root, watch, heard = watched
    assert len(watch) == 2
    (root / "@eaDir" / "thumb.jpg").write_bytes(b"x")
    (root / ".hidden.jpg").write_bytes(b"x")
    (root / "a.jpg.part").write_bytes(b"x")
    (root / "notes.txt").write_bytes(b"x")
    for name in KEPT_COPIES + UNFINISHED:
        (root / name).write_bytes(b"x")
    assert heard() == set()
    (root / ".hidden.jpg").rename(root / "seen.jpg")
    assert heard((EventKind.FILE, "seen.jpg")) == {(EventKind.FILE, "seen.jpg")}


def test_what_may_have_been_missed_is_told_as_lost(
    watched: tuple[Path, Watch, Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, watch, heard = watched
    (root / ".taggerignore").write_text("*.png\n")
    assert heard((EventKind.LOST, "the ignore rules changed: .taggerignore"))
    watch.on_queue_overflow()
    assert heard((EventKind.LOST, "too much happened at once"))

    def fail(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "_translate", fail)
        (root / "a.jpg").write_bytes(b"x")
        assert heard((EventKind.LOST, "the watcher failed: a fault of ours"))
    # The watcher's thread goes on.
    (root / "b.jpg").write_bytes(b"x")
    assert (EventKind.FILE, "b.jpg") in heard((EventKind.FILE, "b.jpg"))
    root.rename(root.with_name("gone"))
    assert heard((EventKind.LOST, "the folder went away"))


def test_when_the_kernel_cannot_tell(tmp_path: Path) -> None:
    assert why_not_native(str(tmp_path), "auto") == ""
    assert why_not_native(str(tmp_path), "native") == ""
    assert "polling" in why_not_native(str(tmp_path), "polling")


def test_a_folder_is_tried_out(tmp_path: Path) -> None:
    found = probe(str(tmp_path), time.time)
    assert found is not None
    assert found.sends_events
    assert not found.folds_case
    assert abs(found.clock_ahead) < 2
    assert list(tmp_path.iterdir()) == []
    assert probe(str(tmp_path), lambda: time.time() - 60) is not None
    assert probe("/proc", time.time) is None
