"""Makes the pages of docs/reference from the commands, the settings and the query language.

python -m tagger.cli.build_reference, or python -m tagger.cli.build_man for manual pages, too.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from tagger.cli.build_man import HEADINGS, paragraphs
from tagger.cli.groups import all_below, below
from tagger.cli.main import cli
from tagger.core.config_sources import allowed, environment_name, setting_keys
from tagger.search.query import HELP

_TOP = Path(__file__).parents[2]
FOLDER = _TOP / "docs" / "reference"
EXAMPLE = _TOP / "config.example.toml"
_MADE = "<!-- Made by python -m tagger.cli.build_reference; a change here is lost. -->\n"


def pages() -> dict[str, str]:
    """The text of every page by its file's name."""
    made = {"commands.md": _commands(), "settings.md": _settings(), "queries.md": _queries()}
    return {name: _MADE + "\n".join(lines) + "\n" for name, lines in made.items()}


def _commands() -> Iterator[str]:
    root = click.Context(cli, info_name="tagger", **cli.context_settings)
    yield "# Commands\n"
    yield "What `--help` says of each, on one page. [The settings](settings.md) hold for all of them.\n"
    for context in all_below(root):
        yield from _command(context)


def _command(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## {context.command_path}\n"
    yield from _fenced([f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"])
    yield from _paragraphs(command.help or "")
    inner = below(context)
    if inner:
        yield from ("| command | |", "|---|---|")
        for word, one in inner.items():
            about = _cell(_plain(" ".join(paragraphs(one.command.help or "")[0][1])))
            yield f"| [`{word}`](#{one.command_path.replace(' ', '-')}) | {about} |"
        yield ""
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    yield from ("| option | |", "|---|---|")
    for record in (option.get_help_record(context) for option in options):
        if record is not None:
            yield f"| `{_cell(record[0])}` | {_cell(_plain(' '.join(record[1].split())))} |"
    yield ""
    yield from _paragraphs(command.epilog or "")


def _paragraphs(text: str) -> Iterator[str]:
    for kept, lines in paragraphs(text):
        if not kept:
            yield _plain(" ".join(line.strip() for line in lines)) + "\n"
            continue
        heading = lines[0].strip() if lines[0].strip() in HEADINGS else ""
        if lines[0].strip() == HELP.splitlines()[1]:
            yield "What a query may have: [the query language](queries.md).\n"
            continue
        if heading:
            yield f"**{heading.rstrip(':')}**\n"
        yield from _fenced(lines[1:] if heading else lines)


def _settings() -> Iterator[str]:
    variable = environment_name("intake.hidden")
    yield "# Settings\n"
    yield (
        "None are needed. Each stands in `config.toml`, in the section that its name begins with, or is a\n"
        f"variable: `intake.hidden` is `{variable}`, and a file that `{variable}_FILE`\n"
        "names may hold its value. `tagger config` shows each as it is and where that comes from.\n"
        "[config.example.toml](../../config.example.toml) has the same, to copy from.\n"
    )
    fields = setting_keys()
    described = _described()
    section = None
    for key, field in fields.items():
        above = key.rpartition(".")[0]
        if above != section:
            section = above
            yield f"## {above}\n" if above else "## The library\n"
        default, about = described[key]
        yield f"- **`{key}`**{f' = `{default}`' if default else ', unset'} ({allowed(field)}).\n  {about}\n"


def _described() -> dict[str, tuple[str, str]]:
    """Each setting of config.example.toml: its default as it is written ("" if unset), and the comment above it."""
    found: dict[str, tuple[str, str]] = {}
    section, said = "", list[str]()
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        table = re.fullmatch(r"\[([\w.]+)\]", line)
        unset = re.fullmatch(r"# (\w+) = .*", line)
        value = re.fullmatch(r"(\w+) = (.*)", line)
        if table and f"{table[1]}" in setting_keys():
            found[table[1]] = ("{}", _plain(" ".join(said)))
        elif table:
            section = f"{table[1]}."
        elif unset and f"{section}{unset[1]}" in setting_keys():
            found[section + unset[1]] = ("", _plain(" ".join(said)))
        elif value:
            found[section + value[1]] = (value[2], _plain(" ".join(said)))
        said = [*said, line[2:]] if line.startswith("# ") and not unset else []
    return found


def _queries() -> Iterator[str]:
    yield "# The query language\n"
    yield (
        "What `tagger search`, the page's search box, albums, the API, `tagger write`, `undo` and `teach` understand.\n"
        "[Searching](../search.md) says more, with every field.\n"
    )
    yield from ("| query | finds |", "|---|---|")
    rows: list[list[str]] = []
    for line in HELP.splitlines()[2:]:
        asked, about = line[2:24].rstrip(), line[24:].strip()
        # What is too long for its column begins the text beside it.
        if asked:
            rows.append([asked, about])
        else:
            rows[-1][1] += f" {about}"
    yield from (f"| `{_cell(asked)}` | {_cell(_plain(about))} |" for asked, about in rows)


def _fenced(lines: list[str]) -> Iterator[str]:
    yield from ("```text", *textwrap.dedent("\n".join(lines)).split("\n"), "```\n")


def _plain(text: str) -> str:
    """Text of a help as Markdown shows it: only `...` in it is a mark."""
    parts = re.split("(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_<>\[\]])", r"\\\1", part) for part in parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{FOLDER / name}\n")


if __name__ == "__main__":
    main()
