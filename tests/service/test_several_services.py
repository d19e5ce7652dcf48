"""Several services on one library in PostgreSQL, each on a machine of its own that has not the other's disks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.runner import Tagger
from tests.cli.service import Photos, Service, running, wait_for
from tests.postgres import Server

SETTINGS = {
    "TAGGER_MODEL_NAME": "efficientnet_lite2",
    "TAGGER_MODEL_FETCH": "never",
    "TAGGER_INTAKE_SETTLE_SECONDS": "0.5",
    "TAGGER_INTAKE_POLL_SECONDS": "2",
    "TAGGER_SERVICE_LOG": "logfmt",
    "TAGGER_SERVICE_NICE": "0",
}


def machine_without(disk: Path) -> list[str]:
    """The command that starts a process on a machine that has not this folder."""
    # Another user namespace keeps root from the server's socket.
    unshare = [
        "unshare",
        "-m" if os.geteuid() == 0 else "-Urm",
        "sh",
        "-c",
        'mount -t tmpfs none "$0" && exec "$@"',
        str(disk),
    ]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    return unshare


def add(folder: Path, numbers: range) -> None:
    """Photos of which no two look alike, so that none can be another one that was moved."""
    for number in numbers:
        Photos(seed=number, pictures=1).write(folder / f"{number}.png")


class Shared:
    """A library in PostgreSQL, and its machines."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    def machine(self, name: str) -> Tagger:
        home = self.folder / name
        home.mkdir(parents=True)
        return Tagger(home, SETTINGS | {"TAGGER_DATABASE": self.address})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.address.replace("+psycopg", "")) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.address.replace("+psycopg", "")) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def wait_until_labelled(self, photos: int, *services: Service) -> None:
        query = "SELECT count(labelled_by) FROM photos WHERE missing_since IS NULL"
        said = "\n\n".join
        wait_for(
            lambda: self.rows(query) == [(photos,)] and self.rows("SELECT 1 FROM jobs WHERE kind = 'classify'") == [],
            120,
            lambda: said(service.said() for service in services) + f"\n{self.rows('SELECT * FROM jobs')}",
        )


@pytest.fixture
def shared_library(tmp_path: Path, postgres_server: Server) -> Shared:
    return Shared(tmp_path, postgres_server.new_database())


@pytest.mark.slow
def test_each_service_has_the_folders_that_it_is_told_and_nothing_of_others_is_gone(
    shared_library: Shared, tmp_path: Path
) -> None:
    first, second = tmp_path / "disk1" / "photos", tmp_path / "disk2" / "photos"
    add(first, range(8))
    add(second, range(10, 18))
    one, two = shared_library.machine("one"), shared_library.machine("two")
    with (
        running(one, first, prefix=machine_without(tmp_path / "disk2")) as here,
        running(two, second, prefix=machine_without(tmp_path / "disk1")) as there,
    ):
        shared_library.wait_until_labelled(16, here, there)
        # The same picture on the other machine is another photo, and not the first one, moved.
        shutil.copy(first / "0.png", second / "copy.png")
        add(first, range(8, 9))
        shared_library.wait_until_labelled(18, here, there)
        (second / "10.png").unlink()
        wait_for(lambda: shared_library.rows("SELECT count(missing_since) FROM photos") == [(1,)], 30, there.said)
        states = [one.json("status")["service"], two.json("status")["service"]]
        assert [[folder["path"] for folder in state["folders"]] for state in states] == [[str(first)], [str(second)]]
        assert sorted(state["is_scheduler"] for state in states) == [False, True]
        assert not any(state["problems"] or folder["held"] for state in states for folder in state["folders"])
        assert shared_library.rows("SELECT count(*) FROM runs WHERE outcome = 'killed'") == [(0,)]
    assert shared_library.rows("SELECT sum(labelled) FROM runs") == [(18,)]


@pytest.mark.slow
def test_a_second_service_stands_by_and_takes_over_from_one_that_is_killed(
    shared_library: Shared, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    add(folder, range(6))
    one, two = shared_library.machine("one"), shared_library.machine("two")
    with running(one, folder) as first, running(two, folder) as second:
        second.wait_for_log("stands_by")
        shared_library.wait_until_labelled(6, first, second)
        state = two.json("status")["service"]
        assert (state["folders"], state["standing_by"], state["is_scheduler"]) == ([], [str(folder)], False)
        assert "Stands by" in two("status").stdout
        first.kill()
        # What it had in hand is done once its lease has ended.
        shared_library.execute(
            "INSERT INTO jobs (photo_id, kind, state, priority, attempts, crashes, not_before, lease_owner,"
            " lease_until) SELECT min(id), 'classify', 'leased', 10, 1, 0, 0, 'killed:1', 1 FROM photos"
        )
        add(folder, range(6, 10))
        second.wait_for_log("taken_over", 30)
        shared_library.wait_until_labelled(10, second)
        state = two.json("status")["service"]
        assert (len(state["folders"]), state["standing_by"], state["is_scheduler"]) == (1, [], True)
    assert shared_library.rows("SELECT sum(labelled) FROM runs") == [(11,)]
