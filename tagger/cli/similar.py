"""`tagger similar`: photos that look like one."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import absolute, model_options, path_json, settings_of, write_json, write_path
from tagger.cli.progress import ByteMeter, Stages
from tagger.core.errors import ExitCode
from tagger.core.paths import shown_path
from tagger.core.progress import Callbacks

if TYPE_CHECKING:
    from tagger.store.records import PhotoRecord

# Where the line is drawn: chosen, not measured.
_CHANCE = 0.5


@click.command(
    "similar",
    epilog="""\b
Every photo of the library is compared, by the features that are stored of it.
The first time they are gathered into one file, which takes a while in a large
library; after that an answer takes a second.

\b
Examples:
  tagger similar ~/Photos/2019/boat.jpg
  tagger similar download.jpg --limit 100
  tagger similar -0 boat.jpg | xargs -0 -r cp -t ~/boats
In a pipe only paths are printed.""",
)
@click.argument("photo", type=click.Path())
@click.option("-n", "--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="So many photos.")
@click.option("-p", "--paths", is_flag=True, help="Paths only, one a line (the default in a pipe).")
@click.option("-0", "--null", is_flag=True, help="Paths only, each ended by a NUL byte, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@model_options
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    photo: str,
    limit: int,
    paths: bool,
    null: bool,
    as_json: bool,
    model: str | None,
    weights: str | None,
) -> int:
    """The photos of the library that look most like PHOTO, which need not be in it."""
    from tagger.search.feature_index import FeatureIndex
    from tagger.search.similar import similar_to
    from tagger.store.library import open_library

    settings = settings_of(context, model__name=model, model__weights=weights)
    bare = paths or null or not sys.stdout.isatty()
    with ExitStack() as stack:
        library = stack.enter_context(open_library(settings))
        download = stack.enter_context(ByteMeter("Fetching the model's weights", quiet=as_json))
        stages = stack.enter_context(Stages(quiet=as_json))
        callbacks = Callbacks(partial(stages.update, "gathering features"), download.update)
        found = similar_to(FeatureIndex(library), absolute(photo), limit, callbacks)
    chance_told = False
    for record, cosine in found:
        if cosine < _CHANCE and not bare and not as_json and not chance_told:
            print(f"----  below {_CHANCE:.0%} they have hardly anything in common")
            chance_told = True
        _print(record, cosine, as_json, bare, b"\0" if null else b"\n")
    sys.stdout.flush()
    if not found:
        voice.note("tagger: there is no other photo with features of the same model.")
    return ExitCode.DONE if found else ExitCode.SOME_FAILED


def _print(record: PhotoRecord, cosine: float, as_json: bool, bare: bool, end: bytes) -> None:
    path = record.path.absolute
    if as_json:
        write_json(path_json(path) | {"similarity": round(cosine, 4), "taken": record.taken})
    elif bare:
        write_path(path, end)
    else:
        print(f"{cosine:4.0%}  {shown_path(path)}")
