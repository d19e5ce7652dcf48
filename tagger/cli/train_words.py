"""`tagger train words`: the search for sentences learns from what the owner wrote about photos."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import click

from tagger.cli import voice
from tagger.cli.common import count, settings_of, write_json
from tagger.cli.progress import Stages, say_stopping
from tagger.core.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tagger.teaching.own_sentences import Adapted


@click.command(
    "words",
    epilog="""\b
What you wrote about photos is read from dc:description, the IPTC caption and
ImageDescription, in files and sidecars; at least 200 photos must have such a
text. A quarter of them is held back to judge by. Nothing leaves this machine.

\b
Examples:
  tagger train words           learn, and use it if it finds more
  tagger train words --dry-run tell only whether it would
  tagger train words --undo    search as the package does again""",
)
@click.option("--dry-run", is_flag=True, help="Judge; change nothing.")
@click.option("--undo", is_flag=True, help="Take back what was learned.")
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(context: click.Context, dry_run: bool, undo: bool, as_json: bool) -> int:
    """Learn your own words: photos whose files carry a description teach the search for sentences (like:"...")."""
    from tagger.core.errors import UsageError
    from tagger.core.progress import Callbacks
    from tagger.search.towers import OWN, Towers
    from tagger.store.library import open_library
    from tagger.store.lock import TRAIN_LOCK, work_lock
    from tagger.system.stop_signals import stop_on_signals
    from tagger.teaching.own_sentences import adapt, described_photos, read_descriptions

    if undo and dry_run:
        raise UsageError("--undo and --dry-run do not go together.", "Say one of them.")
    settings = settings_of(context)
    own = settings.data_dir / OWN
    if undo:
        return _undo(own, as_json)
    with ExitStack() as stack:
        library = stack.enter_context(open_library(settings))
        stack.enter_context(work_lock(settings.data_dir, "train", TRAIN_LOCK))
        stop = stack.enter_context(stop_on_signals(say_stopping))
        stages = stack.enter_context(Stages(quiet=as_json))
        towers = Towers.load()
        texts = read_descriptions(library, Callbacks(partial(stages.update, "reading descriptions"), stop=stop))
        if stop():
            return ExitCode.INTERRUPTED
        photos = described_photos(library, towers, texts)
        found = adapt(towers, photos, Callbacks(partial(stages.update, "learning"), stop=stop))
        if stop():
            return ExitCode.INTERRUPTED
        if found.towers is not None and not dry_run:
            found.towers.save(own)
    return _print(found, dry_run, own.exists(), as_json)


def _undo(own: Path, as_json: bool) -> int:
    there = own.exists()
    own.unlink(missing_ok=True)
    if as_json:
        write_json({"undone": there})
    else:
        voice.done("Searching as the package does again." if there else "There is nothing to take back.")
    return ExitCode.DONE


def _print(found: Adapted, dry_run: bool, own: bool, as_json: bool) -> int:
    helped = found.towers is not None
    if as_json:
        write_json(
            {
                "photos": found.photos,
                "held_back": found.before.photos,
                "ten_before": round(found.before.ten, 4),
                "ten_after": round(found.after.ten, 4),
                "first_before": round(found.before.first, 4),
                "first_after": round(found.after.first, 4),
                "new_words": list(found.new_words),
                "helped": helped,
                "used": helped and not dry_run,
            }
        )
        return ExitCode.DONE
    voice.done(f"{count(found.photos, 'photo')} with a description; {found.before.photos:,} of them were held back.")
    voice.done(
        f"By what is written about it, a photo is among the first ten of these {found.after.ten:.0%} of the time "
        f"(before: {found.before.ten:.0%}), and the first {found.after.first:.0%} (before: {found.before.first:.0%})."
    )
    if found.new_words:
        voice.done(f"New words: {', '.join(found.new_words[:20])}{' ...' if len(found.new_words) > 20 else ''}")
    if not helped:
        voice.done(f"That is no better, so nothing changes{': what was learned before stays in use' if own else ''}.")
    elif dry_run:
        voice.done("Nothing was changed; without --dry-run it would be used.")
    else:
        voice.done(
            "It is used from now on, for instance: tagger search 'like:\"...\"'. Back: tagger train words --undo"
        )
    return ExitCode.DONE
