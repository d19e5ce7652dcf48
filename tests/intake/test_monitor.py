"""The service's monitor of its roots, step by step, with the real watcher."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, Settings
from tagger.core.progress import never_stop
from tagger.intake import monitor
from tagger.intake.monitor import FolderMonitor
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanResult
from tagger.intake.watch import WatchEvent
from tagger.store.library import Library
from tagger.store.photos import present_count
from tagger.store.session import open_store
from tests.cli.service import wait_for


def test_a_root_that_is_mounted_during_its_scan_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root is missing when the watch is set, and mounted when the scan starts a moment later."""
    settings = Settings(data_dir=tmp_path / "data", intake=IntakeSettings(settle_seconds=0))
    root = tmp_path / "photos"
    root.mkdir()
    (root / "old.png").write_bytes(b"old")
    inbox: queue.SimpleQueue[WatchEvent] = queue.SimpleQueue()
    real_scan = monitor.scan_roots

    def slowly_mounted(*arguments: object, **options: object) -> ScanResult:
        if not root.exists():
            root.with_name("unmounted").rename(root)
        return real_scan(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(monitor, "scan_roots", slowly_mounted)
    with open_store(settings, create=True) as store:
        [known] = resolve_roots(store, [str(root)], SystemClock())
        root.rename(root.with_name("unmounted"))
        watched = FolderMonitor(Library(store, settings), inbox.put, lambda: None, never_stop)
        try:
            watched.add_root(known)
            watched.do_due()
            (root / "new.png").write_bytes(b"new")

            def noticed() -> bool:
                while not inbox.empty():
                    watched.on_event(inbox.get())
                watched.do_due()
                with store.read() as session:
                    return present_count(session, known.id) == 2

            wait_for(noticed, 20)
            # Noticed through a watch, not by a scan.
            assert watched.states()[0].watches == 1
        finally:
            watched.close()
