"""Starts the real service and talks about what it does."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from tests.cli.runner import COMMAND, Tagger


class Service:
    def __init__(self, tagger: Tagger, process: subprocess.Popen[str]) -> None:
        self.tagger = tagger
        self.process = process
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip())

    def wait_for_log(self, text: str, seconds: float = 60) -> str:
        return wait_for(lambda: next((line for line in self.log if text in line), ""), seconds, lambda: self.said())

    def said(self) -> str:
        return "\n".join(self.log[-40:])

    def status(self) -> Any:
        return self.tagger.json("status")

    def wait_until_done(self, photos: int, seconds: float = 120) -> None:
        """Until so many photos are there and each is labelled or failed."""

        def done() -> bool:
            states = photo_states(self.tagger.database)
            return states.get("present", 0) == photos and states.get("waiting", 0) == 0

        wait_for(done, seconds, lambda: f"{photo_states(self.tagger.database)}\n{self.said()}")

    def stop(self) -> int:
        """SIGTERM, as systemd does it."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._reader.join(5)
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        assert self.process.stderr is not None
        self.process.stderr.close()


def wait_for(check: Callable[[], Any], seconds: float, about: Callable[[], str] = lambda: "") -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s\n{about()}")


@contextmanager
def running(
    tagger: Tagger, *folders: Path, environ: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Iterator[Service]:
    """The service, started and ready; killed at the end if it still runs."""
    process = subprocess.Popen(
        [*prefix, str(COMMAND), "run", *map(str, folders)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=tagger.environment(environ),
        start_new_session=True,
    )
    service = Service(tagger, process)
    try:
        service.wait_for_log("ready folders=")
        yield service
        assert "Traceback" not in service.said()
    finally:
        service.kill()


def photo_states(database: Path) -> dict[str, int]:
    """present, labelled, waiting, failed, missing: straight from the database, so that asking disturbs nobody."""
    sql = (
        "SELECT sum(missing_since IS NULL), sum(missing_since IS NULL AND labelled_by IS NOT NULL),"
        " (SELECT count(*) FROM jobs WHERE state != 'failed'), (SELECT count(*) FROM jobs WHERE state = 'failed'),"
        " sum(missing_since IS NOT NULL) FROM photos"
    )
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
        try:
            row = connection.execute(sql).fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return {}
    return dict(
        zip(("present", "labelled", "waiting", "failed", "missing"), (value or 0 for value in row), strict=True)
    )


class Photos:
    """Makes small photos: few different pictures, every file of its own bytes."""

    def __init__(self, seed: int = 1, pictures: int = 12) -> None:
        self._chance = random.Random(seed)
        self._pictures = []
        for number in range(pictures):
            picture = Image.new("RGB", (48, 36), tuple(self._chance.randrange(256) for _ in range(3)))
            picture.paste(tuple(self._chance.randrange(256) for _ in range(3)), (number, 4, number + 20, 30))
            self._pictures.append(picture)
        self._encoded = [self._encode(picture) for picture in self._pictures]
        self._count = 0

    @staticmethod
    def _encode(picture: Image.Image) -> bytes:
        import io

        data = io.BytesIO()
        picture.save(data, "PNG")
        return data.getvalue()

    def content(self) -> bytes:
        """The bytes of a new photo; what follows the picture's end makes it unique."""
        self._count += 1
        return self._chance.choice(self._encoded) + b"%12d" % self._count + self._chance.randbytes(400)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content())

    def write_slowly(self, paths: Sequence[Path], pause: float) -> None:
        """As a slow network copies: each file in three pieces, pieces of all files in turn."""
        contents = [self.content() for _ in paths]
        files = []
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.append(path.open("wb", buffering=0))
        for piece in range(3):
            for file, content in zip(files, contents, strict=True):
                third = len(content) // 3
                file.write(content[piece * third : (piece + 1) * third if piece < 2 else len(content)])
            time.sleep(pause)
        for file in files:
            file.close()


def tree_of(root: Path) -> set[str]:
    """The photos on disk, relative to the root."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")}


def known_tree(tagger: Tagger, root: Path) -> dict[str, str]:
    """The photos that the library takes for present: path relative to the root -> state."""
    done = subprocess.run([COMMAND, "export"], check=True, stdout=subprocess.PIPE, text=True, env=tagger.environment())
    photos = [json.loads(line) for line in done.stdout.splitlines()]
    return {os.path.relpath(p["path"], root): p["state"] for p in photos if p["state"] != "missing"}
