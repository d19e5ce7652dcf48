"""`tagger forget`: remove a folder from the library."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, settings_of
from tagger.cli.consent import must_agree, yes_option
from tagger.cli.groups import folders
from tagger.core.errors import ExitCode, UsageError
from tagger.core.names import same
from tagger.store.photos import known_count
from tagger.store.roots import all_roots, remove_root, root_of


@click.command("forget", epilog="\b\nExample:\n  tagger forget ~/OldPhotos")
@click.argument("folder", type=click.Path(), shell_complete=folders)
@yes_option
@click.pass_context
def command(context: click.Context, folder: str, yes: bool) -> int:
    """Remove FOLDER with all its photos and their labels from the library. Files on disk are not touched."""
    from contextlib import nullcontext

    from tagger.service import control
    from tagger.store import ledger
    from tagger.store.lock import work_lock
    from tagger.store.session import open_store

    settings = settings_of(context)
    path = absolute(folder)
    # A running service holds the lock, and drops the folder when it is woken.
    service = control.is_running(settings.data_dir)
    with open_store(settings) as store, nullcontext() if service else work_lock(settings.data_dir, "forget"):
        with store.read() as session:
            roots = {root.path: root for root in all_roots(session)}
            alike = [root for root in roots.values() if same(root.path, path)]
            place = root_of(session, path)
            by_link = place[0] if place is not None and place[1] == "" else None
            root = roots.get(path) or by_link or (alike[0] if len(alike) == 1 else None)
            if root is None:
                known = ", ".join(map(click.format_filename, roots)) or "none"
                raise UsageError(f"{click.format_filename(path)} is no folder of the library.", f"Folders: {known}")
            number = known_count(session, root.id)
            with_keywords = ledger.count_entries(session, root.id)
        if with_keywords:
            voice.note(
                f"{count(with_keywords, 'photo')} in it have keywords of tagger's, which stay. To take them back "
                "first run tagger undo, with --all or a query."
            )
        must_agree(f"Forget {click.format_filename(path)} and what is known of {count(number, 'photo')}?", yes=yes)
        with store.write() as session:
            remove_root(session, root.id)
        if service:
            control.wake(settings.data_dir)
    voice.done(f"Forgot {click.format_filename(path)} with {count(number, 'photo')}. The files are as they were.")
    return ExitCode.DONE
