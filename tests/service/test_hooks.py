"""Other programs are told of photos that were labelled: signed, in batches, once, and in the end in any case."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tagger.core.clock import SystemClock
from tagger.core.config import HookSettings, Settings
from tagger.core.config_sources import load_settings
from tagger.core.errors import ConfigError
from tagger.core.local_zone import LocalZone
from tagger.core.secrets import HIDDEN, hidden
from tagger.service.hooks import Delivery, HookError, StoppedError, is_readable_on_the_way, send, signature
from tagger.service.work_window import Window
from tagger.service.workers.hooks import HookWorker, tell_next, tell_rest
from tagger.store.deliveries import drop_other_hooks, next_delivery, queue_deliveries, waiting_for
from tagger.store.library import Library
from tagger.store.records import find_photo
from tagger.store.session import Store
from tests.service.receiver import Receiver, receiver
from tests.store import samples

SENT = Delivery("msg_1", 1_700_000_000, b'{"a": 1}', 1)
GO_ON = lambda: False  # noqa: E731


@pytest.fixture
def away() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def hooks(address: str = "", **more: object) -> HookSettings:
    return HookSettings.model_validate({"labelled": address, "timeout_seconds": 1, "seconds": 0, **more})


def library(store: Store, settings: Settings, told: HookSettings) -> Library:
    return Library(store, settings.model_copy(update={"hooks": told}), SystemClock())


def queue(store: Store, names: Sequence[str], *, labelled: Sequence[str] = ("labelled",)) -> None:
    with store.write() as session:
        folder = samples.root(session)
        known = {name: find_photo(session, f"/photos/{name}") for name in names}
        ids = [samples.add(session, folder, name)[0] if (one := known[name]) is None else one.id for name in names]
        queue_deliveries(session, labelled, ids)


def left(store: Store, hook: str = "labelled") -> int:
    with store.read() as session:
        return waiting_for(session, hook)[0]


# --- one delivery -------------------------------------------------------------------------------------------


def test_what_is_sent_is_signed_as_standard_webhooks_are(away: Receiver) -> None:
    for secret, key in (("whsec_" + base64.b64encode(b"0123").decode(), b"0123"), ("pässword", "pässword".encode())):
        send(hooks(away.address, secret=secret), "labelled", SENT, GO_ON)
        got = away.got[-1]
        assert got.body == SENT.body
        assert got.headers["content-type"] == "application/json"
        assert (got.headers["webhook-id"], got.headers["webhook-timestamp"]) == ("msg_1", "1700000000")
        signed = b"msg_1.1700000000." + got.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert got.headers["webhook-signature"] == f"v1,{expected}"
    send(hooks(away.address), "labelled", SENT, GO_ON)
    assert "webhook-signature" not in away.got[-1].headers


def test_a_signature_that_others_worked_out_comes_out() -> None:
    """The example of the specification (spec/standard-webhooks.md, "Verifying webhook authenticity")."""
    body = b'{"test": 2432232314}'
    sent = Delivery("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, 1)
    assert (
        signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", sent) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_the_page_shows_how_it_is_verified(away: Receiver) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "webhook.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    shown: dict[str, Any] = {}
    exec(code, shown)
    now = Delivery("msg_2", int(time.time()), b"{}", 1)
    for secret in ("whsec_MDEy", "words"):
        send(hooks(away.address, secret=secret), "labelled", now, GO_ON)
        got = away.got[-1]
        assert shown["is_from_tagger"](got.headers, got.body, secret)
        assert not shown["is_from_tagger"](got.headers, got.body + b" ", secret)
        assert not shown["is_from_tagger"](got.headers, got.body, "others")
    [example] = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert set(json.loads(example)) == {"type", "id", "timestamp", "data"}


def drip(handler: BaseHTTPRequestHandler) -> None:
    """An answer that never ends, and never stands still for long."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(200):
            handler.wfile.write(f"X-{number}: x\r\n".encode())
            time.sleep(0.1)
    except OSError:
        return


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (500, "it answered 500 Internal Server Error"),
        (404, "it answered 404 Not Found"),
        (302, "it answered 302; redirections are not followed"),
        (lambda handler: time.sleep(3), "it gave no answer within 1 s"),
        (drip, "it gave no answer within 1 s"),
        (lambda handler: handler.connection.shutdown(socket.SHUT_RDWR), "the connection was cut"),
        (lambda handler: handler.wfile.write(b"what?\r\n\r\n"), "its answer is no HTTP (BadStatusLine)"),
    ],
    ids=["500", "404", "redirected", "hangs", "trickles", "cut", "nonsense"],
)
@pytest.mark.slow
def test_what_was_not_taken_is_an_error_that_says_why(away: Receiver, answer: object, why: str) -> None:
    away.answer = answer  # type: ignore[assignment]
    started = time.monotonic()
    with pytest.raises(HookError) as caught:
        send(hooks(away.address), "labelled", SENT, GO_ON)
    assert caught.value.message == why
    assert time.monotonic() - started < 2.5
    assert len(away.got) == 1


def test_an_address_may_have_any_letters(away: Receiver) -> None:
    send(hooks(away.address + "/für%20alle?a=b&c=ä"), "labelled", SENT, GO_ON)
    assert away.paths == ["/hooks/s3cret/f%C3%BCr%20alle?a=b&c=%C3%A4"]


def test_nobody_answers(away: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(HookError, match="the connection was refused"):
            send(hooks(f"http://127.0.0.1:{taken.getsockname()[1]}/"), "labelled", SENT, GO_ON)


def test_who_stops_waits_for_no_answer(away: Receiver) -> None:
    away.answer = lambda handler: time.sleep(3)
    started = time.monotonic()
    with pytest.raises(StoppedError):
        send(hooks(away.address, timeout_seconds=60), "labelled", SENT, lambda: len(away.got) > 0)
    assert time.monotonic() - started < 2
    # What has just arrived is waited for.
    away.answer = lambda handler: (time.sleep(0.2), handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n"))[0]
    send(hooks(away.address), "labelled", SENT, lambda: len(away.got) > 1)


def script(folder: Path, text: str) -> list[str]:
    (folder / "told.py").write_text(text)
    return [sys.executable, str(folder / "told.py"), "two words; $HOME", str(folder / "out")]


def test_a_command_gets_the_same_on_standard_input_and_no_shell(tmp_path: Path) -> None:
    command = script(tmp_path, "import sys; open(sys.argv[2], 'w').write(sys.argv[1] + sys.stdin.read())")
    send(hooks(command=command), "command", SENT, GO_ON)
    assert (tmp_path / "out").read_text() == 'two words; $HOME{"a": 1}'


def is_alive(number: str) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_command_that_fails_hangs_or_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HookError, match="it ended with code 3"):
        send(hooks(command=script(tmp_path, "raise SystemExit(3)")), "command", SENT, GO_ON)
    hangs = script(
        tmp_path,
        "import os, sys, time\nchild = os.fork()\n"
        "if child: open(sys.argv[2], 'w').write(f'{os.getpid()} {child}')\ntime.sleep(60)",
    )
    with pytest.raises(HookError, match="no answer within 1 s"):
        send(hooks(command=hangs), "command", SENT, GO_ON)
    for number in (tmp_path / "out").read_text().split():
        until = time.monotonic() + 5
        while is_alive(number) and time.monotonic() < until:
            time.sleep(0.02)
        assert not is_alive(number)
    with pytest.raises(HookError, match="it is not there"):
        send(hooks(command=["/nowhere/told"]), "command", SENT, GO_ON)
    # A large message to a command that does not read it.
    large = Delivery("msg_2", 1, b"x" * 1_000_000, 1)
    send(hooks(command=script(tmp_path, "pass")), "command", large, GO_ON)


# --- which photos, once each ----------------------------------------------------------------------------------


def test_photos_are_told_in_batches(store: Store, settings: Settings, away: Receiver) -> None:
    queue(store, ["a", "b", "c", "d", "e"])
    # Labelled again before anybody was told: once is enough.
    queue(store, ["b"])
    told = library(store, settings, hooks(away.address, photos=2))
    assert [tell_next(told, "labelled", GO_ON) for _ in range(4)] == [2, 2, 1, 0]
    assert away.names == ["a", "b", "c", "d", "e"]
    assert len({got.headers["webhook-id"] for got in away.got}) == 3
    first = away.got[0].told
    assert first["type"] == "photos.labelled"
    assert first["id"] == away.got[0].headers["webhook-id"]
    assert set(first["data"]["photos"][0]) == {"path", "labels", "model", "architecture", "labelled_at"}
    assert left(store) == 0


def test_what_may_have_arrived_is_sent_again_under_the_same_name(
    store: Store, settings: Settings, away: Receiver
) -> None:
    queue(store, ["a", "b"])
    told = library(store, settings, hooks(away.address))
    away.answer = 500
    with pytest.raises(HookError):
        tell_next(told, "labelled", GO_ON)
    # b is labelled again meanwhile, and c arrives: they are of the next one.
    queue(store, ["b", "c"])
    away.answer = 204
    while tell_next(told, "labelled", GO_ON):
        pass
    names = [(got.headers["webhook-id"], got.names) for got in away.got]
    assert names[0] == names[1]
    assert names[2][1] == ["b", "c"]
    assert names[2][0] != names[0][0]


def test_each_hook_has_its_own_queue(store: Store, settings: Settings, away: Receiver, tmp_path: Path) -> None:
    queue(store, ["a"], labelled=["labelled", "command"])
    command = script(tmp_path, "import sys; open(sys.argv[2], 'a').write(sys.stdin.read() + chr(10))")
    told = library(store, settings, hooks(away.address, command=command))
    away.answer = 503
    [fault] = tell_rest(told, GO_ON)
    where = away.address.removesuffix("hooks/s3cret") + "***"
    assert fault == f"hooks.labelled ({where}) is yet to be told of 1 photo: it answered 503 Service Unavailable."
    assert json.loads((tmp_path / "out").read_text())["data"]["photos"][0]["path"] == "/photos/a"
    assert (left(store), left(store, "command")) == (1, 0)
    away.answer = 204
    assert tell_rest(told, GO_ON) == []
    assert len((tmp_path / "out").read_text().splitlines()) == 1
    assert left(store) == 0


def test_photos_and_hooks_that_are_gone_are_forgotten(store: Store, settings: Settings, away: Receiver) -> None:
    queue(store, ["a"], labelled=["command", "labelled"])
    with store.write() as session:
        assert next_delivery(session, "labelled", 10) is not None
        session.connection().exec_driver_sql("DELETE FROM photos")
    assert (left(store), left(store, "command")) == (0, 0)
    assert tell_rest(library(store, settings, hooks(away.address)), GO_ON) == []
    assert away.got == []
    queue(store, ["b"], labelled=["command", "labelled"])
    with store.write() as session:
        assert drop_other_hooks(session, ["labelled"]) == 1
    assert (left(store), left(store, "command")) == (1, 0)


# --- the thread -----------------------------------------------------------------------------------------------


def worker(told: Library) -> HookWorker:
    return HookWorker(told, Window("", LocalZone()), "test", lambda: None)


def test_the_thread_tells_what_an_earlier_process_left_and_what_comes(
    store: Store, settings: Settings, away: Receiver
) -> None:
    queue(store, ["a"])
    hook = worker(library(store, settings, hooks(away.address, seconds=0.3)))
    hook.start()
    away.wait(1)
    queue(store, ["b"])
    hook.wake()
    queue(store, ["c"])
    hook.wake()
    away.wait(2)
    assert hook.stop(5)
    assert [got.names for got in away.got] == [["a"], ["b", "c"]]
    assert hook.state().told == 3
    assert left(store) == 0


def test_what_fails_is_tried_again_later_and_said(
    store: Store, settings: Settings, away: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagger.service.workers.hooks._FIRST_WAIT", 0.05)
    queue(store, ["a"])
    away.answer = 500
    hook = worker(library(store, settings, hooks(away.address)))
    hook.start()
    away.wait(3)
    assert "it answered 500" in hook.state().problems[0]
    assert "s3cret" not in hook.state().problems[0]
    away.answer = 204
    before = len(away.got)
    away.wait(before + 1)
    # What it does after the answer.
    until = time.monotonic() + 5
    while hook.state().problems and time.monotonic() < until:
        time.sleep(0.02)
    assert hook.state().problems == ()
    assert hook.stop(5)
    assert {got.headers["webhook-id"] for got in away.got} == {away.got[0].headers["webhook-id"]}


def test_a_hanging_receiver_holds_no_stop_up(store: Store, settings: Settings, away: Receiver) -> None:
    queue(store, ["a"])
    away.answer = lambda handler: time.sleep(3)
    hook = worker(library(store, settings, hooks(away.address, timeout_seconds=60)))
    hook.start()
    away.wait(1)
    started = time.monotonic()
    assert hook.stop(5)
    assert time.monotonic() - started < 2
    assert left(store) == 1


# --- settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "readable"),
    [
        ("https://example.org/x", False),
        ("http://example.org/x", True),
        ("http://8.8.8.8/", True),
        ("http://192.168.1.5:8123/api", False),
        ("http://127.0.0.1/", False),
        ("http://[::1]:80/", False),
        ("http://[fd00::1]/", False),
        ("http://homeassistant:8123/", False),
        ("http://nas.local/", False),
        ("http://localhost/", False),
    ],
)
def test_who_may_read_what_is_sent(address: str, readable: bool) -> None:
    assert is_readable_on_the_way(address) is readable


def test_settings_that_make_no_sense_are_refused_and_secrets_hidden(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    for name, value in (
        ("LABELLED", "ftp://host/"),
        ("LABELLED", "https://host:abc/"),
        ("LABELLED", "https://host:99999/"),
        ("LABELLED", "https://user:password@host/"),
        ("SECRET", "whsec_???"),
    ):
        with pytest.raises(
            ConfigError, match=f"TAGGER_HOOKS_{name}: hooks.{name.lower()} = .* is not allowed"
        ) as caught:
            load_settings(tmp_path / "config.toml", {}, {f"TAGGER_HOOKS_{name}": value})
        assert "password" not in str(caught.value)
        assert "???" not in str(caught.value)
    assert hidden("hooks.secret", "x") == HIDDEN
    assert hidden("hooks.labelled", "https://host:1/api/webhook/id?x=1") == "https://host:1/***"
    assert hidden("hooks.labelled", "https://host") == "https://host"
    (tmp_path / "secret").write_text("whsec_MDEy\n")
    environ = {"TAGGER_HOOKS_SECRET_FILE": os.fspath(tmp_path / "secret"), "TAGGER_HOOKS_COMMAND": '["a", "b c"]'}
    found = load_settings(tmp_path / "config.toml", {}, environ).hooks
    assert (found.secret, found.command) == ("whsec_MDEy", ("a", "b c"))
    assert found.names == ("command",)
