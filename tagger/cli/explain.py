"""`tagger explain`: why a photo got its labels."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tagger.cli.common import (
    absolute,
    model_options,
    number_of,
    path_json,
    print_substitute,
    settings_of,
    wanted_json,
    write_json,
)
from tagger.cli.progress import ByteMeter
from tagger.core.errors import ExitCode
from tagger.core.paths import shown_path

if TYPE_CHECKING:
    from tagger.labels.explain import Explanation


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
    """Why PHOTO got its labels: the model's scores, the hierarchy, the rules and the thresholds."""
    from tagger.pipeline.on_demand import explain

    settings = settings_of(context, model__name=model, model__weights=weights)
    with ByteMeter("Fetching the model's weights", quiet=as_json) as meter:
        found = explain(settings, absolute(photo), meter.update, configured=bool(model or weights))
    path = absolute(photo)
    if not as_json:
        print_substitute(settings, found.architecture)
    _print_json(path, found, wanted_json(settings)) if as_json else _print(path, found)
    return ExitCode.DONE


def _print(path: str, found: Explanation) -> None:
    how = "looked at just now" if found.fresh else "from the features stored in the library"
    print(f"{shown_path(path)}\n{found.architecture} ({found.model_id}), {how}\n")
    print("What the model says:")
    for wnid, name, probability in found.top:
        print(f"  {probability:6.1%}  {name}{number_of(wnid)}")
    print("\nWhat becomes of it:")
    for candidate in found.candidates:
        mark = "shown " if candidate.shown else "stored" if candidate.stored else "  -   "
        print(f"  {mark}  {candidate.name}: {candidate.why}")
        parts = [f"{name} {share:.1%}" for name, share in candidate.classes if share >= 0.001]
        if candidate.origin != "model" and parts:
            print(f"            {' + '.join(parts)}{' ...' if len(parts) == 5 else ''}")


def _print_json(path: str, found: Explanation, wanted: dict[str, Any]) -> None:
    write_json(
        path_json(path)
        | {
            "model": found.model_id,
            "architecture": found.architecture,
            "fresh": found.fresh,
            **wanted,
            "classes": [{"wnid": wnid, "name": name, "probability": p} for wnid, name, p in found.top],
            "labels": [asdict(candidate) for candidate in found.candidates],
        },
        indent=2,
    )
