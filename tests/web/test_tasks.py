"""Work that takes long, started by a request: keywords, labels that are taught, duplicates."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tagger.core.errors import UsageError
from tagger.core.progress import Callbacks
from tagger.web.problems import ProblemError
from tagger.web.schemas_tasks import SwitchedOut
from tagger.web.tasks import Tasks
from tests.cli.runner import Tagger
from tests.web.site import Site, serving


@pytest.fixture
def tasks() -> Iterator[Tasks]:
    found = Tasks()
    yield found
    found.close()


def result(callbacks: Callbacks) -> SwitchedOut:
    callbacks.on_progress(3, 4)
    return SwitchedOut(key="x", on=True, changed=7)


def test_work_is_done_one_after_the_other_and_told_of(tasks: Tasks, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def waits(callbacks: Callbacks) -> SwitchedOut:
        assert gate.wait(20)
        return result(callbacks)

    def refuses(_: Callbacks) -> SwitchedOut:
        raise UsageError("That cannot be.", "Do something else.")

    def breaks(_: Callbacks) -> SwitchedOut:
        raise ZeroDivisionError("nothing to divide by")

    first, *others = [tasks.start("work", one) for one in (waits, result, refuses, breaks)]
    assert {one.state for one in others} == {"waiting"}
    assert not first.ended.is_set()
    # What can wait is limited.
    for _ in range(16):
        tasks.start("work", result)
    with pytest.raises(ProblemError, match="waits"):
        tasks.start("work", result)
    gate.set()
    for one in (first, *others):
        assert one.ended.wait(20)
    assert [one.state for one in (first, *others)] == ["done", "done", "failed", "failed"]
    assert (first.done, first.total) == (3, 4)
    assert isinstance(first.result, SwitchedOut)
    faults = [one.fault for one in others[1:]]
    assert [fault.status for fault in faults if fault] == [400, 500]
    assert "nothing to divide by" in caplog.text
    assert tasks.find(first.id) is first
    with pytest.raises(ProblemError, match="number"):
        tasks.find(999)


def test_when_the_server_ends_what_waits_is_not_begun(tasks: Tasks) -> None:
    running, stopped = threading.Event(), []

    def until_stopped(callbacks: Callbacks) -> SwitchedOut:
        running.set()
        while not callbacks.stop():
            pass
        stopped.append(True)
        return result(callbacks)

    tasks.start("work", until_stopped)
    later = tasks.start("work", result)
    assert running.wait(20)
    tasks.close()
    assert stopped == [True]
    assert later.state == "waiting"


def done(site: Site, task: dict[str, Any]) -> dict[str, Any]:
    """What came of a task."""
    for _ in range(12):
        found = site.api(f"/tasks/{task['id']}?wait=10")
        if found["state"] in ("done", "failed"):
            return dict(found)
    raise AssertionError(found)


@pytest.fixture
def writing(gallery: Tagger) -> Iterator[Site]:
    with serving(gallery, TAGGER_KEYWORDS_MODE="sidecar") as site:
        yield site


@pytest.mark.slow
def test_keywords_are_previewed_written_told_and_taken_back(writing: Site) -> None:
    photos = [one["id"] for one in writing.api("/search?q=espresso&limit=500")["photos"]]
    folder = writing.tagger.home / "photos"
    which = {"which": {"query": "espresso", "expected": len(photos)}}
    preview = done(writing, writing.send("/keywords/preview", which, 202))["result"]
    assert preview["files"] == preview["sidecars"] == len(photos)
    assert preview["bytes"] > 100
    assert "dc:subject: espresso" in preview["files_listed"][0]["add"]
    assert list(folder.glob("*.xmp")) == []
    writing.send("/keywords/write", {"which": {"query": "espresso", "expected": 1}}, 409)

    task = writing.send("/keywords/write", which, 202)
    written = done(writing, task)
    assert (written["state"], written["result"]["by"]) == ("done", "server")
    assert (written["result"]["files"], written["result"]["bytes"]) == (len(photos), preview["bytes"])
    assert len(list(folder.glob("*.xmp"))) == len(photos)
    [run] = writing.api("/keywords/runs")
    assert (run["command"], run["files"], run["outcome"]) == ("write", len(photos), "done")
    [write] = writing.api(f"/photos/{photos[0]}/history")
    assert (write["run"], write["target"], write["size_before"]) == (run["id"], "sidecar", None)
    assert ["dc:subject", "espresso"] in write["added"]

    would = done(writing, writing.send("/keywords/undo/preview", {"run": run["id"]}, 202))["result"]
    assert (would["files"], would["exact"]) == (len(photos), len(photos))
    back = done(writing, writing.send("/keywords/undo", {"run": run["id"]}, 202))
    assert back["result"]["files"] == len(photos)
    assert list(folder.glob("*.xmp")) == []
    assert "No run 99" in done(writing, writing.send("/keywords/undo", {"run": 99}, 202))["problem"]["detail"]
    writing.send("/keywords/undo", {"run": 1, "everything": True}, 400)
    writing.api("/tasks/999", 404)


@pytest.mark.slow
def test_a_label_is_taught_tried_switched_and_forgotten(site: Site) -> None:
    assert "off" in site.send("/keywords/write", {}, 400)["detail"]
    cats = [one["id"] for one in site.api("/search?q=path:cat+OR+cat&limit=500")["photos"]]
    others = [one["id"] for one in site.api("/search?q=-path:cat+-cat&limit=500")["photos"]]
    lesson = {"name": "our pet", "yes": cats, "no": others[:60]}
    told = done(site, site.send("/taught/preview", lesson, 202))["result"]
    assert (told["name"], told["kept"], told["on"]) == ("our pet", False, False)
    assert site.api("/taught") == []
    kept = done(site, site.send("/taught", lesson, 202))["result"]
    assert kept["refused"] == ""
    assert kept["kept"]
    [label] = site.api("/taught")
    assert (label["key"], label["on"], label["yes"]) == ("own:our pet", False, kept["yes"])
    tried = site.send("/taught/own:our%20pet/try/preview", {"photos": [cats[0], others[0]]})
    assert tried[0]["probability"] > tried[1]["probability"]
    on = done(site, site.send("/taught/own:our%20pet/switch", {"on": True, "looked": True}, 202))
    assert (on["state"], on["result"]["on"]) == ("done", True)
    assert site.api("/search/count?q=%22our+pet%22")["photos"] == on["result"]["changed"] > 0
    off = done(site, site.send("/taught/own:our%20pet/switch", {"on": False}, 202))
    assert off["result"]["changed"] == on["result"]["changed"]
    assert site.send("/taught/own:our%20pet", None, method="DELETE")["on"] is False
    assert site.api("/taught") == []
    site.send("/taught/own:our%20pet/switch", {"on": True}, 400)
    site.send("/taught", {"name": "x", "yes": [999_999]}, 400)
    site.send("/taught", {"name": "x", "yes": []}, 400)


@pytest.mark.slow
def test_duplicates_are_what_the_command_finds(reading: Site) -> None:
    found = done(reading, reading.send("/duplicates", {"least": 0.9}, 202))["result"]
    lines = reading.tagger.json_lines("duplicates", "--least", "0.9")
    assert found["groups"] == len(lines) == len(found["listed"])
    assert [[Path(one["path"]).name for one in group["photos"]] for group in found["listed"]] == [
        [Path(one["path"]).name for one in line["photos"]] for line in lines
    ]
    assert found["photos"] == sum(len(line["photos"]) for line in lines) > 1
