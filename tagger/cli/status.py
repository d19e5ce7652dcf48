"""`tagger status`: what the library holds, what is queued, what failed and why."""

from __future__ import annotations

import click

from tagger.cli.common import count, duration, local_time, path_json, settings_of, write_json
from tagger.errors import ExitCode


@click.command(
    "status",
    epilog="\b\nExamples:\n  tagger status\n  tagger status --failed | less\n  tagger status --json | jq .queued",
)
@click.option("--failed", "list_failed", is_flag=True, help="List every failed photo with its reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(context: click.Context, list_failed: bool, as_json: bool) -> int:
    """What the library holds, what is queued, what failed and why."""
    from tagger.store import jobs, library, looks, records, runs
    from tagger.store.lock import holder
    from tagger.store.session import open_store

    settings = settings_of(context)
    with open_store(settings) as store, store.read() as session:
        totals = records.totals(session)
        roots = library.roots(session)
        models = looks.models(session)
        failed = jobs.failed(session, None if list_failed or as_json else 10)
        last = runs.last_runs(session, 1)
    at_work = holder(settings.data_dir)
    if as_json:
        write_json(
            {
                "data_dir": str(settings.data_dir),
                "roots": [path_json(root.path) | {"scanned_at": root.scanned_at} for root in roots],
                "photos": totals.present,
                "missing": totals.missing,
                "labelled": totals.labelled,
                "models": {models[row].model_id: number for row, number in totals.labelled_by.items()},
                "queued": totals.queue.queued + totals.queue.leased,
                "failed": totals.queue.failed,
                "failures": [path_json(f.path.absolute) | {"reason": f.reason} for f in failed],
                "at_work": at_work or None,
            },
            indent=2,
        )
        return ExitCode.DONE
    print(f"Library   {settings.data_dir}")
    for root in roots:
        scanned = f"looked through {local_time(root.scanned_at)}" if root.scanned_at else "not yet looked through"
        print(f"Folder    {click.format_filename(root.path)}  ({scanned})")
    print(f"Photos    {totals.present:,}, {totals.labelled:,} of them labelled")
    for row, number in totals.labelled_by.items():
        model = models[row]
        print(f"Model     {model.architecture} ({model.model_id}): {count(number, 'photo')}")
    waiting = totals.queue.queued + totals.queue.leased
    print(f"Queued    {waiting:,}" + ("" if at_work or not waiting else "  (run: tagger backfill)"))
    if totals.missing:
        print(f"Missing   {totals.missing:,}  (their files are gone; they keep their labels in case they come back)")
    print(f"Failed    {totals.queue.failed:,}" + ("  (again with: tagger retry)" if totals.queue.failed else ""))
    for fault in failed:
        print(f"          {fault.path}: {fault.reason}")
    if totals.queue.failed > len(failed):
        print(f"          ... and {totals.queue.failed - len(failed):,} more: tagger status --failed")
    for run in last:
        took = f" in {duration(run.seconds)}" if run.seconds is not None else ""
        print(
            f"Last run  {run.command} at {local_time(run.started_at)}, {run.outcome or 'running'}{took}: "
            f"{run.labelled:,} labelled, {run.failed:,} failed"
        )
    if at_work:
        print(f"At work   {at_work}")
    return ExitCode.DONE
