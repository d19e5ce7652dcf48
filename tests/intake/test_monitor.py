"""The service's monitor of its roots, step by step, with the real watcher."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, Settings
from tagger.core.progress import never_stop
from tagger.intake import monitor
from tagger.intake.monitor import FolderMonitor
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanResult
from tagger.intake.watch import WatchEvent
from tagger.pipeline.header_fields import read_headers_due
from tagger.store.fields import stored_fields
from tagger.store.library import Library
from tagger.store.photos import present_count
from tagger.store.session import open_store
from tagger.store.tables import JobRow, PhotoRow
from tests.cli.service import wait_for
from tests.imaging.test_fields import bag, jpeg, xmp
from tests.store import samples


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


def test_a_sidecar_that_another_program_writes_moves_or_deletes_is_noticed_at_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", intake=IntakeSettings(settle_seconds=0))
    root = tmp_path / "photos"
    root.mkdir()
    for name in ("a", "b"):
        jpeg(root / f"{name}.jpg")
    inbox: queue.SimpleQueue[WatchEvent] = queue.SimpleQueue()
    with open_store(settings, create=True) as store:
        library = Library(store, settings)
        [known] = resolve_roots(store, [str(root)], SystemClock())
        woken: list[int] = []
        watched = FolderMonitor(library, inbox.put, lambda: woken.append(1), never_stop)
        try:
            watched.add_root(known)

            def found() -> bool:
                watched.do_due()
                with store.read() as session:
                    return present_count(session, known.id) == 2

            wait_for(found, 20)
            with store.write() as session:
                session.execute(update(PhotoRow).values(labelled_by=samples.model(session).id, labelled_at=1))
                session.execute(delete(JobRow))
            assert read_headers_due(library) == 2
            scanned = watched.states()[0].scanned_at

            def keywords() -> list[tuple[str, ...]]:
                while not inbox.empty():
                    watched.on_event(inbox.get())
                watched.do_due()
                read_headers_due(library)
                with store.read() as session:
                    return [stored_fields(session, number).keywords for number in (1, 2)]

            def becomes(*wanted: tuple[str, ...]) -> None:
                wait_for(lambda: keywords() == list(wanted), 20)

            (root / "a.xmp").write_bytes(xmp(bag("dc:subject", "Rex")))
            becomes(("Rex",), ())
            # As exiftool and darktable do it: another file in its place.
            (root / "new").write_bytes(xmp(bag("dc:subject", "Bello")))
            (root / "new").rename(root / "a.xmp")
            becomes(("Bello",), ())
            (root / "a.xmp").rename(root / "b.jpg.xmp")
            becomes((), ("Bello",))
            (root / "b.jpg.xmp").unlink()
            becomes((), ())
            with store.read() as session:
                assert session.scalars(select(JobRow.id)).all() == []
                assert present_count(session, known.id) == 2
            assert woken
            # Noticed through the watch, not by a scan.
            assert watched.states()[0].scanned_at == scanned
        finally:
            watched.close()
