"""Photos that somebody sends: looked at in memory, however large, slow, many or hostile, and forgotten."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.gallery import PHOTOS, huge_png
from tests.cli.runner import Tagger
from tests.web.site import Answer, Site, serving


def form(*photos: tuple[str, bytes]) -> tuple[bytes, dict[str, str]]:
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="photo"; filename="%s"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % (name.encode(), data)
        for name, data in photos
    ]
    return b"".join(parts) + b"--edge--\r\n", {"Content-Type": "multipart/form-data; boundary=edge"}


def classify(site: Site, *photos: tuple[str, bytes]) -> Answer:
    body, headers = form(*photos)
    return site.ask("POST", "/api/v1/classify", body, headers)


@pytest.fixture
def coffee() -> bytes:
    return (PHOTOS / "coffee.jpg").read_bytes()


def test_a_photo_as_the_body_is_labelled(reading: Site, coffee: bytes) -> None:
    for path in ("/api/classify", "/api/v1/classify"):
        answer = reading.ask("POST", path, coffee, {"Content-Type": "image/jpeg", "X-Name": "bar.jpg"})
        assert answer.status == 200, answer.text
        [photo] = answer.json["photos"]
        assert photo["name"] == "bar.jpg"
        assert photo["why"]["classes"][0]["name"] == "espresso"
        assert "espresso" in [one["name"] for one in photo["why"]["labels"]]
        assert photo["why"]["fresh"]
    assert reading.api("/classify")["ready"]


def test_several_photos_are_answered_in_their_order(reading: Site, coffee: bytes) -> None:
    cat = (PHOTOS / "cat.jpg").read_bytes()
    answer = classify(reading, ("a.jpg", cat), ("notes.txt", b"no photo"), ("b.jpg", coffee))
    photos = answer.json["photos"]
    assert [photo["name"] for photo in photos] == ["a.jpg", "notes.txt", "b.jpg"]
    assert photos[0]["why"]["classes"][0]["name"] == "Egyptian cat"
    assert "not a picture" in photos[1]["error"]
    assert photos[2]["why"]["classes"][0]["name"] == "espresso"


@pytest.mark.slow
def test_an_upload_leaves_nothing_behind(gallery: Tagger, coffee: bytes, tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    mark = b"a mark that no other file has" * 100
    before = {path for path in gallery.home.rglob("*") if path.is_file()}
    with serving(gallery, TMPDIR=str(spill)) as site:
        body, headers = form(("a.jpg", coffee + mark + os.urandom(3 << 20)))
        assert site.ask("POST", "/api/classify", body, headers).json["photos"][0]["why"]
        files = {path for path in gallery.home.rglob("*") if path.is_file()} - before
        assert not any(mark in path.read_bytes() for path in files)
        assert list(spill.iterdir()) == []
        descriptors = [os.readlink(link) for link in Path(f"/proc/{site.process.pid}/fd").iterdir()]
        assert not any("memfd" in target for target in descriptors)


@pytest.mark.slow
def test_what_is_too_large_or_empty_or_too_much_is_refused(gallery_once: Tagger, coffee: bytes) -> None:
    with serving(gallery_once, TAGGER_WEB_UPLOAD_MB="1") as site:
        large = coffee + b"\0" * (2 << 20)
        assert site.ask("POST", "/api/classify", large).status == 413
        assert classify(site, ("a.jpg", large)).status == 413
        # Without saying beforehand how much it will be.
        with socket.create_connection(("127.0.0.1", site.port)) as raw:
            raw.sendall(b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                for _ in range(40):
                    raw.sendall(b"10000\r\n" + b"\0" * 65536 + b"\r\n")
            except OSError:
                pass
            assert b" 413 " in raw.recv(200)
        assert site.ask("POST", "/api/classify", b"").status == 400
        assert site.ask("POST", "/api/classify", b"x", {"Content-Type": "multipart/form-data"}).status == 400
        assert site.ask("POST", "/api/classify", *form()).status == 400
        assert classify(site, *[("a.jpg", b"x")] * 21).status == 400
        assert classify(site, ("a.jpg", coffee)).status == 200


@pytest.mark.slow
def test_hostile_photos_are_refused_and_the_next_one_is_labelled(reading: Site, coffee: bytes) -> None:
    [huge] = classify(reading, ("huge.png", huge_png())).json["photos"]
    assert huge["why"] is None
    assert "limits.megapixels" in huge["error"]
    chance = random.Random(1)
    damaged = []
    for number in range(20):
        data = bytearray(coffee[: chance.randrange(len(coffee))] if number % 2 else coffee)
        for _ in range(20):
            data[chance.randrange(len(data))] = chance.randrange(256)
        damaged.append((f"{number}.jpg", bytes(data)))
    answer = classify(reading, *damaged)
    assert answer.status == 200, answer.text
    assert [photo["name"] for photo in answer.json["photos"]] == [name for name, _ in damaged]
    assert all(bool(photo["why"]) != bool(photo["error"]) for photo in answer.json["photos"])
    assert classify(reading, ("a.jpg", coffee)).json["photos"][0]["why"]


@pytest.mark.slow
def test_bombs_are_refused_and_the_next_photo_is_labelled(reading: Site, shared: Path, coffee: bytes) -> None:
    for bomb in sorted((shared / "photos" / "bombs").iterdir()):
        [photo] = classify(reading, (bomb.name, bomb.read_bytes())).json["photos"]
        assert photo["why"] is None, bomb.name
        assert "limits." in photo["error"] or "scans" in photo["error"], photo["error"]
    for broken in sorted((shared / "photos" / "broken").iterdir())[:40]:
        answer = classify(reading, (broken.name, broken.read_bytes()))
        assert answer.status == 200, (broken.name, answer.text)
    assert classify(reading, ("a.jpg", coffee)).json["photos"][0]["why"]


@pytest.mark.slow
def test_fifty_slow_uploads_hold_nobody_up(gallery_once: Tagger, coffee: bytes) -> None:
    with serving(gallery_once, TAGGER_WEB_UPLOAD_SECONDS="6") as site:
        slow = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(50)]
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.3):
                for one in slow:
                    try:
                        one.sendall(b"x")
                    except OSError:
                        continue

        try:
            for one in slow:
                one.sendall(b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx")
            thread = threading.Thread(target=drip)
            thread.start()
            time.sleep(0.5)
            for _ in range(5):
                started = time.monotonic()
                assert site.get("/api/v1/search?q=espresso").status == 200
                assert site.get("/").status == 200
                assert time.monotonic() - started < 3
            assert site.ask("POST", "/api/classify", coffee).json["photos"][0]["why"]
            # Each is told that its time is over.
            for one in slow:
                one.settimeout(20)
                assert b" 408 " in one.recv(200)
        finally:
            stop.set()
            thread.join()
            for one in slow:
                one.close()
        assert site.get("/").status == 200


def test_one_that_breaks_off_leaves_no_trace(reading: Site, coffee: bytes) -> None:
    for _ in range(70):
        with socket.create_connection(("127.0.0.1", reading.port)) as raw:
            raw.sendall(b"POST /api/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx")
    # More than are received at once: each of them was given back.
    time.sleep(0.3)
    assert classify(reading, ("a.jpg", coffee)).status == 200


def test_a_raw_photo_is_known_by_its_name(reading: Site, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.tif")
    data = (tmp_path / "a.tif").read_bytes()
    assert classify(reading, ("a.tif", data)).json["photos"][0]["why"]
    [photo] = classify(reading, ("a.nef", data + b"another file")).json["photos"]
    assert "RAW" in photo["error"] or "preview" in photo["error"]
