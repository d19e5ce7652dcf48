"""A web server on loopback that hands out a weights file, with the faults that servers and networks have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """`cut`: break the connection after so many bytes of an answer, that many times. `slow`: seconds a chunk."""

    content: bytes
    etag: str = '"one"'
    ranges: bool = True
    status: int = 200
    cut: list[int] = field(default_factory=list)
    slow: float = 0.0
    requests: list[str | None] = field(default_factory=list)
    sent: int = 0
    address: str = ""


@contextmanager
def serve(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            site.requests.append(wanted)
            if site.status != 200:
                self.send_error(site.status)
                return
            start = 0
            if wanted and site.ranges and self.headers.get("If-Range") in (None, site.etag):
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(site.content):
                    self.send_error(416)
                    return
                self.send_response(206)
            else:
                self.send_response(200)
            body = site.content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", site.etag)
            self.end_headers()
            if site.cut:
                body = body[: site.cut.pop(0)]
            for position in range(0, len(body), 1 << 16):
                part = body[position : position + (1 << 16)]
                self.wfile.write(part)
                site.sent += len(part)
                if site.slow:
                    threading.Event().wait(site.slow)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
