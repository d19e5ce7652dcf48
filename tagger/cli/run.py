"""`tagger run`: the service."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext

import click

from tagger.cli import voice
from tagger.cli.common import absolute, fetch_setting, offline_option, settings_of
from tagger.cli.groups import folders as folders_of
from tagger.core.errors import ExitCode


@click.command(
    "run",
    epilog="""\b
Examples:
  tagger run ~/Photos     watch a folder, label what arrives, until Ctrl-C
  tagger run              all folders of the library
Stop it with Ctrl-C or SIGTERM; SIGHUP makes it read its settings again.
See: tagger status""",
)
@click.argument("folders", nargs=-1, type=click.Path(), shell_complete=folders_of)
@offline_option
@click.pass_context
def command(context: click.Context, folders: tuple[str, ...], offline: bool) -> int:
    """Watch FOLDERS, or all folders of the library, and label new photos as they arrive."""
    from tagger.service.daemon import Service
    from tagger.service.supervisor import Supervisor
    from tagger.system import logs
    from tagger.system.niceness import step_back

    fetch = fetch_setting(offline)
    settings = settings_of(context, model__fetch=fetch)
    logs.set_up(settings.service.log, quiet=voice.quiet(), verbose=voice.verbose())
    step_back(settings.service.nice)
    with Supervisor("web", _web(context)) if settings.web.enabled else nullcontext():
        service = Service(lambda: settings_of(context, model__fetch=fetch))
        finished = service.run([absolute(folder) for folder in folders])
    if not finished:
        # The labelling thread sits in a batch that takes too long; its jobs are taken back by the next start.
        os._exit(ExitCode.DONE)
    return ExitCode.DONE


def _web(context: click.Context) -> list[str]:
    """The command that serves the web page beside this service, with the same settings."""
    options = [] if context.obj["config"] is None else ["--config", str(context.obj["config"])]
    data_dir = context.obj["flags"]["data_dir"]
    if data_dir is not None:
        options += ["--data-dir", data_dir]
    options += [option for option, given in (("--quiet", voice.quiet()), ("--verbose", voice.verbose())) if given]
    # -P: a folder of photos that happens to hold a json.py must not be imported from.
    start = [sys.executable, "-P", "-c", "from tagger.cli.main import main; main()"]
    return [*start, *options, "web", "--beside-service"]
