"""A receiver of webhooks is told of what the real commands label, whatever happens to either."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, Tagger
from tests.cli.service import running, wait_for
from tests.service.receiver import Receiver, receiver
from tests.web.site import serving

NAMES = sorted(path.name for path in PHOTOS.glob("*.jpg"))


@pytest.fixture
def away() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def hooked(tmp_path: Path, away: Receiver) -> Tagger:
    (tmp_path / "home" / "photos").mkdir(parents=True)
    for name in NAMES:
        shutil.copy(PHOTOS / name, tmp_path / "home" / "photos")
    hooks = {"LABELLED": away.address, "SECRET": "a secret", "PHOTOS": "5", "SECONDS": "0.2", "TIMEOUT_SECONDS": "2"}
    return Tagger(tmp_path / "home", BUILT_IN | {f"TAGGER_HOOKS_{name}": value for name, value in hooks.items()})


@pytest.mark.slow
def test_a_backfill_tells_of_every_photo_once(hooked: Tagger, away: Receiver) -> None:
    hooked("backfill", hooked.home / "photos")
    assert sorted(away.names) == NAMES
    assert max(len(got.names) for got in away.got) <= 5
    assert all(got.headers["webhook-signature"].startswith("v1,") for got in away.got)
    told = {photo["path"]: photo for got in away.got for photo in got.told["data"]["photos"]}
    for path, photo in told.items():
        shown = hooked.json("show", path)
        assert photo["model"] == shown["model"]
        assert photo["architecture"] == "efficientnet_lite2"
        labels = [(one["name"], one["confidence"]) for one in shown["labels"] if one["shown"]]
        assert [(one["name"], one["confidence"]) for one in photo["labels"]] == labels
    # What is not new is not told.
    hooked("backfill")
    assert sorted(away.names) == NAMES
    assert "hooks.labelled is told of all photos" in hooked("status").stdout


@pytest.mark.slow
def test_a_receiver_that_fails_is_told_by_the_next_backfill(hooked: Tagger, away: Receiver) -> None:
    away.answer = 500
    done = hooked("backfill", hooked.home / "photos")
    assert f"is yet to be told of {len(NAMES)} photos: it answered 500 Internal Server Error." in done.stderr
    assert "12 photos labelled" in done.stdout
    assert hooked.json("status")["hooks"] == {"labelled": len(NAMES)}
    assert f"{len(NAMES)} photos wait to be told" in hooked("doctor", code=None).stdout
    assert len({got.headers["webhook-id"] for got in away.got}) == 1
    for said in (done.stderr, hooked("status").stdout, hooked("doctor", code=None).stdout, hooked("config").stdout):
        assert "s3cret" not in said
        assert "a secret" not in said
    away.answer = 204
    away.got.clear()
    hooked("backfill")
    assert sorted(away.names) == NAMES


@pytest.mark.slow
def test_nothing_is_lost_when_it_is_killed_while_it_tells(hooked: Tagger, away: Receiver) -> None:
    """The first delivery arrives and is not answered: after the kill it comes again under the same identifier."""

    def take_and_kill(_handler: object) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    away.answer = take_and_kill
    process = hooked.start("backfill", hooked.home / "photos")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    killed = away.got[0]
    away.answer = 204
    hooked("backfill")
    assert away.got[1].headers["webhook-id"] == killed.headers["webhook-id"]
    assert away.got[1].names == killed.names
    assert sorted({name for got in away.got[1:] for name in got.names}) == NAMES
    assert sorted(name for got in away.got[1:] for name in got.names) == NAMES


@pytest.mark.slow
def test_the_service_labels_whatever_the_receiver_does(hooked: Tagger, away: Receiver, tmp_path: Path) -> None:
    away.answer = lambda handler: wait_for(lambda: away.answer == 204, 60)
    (tmp_path / "told.py").write_text(f"import sys; open({str(tmp_path / 'out')!r}, 'a').write(sys.stdin.read())")
    hooked.environ["TAGGER_HOOKS_COMMAND"] = f'["{sys.executable}", "{tmp_path / "told.py"}"]'
    hooked.environ["TAGGER_HOOKS_TIMEOUT_SECONDS"] = "1"
    with running(hooked, hooked.home / "photos") as service:
        service.wait_until_done(len(NAMES))
        service.wait_for_log("event=hook_failed")
        status = hooked("status").stdout
        assert "UNTOLD    hooks.labelled (http://127.0.0.1:" in status
        assert "it gave no answer within 1 s" in status
        with serving(hooked) as site:
            told = site.api("/status")
            assert told["hooks"]["waiting"]["labelled"] > 0
            assert "it gave no answer within 1 s" in told["hooks"]["problems"][0]
            assert told["problems"] == []
            page = site.get("/status").text
            assert "it gave no answer within 1 s" in page
            assert re.search("hooks.labelled</dt><dd>[0-9]+ photos? (is|are) still to be told of", page)
        away.answer = 204
        before = len(away.got)
        wait_for(lambda: hooked.json("status")["hooks"] == {"labelled": 0, "command": 0}, 60)
        assert sorted(name for got in away.got[before:] for name in got.names) == NAMES
        assert service.stop() == 0
    said = (tmp_path / "out").read_text()
    assert all(said.count(f'/{name}"') == 1 for name in NAMES)
