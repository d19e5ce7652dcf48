"""`tagger duplicates`: groups of photos that are nearly the same."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, megabytes, path_json, settings_of, write_json
from tagger.cli.groups import folders
from tagger.cli.links import renew_links
from tagger.cli.progress import Stages, say_stopping
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import shown_path

# Above it, rounding to a tenth of a percent gives 100.
_THE_SAME = 0.9995


@click.command(
    "duplicates",
    epilog="""\b
Resized, re-encoded and slightly edited copies, and the photos of a burst.
Every pair of photos is compared: ten thousand photos take seconds, a hundred
thousand some minutes. Nothing is deleted; what to do is yours to say.
What to keep is decided on the page (tagger web), a group at a time. Here it
comes out: --hidden lists what is not kept, --link links to all the rest.

\b
Examples:
  tagger duplicates
  tagger duplicates --least 0.99      only what is nearly identical
  tagger duplicates --json > groups.json
  tagger duplicates --hidden -0 | xargs -0 -r ls -l
  tagger duplicates --link ~/Kept""",
)
@click.option(
    "--least",
    metavar="SIMILARITY",
    type=click.FloatRange(0.5, 1),
    default=0.95,
    show_default=True,
    help="Cosine similarity of features from which two photos count as the same.",
)
@click.option("--hidden", is_flag=True, help="Only list the photos that you decided not to keep.")
@click.option(
    "--link",
    metavar="DIR",
    shell_complete=folders,
    help="Fill a folder with symbolic links to all photos but those; again to renew it.",
)
@click.option("-0", "--null", is_flag=True, help="With --hidden: each path ended by a NUL byte, for xargs -0.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a group and line.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context, least: float, hidden: bool, link: str | None, null: bool, as_json: bool
) -> int:
    """Report groups of photos that look nearly the same, or what you decided of them."""
    if null and not hidden:
        raise UsageError("-0 is for lists of paths.", "Use it with --hidden.")
    if hidden and link is not None:
        raise UsageError("--hidden lists what is not kept, and --link links to what is.", "Use one of them.")
    if hidden or link is not None:
        return _decided(context, link, null=null, as_json=as_json)
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


def _decided(context: click.Context, link: str | None, *, null: bool, as_json: bool) -> int:
    """What was decided on the page: the list of what is not kept, or links to all the rest."""
    from tagger.search.duplicate_lists import hidden_photos, kept_photos
    from tagger.store.duplicate_decisions import read_decisions
    from tagger.store.roots import all_roots
    from tagger.store.session import open_store

    settings = settings_of(context)
    with open_store(settings) as store, store.read() as session:
        decisions = read_decisions(session)
        if link is not None:
            roots = [root.path for root in all_roots(session)]
            return renew_links(absolute(link), kept_photos(session, decisions), roots, as_json=as_json)
        found = hidden_photos(session, decisions)
    for record, instead in found:
        path = record.path.absolute
        if as_json:
            other = None if instead is None else path_json(instead.path.absolute)
            write_json(path_json(path) | {"bytes": record.fingerprint.size, "kept_instead": other})
        elif null:
            sys.stdout.buffer.write(os.fsencode(path) + b"\0")
        else:
            print(shown_path(path))
    if not found:
        voice.note("No photo is decided not to be kept. Decide on the page: tagger web")
    return ExitCode.DONE
