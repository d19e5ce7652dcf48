"""A real HTTP server that hooks are told of photos at; it can fail, hang, cut the line, redirect or be away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)

    @property
    def names(self) -> list[str]:
        return [photo["path"].rpartition("/")[2] for photo in self.told["data"]["photos"]]


@dataclass
class Receiver:
    """`answer`: a status code, or what is done with the request's handler instead."""

    answer: int | Callable[[BaseHTTPRequestHandler], None] = 204
    got: list[Got] = field(default_factory=list)
    address: str = ""
    paths: list[str] = field(default_factory=list)

    def wait(self, number: int, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while len(self.got) < number:
            assert time.monotonic() < until, f"{len(self.got)} of {number} requests came"
            time.sleep(0.02)

    @property
    def names(self) -> list[str]:
        return [name for got in self.got for name in got.names]


@contextmanager
def receiver(port: int = 0) -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.paths.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(Got({name.lower(): value for name, value in self.headers.items()}, body))
            if not isinstance(found.answer, int):
                found.answer(self)
                return
            self.send_response(found.answer)
            if 300 <= found.answer < 400:
                self.send_header("Location", f"{found.address}elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    found.address = f"http://127.0.0.1:{server.server_address[1]}/hooks/s3cret"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
