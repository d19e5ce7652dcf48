"""`tagger classify`: what the model sees on photos, now."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import (
    absolute,
    fetch_setting,
    model_options,
    number_of,
    offline_option,
    path_json,
    settings_of,
    write_json,
)
from tagger.cli.photo_arguments import named, photo_options
from tagger.cli.progress import ByteMeter
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import is_object, shown_path

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.labels.explain import Explanation

_USUAL_TOP = 3


@click.command(
    "classify",
    epilog="""\b
No library is needed, and nothing is stored. The classes are the network's
own, with their likelihoods; "shown" is what tagger would label it with.

\b
Examples:
  tagger classify cat.jpg
  tagger classify --top 9 cat.jpg
  tagger classify --model mobilenet_v2 --weights mobilenet_v2.h5 cat.jpg
  tagger classify ~/Photos/2019
  find . -name '*.jpg' -newer mark | tagger classify --json -""",
)
@click.argument("photos", nargs=-1, type=click.Path(allow_dash=True), metavar="PHOTO|FOLDER|-...")
@photo_options
@click.option("--top", metavar="NUMBER", type=click.IntRange(1, 1000), help="So many classes, one a line.")
@model_options
@offline_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    photos: tuple[str, ...],
    files_from: str | None,
    null: bool,
    top: int | None,
    model: str | None,
    weights: str | None,
    offline: bool,
    as_json: bool,
) -> int:
    """What the model sees on each PHOTO: its likeliest classes, and what tagger would show."""
    settings = settings_of(context, model__name=model, model__weights=weights, model__fetch=fetch_setting(offline))
    paths, missing = _paths(settings, named(photos, files_from, null).paths)
    for path in missing:
        voice.fault(f"{shown_path(path)}: there is no such file.")
    if not paths:
        raise UsageError("There is no photo to look at.", "Name photos or folders: tagger classify cat.jpg")
    from tagger.labels.languages import language
    from tagger.pipeline.on_demand import classify

    spoken = language(settings.labels.language)

    failed, told = len(missing), False
    # Closing the meter before the first line, not the last: it is for the download alone.
    with ByteMeter("Fetching the model's weights", quiet=as_json) as meter:
        results = classify(settings, paths, top or _USUAL_TOP, meter.update, configured=bool(model or weights))
        with closing(results):
            for found in results:
                if found.explanation is None:
                    failed += 1
                    voice.fault(f"{shown_path(found.path)}: {found.reason}.")
                    continue
                explanation = found.explanation.named(spoken)
                if as_json:
                    _json(found.path, explanation)
                else:
                    if found.explanation.note and not told:
                        voice.note(found.explanation.note)
                        told = True
                    _print(found.path, explanation, in_one_line=top is None)
                sys.stdout.flush()
    return ExitCode.SOME_FAILED if failed else ExitCode.DONE


def _paths(settings: Settings, photos: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The photos that are meant, as absolute paths, and the names of files that are not there."""
    found: list[str] = []
    missing: list[str] = []
    for name in photos:
        path = absolute(name)
        if is_object(path):
            from tagger.intake.object_walk import photos_at
            from tagger.system import objects

            objects.use(settings.storage, settings.limits)
            found += photos_at(path, settings.intake) or [path]
        elif os.path.isdir(path):
            from tagger.intake.walk import photos_below

            found += sorted(photos_below(path, settings.intake, lambda problem: voice.fault(str(problem))))
        elif os.path.lexists(path):
            found.append(path)
        else:
            missing.append(name)
    return found, missing


def _print(path: str, found: Explanation, *, in_one_line: bool) -> None:
    print(shown_path(path))
    if in_one_line:
        print("  " + ", ".join(f"{name} {probability:.1%}" for _, name, probability in found.top))
    else:
        for wnid, name, probability in found.top:
            print(f"  {probability:6.1%}  {name}{number_of(wnid)}")
    shown = [shown_path(label.name) for label in found.labels if label.shown]
    print(f"  shown: {', '.join(shown)}" if shown else "  shown: nothing, it is not sure enough")


def _json(path: str, found: Explanation) -> None:
    write_json(
        path_json(path)
        | {
            "model": found.model_id,
            "architecture": found.architecture,
            "classes": [{"wnid": wnid, "name": name, "probability": round(p, 4)} for wnid, name, p in found.top],
            "shown": [
                {"name": label.name, "confidence": round(label.confidence, 4)} for label in found.labels if label.shown
            ],
        }
    )
