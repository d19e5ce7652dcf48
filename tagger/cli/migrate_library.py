"""`tagger migrate-library`: the whole library into another database."""

from __future__ import annotations

from contextlib import ExitStack

import click

from tagger.cli import voice
from tagger.cli.common import count, settings_of, write_json
from tagger.cli.progress import Stages
from tagger.core.errors import ExitCode


@click.command(
    "migrate-library",
    epilog="""\b
Examples:
  tagger migrate-library --to postgresql://tagger@nas/tagger
  tagger migrate-library --to sqlite:////volume1/tagger/library.db   and back""",
)
@click.option("--to", "address", required=True, metavar="DATABASE", help="An empty database, as in the config file.")
@click.option("--json", "as_json", is_flag=True, help="No progress; one JSON object at the end.")
@click.pass_context
def command(context: click.Context, address: str, as_json: bool) -> int:
    """Copy the library, with all that was labelled, corrected, taught and written, into another DATABASE.

    Every row is compared in the end. The old database stays as it is. Stopped in the middle, it goes on where it was
    when it is run again. No other tagger may work on the library meanwhile.
    """
    from tagger.core.secrets import without_passwords
    from tagger.store.copy_library import copy_library
    from tagger.store.lock import LOCK_FILE, TRAIN_LOCK, WRITE_LOCK, work_lock
    from tagger.store.session import open_database, open_store

    settings = settings_of(context)
    with ExitStack() as stack:
        source = stack.enter_context(open_store(settings))
        if not source.read_only:
            for lock in (LOCK_FILE, WRITE_LOCK, TRAIN_LOCK):
                stack.enter_context(work_lock(settings.data_dir, "migrate-library", lock))
        target = stack.enter_context(open_database(address))
        stages = stack.enter_context(Stages(quiet=as_json, unit="rows"))
        copied = copy_library(source, target, stages.update)
    if as_json:
        write_json({"database": target.where, "rows": copied.rows, "tables": copied.tables})
        return ExitCode.DONE
    address = without_passwords(target.engine.url.render_as_string(hide_password=False))
    before = f" ({copied.left_before:,} of them earlier)" if copied.left_before else ""
    voice.done(
        f"Copied {count(copied.rows, 'row')}{before} of {copied.tables} tables into {target.where}, and compared them."
    )
    secret = "   (with its password)" if "***" in address else ""
    voice.done(f'To use it, write into the config file:\n  database = "{address}"{secret}')
    voice.done(f"The old database stays as it is, and is not used then: {source.where}")
    return ExitCode.DONE
