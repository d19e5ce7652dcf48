"""The log: events with names that stay, as logfmt and JSON, with priorities where the journal reads them."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.core import events
from tagger.core.events import EVENTS
from tagger.system import logs
from tagger.system.log_lines import json_lines, logfmt
from tests.logfmt import read_logfmt

TOP = Path(__file__).parents[2]
SAY = """
import logging
from tagger.core import events
from tagger.system import logs
logs.set_up({kind!r}, **{options!r})
log = logging.getLogger("tagger")
log.debug(events.QUESTION_FAILED(why="later"))
log.info(events.BATCH(photos=3, failed=0, seconds=0.25, run=7))
log.warning(events.HELD(folder='/my "photos"', why="a = b"))
try:
    1 / 0
except ZeroDivisionError:
    log.exception(events.FAILED(part="x"))
logging.getLogger("uvicorn").warning("%d%%", 5)
"""


def logged(kind: str, *, journal: bool = False, **options: bool) -> list[str]:
    """The lines of a log of some events."""
    environ = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
    code = SAY.format(kind=kind, options=options)
    if journal:
        # As systemd does it: the device and inode of what standard error is.
        code = "import os, sys; at = os.fstat(2); os.environ['JOURNAL_STREAM'] = f'{at.st_dev}:{at.st_ino}'\n" + code
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environ)
    return done.stderr.splitlines()


def formatted(kind: str, record: logging.LogRecord, encoding: str = "utf-8") -> str:
    """A record as a line of the log, where standard error has an encoding."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding))
        return (logfmt() if kind == "logfmt" else json_lines()).format(record)


def test_every_message_is_an_event() -> None:
    free = []
    for file in (TOP / "tagger").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "_LOG"
                and not ast.unparse(node.args[0]).startswith("events.")
            ):
                free.append(f"{file.name}:{node.lineno}")
    assert free == []


def test_every_event_is_logged_somewhere_with_its_fields() -> None:
    used = set()
    for file in (TOP / "tagger").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("events."):
                event = getattr(events, ast.unparse(node.func).removeprefix("events."))
                used.add(event.name)
                given = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
                spread = any(keyword.arg is None for keyword in node.keywords)
                assert given <= set(event.fields) if spread else given == set(event.fields), (
                    f"{file.name}:{node.lineno}"
                )
    assert used == set(EVENTS)


def test_docs_list_every_event() -> None:
    """The table is: | `name` | `field`, ... | sentence |"""
    listed = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", (TOP / "docs" / "logs.md").read_text(), re.MULTILINE)
    assert listed == [(one.name, ", ".join(f"`{field}`" for field in one.fields), one.text) for one in EVENTS.values()]


def test_names_are_plain_and_fields_are_none_of_every_line() -> None:
    for event in EVENTS.values():
        assert re.fullmatch("[a-z]+(_[a-z]+)*", event.name)
        assert not {"time", "level", "event", "message", "error", "traceback", "logger"} & set(event.fields)


def test_an_event_takes_its_fields_and_no_others() -> None:
    for wrong in ({}, {"folders": 1, "more": 2}):
        with pytest.raises(TypeError, match="ready has the fields"):
            events.READY(**wrong)


def test_one_of_something_is_told_as_one() -> None:
    told = [
        events.READY(folders=1),
        events.READY(folders=2),
        events.MODEL_CHANGED(photos=1),
        events.KEYWORDS(files=1, sidecars=2, bytes=1, failed=1, run=1),
        events.HOOK_TOLD(hook="hooks.labelled", photos=1),
    ]
    assert list(map(str, told)) == [
        "ready: 1 folder",
        "ready: 2 folders",
        "1 photo was labelled by another model and will be looked at again",
        "keywords: 1 file, 2 sidecars, 1 byte, 1 failed",
        "hooks.labelled was told of 1 photo",
    ]


def test_json_has_typed_fields() -> None:
    batch, held, failed, other = map(json.loads, logged("json"))
    assert (batch["level"], batch["event"], batch["photos"], batch["seconds"]) == ("info", "batch", 3, 0.25)
    assert batch["run"] == 7
    assert batch["message"] == "labelled: 3 photos, 0.25 seconds"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", batch["time"])
    assert held["folder"] == '/my "photos"'
    assert failed["error"] == "ZeroDivisionError: division by zero"
    assert "Traceback" in failed["traceback"]
    assert (other["event"], other["logger"], other["message"]) == ("other", "uvicorn", "5%")


@pytest.mark.parametrize("kind", ["logfmt", "keyvalue", "auto"])
def test_logfmt_can_be_read_back(kind: str) -> None:
    batch, held, failed, other = map(read_logfmt, logged(kind))
    assert list(batch) == ["time", "level", "event", "photos", "failed", "seconds", "run", "message"]
    assert (batch["event"], batch["photos"], batch["seconds"]) == ("batch", "3", "0.25")
    assert (held["folder"], held["why"]) == ('/my "photos"', "a = b")
    assert failed["error"] == "ZeroDivisionError: division by zero"
    assert (other["event"], other["message"]) == ("other", "5%")


# What a field holds, and what a program reads of it: bytes that are no text and control characters are shown.
HARD = {
    "": "",
    "plain": "plain",
    "/my photos": "/my photos",
    "/ü 🐅/=": "/ü 🐅/=",
    '/"quoted"': '/"quoted"',
    "it's": "it's",
    "C:\\x": "C:\\x",
    'C:\\a b\\"c"\\': 'C:\\a b\\"c"\\',
    "two lines\nof it": "two lines\nof it",
    "tab\tbell\a\x1b[31m red": "tab\\tbell\\x07\\x1b[31m red",
    "next\x85line\u2028 and\rback": "next\\x85line\\u2028 and\\rback",
    "caf\udce9": "caf\\xe9",
    "a caf\udce9 \ud83d": "a caf\\xe9 \\ud83d",
    "nothing\x00": "nothing\\x00",
}


@pytest.mark.parametrize("why", HARD)
def test_a_field_of_any_characters_is_one_line_that_is_read_back(why: str) -> None:
    record = logging.LogRecord("tagger", logging.INFO, "", 1, events.HELD(folder="/x", why=why), (), None)
    line = formatted("logfmt", record)
    assert [*read_logfmt(line)] == ["time", "level", "event", "folder", "why", "message"]
    assert read_logfmt(line)["why"] == HARD[why]
    assert read_logfmt(line)["message"] == f"/x is left alone: {HARD[why]}"
    assert line.isprintable()
    for encoding in ("utf-8", "ascii"):
        line = formatted("json", record, encoding)
        # Readers in other languages refuse half a pair of surrogates.
        line.encode(encoding)
        assert "\n" not in line
        read = json.loads(line)["why"]
        assert read == why.replace("\udce9", "\\xe9").replace("\ud83d", "\\ud83d")


def test_a_fault_is_one_line_with_its_cause_and_its_traceback() -> None:
    try:
        raise ValueError('no "photo"\nat all: \udcff') from OSError("gone")
    except ValueError:
        told = logging.LogRecord("tagger", logging.ERROR, "", 1, events.FAILED(part="x"), (), sys.exc_info())
    line = formatted("logfmt", told)
    assert read_logfmt(line)["error"] == 'ValueError: no "photo"\nat all: \\xff'
    assert "Traceback" not in line
    assert line.isprintable()
    read = json.loads(formatted("json", told))
    assert read["error"] == 'ValueError: no "photo"\nat all: \\xff'
    assert "Traceback (most recent call last)" in read["traceback"]
    assert "OSError: gone" in read["traceback"]
    # Another handler still has the record as it was.
    assert told.exc_info is not None


@pytest.mark.parametrize("seconds", [0.0, 2.0, 0.8449, 1e-9, 123456789.25, 12])
def test_numbers_are_read_back(seconds: float) -> None:
    record = logging.LogRecord(
        "x", logging.INFO, "", 1, events.BATCH(photos=1, failed=0, seconds=seconds, run=7), (), None
    )
    assert float(read_logfmt(formatted("logfmt", record))["seconds"]) == round(seconds, 3)
    assert json.loads(formatted("json", record))["seconds"] == seconds


def test_only_what_logs_for_programs_imports_the_library_for_it() -> None:
    for kind in ("text", "logfmt", "json"):
        code = f"import sys; from tagger.system import logs; logs.set_up({kind!r}); print('structlog' in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert done.stdout == f"{kind != 'text'}\n"


def test_how_much_is_logged() -> None:
    assert [json.loads(line)["level"] for line in logged("json", quiet=True)] == ["warning", "error", "warning"]
    assert json.loads(logged("json", verbose=True)[0])["event"] == "question_failed"


@pytest.mark.parametrize("kind", ["text", "logfmt", "json"])
def test_the_journal_gets_priorities(kind: str) -> None:
    lines = logged(kind, journal=True)
    assert all(re.match("<[0-7]>", line) for line in lines)
    assert [line[:3] for line in lines][:2] == ["<6>", "<4>"]
    # Also before every line of a traceback, which text has.
    assert {line[:3] for line in lines[2:-1]} == {"<3>"}
    assert (len(lines) > 4) is (kind == "text")
    assert all("time=" not in line for line in lines)


def test_another_stream_than_the_journal_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in ("1:2", "", "x", "1:"):
        monkeypatch.setenv("JOURNAL_STREAM", stream)
        assert not logs.goes_to_journal()
    monkeypatch.delenv("JOURNAL_STREAM")
    assert not logs.goes_to_journal()
