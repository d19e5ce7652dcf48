"""Writing keywords and taking them back on several machines that share a library in PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.keywords.write_lock import write_lock
from tagger.store.library import open_library
from tagger.store.roots import all_roots
from tests.cli.runner import Tagger
from tests.postgres import Server
from tests.service.test_several_services import SETTINGS, Shared

pytestmark = pytest.mark.slow
CAT = Path(__file__).parents[1] / "photos" / "cat.jpg"
SIDECARS = SETTINGS | {"TAGGER_KEYWORDS_MODE": "sidecar"}


@pytest.fixture
def shared_library(tmp_path: Path, postgres_server: Server) -> Shared:
    return Shared(tmp_path, postgres_server.new_database())


def machine(shared_library: Shared, name: str) -> Tagger:
    tagger = shared_library.machine(name)
    tagger.environ |= SIDECARS
    return tagger


def add(folder: Path, numbers: range) -> None:
    """Photos with labels, each with bytes of its own."""
    folder.mkdir(parents=True)
    for number in numbers:
        (folder / f"{number}.jpg").write_bytes(CAT.read_bytes() + bytes([number]))


def sidecars(folder: Path) -> int:
    return len(list(folder.glob("*.xmp")))


def test_two_machines_never_write_in_the_same_folder(shared_library: Shared, tmp_path: Path) -> None:
    """What one has begun, the other would take for what a killed process left."""
    first, second = tmp_path / "first", tmp_path / "second"
    add(first, range(3))
    add(second, range(10, 13))
    one, two = machine(shared_library, "one"), machine(shared_library, "two")
    one("backfill", first, second, environ={"TAGGER_KEYWORDS_MODE": "off"})
    two.data.mkdir()
    settings = Settings(data_dir=two.data, database=shared_library.address)
    with open_library(settings) as library:
        with library.store.read() as session:
            [root] = [root.id for root in all_roots(session) if root.path == str(first)]
        with write_lock(library, "write", [root]):
            # The other folder is nobody's.
            assert one.json("write")["sidecars"] == 3
            assert (sidecars(first), sidecars(second)) == (0, 3)
            for command in (("write", "path:first"), ("undo", "--all"), ("undo", "path:first")):
                refused = one(*command, code=None)
                assert refused.returncode == 5
                assert f"Another tagger is writing keywords in {first}, perhaps on another machine." in refused.stderr
            assert one.json("undo", "path:second")["files"] == 3
    assert one.json("write")["sidecars"] == 3
    assert one.json("undo", "--all")["files"] == 3
    assert (sidecars(first), sidecars(second)) == (0, 0)


def test_a_machine_leaves_alone_what_lies_on_disks_that_it_has_not(shared_library: Shared, tmp_path: Path) -> None:
    first, second = tmp_path / "disk1" / "photos", tmp_path / "disk2" / "photos"
    add(first, range(3))
    add(second, range(10, 13))
    one, two = machine(shared_library, "one"), machine(shared_library, "two")
    one("backfill", first, environ={"TAGGER_KEYWORDS_MODE": "off"})
    two("backfill", second, environ={"TAGGER_KEYWORDS_MODE": "off"})
    # As on a machine on which the mount point is empty.
    second.rename(tmp_path / "away")
    second.mkdir()
    assert one.json("write")["sidecars"] == 3
    said = one("write", f"path:{second}/*")
    assert "3 photos: not on this machine; they stay queued for the one that has them" in said.stdout
    # They wait for whoever has them.
    assert shared_library.rows("SELECT count(*), min(state) FROM jobs WHERE kind = 'keywords'") == [(3, "queued")]
    second.rmdir()
    (tmp_path / "away").rename(second)
    assert two.json("write")["sidecars"] == 3
    second.rename(tmp_path / "away")
    second.mkdir()
    taken = one.json("undo", "--all")
    assert (taken["files"], taken["absent"]) == (3, 3)
    second.rmdir()
    (tmp_path / "away").rename(second)
    assert (sidecars(first), sidecars(second)) == (0, 3)
    assert two.json("undo", "--all")["files"] == 3
    assert sidecars(second) == 0
