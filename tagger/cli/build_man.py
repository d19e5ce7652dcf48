"""Makes the manual pages of deploy/man from the help of the commands: python -m tagger.cli.build_man

Written in the macros of man(7). They travel in the wheel's share/man, where man(1) finds them beside the program.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from tagger import __version__
from tagger.cli.groups import all_below, below
from tagger.cli.main import cli

FOLDER = Path(__file__).parents[2] / "deploy" / "man" / "man1"
# Lines that end so are headings, if they stand alone or begin a block of lines.
HEADINGS = {"Example:": "EXAMPLES", "Examples:": "EXAMPLES", "Queries:": "QUERIES", "Exit codes:": "EXIT STATUS"}
# What no command's help tells, on the page of tagger itself.
_MORE = [
    ".SH ENVIRONMENT",
    "Each setting is a variable, too:",
    ".B TAGGER_SECTION_KEY",
    "is",
    ".I key",
    "in",
    ".I [section]",
    "of the config file.",
    ".B NO_COLOR, CLICOLOR_FORCE",
    "and",
    ".B TERM=dumb",
    "say whether there are colours.",
    ".SH FILES",
    ".TP",
    ".I \\(ti/.config/tagger/config.toml",
    "The settings; every one with its default: tagger config.",
    ".TP",
    ".I \\(ti/.local/share/tagger",
    "The library\\(aqs own files: database, weights, log.",
]


def pages() -> dict[str, str]:
    """The text of every page by its file's name."""
    root = click.Context(cli, info_name="tagger", **cli.context_settings)
    found = list(all_below(root))
    names = [context.command_path.replace(" ", "-") for context in found]
    return {f"{name}.1": _page(context, name, names) for name, context in zip(names, found, strict=True)}


def _page(context: click.Context, name: str, names: list[str]) -> str:
    command = context.command
    about = paragraphs(command.help or "")
    first = " ".join(about[0][1]) if about else ""
    lines = [
        f'.TH "{_roff(name.upper())}" 1 "" "tagger {__version__}" "tagger"',
        ".SH NAME",
        f"{_roff(name)} \\- {_roff(first.partition('. ')[0].rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {_roff(context.command_path)}",
        _roff(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_blocks(about),
    ]
    inner = below(context)
    if inner:
        lines.append(".SH COMMANDS")
        for word, one in inner.items():
            text = " ".join(paragraphs(one.command.help or "")[0][1])
            lines += [".TP", f".B {_roff(word)}", _roff(text)]
    lines.append(".SH OPTIONS")
    for param in command.get_params(context):
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        if record is not None:
            lines += [".TP", f".B {_roff(record[0])}", _roff(" ".join(record[1].split()))]
    lines += _blocks(paragraphs(command.epilog or ""))
    if context.parent is None:
        lines += _MORE
    related = {other for other in names if other.startswith(f"{name}-")} | {name.rpartition("-")[0], "tagger"} & {
        *names
    }
    *all_but_last, last = sorted(related - {name})
    lines += [".SH SEE ALSO", *(f".BR {_roff(other)} (1)," for other in all_but_last), f".BR {_roff(last)} (1)"]
    return "\n".join(lines) + "\n"


def paragraphs(text: str) -> list[tuple[bool, list[str]]]:
    """Paragraphs of a help text as (whether its lines stay as they are, lines)."""
    found: list[tuple[bool, list[str]]] = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = part.strip("\n").split("\n")
        kept = lines[0].strip() == "\b"
        if kept:
            lines = lines[1:]
        if any(line.strip() for line in lines):
            found.append((kept, lines))
    return found


def _blocks(paragraphs: list[tuple[bool, list[str]]]) -> Iterator[str]:
    for kept, lines in paragraphs:
        heading = HEADINGS.get(lines[0].strip()) if kept else None
        rest = lines[1:] if heading else lines
        yield f".SH {heading}" if heading else ".PP"
        if kept:
            yield ".nf"
            yield from map(_roff, rest)
            yield ".fi"
        else:
            yield from (_roff(line.strip()) for line in rest)


def _roff(text: str) -> str:
    """Text as roff reads it back (groff(7), Escapes)."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    escaped = escaped.replace("`", "\\(ga").replace("~", "\\(ti").replace("^", "\\(ha")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def main() -> None:
    """Write the pages, remove those of commands that are gone, and write docs/reference, which says the same."""
    # It takes a help text apart by what stands here.
    from tagger.cli import build_reference

    FOLDER.mkdir(parents=True, exist_ok=True)
    made = pages()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for old in FOLDER.glob("*.1"):
        if old.name not in made:
            old.unlink()
    sys.stdout.write(f"{len(made)} pages in {FOLDER}\n")
    build_reference.main()


if __name__ == "__main__":
    main()
