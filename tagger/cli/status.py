"""`tagger status`: what the library holds, what is queued, what failed and why."""

from __future__ import annotations

from typing import Any

import click

from tagger.cli.common import count, duration, local_time, path_json, settings_of, write_json
from tagger.clock import SystemClock
from tagger.config import Settings
from tagger.errors import ExitCode
from tagger.schedule import Window, local_zone
from tagger.store.jobs import PRIORITY_NEW


@click.command(
    "status",
    epilog="\b\nExamples:\n  tagger status\n  tagger status --failed | less\n  tagger status --json | jq .queued",
)
@click.option("--failed", "list_failed", is_flag=True, help="List every failed photo with its reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(context: click.Context, list_failed: bool, as_json: bool) -> int:
    """What the library holds, what is queued, what failed and why."""
    from tagger import control
    from tagger.store import jobs, ledger, library, looks, records, runs
    from tagger.store.lock import holder
    from tagger.store.session import open_store

    settings = settings_of(context)
    with open_store(settings) as store, store.read() as session:
        totals = records.totals(session)
        roots = library.roots(session)
        models = looks.models(session)
        failed = jobs.failed(session, None if list_failed or as_json else 10)
        last = runs.last_runs(session, 1)
        by_priority = jobs.counts_by_priority(session)
        keywords = jobs.counts(session, kind=jobs.KEYWORDS)
        with_keywords = ledger.count_entries(session)
        unwritten = jobs.failed(session, None if list_failed or as_json else 10, jobs.KEYWORDS)
    at_work = holder(settings.data_dir)
    service = control.ask(settings.data_dir, {"ask": "status"})
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
                "waiting_archive": by_priority.get(jobs.PRIORITY_ARCHIVE, 0),
                "waiting_stale": by_priority.get(jobs.PRIORITY_STALE, 0),
                "keywords": {
                    "mode": settings.keywords.mode,
                    "photos": with_keywords,
                    "queued": keywords.queued + keywords.leased,
                    "failed": keywords.failed,
                    "failures": [path_json(f.path.absolute) | {"reason": f.reason} for f in unwritten],
                },
                "at_work": at_work or None,
                "service": service,
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
    print(
        f"Queued    {waiting:,}" + ("" if at_work or not waiting else "  (label them: tagger backfill, or tagger run)")
    )
    if totals.missing:
        print(f"Missing   {totals.missing:,}  (their files are gone; they keep their labels in case they come back)")
    print(f"Failed    {totals.queue.failed:,}" + ("  (again with: tagger retry)" if totals.queue.failed else ""))
    for fault in failed:
        print(f"          {fault.path}: {fault.reason}")
    if totals.queue.failed > len(failed):
        print(f"          ... and {totals.queue.failed - len(failed):,} more: tagger status --failed")
    if settings.keywords.mode != "off" or with_keywords:
        queued = keywords.queued + keywords.leased
        waiting_too = f", {queued:,} queued" if queued else ""
        print(f"Keywords  {settings.keywords.mode}; written for {count(with_keywords, 'photo')}{waiting_too}")
    if keywords.failed:
        print(f"          {keywords.failed:,} could not be written (again with: tagger retry)")
    for fault in unwritten:
        print(f"          {fault.path}: {fault.reason}")
    for run in last:
        took = f" in {duration(run.seconds)}" if run.seconds is not None else ""
        print(
            f"Last run  {run.command} at {local_time(run.started_at)}, {run.outcome or 'running'}{took}: "
            + (f"{run.written:,} files written" if run.command in runs.WRITING else f"{run.labelled:,} labelled")
            + f", {run.failed:,} failed"
            + (f" ({run.engine})" if run.engine else "")
        )
    if service is not None:
        _print_service(service, by_priority, settings)
    elif at_work:
        print(f"At work   {at_work}")
    return ExitCode.DONE


def _print_service(service: dict[str, Any], by_priority: dict[int, int], settings: Settings) -> None:
    labelling = service["labelling"]
    print(f"Service   running since {local_time(service['started_at'])} (process {service['pid']})")
    for folder in service["folders"]:
        how = "the kernel tells" if folder["watching"] == "native" else f"polled: {folder['why_polling']}"
        print(f"Watching  {folder['path']}  ({how})")
        if folder["held"]:
            print(f"HELD      {folder['path']}: {folder['held']}")
            print("          If they are really gone: tagger accept-missing")
    for problem in service["problems"]:
        print(f"WAITING   {problem}")
    if service["settling"]:
        print(f"Settling  {count(service['settling'], 'file')} that arrived just now")
    later = sum(number for priority, number in by_priority.items() if priority > PRIORITY_NEW)
    if later:
        finish = _finish(later, labelling, settings)
        print(f"Later     {count(later, 'photo')} of the archive or of an older model{finish}")


def _finish(photos: int, labelling: dict[str, Any], settings: Settings) -> str:
    """When so many photos will be done at the present speed, worked on in the window only."""
    from datetime import datetime

    rate = labelling["photos_per_second"]
    if not rate:
        return ""
    zone = local_zone()
    window = Window(settings.service.work_window, zone)
    done = datetime.fromtimestamp(window.finish(SystemClock().now(), photos / rate), zone)
    at = f" in the work window {settings.service.work_window}" if settings.service.work_window else ""
    return f", done about {done:%A %Y-%m-%d %H:%M}{at} ({rate:.1f} photos/s)"
