"""A library on a read-only mount (a snapshot): what reads works, what writes says why not."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, COMMAND, Tagger
from tests.store.test_session import SAVED

# Mounts a folder read-only, for this command alone.
MOUNT = 'd=$1; shift; mount --bind "$d" "$d" && mount -o remount,ro,bind "$d" && exec "$@"'


class Mounted:
    """Runs tagger with its data directory mounted read-only."""

    def __init__(self, tagger: Tagger) -> None:
        self.tagger = tagger
        who = [] if os.geteuid() == 0 else ["--map-root-user"]
        self.prefix = ["unshare", *who, "--mount", "sh", "-c", MOUNT, "sh", str(tagger.data)]
        tried = None
        if shutil.which("unshare"):
            tried = subprocess.run([*self.prefix, "true"], check=False, capture_output=True)
        if tried is None or tried.returncode:
            pytest.skip("no folder can be mounted read-only here")

    def __call__(self, *arguments: object, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.prefix, str(COMMAND), *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            env=self.tagger.environment(),
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        command = [*self.prefix, str(COMMAND), *map(str, arguments)]
        return subprocess.Popen(command, env=self.tagger.environment(), stderr=subprocess.PIPE)


@pytest.fixture
def library(tmp_path: Path) -> Tagger:
    (tmp_path / "home" / "photos").mkdir(parents=True)
    for name in ("cat.jpg", "coffee.jpg", "coins.jpg"):
        shutil.copy(PHOTOS / name, tmp_path / "home" / "photos")
    tagger = Tagger(tmp_path / "home", dict(BUILT_IN))
    tagger("backfill", tmp_path / "home" / "photos")
    return tagger


def reading(photo: Path) -> Sequence[Sequence[object]]:
    return [
        ["search", "cat"],
        ["status", "--json"],
        ["show", photo],
        ["explain", photo],
        ["export"],
        ["labels"],
        ["history", photo],
        ["similar", photo],
        ["similar", PHOTOS / "rocket.jpg"],
        ["duplicates"],
        ["classify", photo],
        ["model", "list"],
        ["model", "show"],
        ["taught"],
        ["relabel", "--dry-run"],
        ["write", "--dry-run", "--mode", "sidecar"],
        ["undo", "--dry-run", "--all"],
    ]


@pytest.mark.slow
def test_every_reading_command_works(library: Tagger) -> None:
    mounted = Mounted(library)
    photo = library.home / "photos" / "cat.jpg"
    before = sorted(path.name for path in library.data.rglob("*"))
    for arguments in reading(photo):
        done = mounted(*arguments, code=None)
        assert done.returncode in (0, 1), (arguments, done.stderr)
        # The home's own name tells of reading, too.
        assert "read" not in done.stderr.replace(str(library.home), ""), (arguments, done.stderr)
    assert "can" in mounted("doctor", code=None).stdout
    assert sorted(path.name for path in library.data.rglob("*")) == before


@pytest.mark.slow
def test_writing_commands_say_that_the_library_can_only_be_read(library: Tagger) -> None:
    mounted = Mounted(library)
    photos = library.home / "photos"
    for arguments in (
        ["backfill"],
        ["run"],
        ["relabel"],
        ["write", "--mode", "sidecar"],
        ["undo", "--all"],
        ["retry"],
        ["forget", "--yes", photos],
        ["correct", photos / "cat.jpg", "--remove", "cat"],
    ):
        done = mounted(*arguments, code=4)
        assert "can only be read: its disk is mounted read-only" in done.stderr, arguments
        assert "--data-dir" in done.stderr
        assert len(done.stderr.splitlines()) <= 4


@pytest.mark.parametrize("index", [True, False], ids=["with its index", "without"])
@pytest.mark.slow
def test_what_is_still_in_the_log_of_a_snapshot_is_read(library: Tagger, index: bool) -> None:
    open_database = sqlite3.connect(library.database, isolation_level=None)
    open_database.execute("PRAGMA journal_mode = WAL")
    open_database.execute("PRAGMA wal_autocheckpoint = 0")
    open_database.execute("UPDATE labels SET name = 'Rex' WHERE name = 'cat'")
    snapshot = library.home / "snapshot"
    shutil.copytree(library.data, snapshot)
    open_database.close()
    assert (snapshot / "library.db-wal").stat().st_size
    if not index:
        (snapshot / "library.db-shm").unlink()
    library.environ["TAGGER_DATA_DIR"] = str(snapshot)
    mounted = Mounted(library)
    mounted.prefix[-1] = str(snapshot)
    assert "Rex" in mounted("labels").stdout
    assert "Rex" in mounted("export").stdout
    assert mounted("search", "path:cat.jpg").stdout.endswith("cat.jpg\n")


@pytest.mark.slow
def test_an_older_library_is_told_apart(library: Tagger) -> None:
    saved = sorted(SAVED.glob("*.sql"))[0]
    for leftover in library.data.glob("library.*"):
        leftover.unlink()
    with sqlite3.connect(library.database) as connection:
        connection.executescript(saved.read_text())
    connection.close()
    for arguments in (["status"], ["search", "cat"], ["show", "/x.jpg"]):
        done = Mounted(library)(*arguments, code=4)
        assert "must be brought up to date first, but its disk is mounted read-only" in done.stderr


@pytest.mark.slow
def test_the_page_works(library: Tagger) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    web = Mounted(library).start("web", "--listen", f"127.0.0.1:{port}")
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                found = json.load(urllib.request.urlopen(f"{address}/api/v1/search?q=cat"))
                break
            except OSError:
                assert time.monotonic() < deadline
                assert web.poll() is None, web.stderr.read() if web.stderr else ""
                time.sleep(0.1)
        [photo] = found["photos"]
        for path in ("", "labels", "status", f"photos/{photo['id']}", f"api/v1/photos/{photo['id']}/picture"):
            with urllib.request.urlopen(f"{address}/{path}") as answer:
                assert answer.status == 200, path
        request = urllib.request.Request(
            f"{address}/api/v1/photos/{photo['id']}/corrections",
            json.dumps({"remove": ["cat"]}).encode(),
            {"Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert caught.value.code == 503
        assert b"can only be read" in caught.value.read()
    finally:
        web.terminate()
        web.communicate()
