"""`tagger search`: find photos by what is in them."""

from __future__ import annotations

import re
import sys

import click

from tagger.cli.common import path_json, settings_of, write_json, write_path
from tagger.cli.groups import label_names
from tagger.core.errors import ExitCode, QueryError
from tagger.core.paths import shown_path
from tagger.labels import taxonomy
from tagger.search.query import HELP, parse
from tagger.search.run import FoundPhoto, Search
from tagger.search.unlabelled import unlabelled_photos, unlabelled_sentence
from tagger.store.reader import open_reader

# -dog is a word with NOT before it, and none of the options below.
_NOT_A_WORD = re.compile(r"-(?!-)(?![hp0]+$)(?!n\d*$)[^\W\d_].+|-[\"(].*")
_MARK = "\0"
# Words that no photo has are listed up to so many.
_UNKNOWN = 10
# Photos that are less sure are counted up to so many.
_COUNTED = 1000


class _Search(click.Command):
    """A command that takes `-dog` for part of the query."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [_MARK + arg if _NOT_A_WORD.fullmatch(arg) else arg for arg in args])


@click.command(
    "search",
    cls=_Search,
    epilog=HELP
    + """

\b
Examples:
  tagger search tiger
  tagger search --all tiger   also where it is too unsure to be shown
  tagger search 'dog taken:2023 -path:backup/'
  tagger search -0 '"golden retriever">0.9' | xargs -0 cp -t ~/dogs
In a pipe only paths are printed. Finds nothing: exit code 1, as with grep.""",
)
@click.argument("query", nargs=-1, shell_complete=label_names)
@click.option("-n", "--limit", type=click.IntRange(0, 1_000_000_000), help="At most so many photos; 0 for all.")
@click.option("--all", "less_sure", is_flag=True, help="Behind them those on which the labels are less sure.")
@click.option("-p", "--paths", is_flag=True, help="Paths only, one a line (the default in a pipe).")
@click.option("-0", "--null", is_flag=True, help="Paths only, each ended by a NUL byte, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    query: tuple[str, ...],
    limit: int | None,
    less_sure: bool,
    paths: bool,
    null: bool,
    as_json: bool,
) -> int:
    """Find photos by what is in them."""
    settings = settings_of(context)
    bare = paths or null or not sys.stdout.isatty()
    if limit is None and not (bare or as_json):
        limit = settings.search.limit
    if not query:
        raise QueryError(
            "Missing argument: say what to look for, as in: tagger search tiger", "Every photo: tagger search '*'"
        )
    tree = parse(" ".join(word.removeprefix(_MARK) for word in query))
    number, more = 0, False
    with open_reader(settings) as reader:
        search = Search(reader, taxonomy.load(), tree, settings.labels.silence)
        wanted = limit + 1 if limit else None
        for found in search.results(wanted, labels=as_json or not bare, less_sure=less_sure):
            if limit and number == limit:
                more = True
                break
            number += 1
            if as_json:
                _json(found)
            elif bare:
                write_path(found.path.absolute, b"\0" if null else b"\n")
            else:
                _line(found)
        unknown = search.unknown_words
        unlabelled = 0 if number else unlabelled_photos(reader)
        # In a pipe, nobody waits for what else there is.
        asks = not (less_sure or more) and (number == 0 or not (bare or as_json))
        others = search.count_less_sure(_COUNTED + 1) if asks and not unlabelled else 0
    sys.stdout.flush()
    if more and not bare and not as_json:
        print(f"There are more than {limit:,}; all of them: --limit 0", file=sys.stderr)
    if unlabelled:
        from tagger.service.status import why_unlabelled

        print(f"tagger: {unlabelled_sentence(unlabelled)}\n{why_unlabelled(settings)}", file=sys.stderr)
        return ExitCode.SOME_FAILED
    if number == 0:
        print("tagger: no photo matches.", file=sys.stderr)
    if others:
        print(f"{_at_least(others)} more, less sure: tagger search --all", file=sys.stderr)
    for word in unknown[:_UNKNOWN]:
        near = f" Did you mean: {', '.join(word.near)}?" if word.near and not word.known else ""
        print(f"tagger: {word.sentence[0].lower()}{word.sentence[1:]}{near}", file=sys.stderr)
    if len(unknown) > _UNKNOWN:
        print(f"tagger: and {len(unknown) - _UNKNOWN:,} more words that no photo has.", file=sys.stderr)
    return ExitCode.DONE if number else ExitCode.SOME_FAILED


def _at_least(number: int) -> str:
    return f"{number:,}" if number <= _COUNTED else f"More than {_COUNTED:,}"


def _json(found: FoundPhoto) -> None:
    labels = [{"name": name, "confidence": round(confidence, 4)} for name, confidence in found.labels]
    write_json(path_json(found.path.absolute) | {"taken": found.taken, "labels": labels, "less_sure": found.less_sure})


def _line(found: FoundPhoto) -> None:
    confidence = f"{max(share for _, share in found.labels):4.0%}" if found.labels else "    "
    names = ", ".join(name for name, _ in found.labels[:3])
    names += " (less sure)" if found.less_sure else ""
    print(f"{confidence}  {shown_path(found.path.absolute)}  {click.style(names, dim=True)}")
