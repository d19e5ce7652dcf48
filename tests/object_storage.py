"""A real S3 server of the test's own (moto's), on the loopback address, that can be told to misbehave."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

BUCKET = "photos"
SECRET = "the-very-secret-key"

# What to answer a request with, by method, path and query; "cut": the connection breaks in the middle of the answer.
Fault = tuple[int, str] | Literal["cut"] | None
Misbehaving = Callable[[str, str], Fault]


@dataclass
class ObjectStorage:
    """The server's address is `url`. `client`: boto3's. `misbehave`: asked before each request from tagger."""

    url: str
    client: Any
    asked: list[tuple[str, str]]
    misbehave: Misbehaving = lambda _method, _path: None

    @property
    def environ(self) -> dict[str, str]:
        return {
            "TAGGER_STORAGE_ENDPOINT_URL": self.url,
            "TAGGER_STORAGE_REGION": "us-east-1",
            "TAGGER_STORAGE_ACCESS_KEY": "somebody",
            "TAGGER_STORAGE_SECRET_KEY": SECRET,
        }

    def reset(self) -> None:
        """An empty bucket, and no misbehaviour."""
        self.misbehave = lambda *_: None
        for bucket in self.client.list_buckets()["Buckets"]:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
            for key in [one["Key"] for page in pages for one in page.get("Contents", ())]:
                self.client.delete_object(Bucket=bucket["Name"], Key=key)
            self.client.delete_bucket(Bucket=bucket["Name"])
        self.client.create_bucket(Bucket=BUCKET)
        self.asked.clear()

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """The server, for the length of the block; `reset` gives it an empty bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        real = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "somebody", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=real, **keys)
        storage = ObjectStorage("", client, [])
        front = ThreadingHTTPServer(("127.0.0.1", 0), _front(storage, real))
        front.daemon_threads = True
        threading.Thread(target=front.serve_forever, daemon=True).start()
        storage.url = f"http://127.0.0.1:{front.server_port}"
        try:
            yield storage
        finally:
            front.shutdown()
            front.server_close()
            client.close()
    finally:
        server.stop()


def _front(storage: ObjectStorage, real: str) -> type[BaseHTTPRequestHandler]:
    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            storage.asked.append((self.command, self.path))
            fault = storage.misbehave(self.command, self.path)
            if isinstance(fault, tuple):
                status, code = fault
                body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
                self.answer(status, {"Content-Type": "application/xml"}, body)
                return
            asked = urllib.request.Request(real + self.path, method=self.command, headers=dict(self.headers))
            try:
                with urllib.request.urlopen(asked) as answer:
                    status, headers, body = answer.status, dict(answer.headers), answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    status, headers, body = error.code, dict(error.headers), error.read()
            self.answer(status, headers, body, cut=fault == "cut")

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def answer(self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False) -> None:
            self.send_response_only(status)
            headers = {name: value for name, value in headers.items() if name.lower() != "connection"}
            if self.command == "GET":
                headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
                headers["Content-Length"] = str(len(body))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    return Front
