"""The service's thread that fetches the wanted model's weights, with a web server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tagger.core.clock import SystemClock
from tagger.core.config import Settings
from tagger.core.local_zone import LocalZone
from tagger.service.work_window import Window
from tagger.service.workers import fetch
from tagger.service.workers.fetch import FetchWorker
from tagger.store.library import Library
from tagger.store.session import open_store
from tests.cli.service import wait_for
from tests.inference.web import Site, serve

CONTENT = b"weights " * 50_000
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"


@contextmanager
def fetching(data_dir: Path, source: str, **model: object) -> Iterator[tuple[FetchWorker, threading.Event]]:
    settings = Settings.model_validate(
        {"data_dir": data_dir, "model": {"name": "mobilenet_v2", "source": source, **model}}
    )
    arrived = threading.Event()
    with open_store(settings, create=True) as store:
        library = Library(store, settings, SystemClock())
        worker = FetchWorker(library, Window("", LocalZone()), "me", lambda: None, arrived.set)
        worker.start()
        try:
            yield worker, arrived
        finally:
            assert worker.stop(10)


def test_weights_that_come_at_the_first_try_are_waited_for(tmp_path: Path) -> None:
    with serve(Site(CONTENT)) as site, fetching(tmp_path, site.address) as (worker, arrived):
        worker.wait_for_first_try(threading.Event())
        assert (tmp_path / "models" / FILE).read_bytes() == CONTENT
        assert worker.state().problem == ""
        # Labelling began with them, so nothing is to be begun again.
        assert not arrived.wait(0.3)


@pytest.mark.slow
def test_it_tries_again_with_growing_pauses_until_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_FIRST_PAUSE", 0.2)
    with serve(Site(CONTENT, status=503)) as site, fetching(tmp_path, site.address) as (worker, arrived):
        worker.wait_for_first_try(threading.Event())
        assert "503" in worker.state().problem
        tries: list[float] = []

        def three_are_seen() -> bool:
            at = worker.state().next_try_at
            if at is not None and at not in tries:
                tries.append(at)
            return len(tries) == 3

        wait_for(three_are_seen, 20)
        first, second, third = tries
        # 0.2 s, 0.4 s, 0.8 s after the tries.
        assert second - first > 0.38
        assert third - second > 0.78
        assert not arrived.is_set()
        site.status = 200
        assert arrived.wait(20)
        assert (tmp_path / "models" / FILE).read_bytes() == CONTENT
        assert worker.state().next_try_at is None


@pytest.mark.slow
def test_a_slow_line_does_not_keep_photos_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_PATIENCE_SECONDS", 0.0)
    content = CONTENT * 10
    with serve(Site(content, slow=0.03)) as site, fetching(tmp_path, site.address) as (worker, arrived):
        worker.wait_for_first_try(threading.Event())
        assert not (tmp_path / "models" / FILE).exists()
        assert arrived.wait(20)
        assert (tmp_path / "models" / FILE).read_bytes() == content


def test_a_stop_breaks_a_download_off_and_the_next_start_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_PATIENCE_SECONDS", 0.0)
    content = CONTENT * 20
    site = Site(content, slow=0.05)
    with serve(site):
        with fetching(tmp_path, site.address) as (worker, _):
            worker.wait_for_first_try(threading.Event())
        part = (tmp_path / "models" / f"{FILE}.part").stat().st_size
        assert 0 < part < len(content)
        site.slow = 0.0
        monkeypatch.setattr(fetch, "_PATIENCE_SECONDS", 30.0)
        with fetching(tmp_path, site.address) as (worker, _):
            worker.wait_for_first_try(threading.Event())
        assert site.requests[-1] == f"bytes={part}-"
    assert (tmp_path / "models" / FILE).read_bytes() == content


def test_what_a_person_puts_there_is_found_and_what_is_wrong_with_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_LOOK_SECONDS", 0.1)
    with fetching(tmp_path, "", fetch="never") as (worker, arrived):
        worker.wait_for_first_try(threading.Event())
        assert worker.state().problem
        assert worker.state().next_try_at is None
        place = tmp_path / "models" / FILE
        place.parent.mkdir(exist_ok=True)
        # Still being copied: an HDF5 file's superblock says how long it is.
        place.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(32) + (9000).to_bytes(8, "little"))
        assert not arrived.wait(0.5)
        with place.open("ab") as file:
            file.write(bytes(9000 - 48))
        assert arrived.wait(10)
