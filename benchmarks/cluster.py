"""How well labelling spreads over a Ray cluster, and how much its driver and its database can bear.

    python benchmarks/cluster.py [--photos 240] [--megapixels 12] [--rounds 3] [--parts nodes,driver,store]

nodes: a backfill by one process that has one core, and by clusters of one and of two nodes of one core each, in turns;
the photos are so many for each core. What is measured lies between a fifth and four fifths of them, so starting up does
not count. Processor time is that of all processes, by what they do, as /proc tells. "At work" is the share of the time
in which a node's core was wanted by it, whether it got it or not; the rest it waited for the database, the driver or
the disk. The machine needs a core for each node and some for PostgreSQL and Ray; where others use it too, photos for a
second of processor time and the time at work still compare, photos a second do not.
driver: workers that answer at once, so that what the driver of a backfill does is all there is to do.
store: processes that claim photos and store made-up results as workers do, as fast as they can.
The server of these databases does not wait for its disk (fsync=off).
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.photo_like import make_photos
from tagger.cluster.connection import connected
from tagger.cluster.label import ticket_results
from tagger.core.config import ClusterSettings, Settings
from tagger.core.photo import Fingerprint, Inspection, JobKind, PhotoFacts
from tagger.inference.registry import BUILT_IN
from tagger.inference.selection import choose_model, record_model
from tagger.inference.worker_client import WorkerClient
from tagger.labels.labeller import Labeller, policy_for
from tagger.store import jobs, runs
from tagger.store.batches import BatchContext, Extracted, claim_batch, commit_batch, recall
from tagger.store.jobs import JobFilter
from tagger.store.library import open_library
from tagger.store.photos import add_photos
from tagger.store.roots import add_root
from tagger.system.machine import processor_name, usable_cores
from tests import postgres

_TICKS = os.sysconf("SC_CLK_TCK")
_PAUSE = 0.1
_BATCH = 16


class Processes:
    """The processor seconds of this process's descendants and of a database server's, by what they do."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._seen: dict[int, tuple[str, float]] = {}
        # By node (a parent of workers, or this process): what works for it.
        self._nodes: dict[int, set[int]] = {}

    def look(self) -> Counter[str]:
        """Seconds so far; of a process that ended what it had used when it was seen last."""
        parents: dict[int, int] = {}
        seconds: dict[int, float] = {}
        server = 0.0
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # proc(5): utime, stime, and those of children that ended.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
                own, ended = sum(map(int, fields[11:13])) / _TICKS, sum(map(int, fields[13:15])) / _TICKS
                seconds[int(folder.name)] = own
                if self._server in (int(folder.name), int(fields[1])):
                    server += own + ended
        for process in parents:
            above = parents[process]
            while above not in (0, 1, os.getpid()):
                above = parents.get(above, 0)
            if above == os.getpid():
                with contextlib.suppress(OSError):
                    command = Path(f"/proc/{process}/cmdline").read_text(errors="replace")
                    self._seen[process] = (_what(command), seconds[process])
                    if _what(command) == "network":
                        worker = parents[process]
                        self._nodes.setdefault(worker, set()).update((worker, process))
        found = Counter({"PostgreSQL": server})
        for what, used in self._seen.values():
            found[what] += used
        return found

    def at_work(self) -> float:
        """The share of the nodes of which a thread runs now, or waits for the core."""
        there = [node for node in self._nodes.values() if all(Path(f"/proc/{process}").exists() for process in node)]
        running = [any(map(_runs, node)) for node in there]
        return sum(running) / max(1, len(running))


def _runs(process: int) -> bool:
    for thread in Path(f"/proc/{process}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            if thread.read_text().rpartition(")")[2].split()[0] == "R":
                return True
    return False


def _what(command: str) -> str:
    if "feature_worker" in command:
        return "network"
    if command.startswith("ray::") and "MapWorker" in command:
        return "worker"
    return "driver" if "backfill" in command else "Ray"


@dataclass(frozen=True)
class Stretch:
    """A stretch in the middle of a backfill: photos, seconds, processor seconds by what used them, time at work."""

    photos: int
    seconds: float
    used: Counter[str]
    at_work: float

    @property
    def rate(self) -> float:
        """Photos a second."""
        return self.photos / self.seconds

    def milliseconds(self, *what: str) -> float:
        """Processor time a photo, of some or of all processes."""
        return sum(used for which, used in self.used.items() if not what or which in what) / self.photos * 1000

    @property
    def per_second(self) -> float:
        """Photos for each processor second of all but the database and Ray, which other machines would have."""
        return 1000 / self.milliseconds("network", "worker", "driver")

    @property
    def per_node(self) -> float:
        """Photos a second of a node that has its core to itself, as its time at work has it."""
        return 1000 / self.milliseconds("network", "worker") * self.at_work


def labelled(address: str) -> int:
    with contextlib.suppress(psycopg.Error), psycopg.connect(address.replace("+psycopg", "")) as connection:
        [[found]] = connection.execute("SELECT count(labelled_by) FROM photos").fetchall()
        return int(found)
    return 0


def stretch(address: str, photos: Path, data: Path, server: int, *cluster: str) -> Stretch:
    """Run a backfill on one core, or on a cluster, and measure its middle."""
    processes, count = Processes(server), len(list(photos.rglob("*.jpg")))
    environ = {
        **os.environ,
        "TAGGER_DATABASE": address,
        "TAGGER_DATA_DIR": str(data),
        "TAGGER_MODEL_NAME": BUILT_IN,
        "TAGGER_ENGINE_THREADS": "1",
    }
    command = [Path(sys.executable).parent / "tagger", "backfill", *cluster, photos]
    one_core = [] if cluster else ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    before = processes.look()
    running = subprocess.Popen([*one_core, *command], stdout=subprocess.DEVNULL, env=environ)
    first = last = (0, 0.0, before)
    looks: list[float] = []
    while running.poll() is None:
        done = labelled(address)
        if done >= count / 5 and not first[0]:
            first = (done, time.perf_counter(), processes.look())
        elif first[0] and done <= count * 4 / 5 and done != last[0]:
            last = (done, time.perf_counter(), processes.look())
        if first[0] and done <= count * 4 / 5:
            looks.append(processes.at_work())
        time.sleep(_PAUSE)
    if running.returncode or last[0] <= first[0]:
        raise SystemExit(f"The backfill ended with {running.returncode}, after {labelled(address)} photos.")
    return Stretch(last[0] - first[0], last[1] - first[1], last[2] - first[2], sum(looks) / len(looks))


def _below(process: int) -> list[int]:
    """The processes that a process started, and those that these did."""
    found = []
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                found += [child, *_below(child)]
    return found


@contextlib.contextmanager
def ray_nodes(count: int) -> Iterator[str]:
    """A cluster of nodes with one core each, on this machine; its address."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(count - 1):
            cluster.add_node(num_cpus=1)
        for core, node in zip(
            sorted(os.sched_getaffinity(0)), (cluster.head_node, *cluster.worker_nodes), strict=False
        ):
            [raylet] = node.all_processes["raylet"]
            for process in (raylet.process.pid, *_below(raylet.process.pid)):
                subprocess.run(["taskset", "-acp", str(core), str(process)], stdout=subprocess.DEVNULL, check=True)
        yield cluster.address
    finally:
        cluster.shutdown()


def _make(folder: Path, options: argparse.Namespace, seed: int) -> None:
    make_photos(folder, options.photos, options.megapixels, seed=seed)


def nodes(work: Path, server: postgres.Server, options: argparse.Namespace) -> None:
    print(
        f"\nNodes of one core: {options.photos} JPEG files of {options.megapixels:g} megapixels for each\n", flush=True
    )
    photos = work / "photos"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(_make, [(photos / name, options, seed) for seed, name in enumerate(("first", "second"))])
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    found: dict[str, list[Stretch]] = {"one process": [], "one node": [], "two nodes": []}
    for number in range(options.rounds):
        for what, count in (("one process", 0), ("one node", 1), ("two nodes", 2)):
            with ray_nodes(count) if count else contextlib.nullcontext("") as address:
                where = ("--cluster", address) if address else ()
                data = work / f"data-{number}-{count}"
                part = photos if count == 2 else photos / "first"
                found[what].append(stretch(server.new_database(), part, data, postmaster, *where))
    parts = ("network", "worker", "driver", "Ray", "PostgreSQL")
    heads = f"{'':14}{'photos/s':>10}{'at work':>9}{'for a CPU s':>13}    CPU ms a photo:"
    print(heads + "".join(f"{part:>12}" for part in parts))
    for what, each in found.items():
        used = "".join(f"{median(one.milliseconds(part) for one in each):12.1f}" for part in parts)
        rates = f"{median(one.rate for one in each):10.1f}{median(one.at_work for one in each):9.1%}"
        rates += f"{median(one.per_second for one in each):13.1f}"
        print(f"{what:14}{rates}{'':19}{used}")
    rounds = list(zip(found["one process"], found["one node"], found["two nodes"], strict=True))
    spread = median(two.rate / one.rate / 2 for _, one, two in rounds)
    print(f"\ntwo nodes, photos a second           {spread:7.1%} of two times one node")
    fed = median(two.per_node / one.per_node for _, one, two in rounds)
    print(f"two nodes, by processor time at work {fed:7.1%} of two times one node")
    dear = median(two.per_second / one.per_second for _, one, two in rounds)
    print(f"two nodes, photos for a CPU second   {dear:7.1%} of one node")
    beside = median(one.per_second / alone.per_second for alone, one, _ in rounds)
    print(f"one node, photos for a CPU second    {beside:7.1%} of one process")
    driving = median(two.milliseconds("driver") * two.rate for _, _, two in rounds)
    print(f"the driver of two nodes              {driving:7.1f} ms of processor time a second", flush=True)


class _AtOnce:
    """A worker that says that its ticket is done."""

    def __init__(self, _told: Any) -> None:
        pass

    def __call__(self, ticket: dict[str, Any]) -> dict[str, Any]:
        photos = [int(ticket["photos"][0])]
        return {"labelled": photos, "classified": photos, "failed": [0], "gone": [0]}


def driver(options: argparse.Namespace) -> None:
    print(f"\nOne driver, workers that answer at once: {options.tickets} tickets of 500 photos\n", flush=True)
    with connected("local") as ray:
        nothing = ray.put(None)
        # What comes before is Ray's start.
        for _ in ticket_results(ray, nothing, 10, ClusterSettings(), _AtOnce):
            pass
        started, used, done = time.perf_counter(), time.process_time(), 0
        first = 0.0
        for counts in ticket_results(ray, nothing, options.tickets * 500, ClusterSettings(), _AtOnce):
            done += counts.labelled
            first = first or (time.perf_counter() if counts.labelled else 0.0)
        seconds, used = time.perf_counter() - started, time.process_time() - used
    print(f"first answer after                 {first - started:10.1f} s")
    print(f"then                               {done / (started + seconds - first):10,.0f} photos/s")
    print(f"the driver's processor time        {used / done * 1e6:10.1f} microseconds a photo")
    print(f"so it is full at                   {done / used:10,.0f} photos/s", flush=True)


def store(work: Path, server: postgres.Server, options: argparse.Namespace) -> None:
    print(f"\nStoring made-up results: {options.rows:,} photos, {options.writers} processes\n", flush=True)
    settings = Settings(data_dir=work / "store", database=server.new_database())
    settings = settings.model_copy(update={"model": settings.model.model_copy(update={"name": BUILT_IN})})
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    processes = Processes(postmaster)
    with open_library(settings, create=True) as library:
        model = record_model(library, choose_model(settings, lambda _done, _total: None))
        now = library.clock.now()
        with library.store.write() as session:
            root = add_root(session, "/made-up", now)
            run = runs.start_run(session, "backfill", model, now)
        started = time.perf_counter()
        for first in range(0, options.rows, 5000):
            numbers = range(first, min(first + 5000, options.rows))
            files = [(f"{n // 500}/{n}.jpg", Fingerprint(10_000 + n, n, n, n)) for n in numbers]
            with library.store.write() as session:
                add_photos(session, root.id, files, now - 3600, 0)
        print(f"photos added and queued            {options.rows / (time.perf_counter() - started):10,.0f} a second")
        context = multiprocessing.get_context("spawn")
        with context.Pool(options.writers) as pool:
            labellers = pool.map(_ready, [settings] * options.writers, chunksize=1)
            before, started = processes.look()["PostgreSQL"], time.perf_counter()
            took = pool.starmap(_write, [(settings, run)] * options.writers, chunksize=1)
            seconds = time.perf_counter() - started
        with library.store.write() as session:
            left = jobs.counts(session, kind=JobKind.LABEL)
            size = session.connection().exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
        server_seconds = processes.look()["PostgreSQL"] - before
    assert left.queued + left.leased == 0
    assert len(labellers) == options.writers
    print(f"claimed, labelled and stored       {options.rows / seconds:10,.0f} a second")
    print(f"processor time of the processes    {sum(took) / options.rows * 1000:10.2f} ms a photo")
    print(f"processor time of PostgreSQL       {server_seconds / options.rows * 1000:10.2f} ms a photo")
    print(f"bytes in the database              {int(size) / options.rows:10,.0f} a photo", flush=True)


def _ready(settings: Settings) -> bool:
    """Import and load what a worker has before its first photo."""
    with open_library(settings) as library:
        return _labeller(settings, library) is not None


def _labeller(settings: Settings, library: Any) -> Labeller:
    chosen = choose_model(settings, lambda _done, _total: None)
    model = record_model(library, chosen)
    with WorkerClient(settings, chosen) as client:
        return Labeller(model, client.head(), policy_for(settings, model))


def _write(settings: Settings, run: int) -> float:
    """Store results until no photo is left; the processor seconds that it took."""
    chance = np.random.default_rng()
    with open_library(settings) as library:
        labeller = _labeller(settings, library)
        context = BatchContext(library, labeller, f"benchmark:{os.getpid()}", None, run)
        classes = labeller.head.weights.T
        which = JobFilter(JobKind.LABEL)
        used = time.process_time()
        while batch := claim_batch(context, which, _BATCH):
            recall(context, batch)
            results = []
            for job in batch:
                key = job.photo_id.to_bytes(16, "big")
                facts = PhotoFacts("JPEG", 4000, 3000, "2019-06-01T12:30:00")
                features = np.maximum(classes[chance.integers(len(classes))] * 20, 0)
                results.append(Extracted(job, Inspection(job.fingerprint, key, key, facts), features, inferred=True))
            commit_batch(context, results, "made up")
        return time.process_time() - used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=240, help="for each core")
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tickets", type=int, default=400)
    parser.add_argument("--rows", type=int, default=20_000, help="made-up photos to store")
    parser.add_argument("--writers", type=int, default=2, help="processes that store them")
    parser.add_argument("--parts", default="nodes,driver,store", help="which to run, with commas")
    options = parser.parse_args()
    print(f"{processor_name()}, {usable_cores():g} cores; load of the machine before: {os.getloadavg()[0]:.1f}")
    binaries = postgres.find_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed (Debian: apt install postgresql).")
    with tempfile.TemporaryDirectory() as folder, postgres.server(binaries) as server:
        if "driver" in options.parts:
            driver(options)
        if "store" in options.parts:
            store(Path(folder), server, options)
        if "nodes" in options.parts:
            nodes(Path(folder), server, options)


if __name__ == "__main__":
    main()
