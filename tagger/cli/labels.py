"""`tagger labels`: which labels the library contains, with counts."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import settings_of, write_json
from tagger.cli.groups import WholeHelp
from tagger.core.errors import ExitCode
from tagger.labels.cloud import worth_listing
from tagger.labels.languages import language
from tagger.store.counts import count_labels

_everything = click.option(
    "--all", "everything", is_flag=True, help="Also labels that are stored but shown on no photo."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")


@click.group(
    "labels",
    cls=WholeHelp,
    invoke_without_command=True,
    epilog="\b\nExamples:\n  tagger labels\n  tagger labels --all --json",
)
@_everything
@_as_json
@click.pass_context
def command(context: click.Context, everything: bool, as_json: bool) -> int:
    """Which labels the library contains, with the number of photos, most frequent first."""
    return ExitCode.DONE if context.invoked_subcommand else _list(context, everything, as_json)


@command.command("list", epilog="\b\nExamples:\n  tagger labels list\n  tagger labels list --all")
@_everything
@_as_json
@click.pass_context
def list_labels(context: click.Context, everything: bool, as_json: bool) -> int:
    """List them, with the number of photos that show each."""
    before = context.parent.params if context.parent else {}
    return _list(context, everything or bool(before.get("everything")), as_json or bool(before.get("as_json")))


def _list(context: click.Context, everything: bool, as_json: bool) -> int:
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
