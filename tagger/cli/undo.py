"""`tagger undo`: take keywords back that tagger wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import count, megabytes, print_failures, settings_of, write_json
from tagger.cli.groups import label_names, query_words
from tagger.cli.progress import Meter, say_stopping
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import shown_path

if TYPE_CHECKING:
    from tagger.keywords.undo import Undone

_SHOWN = 20


@click.command(
    "undo",
    epilog="""\b
Examples:
  tagger undo --all --dry-run     what would be taken back
  tagger undo --all               everything that tagger ever wrote
  tagger undo --label 'web site'  one label, wherever it was written
  tagger undo --run 12            what one run wrote; see: tagger history
  tagger undo 'path:2019/'        the photos that a search finds
Where nobody edited the file since, it gets its old bytes back, each of them.
A keyword that a person wrote stays.""",
)
@click.argument("query", nargs=-1, shell_complete=query_words)
@click.option("--run", "run_id", type=click.IntRange(1, 2**63 - 1), metavar="N", help="What this run wrote.")
@click.option("--label", metavar="L", shell_complete=label_names, help="This label.")
@click.option("--all", "everything", is_flag=True, help="Everything, in every photo.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list the files with what they would lose.")
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    query: tuple[str, ...],
    run_id: int | None,
    label: str | None,
    everything: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take back keywords that tagger wrote into photos and sidecars, and no others.

    Name what: --run, --label, --all, or a QUERY for all of tagger's keywords in the photos that it finds.
    """
    from tagger.core.progress import Callbacks
    from tagger.keywords.runs import undo_keywords
    from tagger.keywords.undo_candidates import UndoChoice
    from tagger.search.find import photos_of
    from tagger.system.stop_signals import stop_on_signals

    if sum((run_id is not None, label is not None, everything, bool(query))) != 1:
        raise UsageError("Name one of --run N, --label L, --all or a query.", "See: tagger undo --help")
    settings = settings_of(context)
    choice = UndoChoice(run_id, label, photos_of(settings, " ".join(query)) if query else None)
    what = "Reading" if dry_run else "Taking back"
    with Meter.following(what, quiet=as_json) as on_progress, stop_on_signals(say_stopping) as stop:
        undone = undo_keywords(settings, choice, Callbacks(on_progress, stop=stop), dry_run=dry_run)
        interrupted = stop()
    _print_json(undone) if as_json else _print(undone, dry_run=dry_run)
    if not as_json and not dry_run and undone.files and settings.keywords.mode != "off":
        voice.note(
            f'keywords.mode is still "{settings.keywords.mode}": new labels will be written. '
            'Set it to "off" to stop that; silence a single label with labels.silence.'
        )
    if interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.SOME_FAILED if undone.failures else ExitCode.DONE


def _print(undone: Undone, *, dry_run: bool) -> None:
    if dry_run:
        for path, removed, _ in undone.listing[:_SHOWN]:
            print(shown_path(path))
            for text in removed:
                print(f"    - {text}")
        if len(undone.listing) > _SHOWN:
            voice.note(
                f"... and {count(len(undone.listing) - _SHOWN, 'more file', 'more files')}; all of them with --json"
            )
    if not undone.files and not undone.failures and not undone.absent:
        voice.done("There is nothing of tagger's to take back.")
        return
    would = "would be " if dry_run else ""
    voice.done(
        f"{count(undone.files, 'file')} {would}restored ({megabytes(undone.bytes)}), {undone.exact:,} of them byte for "
        f"byte; {count(sum(undone.removed.values()), 'keyword')} {would}taken back."
    )
    if undone.absent:
        voice.done(f"{count(undone.absent, 'photo')} not there; run this again when they are.")
    print_failures(undone.failures)
    if undone.failures:
        voice.done(f"{count(len(undone.failures), 'photo')} failed.")


def _print_json(undone: Undone) -> None:
    write_json(
        {
            "files": undone.files,
            "exact": undone.exact,
            "bytes": undone.bytes,
            "absent": undone.absent,
            "removed": dict(undone.removed),
            "failures": [{"path": path, "reason": reason} for path, reason in undone.failures],
            "listing": [
                {"path": shown_path(path), "remove": removed, "exact": exact} for path, removed, exact in undone.listing
            ],
        },
        indent=2,
    )
