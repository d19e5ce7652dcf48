"""`tagger relabel`: apply changed rules and thresholds to the whole library."""

from __future__ import annotations

import sys

import click

from tagger.cli.common import count, settings_of, write_json
from tagger.cli.progress import Meter, say_stopping
from tagger.errors import ExitCode


@click.command("relabel", epilog="\b\nExample:\n  tagger relabel         after a change of [labels] in the config file")
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """Apply the present rules and thresholds to the whole library, from stored features. No photo is opened."""
    from tagger.relabel import relabel
    from tagger.stopping import stop_on_signals

    settings = settings_of(context)

    meter: Meter | None = None

    def report(done: int, total: int) -> None:
        nonlocal meter
        if meter is None:
            meter = Meter("Relabelling", total, quiet=as_json).__enter__()
        meter.update(done)

    try:
        with stop_on_signals(say_stopping) as stop:
            result = relabel(settings, report, stop)
    finally:
        if meter is not None:
            meter.__exit__(None, None, None)
    for model, reason in result.skipped.items():
        print(f"tagger: photos of {model} were left as they are: {reason}", file=sys.stderr)
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
    else:
        left = f" Interrupted: {count(result.total - result.done, 'photo')} left." if result.interrupted else ""
        print(f"{count(result.done, 'photo')} relabelled; the labels of {result.changed:,} changed.{left}")
        if result.changed and settings.keywords.mode != "off":
            print("Write them into the files, too: tagger write")
    if result.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.SOME_FAILED if result.skipped else ExitCode.DONE
