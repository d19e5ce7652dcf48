"""Whether the service is well, for monitoring: /healthz and Prometheus' /metrics, off unless configured."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tagger.core.errors import ConfigError
from tagger.service.state import ServiceState
from tagger.store.jobs import QueueCounts
from tagger.store.run_nodes import RunNode
from tagger.system import unix_socket

State = Callable[[], ServiceState]
Counts = Callable[[], QueueCounts]
Nodes = Callable[[], Sequence[RunNode]]


class Health:
    """The web server; `close` ends it."""

    def __init__(self, server: ThreadingHTTPServer, socket_path: str | None) -> None:
        self._server = server
        self._socket_path = socket_path
        self._thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def address(self) -> Any:
        """Where it listens."""
        return self._server.server_address

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        if self._socket_path:
            unix_socket.remove(self._socket_path)
        self._thread.join(5)


def serve(where: str, state: State, counts: Counts, nodes: Nodes) -> Health:
    """Serve at `127.0.0.1:8642` or `unix:/path`. Raises ConfigError where that cannot be done."""
    registry = CollectorRegistry()
    registry.register(_Metrics(state, counts, nodes))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                reasons = state().reasons_unwell
                self._send(
                    503 if reasons else 200, json.dumps({"ok": not reasons, "reasons": reasons}), "application/json"
                )
            elif self.path == "/metrics":
                self._send(200, generate_latest(registry).decode(), "text/plain; version=0.0.4; charset=utf-8")
            else:
                self._send(404, "There are /healthz and /metrics.\n", "text/plain")

        def _send(self, code: int, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "local"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in http.server
            """Monitoring asks every few seconds; that is no news."""

    class UnixServer(ThreadingHTTPServer):
        address_family = socket.AF_UNIX

        def server_bind(self) -> None:
            self.socket.bind(self.server_address)
            self.server_name, self.server_port = "unix", 0

    try:
        if where.startswith("unix:"):
            path = where.removeprefix("unix:")
            unix_socket.free_path(path)
            return Health(UnixServer(path, Handler), path)  # type: ignore[arg-type]
        host, _, port = where.rpartition(":")
        return Health(ThreadingHTTPServer((host.strip("[]"), int(port)), Handler), None)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"service.health = {where!r} cannot be served: {error}.") from error


class _Metrics(Collector):
    """Reads the service's state each time Prometheus asks."""

    def __init__(self, state: State, counts: Counts, nodes: Nodes) -> None:
        self._state = state
        self._counts = counts
        self._nodes = nodes

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the service runs."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every figure as it is now."""
        state = self._state()
        labelling = state.labelling
        counters = {
            "labelled_photos": ("Photos labelled since the start", labelling.labelled),
            "failed_photos": ("Photos failed since the start", labelling.failed),
            "batches": ("Batches since the start", labelling.batches),
            "batch_seconds": ("Seconds spent on batches", labelling.batch_seconds),
            "child_starts": ("Starts of the model's process since the model was loaded", labelling.child_starts),
        }
        for name, (about, value) in counters.items():
            yield CounterMetricFamily(f"tagger_{name}", about, value)
        gauges = {
            "photos_per_second": ("Labelling speed, averaged", labelling.photos_per_second),
            "settling_files": ("Files that are waiting to stand still", state.settling),
            "problems": ("Problems that the service waits for", len(state.reasons_unwell)),
            "window_open": ("Whether the work window is open", float(labelling.window_open)),
        }
        for name, (about, value) in gauges.items():
            yield GaugeMetricFamily(f"tagger_{name}", about, value)
        queue = GaugeMetricFamily("tagger_jobs", "Jobs in the queue", labels=["state"])
        for name, number in asdict(self._counts()).items():
            queue.add_metric([name], number)
        yield queue
        watched = GaugeMetricFamily("tagger_folder_native", "1: the kernel tells; 0: polled", labels=["folder"])
        scanned = GaugeMetricFamily("tagger_folder_scanned_seconds", "When it was looked through", labels=["folder"])
        for folder in state.folders:
            watched.add_metric([folder.path], float(folder.watching == "native"))
            scanned.add_metric([folder.path], folder.scanned_at or 0)
        yield watched
        yield scanned
        yield from self._of_nodes()

    def _of_nodes(self) -> Iterator[Metric]:
        """The machines of a cluster that label now."""
        speed = GaugeMetricFamily("tagger_node_photos_per_second", "Its speed in this run", labels=["node"])
        labelled = GaugeMetricFamily("tagger_node_labelled_photos", "Photos labelled in this run", labels=["node"])
        for node in self._nodes():
            speed.add_metric([node.node], node.photos_per_second)
            labelled.add_metric([node.node], node.labelled)
        yield speed
        yield labelled
