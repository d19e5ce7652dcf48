"""What several commands share: settings from the command line, paths for people and for pipes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from tagger.cli import voice
from tagger.cli.terminal import shows_unicode
from tagger.core import numbers
from tagger.core.config import Settings
from tagger.core.config_sources import load_settings
from tagger.core.paths import absolute as absolute
from tagger.core.paths import path_json as path_json
from tagger.core.paths import shown_path
from tagger.core.photo import Label, is_wnid
from tagger.labels.differences import Difference

if TYPE_CHECKING:
    from tagger.labels.languages import Language

_SHOWN_FAILURES = 20


def settings_of(context: click.Context, **flags: Any) -> Settings:
    """The settings with this command's flags (dotted keys with `__` for the dot, None where not given)."""
    given = {key.replace("__", "."): value for key, value in flags.items()}
    settings = load_settings(context.obj["config"], {**context.obj["flags"], **given})
    if voice.verbose() and "data_dir" not in context.obj:
        _tell_details(context, settings)
    # For what is said of a file that cannot be written.
    context.obj["data_dir"] = settings.data_dir
    return settings


def _tell_details(context: click.Context, settings: Settings) -> None:
    from tagger.core.config_sources import config_file_used
    from tagger.system import logs

    logs.set_up("text", verbose=True)
    file = config_file_used(context.obj["config"])
    there = "" if file.exists() else ", which does not exist"
    voice.detail(f"settings from {shown_path(str(file))}{there}; what each is: tagger config")
    voice.detail(f"library in {shown_path(str(settings.data_dir))}")


def _keep_links(_context: click.Context, _option: click.Parameter, path: str | None) -> str | None:
    # Not resolve(): links are kept as they are.
    return None if path is None else os.path.abspath(path)


weights_option = click.option(
    "--weights", metavar="FILE", type=click.Path(), callback=_keep_links, help="A local weights file for the model."
)


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--model` and `--weights` to a command."""
    from tagger.cli.groups import model_names

    help_text = "The architecture; see: tagger model list"
    name = click.option("--model", metavar="NAME", shell_complete=model_names, help=help_text)
    return name(weights_option(function))


offline_option = click.option(
    "--offline", is_flag=True, help="Fetch nothing; without the model's weights the model in the package labels."
)


def fetch_setting(offline: bool) -> str | None:
    """The value of `model.fetch` that `--offline` stands for."""
    return "never" if offline else None


def wanted_json(settings: Settings) -> dict[str, str]:
    """Which model is wanted, and what keeps it from labelling (empty if nothing does)."""
    from tagger.inference.selection import model_status

    status = model_status(settings)
    return {"wanted": status.wanted, "why_not_wanted": status.why}


def write_path(path: str, end: bytes = b"\n") -> None:
    """Write a path to standard output byte for byte, whatever its encoding."""
    sys.stdout.buffer.write(os.fsencode(path) + end)


def label_json(label: Label, spoken: Language) -> dict[str, Any]:
    """A label as `export` and `show` write it: its name in a language, and the one that it is stored by."""
    return {
        "name": spoken.name_of(label.key, label.name),
        "english": label.name,
        "wnid": label.wnid,
        "confidence": round(label.confidence, 4),
        "rank": label.rank,
        "origin": label.origin.name.lower(),
        "shown": label.shown,
    }


def json_text(value: Any, stream: TextIO, *, indent: int | None = None) -> str:
    """A value as JSON, in ASCII where the stream is not in UTF-8, which JSON must be."""
    return json.dumps(value, ensure_ascii=not shows_unicode(stream), indent=indent)


def write_json(value: Any, *, indent: int | None = None) -> None:
    """Write one JSON value and a line end to standard output."""
    sys.stdout.write(json_text(value, sys.stdout, indent=indent) + "\n")


def print_differences(
    gained: Sequence[tuple[str, int]], lost: Sequence[tuple[str, int]], examples: Sequence[Difference]
) -> None:
    """How shown labels would change: how often which, and some photos."""
    for word, names in (("More", gained), ("Fewer", lost)):
        if names:
            print(f"{word} often: " + ", ".join(f"{name} ({number:,})" for name, number in names))
    for example in examples:
        changes = [f"-{name}" for name in example.lost] + [f"+{name}" for name in example.gained]
        print(f"  {shown_path(example.path)}: {', '.join(changes)}")


def print_failures(failures: Sequence[tuple[str, str]]) -> None:
    """Say on standard error why photos failed, once for all of a folder that failed for the same reason."""
    from tagger.keywords.failures import told_together

    sentences = told_together(failures)
    for sentence in sentences[:_SHOWN_FAILURES]:
        voice.fault(sentence)
    if len(sentences) > _SHOWN_FAILURES:
        voice.note(f"... and {len(sentences) - _SHOWN_FAILURES:,} more; all of them with --json")


def number_of(wnid: str) -> str:
    """A class's number in WordNet, to be put behind its name; classes that were trained here have none."""
    return f"  ({wnid})" if is_wnid(wnid) else ""


count = numbers.count


def megabytes(number: int) -> str:
    """`812 bytes`, `3.4 kB`, `12 MB`, `1.4 GB`."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.{0 if number >= 10 * size else 1}f} {unit}"
    return f"{number} bytes"


def duration(seconds: float) -> str:
    """`41 s`, `3 min 20 s`, `2 h 05 min`, `3 days 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
