"""`tagger explain`: why a photo got its labels."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import voice
from tagger.cli.common import (
    model_options,
    number_of,
    path_json,
    settings_of,
    wanted_json,
    write_json,
)
from tagger.cli.photo_arguments import each, named, photo_options
from tagger.cli.progress import ByteMeter
from tagger.core.errors import UnknownPhotoError, UsageError
from tagger.core.paths import shown_path
from tagger.imaging.kinds import KINDS

if TYPE_CHECKING:
    from tagger.core.boxes import Box
    from tagger.core.config import Settings
    from tagger.labels.explain import Explanation

# A box that covers more of the width than this is at no side.
_WIDE = 0.6


@click.command(
    "explain",
    epilog="""\b
Examples:
  tagger explain ~/Photos/2019/zoo.jpg
  tagger explain --json zoo.jpg | jq .labels
  tagger search -0 tiger | tagger explain -0 --json -
  tagger explain zoo.jpg --like "a child on a swing"
A photo of the library is explained from what is stored; any other is looked
at now.""",
)
@click.argument("photos", nargs=-1, type=click.Path(allow_dash=True), metavar="PHOTO|-...")
@photo_options
@model_options
@click.option("--like", metavar="DESCRIPTION", help="Why a photo of the library looks like this, or not, instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; of several photos one a line.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    photos: tuple[str, ...],
    files_from: str | None,
    null: bool,
    model: str | None,
    weights: str | None,
    like: str | None,
    as_json: bool,
) -> int:
    """Why each PHOTO got its labels: what was seen on it, the rules and the thresholds."""
    from tagger.labels.languages import language
    from tagger.pipeline.on_demand import OnDemandLabeller, explain

    wanted = named(photos, files_from, null)
    settings = settings_of(context, model__name=model, model__weights=weights)
    indent = None if wanted.several else 2
    if like is not None:
        return each(wanted, lambda path: _explain_likeness(settings, path, like, as_json, indent))
    told: set[str] = set()

    def tell(path: str) -> None:
        found = explain(settings, path, labeller).named(language(settings.labels.language))
        if found.note and not as_json and found.note not in told:
            told.add(found.note)
            voice.note(found.note)
        _print_json(path, found, wanted_json(settings), indent) if as_json else _print(path, found)

    with (
        ByteMeter("Fetching the model's weights", quiet=as_json) as meter,
        OnDemandLabeller(settings, meter.update, configured=bool(model or weights)) as labeller,
    ):
        return each(wanted, tell)


def _explain_likeness(settings: Settings, path: str, text: str, as_json: bool, indent: int | None) -> None:
    """Which words of a description fit a photo of the library, and how well."""
    from tagger.search.looks import Describer
    from tagger.store import records
    from tagger.store.library import open_library
    from tagger.store.reader import open_reader

    if not text.strip():
        raise UsageError("--like needs a description.", 'As in: tagger explain zoo.jpg --like "a child on a swing"')
    with open_library(settings) as library:
        with library.store.read() as session:
            record = records.find_photo(session, path)
        if record is None:
            raise UnknownPhotoError(shown_path(path))
        with open_reader(settings, library.store) as reader:
            found = Describer(settings, reader).descriptions.reason(text, record.id)
    if as_json:
        write_json(path_json(path) | asdict(found), indent=indent)
        return
    sure = "shown" if found.probability >= found.cut_off else "not shown"
    print(f"{shown_path(path)}\n{found.probability:.0%} {text!r}: {sure} by default, which takes {found.cut_off:.0%}\n")
    for name, part in sorted(found.words, key=lambda word: -word[1]):
        print(f"  {part:+.3f}  {name}")
    if found.similarity is not None:
        rest = found.similarity - sum(part for _, part in found.words)
        print(f"  {rest:+.3f}  what no single word says\n  {found.similarity:+.3f}  similarity in all")
    elif found.words or not found.labels:
        print("  Nothing is known of how it looks." if not found.line else f"  {found.line}")
    for name, confidence in found.labels:
        print(f"  {confidence:6.0%}  as sure as it is labelled {name}")
    if found.line and found.similarity is not None:
        print(found.line)


def _print(path: str, found: Explanation) -> None:
    how = "looked at just now" if found.fresh else "from the features stored in the library"
    print(f"{shown_path(path)}\n{found.architecture} ({found.model_id}), {how}\n")
    print("What the model says:")
    for wnid, name, probability in found.top:
        print(f"  {probability:6.1%}  {name}{number_of(wnid)}")
    if found.boxes is not None:
        print("\nPeople and things found on it:")
        sure = [box for box in found.boxes if box.is_sure]
        for box in sure:
            print(f"  {box.score:6.1%}  {box.name}, {_place(box)}, {box.area:.0%} of the picture")
        if not sure:
            print("  none that is sure")
    told = found.fields.rows() if found.fields is not None else []
    if found.kinds or told:
        print("\nWhat the file tells:")
        for name, value in told:
            print(f"  {name}: {value}")
        for kind in found.kinds:
            print(f"  {kind}: {KINDS[kind].by}" if kind in KINDS else f"  {kind}")
    print("\nWhat becomes of it:")
    for candidate in found.candidates:
        mark = "shown " if candidate.shown else "stored" if candidate.stored else "  -   "
        print(f"  {mark}  {candidate.name}: {candidate.why}")
        parts = [f"{name} {share:.1%}" for name, share in candidate.classes if share >= 0.001]
        if candidate.origin != "model" and parts:
            print(f"            {' + '.join(parts)}{' ...' if len(parts) == 5 else ''}")


def _place(box: Box) -> str:
    """Roughly where a box is: thirds of the picture, or across it."""
    middle = (box.left + box.right) / 2
    if box.right - box.left > _WIDE:
        return "across the picture"
    return ("at the left", "in the middle", "at the right")[min(2, int(3 * middle))]


def _box_json(box: Box) -> dict[str, Any]:
    edges = {name: round(getattr(box, name), 3) for name in ("left", "top", "right", "bottom")}
    return {"name": box.name, "score": round(box.score, 3), "sure": box.is_sure, **edges}


def _print_json(path: str, found: Explanation, wanted: dict[str, Any], indent: int | None) -> None:
    write_json(
        path_json(path)
        | {
            "model": found.model_id,
            "architecture": found.architecture,
            "fresh": found.fresh,
            **wanted,
            "classes": [{"wnid": wnid, "name": name, "probability": p} for wnid, name, p in found.top],
            "boxes": None if found.boxes is None else [_box_json(box) for box in found.boxes],
            "kinds": found.kinds,
            "fields": None if found.fields is None else asdict(found.fields),
            "labels": [asdict(candidate) for candidate in found.candidates],
        },
        indent=indent,
    )
