"""`tagger status`: what the library holds, what is queued, what failed and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tagger.cli.common import count, duration, path_json, settings_of, write_json
from tagger.core.clock import SystemClock, local_time
from tagger.core.config import Settings
from tagger.core.errors import ExitCode
from tagger.core.page_address import page_address
from tagger.store.jobs import PRIORITY_ARCHIVE, PRIORITY_NEW, PRIORITY_STALE

if TYPE_CHECKING:
    from tagger.service.state import ServiceState
    from tagger.service.status import Overview

# The most folders that are named one by one.
_MOST_POLLED = 5


@click.command(
    "status",
    epilog="\b\nExamples:\n  tagger status\n  tagger status --failed | less\n  tagger status --json | jq .queued",
)
@click.option("--failed", "list_failed", is_flag=True, help="List every failed photo with its reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(context: click.Context, list_failed: bool, as_json: bool) -> int:
    """What the library holds, what is queued, what failed and why."""
    from tagger.service.status import overview
    from tagger.store import runs
    from tagger.store.session import open_store

    settings = settings_of(context)
    with open_store(settings) as store:
        found = overview(store, settings, None if list_failed or as_json else 10)
    if as_json:
        write_json(_json(settings, found), indent=2)
        return ExitCode.DONE
    totals, at_work, service = found.totals, found.at_work, found.service
    print(f"Library   {settings.data_dir}")
    for line in found.settings_fault.splitlines():
        print(f"Settings  {line}")
    for root in found.roots:
        scanned = f"looked through {local_time(root.scanned_at)}" if root.scanned_at else "not yet looked through"
        print(f"Folder    {click.format_filename(root.path)}  ({scanned})")
    print(f"Photos    {totals.present:,}, {totals.labelled:,} of them labelled")
    for row, number in totals.labelled_by.items():
        model = found.models[row]
        print(f"Model     {model.architecture} ({model.model_id}): {count(number, 'photo')}")
    if found.model.note:
        print(f"Model     {_wrapped(found)}")
    if totals.labelled:
        later = "" if found.prepared == totals.labelled else "  (the others with the next search for a description)"
        print(f"Prepared  {found.prepared:,} of the labelled photos for descriptions{later}")
    waiting = totals.queue.queued + totals.queue.leased
    print(
        f"Queued    {waiting:,}" + ("" if at_work or not waiting else "  (label them: tagger backfill, or tagger run)")
    )
    if totals.missing:
        print(f"Missing   {totals.missing:,}  (their files are gone; they keep their labels in case they come back)")
    print(f"Failed    {totals.queue.failed:,}" + ("  (again with: tagger retry)" if totals.queue.failed else ""))
    for fault in found.failed:
        print(f"          {fault.path}: {fault.reason}")
    if totals.queue.failed > len(found.failed):
        print(f"          ... and {totals.queue.failed - len(found.failed):,} more: tagger status --failed")
    if settings.keywords.mode != "off" or found.with_keywords:
        queued = found.keywords.queued + found.keywords.leased
        waiting_too = f", {queued:,} queued" if queued else ""
        print(f"Keywords  {settings.keywords.mode}; written for {count(found.with_keywords, 'photo')}{waiting_too}")
    if found.keywords.failed:
        print(f"          {found.keywords.failed:,} could not be written (again with: tagger retry)")
    for fault in found.unwritten:
        print(f"          {fault.path}: {fault.reason}")
    for name, number in found.untold.items():
        told = f"yet to be told of {count(number, 'photo')}" if number else "told of all photos"
        print(f"Hook      hooks.{name} is {told}")
    if found.last_run is not None:
        run = found.last_run
        name = "the service" if run.command == "run" else run.command
        took = f" in {duration(run.seconds)}" if run.seconds is not None else ""
        print(
            f"Last run  {name} at {local_time(run.started_at)}, {run.outcome or 'running'}{took}: "
            + (f"{count(run.written, 'file')} written" if run.command in runs.WRITING else f"{run.labelled:,} labelled")
            + f", {run.failed:,} failed"
            + (f" ({run.engine})" if run.engine else "")
        )
    _print_nodes(found)
    if found.service_fault:
        print(f"Service   {found.service_fault}")
    elif service is not None:
        _print_service(service, found.by_priority, settings)
    elif at_work:
        print(f"At work   {at_work}")
    return ExitCode.DONE


def _print_nodes(found: Overview) -> None:
    """The machines of a cluster, and when they will be done."""
    from tagger.store.run_nodes import speed_of

    now = SystemClock().now()
    for node in found.nodes:
        silent = f"not heard of for {duration(now - node.seen_at)}"
        how = f"{node.photos_per_second:.1f} photos/s" if node.is_alive else silent
        print(f"Node      {node.node}: {count(node.labelled, 'photo')} labelled, {how}")
    done_at = found.nodes_done_at(now)
    if done_at is not None:
        print(f"Cluster   {speed_of(found.nodes):.1f} photos/s, done about {local_time(done_at)}")


def _wrapped(found: Overview) -> str:
    """Why the wanted model does not label, and when it is tried again."""
    service = found.service
    next_try = None if service is None else service.fetching.next_try_at
    again = "" if next_try is None else f"\n{'':10}The service tries to fetch it again at {local_time(next_try)}."
    return found.model.note.replace("\n", f"\n{'':10}") + again


def _json(settings: Settings, found: Overview) -> dict[str, Any]:
    from tagger.service.control import state_json

    totals = found.totals
    return {
        "data_dir": str(settings.data_dir),
        "roots": [path_json(root.path) | {"scanned_at": root.scanned_at} for root in found.roots],
        "photos": totals.present,
        "missing": totals.missing,
        "labelled": totals.labelled,
        "prepared": found.prepared,
        "model": asdict(found.model),
        "models": {found.models[row].model_id: number for row, number in totals.labelled_by.items()},
        "queued": totals.queue.queued + totals.queue.leased,
        "failed": totals.queue.failed,
        "failures": [path_json(f.path.absolute) | {"reason": f.reason} for f in found.failed],
        "waiting_archive": found.by_priority.get(PRIORITY_ARCHIVE, 0),
        "waiting_stale": found.by_priority.get(PRIORITY_STALE, 0),
        "keywords": {
            "mode": settings.keywords.mode,
            "photos": found.with_keywords,
            "queued": found.keywords.queued + found.keywords.leased,
            "failed": found.keywords.failed,
            "failures": [path_json(f.path.absolute) | {"reason": f.reason} for f in found.unwritten],
        },
        "hooks": dict(found.untold),
        "nodes": [asdict(node) | {"photos_per_second": round(node.photos_per_second, 2)} for node in found.nodes],
        "nodes_done_at": found.nodes_done_at(SystemClock().now()),
        "settings_fault": found.settings_fault,
        "at_work": found.at_work or None,
        "service": None if found.service is None else state_json(found.service),
        **({"service_fault": found.service_fault} if found.service_fault else {}),
    }


def _print_service(service: ServiceState, by_priority: Mapping[int, int], settings: Settings) -> None:
    print(f"Service   running since {local_time(service.started_at)} (process {service.pid})")
    if settings.web.enabled:
        print(f"Web page  {page_address(settings.web)}")
    for folder in service.folders:
        how = "the kernel tells" if folder.watching == "native" else f"polled: {folder.why_polling}"
        print(f"Watching  {folder.path}  ({how}{', except:' if folder.polled else ''})")
        for path, why in list(folder.polled.items())[:_MOST_POLLED]:
            print(f"Polled    {path}: {why}")
        if len(folder.polled) > _MOST_POLLED:
            print(f"Polled    ... and {len(folder.polled) - _MOST_POLLED:,} more folders in it")
        if folder.held:
            print(f"HELD      {folder.path}: {folder.held}")
            print("          If they are really gone: tagger accept-missing")
    for path in service.standing_by:
        print(f"Stands by {path}  (another service watches it; this one takes over when that ends)")
    if not service.is_scheduler:
        print("Upkeep    of the library is another service's")
    relabelling = service.relabelling
    if relabelling.running:
        print(f"Relabels  {relabelling.done:,} of {relabelling.total:,} photos are compared with the changed rules")
    for problem in service.problems:
        print(f"WAITING   {problem}")
    for problem in service.hooks.problems:
        print(f"UNTOLD    {problem}")
    if service.settling:
        print(f"Settling  {count(service.settling, 'file')} that arrived just now")
    later = sum(number for priority, number in by_priority.items() if priority > PRIORITY_NEW)
    if later:
        finish = _finish(later, service.labelling.photos_per_second, settings)
        print(f"Later     {count(later, 'photo')} of the archive or of an older model{finish}")


def _finish(photos: int, rate: float, settings: Settings) -> str:
    from tagger.service.status import finish

    done = finish(photos, rate, settings, SystemClock().now())
    if done is None:
        return ""
    at = f" in the work window {settings.service.work_window}" if settings.service.work_window else ""
    return f", done about {done:%A %Y-%m-%d %H:%M}{at} ({rate:.1f} photos/s)"
