"""Asking the service; also one of an older version of tagger, and being asked by an older client."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tagger.core.errors import TaggerError, UsageError
from tagger.intake.monitor import FolderState
from tagger.service import control, control_socket
from tagger.service.state import FetchState, KeywordState, LabelState, RelabelState, ServiceState
from tests.cli.runner import Tagger

STATE = ServiceState(
    pid=12,
    started_at=1_700_000_000,
    problems=["The disk is full."],
    settling=3,
    folders=[FolderState("/photos", "polling", "a network share", 0, "900 of 1000 photos are gone", 1.7e9)],
    labelling=LabelState("abc", "resnet50", "", "", "", 12.5, 10, 1, 2, 0.8, 4711, 1, window_open=True),
    keywords=KeywordState("sidecar", "", 7, 0),
    relabelling=RelabelState(running=True, done=5, total=9, problem=""),
    fetching=FetchState("no route", 1.7e9 + 60),
    work_window="22:00-06:00",
    window_changes_at=1.7e9 + 100,
    next={"rescan": 1.7e9 + 50},
)


class Service:
    """Stands in for the daemon; `asked` is what it was told."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def state(self) -> ServiceState:
        return STATE

    def scan(self, folders: Sequence[str]) -> list[str]:
        if "/inside" in folders:
            raise UsageError("/inside overlaps another folder.", "Forget that one first.")
        return [*folders]

    def accept_missing(self) -> list[str]:
        return ["/photos"]

    def wake(self) -> None:
        self.asked.append("wake")

    def reload(self) -> None:
        self.asked.append("reload")

    def relabel(self) -> None:
        raise RuntimeError("a fault")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    asked = Service()
    listener = control.listen(tmp_path, asked)
    yield asked
    listener.close()


@contextmanager
def other_service(data_dir: Path, answers: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """A service of another version: answers as it did, by the word it is asked."""
    questions: list[dict[str, Any]] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(data_dir / control.SOCKET))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, connection.makefile("rb") as lines:
                    questions.append(json.loads(lines.readline()))
                    connection.sendall(json.dumps(answers[questions[-1]["ask"]]).encode() + b"\n")

        threading.Thread(target=serve, daemon=True).start()
        yield questions
        server.shutdown(socket.SHUT_RDWR)


def test_without_a_service_there_is_no_answer(tmp_path: Path) -> None:
    assert control.status(tmp_path) is None
    assert control.scan(tmp_path, ["/photos"]) is None
    assert control.accept_missing(tmp_path) is None
    assert not control.is_running(tmp_path)
    assert not control.wake(tmp_path)
    assert not control.reload(tmp_path)
    assert not control.relabel(tmp_path)


def test_everything_arrives_as_it_was(tmp_path: Path, service: Service) -> None:
    assert control.status(tmp_path) == STATE
    assert control.is_running(tmp_path)
    assert control.scan(tmp_path, ["/photos", "/more"]) == ["/photos", "/more"]
    assert control.accept_missing(tmp_path) == ["/photos"]
    assert control.wake(tmp_path)
    assert control.reload(tmp_path)
    assert service.asked == ["wake", "reload"]


def test_it_says_whether_it_is_well(tmp_path: Path, service: Service) -> None:
    assert control_socket.reasons_unwell(tmp_path) == [
        "The disk is full.",
        "/photos: 900 of 1000 photos are gone",
    ]


def test_faults_of_the_service_are_told(tmp_path: Path, service: Service) -> None:
    with pytest.raises(TaggerError, match=r"overlaps another folder\.\nForget that one first"):
        control.scan(tmp_path, ["/inside"])
    with pytest.raises(TaggerError, match="RuntimeError: a fault"):
        control.relabel(tmp_path)
    assert control.wake(tmp_path), "it lives"


def test_an_older_client_is_answered_as_before(tmp_path: Path, service: Service) -> None:
    def ask(question: dict[str, Any]) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(tmp_path / control.SOCKET))
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile("rb") as lines:
                return json.loads(lines.readline())

    state = ask({"ask": "status"})
    assert state["labelling"]["photos_per_second"] == 12.5
    assert state["folders"][0]["held"] == "900 of 1000 photos are gone"
    assert state["relabelling"] == {"running": True, "done": 5, "total": 9, "problem": ""}
    assert ask({"ask": "scan", "folders": ["/photos"]})["folders"] == ["/photos"]
    assert "error" not in ask({"ask": "wake"})
    assert "another version" in ask({"ask": "dance"})["error"]


def test_an_older_service_is_told_apart_and_still_told_what_to_do(tmp_path: Path) -> None:
    before = control.state_json(STATE)
    answers = {"status": before, "wake": {}, "reload": {}, "scan": {"folders": ["/photos"]}}
    with other_service(tmp_path, answers) as questions:
        with pytest.raises(control.OtherVersionError, match="another version of tagger"):
            control.status(tmp_path)
        assert control.is_running(tmp_path)
        assert control.wake(tmp_path)
        assert control.reload(tmp_path)
        assert control.scan(tmp_path, ["/photos"]) == ["/photos"]
    assert questions[-1] == {"ask": "scan", "folders": ["/photos"]}


@pytest.mark.parametrize(
    "answer", [{"protocol": 99}, {"protocol": "x"}, {"protocol": 2, "pid": "x"}, [], {"protocol": 2}]
)
def test_what_is_not_understood_is_another_version(tmp_path: Path, answer: Any) -> None:
    with other_service(tmp_path, {"status": answer}), pytest.raises(control.OtherVersionError):
        control.status(tmp_path)


@pytest.mark.slow
def test_commands_say_it_in_a_sentence(tmp_path: Path, bare: Tagger) -> None:
    (tmp_path / "photos").mkdir()
    bare("backfill", tmp_path / "photos", code=None)
    with other_service(bare.data, {"status": control.state_json(STATE), "wake": {}}):
        said = bare("status").stdout
        assert "another version of tagger. Restart it" in said
        assert "Folder" in said
        assert "another version" in bare.json("status")["service_fault"]
        assert "another version" in bare("doctor", code=None).stdout
