"""Values of variables that stand in files, as Docker hands over secrets: `TAGGER_DATABASE_FILE=/run/secrets/url`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tagger.core.errors import ConfigError

IN_FILE = "_FILE"


def values_from_files(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The variables whose values stand in files, which variables with _FILE behind their names name.

    Raises ConfigError where such a file cannot be read, or the variable is there, too.
    """
    found = {}
    for name in names:
        path = environ.get(name + IN_FILE, "").strip()
        if not path:
            continue
        if environ.get(name, "").strip():
            raise ConfigError(f"{name} and {name}{IN_FILE} are both set.", "Leave one of them out.")
        try:
            found[name] = Path(path).read_text("utf-8-sig").strip()
        except OSError as error:
            raise ConfigError(f"{name}{IN_FILE} names {path}, which cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{name}{IN_FILE} names {path}, which is not text in UTF-8.") from error
    return found
