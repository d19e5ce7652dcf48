"""Runs the real `tagger` command in its own processes, away from this user's settings and library."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tagger.core.errors import TaggerError

COMMAND = Path(sys.executable).parent / "tagger"
MOBILENET = "mobilenet_v2_imagenet.weights.h5"
# The settings with which the model in the package labels, as somebody chose it.
BUILT_IN = {"TAGGER_MODEL_NAME": "efficientnet_lite2"}


# Commands that only read, so that what they say may be had within the test's own process.
READING = {"labels", "saved", "search", "show", "status"}


@dataclass
class Tagger:
    """`tagger(...)` runs a command with these settings; `home` holds its config file, data directory and cache."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def database(self) -> Path:
        return self.data / "library.db"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TAGGER_", "XDG_"))}
        own = {"HOME": str(self.home), "TAGGER_DATA_DIR": str(self.data), "TAGGER_INTAKE_SETTLE_SECONDS": "0"}
        return {**kept, **own, **self.environ, **(extra or {})}

    def __call__(
        self, *arguments: object, code: int | None = 0, environ: Mapping[str, str] | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end. `code`: the exit code that it must have; None for any."""
        done = subprocess.run(
            [COMMAND, *map(os.fspath, map(_text, arguments))],
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env=self.environment(environ),
            timeout=timeout,
        )
        assert code is None or done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def start(self, *arguments: object, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            [COMMAND, *map(os.fspath, map(_text, arguments))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(environ),
            start_new_session=True,
        )

    def json(self, *arguments: object, code: int | None = 0) -> Any:
        if arguments[0] not in READING:
            return json.loads(self(*arguments, "--json", code=code).stdout)
        returned, text = self.inside(*arguments, "--json")
        assert code is None or returned == code, f"{returned}\n{text}"
        return json.loads(text)

    def json_lines(self, *arguments: object, environ: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*arguments, "--json", environ=environ).stdout.splitlines()]

    def export(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.inside("export")[1].splitlines()]

    def found(self, *query: object, code: int | None = None) -> list[str]:
        """The file names that a search finds, in its order."""
        returned, paths = self.inside("search", "-0", *query)
        assert code is None or returned == code
        return [Path(path).name for path in paths.split("\0")[:-1]]

    def inside(self, *arguments: object) -> tuple[int, str]:
        """Run a command within this process, which takes a tenth of the time; its exit code and what it prints."""
        if threading.current_thread() is not threading.main_thread():
            # Where a process prints to is the whole process', so only one thread can listen.
            done = self(*arguments, code=None)
            return done.returncode, done.stdout
        from tagger.cli.main import cli

        out = io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape", write_through=True)
        said = io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment(), clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(said),
        ):
            try:
                code = cli.main([*map(_text, arguments)], standalone_mode=False, obj={})
            except TaggerError as error:
                code = error.exit_code
        return int(code or 0), out.buffer.getvalue().decode("utf-8", "surrogateescape")  # type: ignore[attr-defined]


def _text(value: object) -> str:
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def with_mobilenet(home: Path, shared: Path) -> Tagger:
    """A tagger that uses MobileNetV2's real weights."""
    weights = shared / "models" / MOBILENET
    return Tagger(home, {"TAGGER_MODEL_NAME": "mobilenet_v2", "TAGGER_MODEL_WEIGHTS": str(weights)})


def use_light(tagger: Tagger, model: Path) -> Tagger:
    """Give it a light model, which starts twenty times as fast as TensorFlow, where it does not matter what labels."""
    (tagger.data / "models").mkdir(parents=True)
    shutil.copy(model, tagger.data / "models")
    return tagger
