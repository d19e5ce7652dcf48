"""`tagger accept-missing`: very many photos are gone at once, and a person says that this is right."""

from __future__ import annotations

import click

from tagger.cli import voice
from tagger.cli.common import settings_of
from tagger.core.errors import ExitCode, TaggerError


@click.command("accept-missing", epilog="\b\nExample:\n  tagger accept-missing")
@click.pass_context
def command(context: click.Context) -> int:
    """Take the photos as gone that the running service holds back because very many are gone at once."""
    from tagger.service import control

    folders = control.accept_missing(settings_of(context).data_dir)
    if folders is None:
        raise TaggerError("No service is running.", "Without one: tagger backfill --accept-missing")
    for folder in folders:
        voice.done(f"The photos that are gone from {folder} are taken as gone.")
    if not folders:
        voice.done("Nothing is held back.")
    return ExitCode.DONE
