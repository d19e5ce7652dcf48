"""The few settings that a person changes on the web page: in settings.toml beside the library, below config.toml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagger.core.atomic_file import replacing
from tagger.core.toml_files import read_toml

CHOSEN_FILE = "settings.toml"
# None of them leads elsewhere, runs anything, lets anybody in or writes into photos that are not written to already.
CHANGEABLE = ("labels.language", "labels.show_threshold", "service.work_window")


def chosen_settings(data_dir: Path) -> dict[str, Any]:
    """What was chosen, by dotted key, as it is written; empty if nothing was. Raises ConfigError."""
    path = data_dir / CHOSEN_FILE
    said = read_toml(path) if path.is_file() else {}
    found = {}
    for key in CHANGEABLE:
        section, _, name = key.partition(".")
        within = said.get(section)
        if isinstance(within, dict) and name in within:
            found[key] = within[name]
    return found


def save_chosen(data_dir: Path, chosen: Mapping[str, Any]) -> None:
    """Store what is chosen, all of it: numbers and texts by dotted key. Raises OSError."""
    lines = ["# Written by the web page; config.toml, TAGGER_* and flags win over it."]
    section = ""
    for key in CHANGEABLE:
        within, _, name = key.partition(".")
        if key not in chosen:
            continue
        if within != section:
            section = within
            lines += ["", f"[{section}]"]
        # A number or a text in JSON is the same in TOML.
        lines.append(f"{name} = {json.dumps(chosen[key])}")
    with replacing(data_dir / CHOSEN_FILE) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
