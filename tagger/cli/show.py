"""`tagger show`: everything known about photos."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tagger.cli.common import label_json, path_json, settings_of, wanted_json, write_json
from tagger.cli.photo_arguments import each, named, photo_options
from tagger.core.clock import local_time
from tagger.labels.languages import Language, language
from tagger.labels.search_only import search_only
from tagger.store import records

if TYPE_CHECKING:
    from tagger.store.records import PhotoStory


@click.command(
    "show",
    epilog="""\b
Examples:
  tagger show ~/Photos/2019/zoo.jpg
  tagger show --json zoo.jpg
  tagger search -0 tiger | tagger show -0 -""",
)
@click.argument("photos", nargs=-1, type=click.Path(allow_dash=True), metavar="PHOTO|-...")
@photo_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object; of several photos one a line.")
@click.pass_context
def command(context: click.Context, photos: tuple[str, ...], files_from: str | None, null: bool, as_json: bool) -> int:
    """Everything that the library knows about each PHOTO."""
    from tagger.store.session import open_store

    wanted = named(photos, files_from, null)
    settings = settings_of(context)
    spoken = language(settings.labels.language)
    told = wanted_json(settings) if as_json else {}
    with open_store(settings) as store:
        between = False

        def tell(path: str) -> None:
            nonlocal between
            with store.read() as session:
                story = records.story(session, records.get_photo_at(session, path))
            if as_json:
                write_json(_json(story, spoken) | told, indent=None if wanted.several else 2)
                return
            if between:
                print()
            between = True
            _print(story, spoken)

        return each(wanted, tell)


def _print(story: PhotoStory, spoken: Language) -> None:
    record = story.record
    rows = [("Photo", str(record.path)), ("State", record.state + (f": {record.error}" if record.error else ""))]
    if record.format:
        rows.append(("Picture", f"{record.format}, {record.width} x {record.height} pixels"))
    rows.append(("Taken", (record.taken or "unknown").replace("T", " ")))
    rows += story.fields.rows()
    rows.append(("File", f"{record.fingerprint.size:,} bytes, changed {local_time(record.fingerprint.mtime_ns / 1e9)}"))
    rows.append(("Added", local_time(record.added_at)))
    if record.missing_since is not None:
        rows.append(("Missing", f"since {local_time(record.missing_since)}"))
    if story.model is not None and record.labelled_at is not None:
        model = f"{story.model.architecture} ({story.model.model_id})"
        rows.append(("Labelled", f"{local_time(record.labelled_at)} by {model}"))
    rows += [("Copy", str(copy.path)) for copy in story.copies]
    for label in spoken.of(story.labels):
        shown = "" if label.shown else ", search only" if label.key in search_only() else ", less sure"
        rows.append(("Label", f"{label.confidence:4.0%}  {label.name}  ({label.origin.name.lower()}{shown})"))
    rows += [("Removed", spoken.name_of(key, name)) for key, name in story.removed_labels]
    before = ""
    for name, value in rows:
        print(f"{name if name != before else '':9} {value}")
        before = name


def _json(story: PhotoStory, spoken: Language) -> dict[str, Any]:
    record = story.record
    return path_json(record.path.absolute) | {
        "state": record.state,
        "error": record.error,
        "format": record.format,
        "width": record.width,
        "height": record.height,
        "taken": record.taken,
        "fields": asdict(story.fields),
        "size": record.fingerprint.size,
        "mtime_ns": record.fingerprint.mtime_ns,
        "content_hash": None if record.content_hash is None else record.content_hash.hex(),
        "added_at": record.added_at,
        "missing_since": record.missing_since,
        "labelled_at": record.labelled_at,
        "model": None if story.model is None else story.model.model_id,
        "architecture": None if story.model is None else story.model.architecture,
        "copies": [path_json(copy.path.absolute) for copy in story.copies],
        "labels": [label_json(label, spoken) for label in story.labels],
        "removed": [spoken.name_of(key, name) for key, name in story.removed_labels],
    }
