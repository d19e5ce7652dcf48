"""Object storage as a root of the library, with a real server that can be told to misbehave."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("s3fs")
pytest.importorskip("moto")

from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, LimitSettings, Settings, StorageSettings
from tagger.core.errors import UsageError
from tagger.core.paths import absolute
from tagger.imaging.decode import open_photo
from tagger.imaging.errors import DecodeError, DecodeFault
from tagger.imaging.metadata.descriptions import descriptions_at
from tagger.imaging.metadata.fields import fields_at
from tagger.intake.object_walk import photos_at, walk_objects
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanResult, scan_roots
from tagger.keywords.read import persons_words
from tagger.store.library import Library
from tagger.store.photos import known_photos
from tagger.store.roots import root_of
from tagger.store.session import open_store
from tagger.system import objects
from tests.object_storage import BUCKET, SECRET, ObjectStorage

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
ROOT = f"s3://{BUCKET}/in"


pytestmark = pytest.mark.slow


@pytest.fixture
def storage(object_server: ObjectStorage, monkeypatch: pytest.MonkeyPatch) -> ObjectStorage:
    monkeypatch.setattr(objects, "_PAUSES", (0.01, 0.01))
    objects.use(settings_of(object_server), LimitSettings())
    return object_server


def settings_of(storage: ObjectStorage, **others: str) -> StorageSettings:
    keys = {"access_key": "somebody", "secret_key": SECRET, "region": "us-east-1", "endpoint_url": storage.url}
    return StorageSettings(**{**keys, **others})


@pytest.fixture
def library(storage: ObjectStorage, tmp_path: Path) -> Iterator[Library]:
    settings = Settings(data_dir=tmp_path / "data", storage=settings_of(storage))
    with open_store(settings, create=True) as store:
        yield Library(store, settings)


def scan(library: Library, *, accept: bool = False) -> tuple[set[str], ScanResult]:
    """Scan the root, and return the photos that are known then."""
    [root] = resolve_roots(library.store, [ROOT], SystemClock())
    result = scan_roots(library, [root], accept_missing=accept)
    return {photo.path for photo in known_photos(library.store, root.id) if not photo.missing}, result


def test_new_changed_deleted_and_back(storage: ObjectStorage, library: Library) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        storage.put(f"in/{name}", JPEG + name.encode())
    storage.put("in-another/d.jpg", JPEG)
    known, result = scan(library)
    assert known == {"a.jpg", "b.jpg", "c.jpg"}
    assert (result.new, result.changed, result.gone) == (3, 0, 0)
    assert scan(library)[1].changed == 0
    # As long as before, within the same second perhaps: the ETag tells.
    storage.put("in/a.jpg", JPEG + b"A.jpg")
    storage.delete("in/b.jpg")
    known, result = scan(library)
    assert (result.new, result.changed, result.gone) == (0, 1, 1)
    assert known == {"a.jpg", "c.jpg"}
    storage.put("in/b.jpg", JPEG + b"b.jpg")
    assert scan(library)[0] == {"a.jpg", "b.jpg", "c.jpg"}


def test_names_are_taken_as_they_are(storage: ObjectStorage) -> None:
    names = ["a b+c%41&d?e#f.jpg", "a//b.jpg", "Ä\u0308 é.jpg", "A.JPG", "a.jpg", "x/y/1 2.jpg", "?versionId=1.jpg"]
    skipped = ["a/", ".hidden/a.jpg", "@eaDir/a.jpg", "notes.txt", "deep/.thumb.jpg", "out/a.jpg"]
    for name in (*names, *skipped):
        storage.put(f"in/{name}", b"" if name.endswith("/") else JPEG)
    # Nothing is its name.
    storage.put("in//a.jpg", JPEG)
    storage.put("in/.taggerignore", b"*.jpg")
    problems: list[str] = []
    settings = IntakeSettings(ignore=("out/",))
    seen = [file.path for file in walk_objects(ROOT, settings, lambda problem: problems.append(str(problem)))]
    assert sorted(seen) == sorted(names)
    assert len(problems) == 2
    assert "begins with a slash" in "".join(problems)
    assert "intake.ignore" in "".join(problems)
    for name in names:
        with objects.open_object(f"{ROOT}/{name}") as (descriptor, fingerprint):
            assert os.read(descriptor, 1000) == JPEG
            assert fingerprint.size == len(JPEG)
        assert absolute(f"{ROOT}/{name}") == f"{ROOT}/{name}"


def test_what_is_listed_and_what_is_read_have_the_same_fingerprint(storage: ObjectStorage) -> None:
    storage.put("in/a.jpg", JPEG)
    part = os.urandom(5 << 20)
    multi = {"Bucket": BUCKET, "Key": "in/parts.jpg"}
    upload = storage.client.create_multipart_upload(**multi)["UploadId"]
    parts = []
    for number, body in ((1, part), (2, JPEG)):
        found = storage.client.upload_part(**multi, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": found["ETag"]})
    storage.client.complete_multipart_upload(**multi, UploadId=upload, MultipartUpload={"Parts": parts})
    listed = dict(objects.listing(ROOT))
    assert len(listed) == 2
    for name, fingerprint in listed.items():
        assert objects.object_state(f"{ROOT}/{name}") == fingerprint
        with objects.open_object(f"{ROOT}/{name}") as (_, read):
            assert read == fingerprint
    assert objects.object_state(f"{ROOT}/nothing.jpg") is None


def test_pages_are_asked_for_one_at_a_time_and_a_listing_that_breaks_off_loses_nothing(
    storage: ObjectStorage, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_PAGE", 10)
    for number in range(35):
        storage.put(f"in/{number:02}.jpg", JPEG + bytes([number]))
    assert len(scan(library)[0]) == 35
    listings = [path for _, path in storage.asked if "list-type=2" in path and "max-keys=10" in path]
    assert len(listings) == 4
    storage.delete("in/30.jpg")
    storage.delete("in/01.jpg")
    storage.put("in/00a.jpg", JPEG)
    storage.misbehave = lambda _, path: (503, "SlowDown") if "continuation-token" in path else None
    before = len(storage.asked)
    known, result = scan(library)
    assert len(known) == 36
    assert result.gone == 0
    assert "is busy or has a fault (SlowDown)" in result.held_back[ROOT]
    assert result.unlisted == {ROOT}
    # It was tried again before that.
    assert sum("continuation-token" in path for _, path in storage.asked[before:]) == 3
    storage.misbehave = lambda *_: None
    known, result = scan(library)
    assert (len(known), result.gone, result.held_back) == (34, 2, {})


def test_a_fault_that_passes_is_not_noticed(storage: ObjectStorage) -> None:
    storage.put("in/a.jpg", JPEG)
    faults: list[object] = [(500, "InternalError"), "cut"]
    storage.misbehave = lambda *_: faults.pop() if faults else None  # type: ignore[return-value]
    with objects.open_object(f"{ROOT}/a.jpg") as (descriptor, _):
        assert os.read(descriptor, 1000) == JPEG
    faults[:] = ["cut", (429, "TooManyRequests")]
    assert [name for name, _ in objects.listing(ROOT)] == ["a.jpg"]
    assert not faults


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ((404, "NoSuchKey"), DecodeFault.GONE, "no such file"),
        ((403, "AccessDenied"), DecodeFault.UNREADABLE, "access was denied"),
        ((403, "InvalidObjectState"), DecodeFault.UNREADABLE, "archived"),
        # None of these is the photo's fault: it is tried again later.
        ((404, "NoSuchBucket"), DecodeFault.UNAVAILABLE, "there is no bucket photos"),
        ((403, "ExpiredToken"), DecodeFault.UNAVAILABLE, "does not accept the credentials"),
        ((301, "PermanentRedirect"), DecodeFault.UNAVAILABLE, "storage.region"),
        ((503, "SlowDown"), DecodeFault.UNAVAILABLE, "busy"),
        ("cut", DecodeFault.UNAVAILABLE, "cut"),
    ],
)
def test_what_goes_wrong_is_told(storage: ObjectStorage, fault: object, kind: DecodeFault, words: str) -> None:
    storage.put("in/a.jpg", JPEG)
    storage.misbehave = lambda *_: fault  # type: ignore[return-value]
    with pytest.raises(DecodeError) as told, open_photo(f"{ROOT}/a.jpg"):
        pass
    assert told.value.fault is kind
    assert words in told.value.reason
    assert SECRET not in str(told.value)


_XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><rdf:Bag><rdf:li>regatta</rdf:li></rdf:Bag>
</dc:subject><dc:description><rdf:Alt><rdf:li xml:lang="x-default">Boats on the lake</rdf:li></rdf:Alt>
</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_what_files_tell_is_read_there(storage: ObjectStorage) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", xmp=_XMP)
    storage.put("in/deep/a.jpg", out.getvalue())
    photo, settings = f"{ROOT}/deep/a.jpg", Settings()
    assert persons_words(photo, settings) == {"regatta"}
    assert descriptions_at(photo, settings.keywords) == ["Boats on the lake"]
    assert [word.text for word in fields_at(photo, settings.keywords).keywords] == ["regatta"]
    storage.put("in/deep/b.txt", b"no photo")
    assert photos_at(photo, settings.intake) == photos_at(ROOT, settings.intake) == [photo]
    assert photos_at(f"{ROOT}/nothing", settings.intake) == []
    storage.misbehave = lambda *_: (403, "AccessDenied")
    with pytest.raises(UsageError, match="access was denied"):
        photos_at(ROOT, settings.intake)


def test_one_that_is_too_large_is_not_fetched(storage: ObjectStorage) -> None:
    storage.put("in/a.jpg", JPEG + bytes(2 << 20))
    objects.use(settings_of(storage), LimitSettings(file_mb=1))
    with pytest.raises(DecodeError, match=r"limits\.file_mb = 1") as told, open_photo(f"{ROOT}/a.jpg"):
        pass
    assert told.value.fault is DecodeFault.TOO_BIG


def test_a_folder_that_is_empty_all_at_once_is_not_believed(storage: ObjectStorage, library: Library) -> None:
    for number in range(3):
        storage.put(f"in/{number}.jpg", JPEG + bytes([number]))
    scan(library)
    for number in range(3):
        storage.delete(f"in/{number}.jpg")
    known, result = scan(library)
    assert len(known) == 3
    assert "3 photos are known" in result.held_back[ROOT]
    storage.client.delete_bucket(Bucket=BUCKET)
    known, result = scan(library)
    assert len(known) == 3
    assert result.held_back[ROOT] == "there is no bucket photos"
    storage.client.create_bucket(Bucket=BUCKET)
    known, result = scan(library, accept=True)
    assert (known, result.gone) == (set(), 3)


def test_very_many_that_are_gone_at_once_are_held(storage: ObjectStorage, library: Library) -> None:
    for number in range(80):
        storage.put(f"in/{number}.jpg", JPEG + bytes([number]))
    scan(library)
    for number in range(1, 80):
        storage.delete(f"in/{number}.jpg")
    known, result = scan(library)
    assert len(known) == 80
    assert "79 of its 80 photos are gone at once" in result.held_back[ROOT]


def test_roots_are_refused_where_nothing_can_come_of_them(storage: ObjectStorage, library: Library) -> None:
    storage.put("in/deep/a.jpg", JPEG)
    [root] = resolve_roots(library.store, [f"{ROOT}/deep"], SystemClock())
    # A folder inside stands for the root.
    assert resolve_roots(library.store, [f"{ROOT}/deep/deeper"], SystemClock()) == [root]
    for address, words in {
        ROOT: "contains s3://photos/in/deep",
        "s3://photos/nothing": "There is nothing in",
        "s3://nobodys": "there is no bucket nobodys",
        "s3://": "names no bucket",
        "s3://Not_A_Bucket!": "no name of a bucket",
    }.items():
        with pytest.raises(UsageError, match=words):
            resolve_roots(library.store, [address], SystemClock())
    with library.store.read() as session:
        assert root_of(session, f"{ROOT}/deep/x//y.jpg") == (root, "x//y.jpg")
        assert root_of(session, f"{ROOT}/deeper/x.jpg") is None


def test_a_server_that_is_not_there_is_named(
    storage: ObjectStorage, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.use(settings_of(storage, endpoint_url="http://127.0.0.1:9"), LimitSettings())
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:9 does not answer"):
        resolve_roots(library.store, [ROOT], SystemClock())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    objects.use(settings_of(storage, access_key="", secret_key=""), LimitSettings())
    with pytest.raises(UsageError, match="no credentials were found"):
        resolve_roots(library.store, [ROOT], SystemClock())


def test_without_what_reads_it_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "s3fs" else object())
    with open_store(Settings(data_dir=tmp_path / "data"), create=True) as store:
        with pytest.raises(UsageError, match="is not installed") as told:
            resolve_roots(store, [ROOT], SystemClock())
        assert "pip install 'tagger-photos[s3]'" in told.value.cure
