"""Fixtures that every test may use."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tagger.core.config import Settings
from tagger.store.session import Store, open_store
from tests import postgres
from tests.cli.gallery import found_elsewhere, make_photos
from tests.cli.runner import BUILT_IN, Tagger, with_mobilenet
from tests.object_storage import ObjectStorage, object_storage

# A busy machine is no fault of the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

NOT_SHARED = "the real photos and weights are not at"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The soak, minutes long, begins first, so that the others run beside it."""
    items.sort(key=lambda item: "[soak]" not in item.name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line says what was left out for want of the folder of real photos."""
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if NOT_SHARED in str(report.longrepr)]
    if skipped:
        count = "1 test was" if len(skipped) == 1 else f"{len(skipped)} tests were"
        terminalreporter.line(f"{count} skipped because the real photos and weights are not at ../shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and weights; without it the test is skipped, or fails where CI demands it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "photos").is_dir():
        if os.environ.get("TAGGER_REQUIRE_SHARED"):
            pytest.fail(f"TAGGER_REQUIRE_SHARED is set, but there is no {folder}")
        pytest.skip(f"{NOT_SHARED} {folder}")
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    binaries = postgres.find_binaries()
    if binaries is None:
        if os.environ.get("TAGGER_REQUIRE_SHARED"):
            pytest.fail("TAGGER_REQUIRE_SHARED is set, but PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    with postgres.server(binaries) as running:
        yield running


@pytest.fixture(scope="session")
def object_server_once() -> Iterator[ObjectStorage]:
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    with object_storage() as running:
        yield running


@pytest.fixture
def object_server(object_server_once: ObjectStorage) -> ObjectStorage:
    """A real S3 server with an empty bucket."""
    object_server_once.reset()
    return object_server_once


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a library that does not exist yet, on each kind of database."""
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path / "data")
    return Settings(data_dir=tmp_path / "data", database=request.getfixturevalue("postgres_server").new_database())


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings, create=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, shared: Path, worker_id: str) -> Path:
    """A light model calibrated on photos/camera, made once for all test processes; only to be read."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "exported_once"
    home.mkdir(exist_ok=True)
    file = home / "mobilenet_v2.tflite"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            with_mobilenet(home, shared)("model", "export", "--photos", shared / "photos" / "camera", "--to", file)
    return file


@pytest.fixture
def bare(tmp_path: Path) -> Tagger:
    """A tagger as it is after installation: no library, no settings, no weights and no network."""
    (tmp_path / "bare").mkdir()
    return Tagger(tmp_path / "bare", {"TAGGER_MODEL_SOURCE": "http://127.0.0.1:9/"})


@pytest.fixture(scope="session")
def gallery_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Tagger:
    """A library labelled by the model in the package, made once for all test processes; only to be read."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "gallery_once"
    home.mkdir(exist_ok=True)
    tagger = Tagger(home, dict(BUILT_IN))
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            make_photos(home / "photos")
            tagger("backfill", home / "photos", code=1)
            (home / "done").touch()
    return tagger


@pytest.fixture
def gallery(gallery_once: Tagger, tmp_path: Path) -> Tagger:
    """A copy of the library, with photos of its own, to be changed."""
    home = tmp_path / "gallery"
    shutil.copytree(gallery_once.home, home, ignore=shutil.ignore_patterns("pictures"))
    tagger = Tagger(home, dict(gallery_once.environ))
    found_elsewhere(tagger.database, home / "photos")
    return tagger
