"""`tagger backfill`: label every photo below some folders."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import (
    absolute,
    count,
    duration,
    fetch_setting,
    model_options,
    offline_option,
    settings_of,
    write_json,
)
from tagger.cli.groups import folders as folders_of
from tagger.cli.progress import ByteMeter, Meter, say_stopping
from tagger.cli.write import print_written, written_json
from tagger.core.errors import BusyError, ExitCode, UsageError
from tagger.core.paths import is_object, shown_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagger.core.config import Settings
    from tagger.inference.weights import ChosenModel
    from tagger.intake.scan import ScanResult
    from tagger.keywords.write import Written
    from tagger.pipeline.label_queue import Progress
    from tagger.service.backfill import BackfillResult
    from tagger.teaching.lessons import Lesson

_SHOWN_PROBLEMS = 10
_SHOWN_LABELS = 10


class _Screen:
    """Shows a run: one meter at a time."""

    def __init__(self, quiet: bool, on_first_label: Callable[[], None]) -> None:
        self._quiet = quiet
        self._on_first_label: Callable[[], None] | None = on_first_label
        self._meter: Meter | None = None
        self._bytes: ByteMeter | None = None
        self.model: ChosenModel | None = None
        # Photos a second, as the meter told last.
        self.rate = 0.0

    def remember(self) -> None:
        """The model has proved itself."""
        if self._on_first_label is not None:
            self._on_first_label()
            self._on_first_label = None

    def on_model(self, chosen: ChosenModel) -> None:
        self.model = chosen
        self.close()
        if not self._quiet and chosen.substitute is not None:
            voice.note(chosen.substitute.note(chosen.architecture.name))

    def on_seen(self, files: int) -> None:
        if not self._quiet and voice.is_live(sys.stderr):
            voice.note(f"\rLooking for photos: {files:,} seen", end="")

    def on_headers(self, done: int) -> None:
        if not self._quiet and voice.is_live(sys.stderr):
            self.close()
            voice.note(f"\rReading headers of photos labelled before: {done:,}", end="")

    def on_taught(self, lesson: Lesson) -> None:
        if self._quiet:
            return
        found = lesson.report
        self.close()
        voice.note(
            f"The label {lesson.name!r} that you taught: "
            + (found.refused or f"learned again, precision {found.precision:.0%}, recall {found.recall:.0%}")
        )

    def on_download(self, done: int, total: int | None) -> None:
        if self._bytes is None:
            self._bytes = ByteMeter("Fetching the model's weights", quiet=self._quiet)
        self._bytes.update(done, total)

    def on_scanned(self, result: ScanResult, queued: int, stale: int, incomplete: int) -> None:
        self.close()
        if self._quiet:
            return
        found = {"new": result.new, "changed": result.changed, "moved": result.moved, "back": result.back}
        found |= {"gone": result.gone}
        changes = ", ".join(f"{number:,} {word}" for word, number in found.items() if number)
        if queued and queued != result.new + result.changed:
            changes = f"{changes}; {queued:,} to label" if changes else f"{queued:,} to label"
        start = "\r" if voice.is_live(sys.stderr) else ""
        voice.note(f"{start}Looked through {count(result.seen, 'photo')}: {changes or 'nothing new'}.")
        for problem in result.problems[:_SHOWN_PROBLEMS]:
            voice.fault(f"skipped {problem}")
        if len(result.problems) > _SHOWN_PROBLEMS:
            voice.note(f"  ... and {len(result.problems) - _SHOWN_PROBLEMS:,} more")
        if stale:
            voice.note(f"{count(stale, 'photo')} labelled by another model will be looked at again.")
        if incomplete:
            voice.note(
                f"{count(incomplete, 'photo')} labelled before will be looked at for what is new in this version."
            )
        if queued:
            self._meter = Meter("Labelling", queued, first="loading the model").__enter__()

    def on_labelled(self, progress: Progress) -> None:
        if progress.labelled:
            self.remember()
        if self._meter is not None:
            self._meter.update(progress.done, progress.failed)
            self.rate = self._meter.told_rate

    def close(self) -> None:
        for meter in (self._meter, self._bytes):
            if meter is not None:
                meter.__exit__(None, None, None)
        self._meter = self._bytes = None


@click.command(
    "backfill",
    epilog="""\b
Examples:
  tagger backfill ~/Photos
  tagger backfill /volume1/photo /volume2/scans
  tagger backfill                       all folders of the library again
  tagger backfill --offline ~/Photos    fetch nothing
  tagger backfill --model mobilenet_v2 --weights mobilenet_v2.h5 ~/Photos
  tagger backfill s3://bucket/photos    in object storage
  tagger backfill --cluster 10.0.0.5:6379 /mnt/archive   on many machines

Interrupt it with Ctrl-C whenever you like; the next run goes on where it was.
Unchanged photos are not opened again. The library remembers its --model.""",
)
@click.argument("folders", nargs=-1, type=click.Path(), shell_complete=folders_of)
@model_options
@offline_option
@click.option("--cluster", metavar="ADDRESS", help="Label on the machines of this Ray cluster; local starts one here.")
@click.option("--accept-missing", is_flag=True, help="Take photos as gone even if very many are gone at once.")
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    folders: tuple[str, ...],
    model: str | None,
    weights: str | None,
    offline: bool,
    cluster: str | None,
    accept_missing: bool,
    as_json: bool,
) -> int:
    """Label every photo below FOLDERS, or below all folders of the library."""
    from tagger.service.backfill import backfill
    from tagger.system.stop_signals import stop_on_signals

    flags = {"model__name": model, "model__weights": weights, "model__fetch": fetch_setting(offline)}
    settings = settings_of(context, **flags, cluster__address=cluster)
    again, remembered = "tagger backfill", ""

    def remember() -> None:
        nonlocal again, remembered
        again, remembered = _remember(context, settings, model, weights)

    # Not before the first photo: a wrong file must not be remembered.
    screen = _Screen(as_json, remember)
    try:
        with stop_on_signals(say_stopping) as stop:
            outcome = backfill(settings, [absolute(f) for f in folders], screen, stop, accept_missing=accept_missing)
    except BusyError:
        # The service can do it as well; what cannot be asked of it is refused.
        if model or weights or accept_missing or not _told_service(settings, folders):
            raise
        return ExitCode.DONE
    finally:
        screen.close()
    if screen.model is not None and not outcome.interrupted:
        screen.remember()
    written = None
    if settings.keywords.mode != "off" and not outcome.interrupted:
        written = _write_keywords(settings, quiet=as_json)
    if not outcome.scan.seen and not folders and not outcome.scan.held_back and not outcome.interrupted:
        raise UsageError("The library has no photos yet.", "Name a folder: tagger backfill ~/Photos")
    _print_json(outcome, screen.model, written) if as_json else _print_outcome(settings, outcome, again, screen.rate)
    for sentence in outcome.untold:
        voice.fault(sentence)
    if outcome.untold and not as_json:
        voice.note("The next tagger backfill, or the service, tries it again.")
    if remembered and not as_json:
        voice.note(remembered)
    if written is not None and not as_json:
        print_written(written)
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    failed = outcome.progress.failed or outcome.scan.held_back or (written is not None and written.failed)
    return ExitCode.SOME_FAILED if failed else ExitCode.DONE


def _remember(context: click.Context, settings: Settings, model: str | None, weights: str | None) -> tuple[str, str]:
    """Make the model of the command line that of the library.

    Returns the command that goes on with it, and a sentence for people if that is a change.
    """
    from tagger.core.config_sources import save_model_choice, where_model_is_set
    from tagger.inference.selection import model_status

    if model is None and weights is None:
        return "tagger backfill", ""
    if not where_model_is_set(context.obj["config"]):
        before = settings_of(context).model
        save_model_choice(settings, settings.model.name, settings.model.weights)
        if (before.name, before.weights) == (settings.model.name, settings.model.weights):
            return "tagger backfill", ""
        file = "" if settings.model.weights is None else f" with {settings.model.weights}"
        labels = "labels this library"
        if model_status(settings).labels != settings.model.name:
            labels += " as soon as it can"
        return (
            "tagger backfill",
            f"From now on {settings.model.name}{file} {labels}; to change that: tagger model use NAME",
        )
    flags = {"--model": model, "--weights": weights}
    given = (f"{flag} {shlex.quote(value)}" for flag, value in flags.items() if value)
    return " ".join(["tagger backfill", *given]), ""


def _write_keywords(settings: Settings, *, quiet: bool) -> Written:
    """Write the keywords of what was labelled."""
    from tagger.core.progress import Callbacks
    from tagger.keywords.runs import write_keywords
    from tagger.system.stop_signals import stop_on_signals

    with Meter.following("Writing keywords", quiet=quiet) as on_progress, stop_on_signals(say_stopping) as stop:
        return write_keywords(settings, "", Callbacks(on_progress, stop=stop))


def _told_service(settings: Settings, folders: tuple[str, ...]) -> bool:
    """Ask a running service to look through the folders; False if none is running."""
    from tagger.service import control

    scanned = control.scan(settings.data_dir, [absolute(folder) for folder in folders])
    if scanned is None:
        return False
    for folder in scanned:
        voice.done(f"The service is running and looks through {folder} now; follow it with: tagger status")
    return True


def _print_outcome(settings: Settings, outcome: BackfillResult, again: str, rate: float) -> None:
    progress = outcome.progress
    for root, reason in outcome.scan.held_back.items():
        voice.fault(f"{shown_path(root)} was left alone: {reason}.")
        if os.path.isdir(root) or (is_object(root) and root not in outcome.scan.unlisted):
            voice.note("If they are really gone: tagger backfill --accept-missing")
    if progress.done or progress.total:
        # The same figure as the meter's; loading the model does not count.
        speed = f" ({rate:.1f} photos/s once the model was loaded)" if rate and outcome.seconds > 1 else ""
        voice.done(
            f"{count(progress.labelled, 'photo')} labelled in {duration(outcome.seconds)}{speed}; "
            f"{progress.failed:,} failed."
        )
    elif not outcome.interrupted:
        voice.done("Nothing to do: every photo is labelled." if outcome.scan.seen else "There are no photos there.")
    if progress.failed:
        voice.note("Which and why: tagger status --failed")
    if outcome.left:
        voice.done(f"{count(outcome.left, 'photo')} still queued; go on with: {again}")
    elif progress.labelled:
        _print_found(settings)


def _print_found(settings: Settings) -> None:
    """What the library contains, and what to do with it."""
    from tagger.labels.cloud import example, worth_listing
    from tagger.labels.languages import language
    from tagger.search.query_tree import query_for
    from tagger.store.counts import count_labels
    from tagger.store.session import open_store

    with open_store(settings) as store, store.read() as session:
        counts = count_labels(session)
    spoken = language(settings.labels.language)
    often = spoken.of(worth_listing(counts)[:_SHOWN_LABELS])
    if often:
        voice.done("Most often: " + ", ".join(f"{shown_path(label.name)} ({label.shown:,})" for label in often))
    for shown in spoken.of(filter(None, [example(counts)])):
        voice.note(f"Find them: tagger search {shlex.quote(query_for(shown.name))}")
    voice.note("Look at them: tagger web")


def _print_json(outcome: BackfillResult, model: ChosenModel | None, written: Written | None) -> None:
    scan, progress = outcome.scan, outcome.progress
    substitute = None if model is None else model.substitute
    write_json(
        {
            "seen": scan.seen,
            "new": scan.new,
            "changed": scan.changed,
            "moved": scan.moved,
            "back": scan.back,
            "gone": scan.gone,
            "held_back": {shown_path(root): reason for root, reason in scan.held_back.items()},
            "problems": [{"path": shown_path(p.path), "reason": p.reason} for p in scan.problems],
            "model": None if model is None else model.architecture.name,
            "substitute": None if substitute is None else {"wanted": substitute.wanted, "why": substitute.why},
            "labelled": progress.labelled,
            "classified": progress.classified,
            "failed": progress.failed,
            "left": outcome.left,
            "seconds": round(outcome.seconds, 3),
            "interrupted": outcome.interrupted,
            "keywords": None if written is None else written_json(written),
        },
        indent=2,
    )
