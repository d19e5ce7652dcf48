"""Photos in object storage through the real command, beside the same photos in a folder; a real server on loopback."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.gallery import PHOTOS
from tests.cli.runner import Tagger
from tests.cli.service import running
from tests.object_storage import BUCKET, SECRET, ObjectStorage
from tests.postgres import Server
from tests.web.site import serving

pytestmark = pytest.mark.slow
BUILT_IN = {"TAGGER_MODEL_NAME": "efficientnet_lite2", "TAGGER_MODEL_FETCH": "never"}
ROOT = f"s3://{BUCKET}/in"


@pytest.fixture
def remote(object_server: ObjectStorage, tmp_path: Path) -> Tagger:
    """A library that reaches the server."""
    (tmp_path / "remote").mkdir()
    return Tagger(tmp_path / "remote", BUILT_IN | object_server.environ)


def some_photos(count: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of photos that differ by some pixels, so that each must be looked at."""
    originals = sorted(path for path in PHOTOS.iterdir() if path.suffix in {".jpg", ".png", ".webp"})
    for number in range(count):
        with Image.open(originals[number % len(originals)]) as picture:
            small = picture.convert("RGB")
            small.thumbnail((160, 160))
            out = io.BytesIO()
            small.crop((number // len(originals) % 40, number // len(originals) // 40, *small.size)).save(out, "JPEG")
        yield f"{number // 100:02}/{number:04}.jpg", out.getvalue()


def stored(tagger: Tagger) -> list[tuple[Any, ...]]:
    """All that was found on each photo, by its path in its root."""
    with sqlite3.connect(tagger.database) as connection:
        found = connection.execute(
            "SELECT path, size, content_hash, pixel_hash, format, width, height, taken, kinds, hex(features.vector), "
            "(SELECT group_concat(label || confidence || rank || shown) FROM (SELECT labels.key AS label, confidence, "
            "rank, shown FROM photo_labels JOIN labels ON labels.id = label_id WHERE photo_id = photos.id "
            "ORDER BY rank)) "
            "FROM photos LEFT JOIN features ON features.photo_id = photos.id ORDER BY path"
        ).fetchall()
    connection.close()
    return found


def test_labels_are_those_of_the_same_files_byte_for_byte(
    object_server: ObjectStorage, remote: Tagger, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for path in PHOTOS.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
        object_server.put(f"in/{path.name}", path.read_bytes())
    for name, data in {"broken.jpg": b"\xff\xd8\xff\xe0 no", "empty.jpg": b""}.items():
        (folder / name).write_bytes(data)
        object_server.put(f"in/{name}", data)
    (tmp_path / "local").mkdir()
    local = Tagger(tmp_path / "local", BUILT_IN)
    local("backfill", folder, code=1)
    remote("backfill", f"{ROOT}/", code=1)
    assert stored(remote) == stored(local)
    assert len(stored(remote)) >= 12
    reasons = [[one["reason"] for one in each.json("status", "--failed")["failures"]] for each in (local, remote)]
    assert reasons[0] == reasons[1]
    assert len(reasons[0]) == 2


def assert_follows(tagger: Tagger, storage: ObjectStorage, count: int, *options: str) -> None:
    """Photos; one changed, three deleted of which one was renamed, one new."""
    photos = dict(some_photos(count))
    for name, data in photos.items():
        storage.put(f"in/{name}", data)
    tagger("backfill", *options, ROOT)
    before = {row["path"]: row for row in tagger.export()}
    assert set(before) == {f"{ROOT}/{name}" for name in photos}
    reads = [path for method, path in storage.asked if method == "GET" and "list-type" not in path]
    # No object is fetched twice.
    assert len(reads) == count
    storage.asked.clear()
    assert "Nothing to do" in tagger("backfill", *options).stdout
    assert {method for method, path in storage.asked if "list-type" not in path} == set()

    *_, (_, other), (_, another) = some_photos(count + 2)
    storage.put("in/00/0001.jpg", other)
    storage.put("in/new name.jpg", another)
    storage.put("in/moved/0050.jpg", photos["00/0050.jpg"])
    for number in (2, 3):
        storage.delete(f"in/00/000{number}.jpg")
    storage.delete("in/00/0050.jpg")
    tagger("correct", f"{ROOT}/00/0050.jpg", "--add", "mine")
    found = tagger.json("backfill", *options)
    assert (found["seen"], found["changed"], found["gone"]) == (count - 1, 1, 3)
    reads = [path for method, path in storage.asked if method == "GET" and "list-type" not in path]
    assert len(reads) == 3
    after = {row["path"]: row for row in tagger.export() if row["state"] == "labelled"}
    assert len(after) == count - 1
    assert after.keys() - before.keys() == {f"{ROOT}/new name.jpg", f"{ROOT}/moved/0050.jpg"}
    assert before.keys() - after.keys() == {f"{ROOT}/{n}.jpg" for n in ("00/0002", "00/0003", "00/0050")}
    # The renamed one is the same picture.
    assert (found["labelled"], found["classified"]) == (3, 2)
    # A renamed one is known by its bytes: what a person said goes with it.
    assert tagger.found("mine") == ["0050.jpg"]


def test_a_thousand_photos_changed_deleted_and_renamed(object_server: ObjectStorage, remote: Tagger) -> None:
    remote.environ["TAGGER_MODEL_OBJECTS"] = "false"
    assert_follows(remote, object_server, 1000)


def test_the_same_on_a_cluster(object_server: ObjectStorage, tmp_path: Path, postgres_server: Server) -> None:
    pytest.importorskip("ray")
    database = {"TAGGER_DATABASE": postgres_server.new_database()}
    # A third of the time: which networks run makes no difference here.
    shared = Tagger(tmp_path, BUILT_IN | object_server.environ | database | {"TAGGER_MODEL_OBJECTS": "false"})
    assert_follows(shared, object_server, 80, "--cluster", "local")


def test_what_cannot_be_done_there_says_so_and_secrets_are_not_told(
    object_server: ObjectStorage, remote: Tagger, tmp_path: Path
) -> None:
    for name, data in some_photos(3):
        object_server.put(f"in/{name}", data)
    said = [remote("backfill", ROOT, "-v")]
    done = remote("write", "--mode", "sidecar", code=1)
    assert "is in object storage, where nothing is written" in done.stderr
    said.append(done)
    done = remote("write", "--mode", "embed", "--dry-run", code=None)
    assert "is in object storage, where nothing is written" in done.stdout + done.stderr
    said.append(remote("undo", "--all", code=None))
    done = remote("search", "--link", tmp_path / "links", "format:jpeg", code=1)
    assert "in object storage, to which no link can lead" in done.stderr
    said += [
        done,
        remote("config"),
        remote("status"),
        remote("show", f"{ROOT}/00/0000.jpg"),
        remote("similar", f"{ROOT}/00/0000.jpg"),
    ]
    said.append(remote("doctor", code=None))
    assert f"{ROOT} (object storage, looked through by service.rescan: 6h; no keywords" in said[-1].stdout
    # Nothing was written, and nothing is gone.
    assert len(remote.export()) == 3
    assert {method for method, _ in object_server.asked} <= {"GET", "HEAD"}
    object_server.misbehave = lambda *_: (403, "SignatureDoesNotMatch")
    done = remote("backfill", code=1)
    assert "does not accept the credentials" in done.stderr
    said += [done, remote("doctor", code=None)]
    assert "does not accept the credentials" in said[-1].stdout
    assert len(remote.export()) == 3
    for done in said:
        assert SECRET not in done.stdout + done.stderr
    for file in remote.data.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


def test_that_nothing_is_written_there_is_said_in_postgresql_as_well(
    object_server: ObjectStorage, tmp_path: Path, postgres_server: Server
) -> None:
    """Each machine reaches the storage, so that no other one is waited for."""
    shared = Tagger(tmp_path, BUILT_IN | object_server.environ | {"TAGGER_DATABASE": postgres_server.new_database()})
    for name, data in some_photos(3):
        object_server.put(f"in/{name}", data)
    shared("backfill", ROOT)
    for query in ((), ("format:jpeg",)):
        done = shared("write", "--mode", "sidecar", *query, code=1)
        assert "is in object storage, where nothing is written" in done.stderr
        assert "not on this machine" not in done.stdout


def test_the_secret_may_stand_in_a_file(object_server: ObjectStorage, remote: Tagger, tmp_path: Path) -> None:
    [(name, data)] = some_photos(1)
    object_server.put(f"in/{name}", data)
    (tmp_path / "secret").write_text(SECRET + "\n")
    del remote.environ["TAGGER_STORAGE_SECRET_KEY"]
    remote.environ["TAGGER_STORAGE_SECRET_KEY_FILE"] = str(tmp_path / "secret")
    assert "1 photo labelled" in remote("backfill", ROOT).stdout
    shown = remote("config").stdout
    assert 'secret_key = "***"' in shown
    assert SECRET not in shown


def test_the_page_shows_them_and_sends_them(object_server: ObjectStorage, remote: Tagger) -> None:
    photos = dict(some_photos(3))
    for name, data in photos.items():
        object_server.put(f"in/{name}", data)
    remote("backfill", ROOT)
    with serving(remote) as site:
        number = site.photo("0001.jpg")
        picture = site.get(f"/api/v1/photos/{number}/picture?size=thumbnail")
        assert picture.status == 200, picture.text
        assert Image.open(io.BytesIO(picture.body)).format == "JPEG"
        original = site.get(f"/api/v1/photos/{number}/original")
        assert original.body == photos["00/0001.jpg"]
        ready = site.send("/downloads", {"photos": [number]})
        with zipfile.ZipFile(io.BytesIO(site.get(f"/api/v1/{ready['path']}").body)) as archive:
            assert archive.read("0001.jpg") == photos["00/0001.jpg"]
        assert site.get(f"/photos/{number}").status == 200
        object_server.delete("in/00/0002.jpg")
        gone = site.get(f"/api/v1/photos/{site.photo('0002.jpg')}/original")
        assert gone.status == 422
        assert "it is not there" in gone.text


def test_the_service_looks_through_it(object_server: ObjectStorage, remote: Tagger) -> None:
    for name, data in some_photos(2):
        object_server.put(f"in/{name}", data)
    with running(remote, ROOT) as service:  # type: ignore[arg-type]
        service.wait_until_done(2)
        assert "service.rescan" in remote("status").stdout
        *_, (name, data) = some_photos(3)
        object_server.put(f"in/{name}", data)
        remote("backfill")
        service.wait_until_done(3)
        assert service.stop() == 0
