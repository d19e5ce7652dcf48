"""Runs the real `tagger` command in its own processes, away from this user's settings and library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli import forked

COMMAND = Path(sys.executable).parent / "tagger"
MOBILENET = "mobilenet_v2_imagenet.weights.h5"
# The settings with which the model in the package labels, as somebody chose it.
BUILT_IN = {"TAGGER_MODEL_NAME": "efficientnet_lite2"}


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
        done = forked.run([str(COMMAND), *map(_text, arguments)], self.environment(environ), timeout)
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
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def json_lines(self, *arguments: object, environ: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*arguments, "--json", environ=environ).stdout.splitlines()]

    def export(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self("export").stdout.splitlines()]

    def found(self, *query: object, code: int | None = None) -> list[str]:
        """The file names that a search finds, in its order."""
        return [Path(path).name for path in self("search", "-0", *query, code=code).stdout.split("\0")[:-1]]


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
