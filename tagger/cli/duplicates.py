"""`tagger duplicates`: groups of photos that are nearly the same."""

from __future__ import annotations

from contextlib import ExitStack

import click

from tagger.cli import voice
from tagger.cli.common import count, megabytes, path_json, settings_of, write_json
from tagger.cli.progress import Stages, say_stopping
from tagger.core.errors import ExitCode
from tagger.core.paths import shown_path

# Above it, rounding to a tenth of a percent gives 100.
_THE_SAME = 0.9995


@click.command(
    "duplicates",
    epilog="""\b
Resized, re-encoded and slightly edited copies, and the photos of a burst.
Every pair of photos is compared: ten thousand photos take seconds, a hundred
thousand some minutes. Nothing is deleted; what to do is yours to say.

\b
Examples:
  tagger duplicates
  tagger duplicates --least 0.99      only what is nearly identical
  tagger duplicates --json > groups.json""",
)
@click.option(
    "--least",
    metavar="SIMILARITY",
    type=click.FloatRange(0.5, 1),
    default=0.95,
    show_default=True,
    help="Cosine similarity of features from which two photos count as the same.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a group and line.")
@click.pass_context
def command(context: click.Context, least: float, as_json: bool) -> int:
    """Report groups of photos that look nearly the same."""
    from tagger.search.feature_index import FeatureIndex
    from tagger.search.similar import duplicate_groups
    from tagger.store.library import open_library
    from tagger.system.stop_signals import stop_on_signals

    settings = settings_of(context)
    with ExitStack() as stack:
        library = stack.enter_context(open_library(settings))
        stop = stack.enter_context(stop_on_signals(say_stopping))
        stages = stack.enter_context(Stages(quiet=as_json))
        groups = duplicate_groups(FeatureIndex(library), least, stages.update, stop)
        interrupted = stop()
    for group in groups:
        if as_json:
            files = [
                path_json(record.path.absolute)
                | {"bytes": record.fingerprint.size, "width": record.width, "height": record.height}
                | {"same_bytes": same}
                for record, same in group.photos
            ]
            write_json({"similarity": round(group.similarity, 4), "photos": files})
            continue
        same = group.similarity > _THE_SAME
        alike = "that look the same" if same else f"that are alike by {group.similarity:.1%} at least"
        print(f"{count(len(group.photos), 'photo')} {alike}:")
        for record, same in group.photos:
            size = f"{record.width} x {record.height}, {megabytes(record.fingerprint.size)}"
            print(f"    {shown_path(record.path.absolute)}  ({size}{', the same bytes as another' if same else ''})")
    if not as_json:
        photos = sum(len(group.photos) for group in groups)
        print(f"{count(len(groups), 'group')} with {count(photos, 'photo')}.")
    if interrupted:
        voice.note("tagger: stopped before all photos were compared.")
        return ExitCode.INTERRUPTED
    return ExitCode.DONE
