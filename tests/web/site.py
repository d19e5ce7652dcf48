"""Starts the real web server and talks HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.cli.runner import COMMAND, Tagger

# What is going to be taken away is not used.
_STRICT = "error::DeprecationWarning,error::PendingDeprecationWarning,error::FutureWarning"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A running server. `headers` go with every request. `said`: its log, line by line."""

    tagger: Tagger
    process: subprocess.Popen[str]
    port: int
    root: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.root}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, self.root + path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            # Several headers of one name are joined, as HTTP allows.
            found: dict[str, str] = {}
            for name, value in answer.getheaders():
                found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, headers=headers)

    def api(self, path: str, status: int = 200) -> Any:
        answer = self.get("/api/v1" + path)
        assert answer.status == status, answer.text
        return answer.json

    def send(self, path: str, value: Any, status: int = 200, method: str = "POST") -> Any:
        answer = self.ask(method, "/api/v1" + path, json.dumps(value).encode(), {"Content-Type": "application/json"})
        assert answer.status == status, answer.text
        return answer.json

    def photo(self, name: str) -> int:
        """The id of the photo of a name."""
        query = quote(f'path:"{name}"')
        [found] = self.api(f"/search?q={query}")["photos"]
        return int(found["id"])


@contextmanager
def serving(tagger: Tagger, **environ: str) -> Iterator[Site]:
    """`tagger web` on a port that is free, with TAGGER_ variables; ended at the end."""
    process = subprocess.Popen(
        [COMMAND, "web"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=tagger.environment({"TAGGER_WEB_LISTEN": "127.0.0.1:0", "PYTHONWARNINGS": _STRICT, **environ}),
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said: list[str] = []

    def read() -> None:
        for line in process.stderr or ():
            said.append(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        line = process.stdout.readline()
        match = re.match(r"Serving http://[^:/]+:(\d+)(.*)/ ", line)
        assert match, f"{line}\n{process.wait(10)}\n{said}"
        yield Site(tagger, process, int(match[1]), match[2], said=said)
        assert process.poll() is None, said
        # FastAPI's own are no DeprecationWarning to Python.
        assert not any("Deprecat" in text or "deprecat" in text for text in said), "".join(said)
        assert not any("Traceback" in text or "Exception in ASGI" in text for text in said), "".join(said)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        process.stdout.close()
        reader.join(5)
        process.stderr.close()
