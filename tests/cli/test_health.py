"""`tagger health`, for containers and scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tagger.core.errors import TaggerError
from tagger.service import control
from tagger.service.state import HookState, ServiceState
from tests.cli.runner import Tagger
from tests.cli.service import running
from tests.service.test_control import STATE, Service

WELL = replace(STATE, problems=[], folders=[], hooks=HookState(0, ("hooks.labelled is away",)))


@contextmanager
def answering(tagger: Tagger, state: ServiceState | TaggerError) -> Iterator[None]:
    class Answers(Service):
        def state(self) -> ServiceState:
            if isinstance(state, TaggerError):
                raise state
            return state

    tagger.data.mkdir()
    listener = control.listen(tagger.data, Answers())
    try:
        yield
    finally:
        listener.close()


def test_no_service_is_not_well(bare: Tagger) -> None:
    assert bare("health", code=1).stdout == "No service is running.\n"
    assert json.loads(bare("health", "--json", code=1).stdout) == {
        "ok": False,
        "running": False,
        "reasons": ["No service is running."],
    }
    assert not bare.data.exists()


def test_a_service_that_is_well_has_exit_code_0_also_while_a_hook_is_away(bare: Tagger) -> None:
    with answering(bare, WELL):
        assert bare("health").stdout == "The service is well.\n"
        assert bare("health", "-q").stdout == ""
        assert json.loads(bare("health", "--json").stdout) == {"ok": True, "running": True, "reasons": []}


def test_what_is_wrong_is_said(bare: Tagger) -> None:
    with answering(bare, STATE):
        assert bare("health", "-q", code=1).stdout.splitlines() == [
            "The disk is full.",
            "/photos: 900 of 1000 photos are gone",
        ]


def test_a_service_that_cannot_answer_is_not_well(bare: Tagger) -> None:
    with answering(bare, TaggerError("The service does not know that.")):
        assert "does not know" in bare("health", code=1).stderr


def test_it_imports_no_more_than_it_needs() -> None:
    code = "import sys, tagger.cli.health; print({'sqlalchemy', 'numpy', 'watchdog', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.slow
def test_the_real_service(gallery: Tagger) -> None:
    with running(gallery, gallery.home / "photos"):
        assert gallery("health").stdout == "The service is well.\n"
    assert gallery("health", code=1).stdout == "No service is running.\n"
