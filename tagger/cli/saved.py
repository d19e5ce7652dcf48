"""`tagger saved`: the searches that a person saved with `tagger search --save`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal

import click
from pydantic import BaseModel

from tagger.cli import voice
from tagger.cli.common import absolute, count, settings_of, write_json
from tagger.cli.consent import must_agree_to_replace, yes_option
from tagger.cli.groups import WholeHelp, saved_names
from tagger.core.atomic_file import replacing
from tagger.core.errors import ExitCode, UsageError
from tagger.core.languages import LanguageCode
from tagger.core.os_words import why
from tagger.core.paths import disk_path, shown_path, stored_path
from tagger.store.reader import Reader, open_reader
from tagger.store.saved_searches import SavedSearch, Sort, saved_search, saved_searches

if TYPE_CHECKING:
    from tagger.store.library import Library

_KIND: Literal["tagger saved searches"] = "tagger saved searches"
_MOST_BYTES = 64 << 20


class _Search(BaseModel):
    name: str
    query: str
    language: LanguageCode
    sort: Sort = ""
    all: bool = False
    strict: bool = False


class _File(BaseModel):
    file: Literal["tagger saved searches"]
    searches: list[_Search]


@click.group(
    "saved",
    cls=WholeHelp,
    invoke_without_command=True,
    epilog="""\b
Examples:
  tagger search --save Tigers 'tiger taken:2019'
  tagger search --saved Tigers
  tagger saved list
  tagger saved rename Tigers "Tigers of 2019"
  tagger saved export searches.json""",
)
@click.pass_context
def command(context: click.Context) -> int:
    """The searches that you saved. `tagger search --save` saves one, `--saved` asks it."""
    code: int = context.invoke(list_searches) if context.invoked_subcommand is None else ExitCode.DONE
    return code


@command.command("list", epilog="\b\nExamples:\n  tagger saved list\n  tagger saved list --json")
@click.option("--json", "as_json", is_flag=True, help="As one JSON list.")
@click.pass_context
def list_searches(context: click.Context, as_json: bool) -> int:
    """List them: name, query, and the language in which it was typed."""
    with open_reader(settings_of(context)) as reader:
        return print_searches(reader, as_json=as_json)


@command.command("rename", epilog='\b\nExample:\n  tagger saved rename Tigers "Tigers of 2019"')
@click.argument("name", shell_complete=saved_names)
@click.argument("new_name")
@click.pass_context
def rename(context: click.Context, name: str, new_name: str) -> int:
    """Give the saved search NAME another name."""
    from tagger.store.saved_searches import rename_search

    with _named(context, name) as (library, saved), library.store.write(durable=True) as session:
        stored = rename_search(session, saved.id, new_name)
    voice.done(f"{saved.name!r} is {stored!r} now.")
    return ExitCode.DONE


@command.command("remove", epilog="\b\nExample:\n  tagger saved remove Tigers")
@click.argument("name", shell_complete=saved_names)
@click.pass_context
def remove(context: click.Context, name: str) -> int:
    """Forget the saved search NAME. No photo changes."""
    from tagger.store.saved_searches import remove_search

    with _named(context, name) as (library, saved), library.store.write(durable=True) as session:
        remove_search(session, saved.id)
    voice.done(f"{saved.name!r} is forgotten; to have it back: {shown_path(_command(saved))}")
    return ExitCode.DONE


@command.command("export", epilog="\b\nExample:\n  tagger saved export searches.json")
@click.argument("file", type=click.Path(dir_okay=False))
@yes_option
@click.pass_context
def export(context: click.Context, file: str, yes: bool) -> int:
    """Write all saved searches to FILE, for another library."""
    with open_reader(settings_of(context)) as reader:
        found = saved_searches(reader)
    path = Path(absolute(file))
    must_agree_to_replace(path, yes=yes)
    data = {"file": _KIND, "searches": [search_json(saved) for saved in found]}
    try:
        with replacing(path) as unfinished:
            unfinished.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{shown_path(str(path))} cannot be written: {why(error)}.") from error
    voice.done(f"{count(len(found), 'saved search', 'saved searches')} written to {shown_path(str(path))}")
    return ExitCode.DONE


@command.command("import", epilog="\b\nExample:\n  tagger saved import searches.json")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--force", is_flag=True, help="Replace those that have the same names.")
@click.pass_context
def import_file(context: click.Context, file: str, force: bool) -> int:
    """Take saved searches from FILE, all or none."""
    from tagger.search.saved import as_saved
    from tagger.store.library import open_library
    from tagger.store.saved_searches import save_search

    found = [as_saved(saved, by_labels=False) for saved in _read(Path(absolute(file)))]
    with open_library(settings_of(context)) as library, library.store.write(durable=True) as session:
        for saved in found:
            save_search(session, saved, library.clock.now(), replace=force)
    voice.done(f"{count(len(found), 'saved search', 'saved searches')} taken in.")
    return ExitCode.DONE


def print_searches(reader: Reader, *, as_json: bool) -> int:
    """List the saved searches of a library."""
    found = saved_searches(reader)
    if as_json:
        write_json([search_json(saved) for saved in found])
        return ExitCode.DONE
    width = min(40, max((len(saved.name) for saved in found), default=0))
    for saved in found:
        kept = [f"--sort {saved.sort}" if saved.sort else "", "--all" if saved.less_sure else ""]
        options = " ".join(["", *filter(None, kept), f"({saved.language})"])
        print(f"{saved.name:{width}}  {shown_path(saved.query)} {voice.dim(options)}")
    if not found:
        voice.note("No search is saved. Save one: tagger search --save NAME 'tiger taken:2019'")
    return ExitCode.DONE


def _command(saved: SavedSearch) -> str:
    """The command that saves a search again as it was."""
    kept = {f"--lang={saved.language}": True, f"--sort={saved.sort}": saved.sort}
    kept |= {"--all": saved.less_sure, "--strict": saved.strict}
    options = [option for option, given in kept.items() if given]
    return " ".join(["tagger search", f"--save={quote(saved.name)}", *options, "--", quote(saved.query)])


def search_json(saved: SavedSearch) -> dict[str, Any]:
    """A saved search for programs. A path's bytes that are no text are written as the database has them."""
    return {
        "name": saved.name,
        "query": stored_path(saved.query),
        "language": saved.language,
        "sort": saved.sort,
        "all": saved.less_sure,
        "strict": saved.strict,
    }


@contextmanager
def _named(context: click.Context, name: str) -> Iterator[tuple[Library, SavedSearch]]:
    from tagger.store.library import open_library

    settings = settings_of(context)
    with open_library(settings) as library, open_reader(settings, library.store) as reader:
        yield library, saved_search(reader, name)


def _read(path: Path) -> list[SavedSearch]:
    """What `export` wrote. Raises UsageError for anything else."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError
        file = _File.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"{shown_path(str(path))} cannot be read: {why(error)}.") from error
    except (ValueError, RecursionError) as error:
        # pydantic's are ValueErrors, too.
        raise UsageError(
            f"{shown_path(str(path))} is no file of saved searches that can be used.",
            "Such files are made by: tagger saved export FILE",
        ) from error
    return [
        SavedSearch(one.name, disk_path(one.query), one.language, one.sort, one.all, one.strict)
        for one in file.searches
    ]
