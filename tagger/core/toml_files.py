"""Files in TOML, as any editor saves them."""

from __future__ import annotations

import codecs
import tomllib
from pathlib import Path
from typing import Any

from tagger.core.errors import ConfigError


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a file. Raises ConfigError, for people."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", "See config.example.toml for how it looks.") from error


def read_text(path: Path) -> str:
    """The text of a file, its lines ended by line feeds. Raises ConfigError, for people."""
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(
                f"{path} cannot be read: it is no file.",
                "Name a file in TOML; see config.example.toml for how it looks.",
            )
        data = path.read_bytes()
        # As Windows' editors save it.
        encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} is not text in UTF-8 (line {line}).", "Save it in UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error


def lines_of_keys(text: str) -> dict[str, int]:
    """In which line of valid TOML each key first stands: `key`, `section.key`, and no deeper; the first line is 1.

    The TOML reader does the reading: a statement is as many lines as it takes to be valid behind its section's header.
    """
    found: dict[str, int] = {}
    header, begun, first = "", "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not begun:
            first = number
            if line.lstrip().startswith("["):
                header = ""
        begun += line + "\n"
        try:
            data = tomllib.loads(header + begun)
        except tomllib.TOMLDecodeError:
            continue
        if line.lstrip().startswith("[") and first == number and not header:
            header = begun
        begun = ""
        for key, value in data.items():
            inner = value if isinstance(value, dict) else {}
            for name in [f"{key}.{name}" for name in inner] or [key]:
                found.setdefault(name, first)
    return found
