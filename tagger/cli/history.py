"""`tagger history`: what tagger wrote into a photo and its sidecar, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import path_json, settings_of, write_json
from tagger.cli.photo_arguments import each, named, photo_options
from tagger.core.clock import local_time
from tagger.core.paths import shown_path
from tagger.store import records

if TYPE_CHECKING:
    from tagger.store.ledger import Entry, Story


@click.command(
    "history",
    epilog="""\b
Examples:
  tagger history ~/Photos/2019/zoo.jpg
  tagger search -0 tiger | tagger history -0 - --json""",
)
@click.argument("photos", nargs=-1, type=click.Path(allow_dash=True), metavar="PHOTO|-...")
@photo_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a write.")
@click.pass_context
def command(context: click.Context, photos: tuple[str, ...], files_from: str | None, null: bool, as_json: bool) -> int:
    """Every write of keywords to each PHOTO and its sidecar, the newest first."""
    from tagger.store import ledger
    from tagger.store.session import open_store

    wanted = named(photos, files_from, null)
    with open_store(settings_of(context)) as store:

        def tell(path: str) -> None:
            with store.read() as session:
                stories = ledger.history(session, records.get_photo_at(session, path).id)
            if stories and wanted.several and not as_json:
                print(f"{shown_path(path)}:")
            for story in stories:
                _print_json(path, story) if as_json else _print(story)
            if not stories and not as_json:
                voice.note(f"Nothing was written for {shown_path(path)}.")

        return each(wanted, tell)


def _print(story: Story) -> None:
    write = story.write
    where = "into the photo" if write.target == "photo" else f"sidecar {shown_path(write.path)}"
    print(f"{local_time(write.written_at)}  run {write.run_id} ({story.command}), {where}, {_size(story)}")
    for sign, entries in (("+", story.added), ("-", story.ended)):
        for entry in entries:
            print(f"    {sign} {entry.field}: {entry.keyword}{_remark(entry)}")
    if write.reason:
        print(f"    not into the photo, because {write.reason}")


def _size(story: Story) -> str:
    before, after = story.write.before, story.write.after
    if before.hash is None:
        return f"made, {after.size:,} bytes"
    return "taken away" if after.hash is None else f"{before.size:,} -> {after.size:,} bytes"


def _remark(entry: Entry) -> str:
    remarks = {"seed": " (a person's, copied into a new field)", "refused": " (taken out by a person)"}
    return remarks.get(entry.kind, "")


def _print_json(photo: str, story: Story) -> None:
    write = story.write

    def entry_json(entry: Entry) -> dict[str, str]:
        return {"field": entry.field, "keyword": entry.keyword, "kind": entry.kind}

    write_json(
        path_json(write.path)
        | {
            "photo": path_json(photo),
            "written_at": write.written_at,
            "run": write.run_id,
            "command": story.command,
            "target": write.target,
            "added": [entry_json(entry) for entry in story.added],
            "removed": [entry_json(entry) for entry in story.ended],
            "size_before": write.before.size,
            "size_after": write.after.size,
            "hash_before": None if write.before.hash is None else write.before.hash.hex(),
            "hash_after": None if write.after.hash is None else write.after.hash.hex(),
            "reason": write.reason,
        }
    )
