"""Where each setting comes from: its default, a line of a file, a variable of the environment, the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tagger.core.config import Settings
from tagger.core.config_sources import environment_name, load_with_sources, setting_keys, value_of
from tagger.core.environment_files import IN_FILE
from tagger.core.toml_files import lines_of_keys, read_text

Kind = Literal["default", "file", "environment", "command line"]
# What model.fetch was called in files, and as a variable.
_FORMERLY = {"model.fetch": ("model.download", "TAGGER_MODEL_DOWNLOAD")}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting comes from. `name`: of the file or the variable, else empty; `line`: in the file, from 1."""

    kind: Kind
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        if self.kind == "file":
            return self.name if self.line is None else f"{self.name}:{self.line}"
        return f"environment: {self.name}" if self.kind == "environment" else self.kind


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting's value, and where it comes from: of labels' rules two files may each tell a part."""

    key: str
    value: Any
    origins: tuple[Origin, ...]

    @property
    def is_default(self) -> bool:
        """Whether nothing sets it."""
        return all(origin.kind == "default" for origin in self.origins)


def settings_with_origins(
    config_file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Settings, list[Setting]]:
    """The settings, and each of them with its origin in the order of config.example.toml. Raises ConfigError."""
    environ = os.environ if environ is None else environ
    settings, sources = load_with_sources(config_file, flags, environ)
    lines = {
        source: lines_of_keys(read_text(Path(source)))
        for source in {one for several in sources.values() for one in several} - {"environment", "command line"}
    }
    found = []
    for key in setting_keys():
        origins = tuple(_origin(key, source, lines, environ) for source in sources.get(key, ()))
        found.append(Setting(key, value_of(settings, key), origins or (Origin("default"),)))
    return settings, found


def _origin(key: str, source: str, lines: Mapping[str, Mapping[str, int]], environ: Mapping[str, str]) -> Origin:
    if source == "command line":
        return Origin("command line")
    formerly = _FORMERLY.get(key, ())
    if source == "environment":
        name = environment_name(key)
        names = (name, name + IN_FILE, *formerly)
        return Origin("environment", next((one for one in names if environ.get(one, "").strip()), name))
    in_file = lines.get(source, {})
    return Origin("file", source, next((in_file[one] for one in (key, *formerly) if one in in_file), None))
