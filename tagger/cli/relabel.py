"""`tagger relabel`: apply changed rules and thresholds to the whole library."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import count, path_json, print_differences, settings_of, write_json
from tagger.cli.progress import Meter, say_stopping
from tagger.core.errors import ExitCode
from tagger.core.progress import Callbacks
from tagger.labels.differences import EXAMPLES

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.labels.relabel import Compared, Relabelled


@click.command(
    "relabel",
    epilog="""\b
Examples:
  tagger relabel            after a change of [labels] in the config file
  tagger relabel --dry-run  what that would change""",
)
@click.option("--dry-run", is_flag=True, help="Tell what would change; nothing is stored.")
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(context: click.Context, dry_run: bool, as_json: bool) -> int:
    """Apply the present rules and thresholds to the whole library, from stored features. No photo is opened."""
    from tagger.labels.relabel import Compared, Relabelled, compare
    from tagger.labels.relabel_request import relabel_due
    from tagger.search.catch_up import catch_up
    from tagger.service import control
    from tagger.store.library import open_library
    from tagger.store.lock import work_lock
    from tagger.system.stop_signals import stop_on_signals

    settings = settings_of(context)
    if not dry_run and control.relabel(settings.data_dir):
        write_json({"service": True}) if as_json else voice.done(
            "The service relabels the library now; see: tagger status"
        )
        return ExitCode.DONE
    with ExitStack() as stack:
        library = stack.enter_context(open_library(settings))
        if not dry_run:
            stack.enter_context(work_lock(settings.data_dir, "relabel"))
        stop = stack.enter_context(stop_on_signals(say_stopping))
        meter: Meter | None = None

        def report(done: int, total: int) -> None:
            nonlocal meter
            meter = meter or stack.enter_context(Meter("Relabelling", total, quiet=as_json))
            meter.update(done)

        result: Compared | Relabelled
        callbacks = Callbacks(report, stop=stop)
        result = compare(library, callbacks) if dry_run else relabel_due(library, callbacks)
        if isinstance(result, Relabelled) and not result.interrupted:
            catch_up(library, Callbacks(stop=stop))
    for model, reason in result.skipped.items():
        voice.fault(f"photos of {model} were left as they are: {reason}")
    match result:
        case Compared():
            _print_compared(result, as_json)
        case Relabelled():
            _print_relabelled(result, settings, as_json)
    if result.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.SOME_FAILED if result.skipped else ExitCode.DONE


def _print_relabelled(result: Relabelled, settings: Settings, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "photos": result.total,
                "done": result.done,
                "changed": result.changed,
                "skipped": result.skipped,
                "interrupted": result.interrupted,
            },
            indent=2,
        )
        return
    left = f" Interrupted: {count(result.total - result.done, 'photo')} left." if result.interrupted else ""
    voice.done(f"{count(result.done, 'photo')} relabelled; the labels of {result.changed:,} changed.{left}")
    if result.changed and settings.keywords.mode != "off":
        voice.note("Write them into the files, too: tagger write")


def _print_compared(result: Compared, as_json: bool) -> None:
    found = result.differences
    changed = found.photos - found.same
    if as_json:
        write_json(
            {
                "photos": found.photos,
                "changed": changed,
                "gained": dict(found.gained.most_common()),
                "lost": dict(found.lost.most_common()),
                "examples": [
                    path_json(example.path) | {"lost": example.lost, "gained": example.gained}
                    for example in found.examples
                ],
                "skipped": result.skipped,
                "interrupted": result.interrupted,
            },
            indent=2,
        )
        return
    print(f"Of {count(found.photos, 'photo')} {changed:,} would show other labels; nothing was stored.")
    print_differences(found.gained.most_common(EXAMPLES), found.lost.most_common(EXAMPLES), found.examples)
