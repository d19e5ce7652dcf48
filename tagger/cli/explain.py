"""`tagger explain`: why a photo got its labels."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tagger.cli.common import (
    absolute,
    model_options,
    number_of,
    path_json,
    settings_of,
    wanted_json,
    write_json,
)
from tagger.cli.progress import ByteMeter
from tagger.core.errors import ExitCode
from tagger.core.paths import shown_path
from tagger.imaging.kinds import KINDS

if TYPE_CHECKING:
    from tagger.core.boxes import Box
    from tagger.labels.explain import Explanation

# Boxes that the detector is less sure of are guesses; --json has them, too.
_LEAST_SURE = 0.35
# A box that covers more of the width than this is at no side.
_WIDE = 0.6


@click.command(
    "explain",
    epilog="""\b
Examples:
  tagger explain ~/Photos/2019/zoo.jpg
  tagger explain --json zoo.jpg | jq .labels
A photo of the library is explained from what is stored; any other is looked
at now.""",
)
@click.argument("photo", type=click.Path())
@model_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(context: click.Context, photo: str, model: str | None, weights: str | None, as_json: bool) -> int:
    """Why PHOTO got its labels: what was seen on it, the rules and the thresholds."""
    from tagger.pipeline.on_demand import explain

    settings = settings_of(context, model__name=model, model__weights=weights)
    with ByteMeter("Fetching the model's weights", quiet=as_json) as meter:
        found = explain(settings, absolute(photo), meter.update, configured=bool(model or weights))
    path = absolute(photo)
    if found.note and not as_json:
        print(found.note, file=sys.stderr)
    _print_json(path, found, wanted_json(settings)) if as_json else _print(path, found)
    return ExitCode.DONE


def _print(path: str, found: Explanation) -> None:
    how = "looked at just now" if found.fresh else "from the features stored in the library"
    print(f"{shown_path(path)}\n{found.architecture} ({found.model_id}), {how}\n")
    print("What the model says:")
    for wnid, name, probability in found.top:
        print(f"  {probability:6.1%}  {name}{number_of(wnid)}")
    if found.boxes is not None:
        print("\nPeople and things found on it:")
        sure = [box for box in found.boxes if box.score >= _LEAST_SURE]
        for box in sure:
            print(f"  {box.score:6.1%}  {box.name}, {_place(box)}, {box.area:.0%} of the picture")
        if not sure:
            print("  none that is sure")
    if found.kinds:
        print("\nWhat the file tells:")
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
    return {"name": box.name, "score": round(box.score, 3), **edges}


def _print_json(path: str, found: Explanation, wanted: dict[str, Any]) -> None:
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
            "labels": [asdict(candidate) for candidate in found.candidates],
        },
        indent=2,
    )
