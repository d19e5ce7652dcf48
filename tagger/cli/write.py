"""`tagger write`: write labels as keywords into photos or sidecars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tagger.cli import voice
from tagger.cli.common import count, megabytes, print_failures, settings_of, write_json
from tagger.cli.groups import query_words
from tagger.cli.progress import Meter, say_stopping
from tagger.core.errors import ExitCode, QueryError

if TYPE_CHECKING:
    from tagger.keywords.write import Written

_SHOWN = 20


@click.command(
    "write",
    epilog="""\b
Examples:
  tagger write --dry-run              what would be written, and how much a
                                      backup would upload again
  tagger write                        photos whose keywords are not up to date
  tagger write --dry-run --mode embed tiger    try a mode before you set it
  tagger write 'dog path:2019/'       the photos that a search finds
Which labels, which fields and where to: [keywords] in the config file.
Take it all back with: tagger undo --all""",
)
@click.argument("query", nargs=-1, shell_complete=query_words)
@click.option("--mode", type=click.Choice(["sidecar", "embed"]), help="Instead of keywords.mode, this time.")
@click.option("--again", is_flag=True, help="Look at every photo, also those whose keywords are up to date.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list the files with what they would get.")
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context, query: tuple[str, ...], mode: str | None, again: bool, dry_run: bool, as_json: bool
) -> int:
    """Write labels as keywords into photos or sidecars, as [keywords] of the configuration says.

    With a QUERY only to the photos that it finds.
    """
    from tagger.core.progress import Callbacks
    from tagger.keywords.runs import write_keywords
    from tagger.system.stop_signals import stop_on_signals

    settings = settings_of(context, keywords__mode=mode)
    text = " ".join(query)
    if query and not text.strip():
        # A variable of a script that is empty must not mean every photo.
        raise QueryError("The query is empty.", "Leave it out for all photos that are not up to date.")
    what = "Reading" if dry_run else "Writing keywords"
    with Meter.following(what, quiet=as_json) as on_progress, stop_on_signals(say_stopping) as stop:
        callbacks = Callbacks(on_progress, stop=stop)
        written = write_keywords(settings, text, callbacks, again=again, dry_run=dry_run)
        interrupted = stop()
    if query and not written.total and not written.notes and not as_json:
        voice.note("tagger: no labelled photo matches.")
        return ExitCode.SOME_FAILED
    write_json(written_json(written), indent=2) if as_json else _print(written, dry_run=dry_run)
    if interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.SOME_FAILED if written.failed else ExitCode.DONE


def _print(written: Written, *, dry_run: bool) -> None:
    if dry_run:
        for path, added, removed in written.listing[:_SHOWN]:
            print(path)
            for sign, texts in (("+", added), ("-", removed)):
                for text in texts:
                    print(f"    {sign} {text}")
        if len(written.listing) > _SHOWN:
            voice.note(
                f"... and {count(len(written.listing) - _SHOWN, 'more file', 'more files')}; all of them with --json"
            )
    print_written(written, would=dry_run)


def print_written(written: Written, *, would: bool = False) -> None:
    """The sums, as `tagger write` and `tagger backfill` print them."""
    if written.total == 0 and not written.notes:
        voice.done("Nothing to do: the keywords of every photo are up to date.")
        return
    verb = "would be written" if would else "written"
    voice.done(
        f"{count(written.files, 'file')} {verb} ({megabytes(written.bytes)}), {written.sidecars:,} of them sidecars; "
        f"{count(written.unchanged, 'photo')} up to date."
    )
    if written.followed:
        went = "goes" if would and written.followed == 1 else "go" if would else "went"
        voice.done(f"  {count(written.followed, 'sidecar')} {went} with a photo that was renamed or moved.")
    for name in sorted({*written.added, *written.removed}):
        if written.added[name] or written.removed[name]:
            voice.done(f"  {name}: +{written.added[name]:,} -{written.removed[name]:,}")
    for reason, number in written.declined.most_common():
        voice.done(f"  {count(number, 'photo')} not written into but beside, because {reason}")
    for note, number in written.notes.most_common(_SHOWN):
        voice.done(f"  {count(number, 'photo')}: {note}")
    if written.stale:
        are = "is" if written.stale == 1 else "are"
        voice.done(f"{count(written.stale, 'photo')} changed since and {are} to be looked at first: tagger backfill")
    if written.later:
        voice.done(f"{count(written.later, 'photo')} changed or went away at this moment and will be tried again.")
    print_failures(written.failures)
    if written.failed:
        voice.done(f"{count(written.failed, 'photo')} failed. Why: tagger status --failed; again: tagger retry")


def written_json(written: Written) -> dict[str, Any]:
    """The sums for scripts."""
    return {
        "photos": written.photos,
        "files": written.files,
        "sidecars": written.sidecars,
        "followed": written.followed,
        "bytes": written.bytes,
        "unchanged": written.unchanged,
        "stale": written.stale,
        "later": written.later,
        "failed": written.failed,
        "added": dict(written.added),
        "removed": dict(written.removed),
        "declined": dict(written.declined),
        "notes": dict(written.notes),
        "failures": [{"path": path, "reason": reason} for path, reason in written.failures],
        "listing": [{"path": path, "add": add, "remove": remove} for path, add, remove in written.listing],
    }
