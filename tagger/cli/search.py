"""`tagger search`: find photos by what is in them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, cast

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, settings_of, write_json
from tagger.cli.groups import folders, query_words, saved_names
from tagger.cli.links import renew_links
from tagger.cli.query_arguments import as_typed
from tagger.cli.search_output import Show, ShowFacets, ShowPhotos
from tagger.core.config import Settings
from tagger.core.errors import ExitCode, QueryError, TaggerError, UsageError
from tagger.core.languages import LANGUAGES
from tagger.core.paths import PhotoPath, disk_path
from tagger.core.progress import Callbacks
from tagger.labels import taxonomy
from tagger.search.looks import Describer, as_description
from tagger.search.query import HELP, parse
from tagger.search.query_tree import Node, Word, likes
from tagger.search.run import Search
from tagger.search.saved import as_saved, saved_tree
from tagger.search.unlabelled import unlabelled_photos, unlabelled_sentence
from tagger.search.vocabulary import UnknownWord
from tagger.store.reader import Reader, open_reader
from tagger.store.saved_searches import SavedSearch, Sort, saved_search

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# -dog is a word with NOT before it, and none of the options below.
_NOT_A_WORD = re.compile(r"-(?!-)(?![hpqv0]+$)(?!n\d*$)[^\W\d_].+|-[\"(~].*")
_MARK = "\0"
# Words that no photo has are listed up to so many.
_UNKNOWN = 10
_ROOTS = "SELECT path FROM roots ORDER BY id"
NO_LABEL = "tagger: no label says that; these look like it."
# Photos that are less sure are counted up to so many.
_COUNTED = 1000


class _Search(click.Command):
    """A command that takes `-dog` for part of the query."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [_MARK + arg if _NOT_A_WORD.fullmatch(arg) else arg for arg in args])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        words = query_words(ctx, self.params[0], incomplete) if _NOT_A_WORD.fullmatch(incomplete) else []
        return [*super().shell_complete(ctx, incomplete), *map(CompletionItem, words)]


@click.command(
    "search",
    cls=_Search,
    epilog=HELP
    + """

\b
Examples:
  tagger search tiger
  tagger search --all tiger   also where it is too unsure to be shown
  tagger search a child on a swing
  tagger search 'like:"dog on a beach" taken:2019 -cat'
  tagger search --lang de 'Hund -Katze'
  tagger search 'dog taken:2023 -path:backup/'
  tagger search --save "Dogs at home" 'dog path:home/'
  tagger search --saved "Dogs at home" taken:2024
  tagger search --link ~/Dogs dog
  tagger search --facets place:Italy
  tagger search -0 '"golden retriever">0.9' | xargs -0 -r cp -t ~/dogs

Words that no label says, or with which no photo is labelled, are taken for a
description: photos that look like it are found, and a line on standard error
says so. With --strict, words are labels and nothing else: for scripts that act
on what is found. like: is a description with --strict, too. In --json,
"likeness" is how probably a photo is what was described, and null where labels
matched. What is unlikely follows with --all.

In a pipe only paths are printed. Finds nothing: exit code 1, as with grep.""",
)
@click.argument("query", nargs=-1, shell_complete=query_words)
@click.option("-n", "--limit", type=click.IntRange(0, 1_000_000_000), help="At most so many photos; 0 for all.")
@click.option("--all", "less_sure", is_flag=True, help="Behind them those that are less sure, or less alike.")
@click.option("--strict", is_flag=True, help="Words are labels, and never taken for a description.")
@click.option("--lang", type=click.Choice(list(LANGUAGES)), help="The language of labels, instead of the settings'.")
@click.option("--sort", type=click.Choice(["confidence", "date", "path"]), help="The surest, the newest, or by path.")
@click.option("--count", "only_count", is_flag=True, help="Only how many there are.")
@click.option("--facets", "only_facets", is_flag=True, help="Only what is in them: labels, years, places, cameras.")
@click.option(
    "--link",
    metavar="DIR",
    shell_complete=folders,
    help="Fill a folder with symbolic links to them; again to renew it.",
)
@click.option("--save", metavar="NAME", help="Keep the query under this name, instead of asking it.")
@click.option("--force", is_flag=True, help="With --save: replace the search of this name.")
@click.option(
    "--saved", metavar="NAME", shell_complete=saved_names, help="Ask a saved search; a query beside it narrows."
)
@click.option("-p", "--paths", is_flag=True, help="Paths only, one a line (the default in a pipe).")
@click.option("-0", "--null", is_flag=True, help="Paths only, each ended by a NUL byte, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    query: tuple[str, ...],
    limit: int | None,
    less_sure: bool,
    strict: bool,
    lang: str | None,
    sort: str | None,
    only_count: bool,
    only_facets: bool,
    link: str | None,
    save: str | None,
    force: bool,
    saved: str | None,
    paths: bool,
    null: bool,
    as_json: bool,
) -> int:
    """Find photos by what is in them: by labels, or by what they look like."""
    settings = settings_of(context, labels__language=lang)
    if force and save is None:
        raise UsageError("--force replaces a saved search.", "Use it with --save NAME.")
    if save is not None:
        given = {
            "-n": limit,
            "--count": only_count,
            "--facets": only_facets,
            "--link": link,
            "-p": paths,
            "-0": null,
            "--saved": saved,
        }
        if extra := next((name for name, value in given.items() if value not in (None, False)), ""):
            raise UsageError(
                f"{extra} is not kept in a saved search.", f"Give it beside --saved: tagger search --saved NAME {extra}"
            )
    bare = paths or null or not sys.stdout.isatty()
    if limit is None and not (bare or as_json or link is not None):
        limit = settings.search.limit
    if not query and saved is None:
        raise QueryError(
            "Missing argument: say what to look for, as in: tagger search tiger", "Every photo: tagger search '*'"
        )
    with open_reader(settings) as reader:
        words = [word.removeprefix(_MARK) for word in query]
        text = " ".join(as_typed(word, reader) for word in words)
        if save is not None:
            wanted = SavedSearch(
                save.removeprefix(_MARK), text, settings.labels.language, cast(Sort, sort or ""), less_sure, strict
            )
            return _save(settings, reader, wanted, force=force, as_json=as_json)
        tree = parse(text) if query else None
        known = None if saved is None else saved_search(reader, saved.removeprefix(_MARK))
        if known is not None:
            tree = saved_tree(known, tree)
            sort, less_sure, strict = sort or known.sort, less_sure or known.less_sure, strict or known.strict
        assert tree is not None
        show: Show = ShowPhotos(limit, less_sure, bare, as_json, b"\0" if null else b"\n", sort or "", only_count)
        if link is not None:
            found = _search(settings, reader, tree)[0].results(
                limit, labels=False, less_sure=less_sure, sort=sort or ""
            )
            return _link(reader, absolute(link), [one.path for one in found], as_json=as_json)
        if only_facets:
            show = ShowFacets(settings, reader, less_sure, as_json)
        search, described = _search(settings, reader, tree)
        number, more = show(search, text, "")
        unlabelled = 0 if number else unlabelled_photos(reader)
        unknown = search.unknown_words
        description = None if number or strict or unlabelled or only_count else as_description(tree)
        fault = ""
        if description is not None:
            alike, described = _search(settings, reader, description)
            try:
                number, more = show(alike, str(description), NO_LABEL)
            except UsageError:
                raise
            except TaggerError as error:
                # The labels were searched all the same.
                fault = str(error)
        # In a pipe, nobody waits for what else there is.
        asks = not (less_sure or more or unlabelled or any(likes(tree))) and (number == 0 or not (bare or as_json))
        others = search.count_less_sure(_COUNTED + 1) if asks and (number == 0 or description is None) else 0
        told = [*(search.told if description is None else ()), *described.told]
        seen = described.understood
    if not number and isinstance(show, ShowFacets):
        show.nothing()
    sys.stdout.flush()
    if more and not bare and not as_json:
        voice.note(f"There are more than {limit:,}; all of them: --limit 0")
    if unlabelled:
        from tagger.service.status import why_unlabelled

        voice.note(f"tagger: {unlabelled_sentence(unlabelled)}\n{why_unlabelled(settings)}")
        return ExitCode.SOME_FAILED
    if number == 0:
        voice.note("tagger: no photo matches.")
        if fault:
            voice.fault(f"what it looks like cannot be told: {fault}")
        elif seen:
            nearest = "." if less_sure or others else "; what comes nearest: tagger search --all"
            voice.note(f"tagger: nothing looks like that{nearest}")
    _tell(told)
    if others:
        voice.note(f"{_at_least(others)}{' more,' if number else ''} less sure: tagger search --all")
    if description is not None:
        # Most words of a sentence are no labels, and what is not known of it is told above.
        alone = len(unknown) == 1 and isinstance(tree, Word)
        unknown = tuple(word for word in unknown if word.hint or (alone and not number))
    if known is not None and unknown:
        voice.note(f"tagger: the saved search {known.name!r} asks for what the library does not have:")
    _print_unknown(unknown)
    return ExitCode.DONE if number else ExitCode.SOME_FAILED


def _link(reader: Reader, folder: str, photos: list[PhotoPath], *, as_json: bool) -> int:
    """Renew a folder of links. It acts on what is found, so nothing is guessed."""
    code = renew_links(folder, photos, [disk_path(path) for (path,) in reader.rows(_ROOTS, {})], as_json=as_json)
    if not photos:
        voice.note("tagger: no photo matches.")
    return code


def _save(settings: Settings, reader: Reader, wanted: SavedSearch, *, force: bool, as_json: bool) -> int:
    """Keep a search, and tell what it finds now."""
    from tagger.cli.saved import search_json
    from tagger.store.library import open_library
    from tagger.store.saved_searches import save_search

    tree = parse(as_saved(wanted, by_labels=False).query)
    search, described = _search(settings, reader, tree)
    number = search.count(less_sure=wanted.less_sure)
    unknown, told = search.unknown_words, [*search.told, *described.told]
    with open_library(settings) as library, library.store.write(durable=True) as session:
        stored = as_saved(wanted, by_labels=number > 0)
        stored = save_search(session, stored, library.clock.now(), replace=force)
    if as_json:
        write_json(search_json(stored) | {"photos": number})
    else:
        looks = "" if number or stored.strict or as_description(tree) is None else ": no label says that"
        voice.done(f"Saved as {stored.name!r}; it finds {count(number, 'photo')} now{looks}.")
        voice.done(f"Ask it: tagger search --saved={quote(stored.name)}")
    sys.stdout.flush()
    _tell(told)
    _print_unknown(unknown)
    return ExitCode.DONE


def _search(settings: Settings, reader: Reader, tree: Node) -> tuple[Search, Describer]:
    described = Describer(settings, reader, Callbacks(partial(_progress, [])))
    return Search(reader, taxonomy.load(), tree, settings.labels, described), described


def _progress(told: list[bool], done: int, total: int) -> None:
    """Say that photos are being prepared for descriptions: on a terminal how far it is, else once."""
    if voice.is_live(sys.stderr):
        end = "\n" if done == total else ""
        voice.note(f"\rtagger: preparing {total:,} photos for descriptions, {done / total:.0%}", end=end)
    elif not told:
        voice.note(f"tagger: preparing {total:,} photos for descriptions, once.")
    told.append(True)


def _tell(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        voice.note(f"tagger: {sentence[0].lower()}{sentence[1:]}")


def _print_unknown(unknown: tuple[UnknownWord, ...]) -> None:
    for word in unknown[:_UNKNOWN]:
        near = f" Did you mean: {', '.join(word.near)}?" if word.near and not word.known else ""
        _tell([word.sentence + near])
    if len(unknown) > _UNKNOWN:
        voice.note(f"tagger: and {len(unknown) - _UNKNOWN:,} more words that no photo has.")


def _at_least(number: int) -> str:
    return f"{number:,}" if number <= _COUNTED else f"More than {_COUNTED:,}"
