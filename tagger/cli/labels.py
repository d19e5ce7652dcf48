"""`tagger labels`: which labels the library contains, with counts."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import settings_of, write_json
from tagger.core.errors import ExitCode
from tagger.labels.cloud import worth_listing
from tagger.labels.languages import language
from tagger.store.counts import count_labels


@click.command("labels", epilog="\b\nExamples:\n  tagger labels\n  tagger labels --all --json")
@click.option("--all", "everything", is_flag=True, help="Also labels that are stored but shown on no photo.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_context
def command(context: click.Context, everything: bool, as_json: bool) -> int:
    """Which labels the library contains, with the number of photos, most frequent first."""
    from tagger.store.session import open_store

    settings = settings_of(context)
    spoken = language(settings.labels.language)
    with open_store(settings) as store, store.read() as session:
        found = spoken.of(label for label in count_labels(session) if label.shown or everything)
    if as_json:
        write_json(
            [{"name": label.name, "key": label.key, "shown": label.shown, "stored": label.stored} for label in found],
            indent=2,
        )
        return ExitCode.DONE
    listed = found if everything else worth_listing(found)
    for label in listed:
        print(f"{label.shown:8,}  {label.name}" + (f"  ({label.stored:,} stored)" if everything else ""))
    wider = [f"{label.name} ({label.shown:,})" for label in found if label not in listed]
    if wider:
        print(f"Wider words: {', '.join(wider)}")
    if not found:
        voice.note("No photo has a label yet.")
    return ExitCode.DONE
