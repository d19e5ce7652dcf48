"""`tagger config`: the settings as they are, and where each of them comes from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tagger.cli import voice
from tagger.cli.common import write_json
from tagger.core.config_origins import Origin, Setting, settings_with_origins
from tagger.core.config_sources import config_file_used, setting_keys
from tagger.core.errors import ConfigError, ExitCode, UsageError
from tagger.core.paths import shown_path
from tagger.core.secrets import hidden

# The values stand before it, so that their origins are in one column.
_WIDTH = 44


def _keys(_context: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """The settings and sections that begin so, for a shell's completion."""
    keys = list(setting_keys())
    sections = dict.fromkeys(key.partition(".")[0] for key in keys if "." in key)
    return [name for name in [*sections, *keys] if name.startswith(begun)]


@click.command(
    "config",
    epilog="""\b
Later sources win: defaults, what the library remembers (tagger model use, the
web page), the config file, the environment, the command line. The output is
TOML, with the origin of each value behind it. Passwords are not printed.

\b
Examples:
  tagger config
  tagger config --changed         only what is not the default
  tagger config web model.name    a section, and one setting
  tagger config --check           whether all of it makes sense, for scripts
  tagger --config new.toml config --check""",
)
@click.argument("keys", metavar="[SETTING|SECTION]...", nargs=-1, shell_complete=_keys)
@click.option("--changed", is_flag=True, help="Only settings that are not the default.")
@click.option("--check", is_flag=True, help="Print faults only; exit code 2 if there are any.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(context: click.Context, keys: tuple[str, ...], changed: bool, check: bool, as_json: bool) -> int:
    """The settings as they are, and where each of them comes from: default, file and line, environment."""
    file = config_file_used(context.obj["config"])
    try:
        settings, found = settings_with_origins(context.obj["config"], context.obj["flags"])
    except ConfigError as error:
        if not (check and as_json):
            raise
        write_json({"config": str(file), "faults": [{"about": "", "text": line} for line in str(error).splitlines()]})
        return ExitCode.USAGE
    # Not among the first imports: the check reads the labels' names, which takes time.
    from tagger.service.settings_check import faults

    wrong = faults(settings)
    shown = [one for one in _chosen(found, keys) if not (changed and one.is_default)]
    if as_json:
        told: dict[str, Any] = {"config": str(file), "faults": [asdict(fault) for fault in wrong]}
        if not check:
            told["settings"] = {one.key: _json(one) for one in shown}
        write_json(told, indent=2)
        return ExitCode.USAGE if wrong and check else ExitCode.DONE
    if not check:
        _print(shown, file)
    for fault in wrong:
        voice.fault(str(fault))
    if check and not wrong:
        voice.done("The settings make sense.")
    return ExitCode.USAGE if wrong and check else ExitCode.DONE


def _chosen(found: list[Setting], keys: tuple[str, ...]) -> list[Setting]:
    """The settings that are named, by themselves or by their sections. Raises UsageError for a name of none."""
    for key in keys:
        if not any(_is_in(one, key) for one in found):
            import difflib

            known = [one.key for one in found] + [one.key.partition(".")[0] for one in found]
            near = difflib.get_close_matches(key, known, n=1)
            raise UsageError(
                f"There is no setting or section {key}.",
                f"Did you mean {near[0]}?" if near else "tagger config lists them all.",
            )
    return [one for one in found if not keys or any(_is_in(one, key) for key in keys)]


def _is_in(setting: Setting, key: str) -> bool:
    return setting.key == key or setting.key.startswith(f"{key}.")


def _print(shown: list[Setting], file: Path) -> None:
    print(f"# {shown_path(str(file))}{'' if file.exists() else ' (does not exist)'}")
    section = ""
    for one in shown:
        within, _, name = one.key.rpartition(".")
        if within != section:
            section = within
            print(f"\n[{section}]")
        value = hidden(one.key, one.value)
        text = f"# {name} is not set" if value is None else f"{name} = {_toml(value)}"
        print(f"{text:{_WIDTH}}{voice.dim('  # ' + ', '.join(map(_told, one.origins)))}")


def _told(origin: Origin) -> str:
    return shown_path(str(origin))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(name, ensure_ascii=False)} = {_toml(one)}" for name, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str | Path):
        return json.dumps(shown_path(str(value)), ensure_ascii=False).replace("\x7f", "\\u007f")
    # Numbers, true and false are written as in JSON.
    return json.dumps(value)


def _json(one: Setting) -> dict[str, Any]:
    value = hidden(one.key, one.value)
    return {
        "value": shown_path(str(value)) if isinstance(value, Path) else value,
        "default": one.is_default,
        "sources": [asdict(origin) for origin in one.origins],
    }
