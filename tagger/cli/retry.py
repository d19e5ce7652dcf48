"""`tagger retry`: queue the failed photos again."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, settings_of
from tagger.core.errors import ExitCode, UsageError
from tagger.store.roots import root_of


@click.command(
    "retry", epilog="\b\nExamples:\n  tagger retry && tagger backfill\n  tagger retry ~/Photos/2019/broken.jpg"
)
@click.argument("paths", nargs=-1, type=click.Path())
@click.pass_context
def command(context: click.Context, paths: tuple[str, ...]) -> int:
    """Queue failed photos again: all, or those at or below PATHS. The next backfill looks at them."""
    from tagger.core.paths import stored_path
    from tagger.service import control
    from tagger.store import dead_letters
    from tagger.store.session import open_store

    number = 0
    settings = settings_of(context)
    with open_store(settings) as store, store.write() as session:
        if not paths:
            number = dead_letters.retry(session)
        for path in map(absolute, paths):
            found = root_of(session, path)
            if found is None:
                raise UsageError(
                    f"{click.format_filename(path)} is not in the library.", "See its folders with: tagger status"
                )
            root, relative = found
            number += dead_letters.retry(session, [root.id], stored_path(relative))
    told = bool(number) and control.wake(settings.data_dir)
    then = " The service looks at them now." if told else " Run: tagger backfill" if number else ""
    voice.done(f"{count(number, 'failed photo')} queued again.{then}")
    return ExitCode.DONE
