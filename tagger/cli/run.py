"""`tagger run`: the service."""

from __future__ import annotations

import os

import click

from tagger.cli.common import absolute, settings_of
from tagger.errors import ExitCode


@click.command(
    "run",
    epilog="""\b
Examples:
  tagger run ~/Photos          watch a folder and label what arrives, until Ctrl-C
  tagger run                   all folders of the library
Stop it with Ctrl-C or SIGTERM; SIGHUP makes it read its settings again. See: tagger status""",
)
@click.argument("folders", nargs=-1, type=click.Path())
@click.pass_context
def command(context: click.Context, folders: tuple[str, ...]) -> int:
    """Watch FOLDERS, or all folders of the library, and label new photos as they arrive."""
    from tagger import logs
    from tagger.daemon import Service

    settings = settings_of(context)
    logs.set_up(settings.service.log)
    os.nice(settings.service.nice)
    finished = Service(lambda: settings_of(context)).run([absolute(folder) for folder in folders])
    if not finished:
        # The labelling thread sits in a batch that takes too long; its jobs are taken back by the next start.
        os._exit(ExitCode.DONE)
    return ExitCode.DONE
