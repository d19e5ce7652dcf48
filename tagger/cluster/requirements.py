"""What a cluster needs of the settings and of this machine. Imports nothing of Ray."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from tagger.core.config import Settings
from tagger.core.errors import ConfigError, TaggerError, UsageError


def cluster_faults(settings: Settings) -> Iterator[TaggerError]:
    """Why several machines cannot label a library: a ConfigError without PostgreSQL, a UsageError without Ray."""
    if not settings.database.startswith("postgresql"):
        yield ConfigError(
            "Several machines need the library in PostgreSQL, because they cannot share an SQLite file.",
            "Copy it there with tagger migrate-library --to postgresql://..., and write that address into the config "
            "file as `database`.",
        )
    if importlib.util.find_spec("ray") is None:
        yield UsageError("Ray is not installed.", "Install it with: pip install 'tagger-photos[cluster]'")
