"""Checks of this machine and this library; each finding comes with its cure."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tagger.core.clock import SystemClock, local_time
from tagger.core.config import Settings
from tagger.core.errors import ModelError, NoLibraryError, StoreError, TaggerError
from tagger.core.local_zone import read_time_zone
from tagger.core.numbers import count
from tagger.core.os_words import why
from tagger.core.paths import is_object, shown_path
from tagger.inference.detector import DETECTOR_FILE, why_no_detector
from tagger.inference.download import missing_weights, why_unreachable
from tagger.inference.engine_specs import ENGINES, LITERT, TENSORFLOW, EngineSpec
from tagger.inference.light_model import exported_path
from tagger.inference.precision import remembered
from tagger.inference.registry import Architecture
from tagger.inference.selection import LocatedModel, chosen_or_fault, locate_model, status_of, why_not_tensorflow
from tagger.inference.weights import ChosenModel, weights_url
from tagger.inference.worker_client import WorkerClient
from tagger.intake.object_walk import check_objects
from tagger.intake.walk import folders
from tagger.intake.watch import CannotWatchError, probe, why_not_native
from tagger.labels.labeller import faults_of_settings
from tagger.service import control
from tagger.service.hook_check import check_hooks
from tagger.store.counts import count_totals
from tagger.store.lock import holder
from tagger.store.roots import Root, all_roots
from tagger.store.session import open_store
from tagger.system.filesystem import is_network, keeps_inodes, kind_of, mount_table
from tagger.system.machine import NO_TENSORFLOW, memory, processor_flags, usable_cores, why_no_tensorflow

_CLOCK_SECONDS = 5.0
_LOW_DISK_MB = 1000


class Grade(StrEnum):
    """How a check came out."""

    GOOD = "ok"
    WARNING = "warn"
    BAD = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was checked, what was found, and what to do if it is not good."""

    grade: Grade
    about: str
    text: str
    cure: str = ""


def examine(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """Run every check. No photo is opened; in folders that may be written to a hidden file is made and removed."""
    yield Finding(Grade.GOOD, "Python", f"{platform.python_version()} on {platform.machine()} ({sys.executable})")
    where = f"{config}" if config is not None and config.exists() else "none, so all settings have their defaults"
    yield Finding(Grade.GOOD, "Config", where)
    fault = faults_of_settings(settings)
    if fault:
        yield Finding(Grade.BAD, "Settings", fault, "Correct them in the config file, the environment or on the page.")
    yield _time_zone()
    yield from _data_dir(settings.data_dir)
    chosen = chosen_or_fault(settings)
    # Where there is a fault, `_model` tells it.
    engine = TENSORFLOW if isinstance(chosen, ModelError) else chosen.engine
    yield from _processor(engine)
    yield _memory(engine)
    yield from _formats()
    roots: list[Root] = []
    yield from _library(settings, roots)
    for root in roots:
        if is_object(root.path):
            yield _in_storage(root, settings)
        else:
            yield _folder(root)
            yield _watching(root, settings)
    yield from _service(settings)
    for hook in check_hooks(settings):
        yield Finding(Grade.WARNING if hook.cure else Grade.GOOD, "Hook", hook.text, hook.cure)
    yield _people(settings)
    yield from _model(settings, chosen)


def _people(settings: Settings) -> Finding:
    """Whether the network that finds people and things can be run."""
    if not settings.model.objects:
        return Finding(Grade.GOOD, "People", "not looked for, because model.objects = false")
    fault = why_no_detector()
    if fault:
        cure = "Install tagger again." if LITERT.is_installed else LITERT.install
        return Finding(Grade.BAD, "People", f"{fault} So photos are labelled without", cure)
    return Finding(Grade.GOOD, "People", f"people and things are looked for by {DETECTOR_FILE}")


def _time_zone() -> Finding:
    fault = read_time_zone()
    if fault:
        return Finding(Grade.WARNING, "Time zone", fault, "Set TZ to a name such as Europe/Berlin, or unset it.")
    now = local_time(SystemClock().now())
    return Finding(Grade.GOOD, "Time zone", f"{os.environ.get('TZ') or 'that of this machine'}; it is {now} there")


def _data_dir(folder: Path) -> Iterator[Finding]:
    there = folder
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(
            Grade.BAD,
            "Data directory",
            f"{folder} cannot be written to",
            "Correct its permissions, or name another with --data-dir, TAGGER_DATA_DIR or data_dir.",
        )
        return
    kind = kind_of(str(there))
    if is_network(kind):
        yield Finding(
            Grade.BAD,
            "Data directory",
            f"{folder} is on a network file system ({kind}), where SQLite loses data",
            "Set data_dir to a folder on a local disk.",
        )
        return
    free = shutil.disk_usage(there).free // 1_000_000
    if free < _LOW_DISK_MB:
        yield Finding(Grade.WARNING, "Data directory", f"{folder}: only {free:,} MB are free", "Free some space.")
    else:
        yield Finding(Grade.GOOD, "Data directory", f"{folder} ({kind or 'unknown file system'}, {free:,} MB free)")


def _processor(engine: EngineSpec) -> Iterator[Finding]:
    cores = f"{usable_cores():g}"
    if platform.machine() not in ("x86_64", "AMD64"):
        yield Finding(Grade.GOOD, "Processor", f"{platform.machine()}, {cores} cores")
        return
    flags = processor_flags()
    lacks = why_no_tensorflow()
    if lacks is not None and engine is TENSORFLOW:
        yield Finding(Grade.BAD, "Processor", lacks, NO_TENSORFLOW)
        return
    extra = [name for name in ("avx", "avx2", "avx512f", "avx512_bf16", "amx_bf16", "fma") if flags and name in flags]
    yield Finding(Grade.GOOD, "Processor", ", ".join([f"{cores} cores", *(name.upper() for name in extra)]))


def _memory(engine: EngineSpec) -> Finding:
    known = memory()
    if known is None:
        return Finding(Grade.GOOD, "Memory", "this system does not tell")
    free, total = known
    text = f"{free:,} MB of {total:,} MB are available"
    needed = engine.needs_mb
    if free >= needed:
        return Finding(Grade.GOOD, "Memory", text)
    cure = "Set engine.batch_size = 8 and limits.memory_mb = 256"
    if engine is TENSORFLOW:
        cure += ", or use the model in the package, which needs a quarter: tagger model use efficientnet_lite2"
    return Finding(Grade.WARNING, "Memory", f"{text}; a backfill needs about {needed:,} MB", cure)


def _formats() -> Iterator[Finding]:
    from PIL import features

    wanted = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP", "libtiff": "TIFF"}
    missing = [name for feature, name in wanted.items() if not features.check(feature)]
    if missing:
        yield Finding(
            Grade.BAD,
            "Formats",
            f"this Pillow cannot read {', '.join(missing)}",
            "Install Pillow from PyPI: pip install --force-reinstall pillow",
        )
    else:
        yield Finding(Grade.GOOD, "Formats", "JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC, AVIF")
    if importlib.util.find_spec("rawpy") is None:
        yield Finding(
            Grade.WARNING,
            "RAW photos",
            "they will be listed as failed",
            "pip install rawpy, then: tagger retry && tagger backfill",
        )
    else:
        yield Finding(Grade.GOOD, "RAW photos", "read by the preview inside them")


def _library(settings: Settings, roots: list[Root]) -> Iterator[Finding]:
    try:
        with open_store(settings) as store:
            with store.read() as session:
                roots += all_roots(session)
                totals = count_totals(session)
            where = store.where
            if store.engine.dialect.name == "sqlite":
                fault = _sqlite_fault(Path(where))
                if fault:
                    yield Finding(
                        Grade.BAD,
                        "Database",
                        f"{where} is damaged: {fault}",
                        "Stop tagger, and put the file back from a backup; or delete the data directory's library.* "
                        "files and backfill anew. Your photos are not affected.",
                    )
                    return
    except StoreError as error:
        fresh = isinstance(error, NoLibraryError)
        yield Finding(Grade.WARNING if fresh else Grade.BAD, "Database", error.message, error.cure)
        return
    yield Finding(
        Grade.GOOD, "Database", f"{where}: {count(totals.present, 'photo')}, {totals.labelled:,} labelled, checked"
    )
    if totals.queue.failed:
        yield Finding(
            Grade.WARNING,
            "Failed photos",
            f"{count(totals.queue.failed, 'photo')} could not be labelled",
            "See why: tagger status --failed",
        )


def _sqlite_fault(path: Path) -> str:
    """What SQLite's own quick check finds; empty if nothing."""
    connection = sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True)
    try:
        rows = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        connection.close()
    return "" if rows == ["ok"] else "; ".join(rows)


def _folder(root: Root) -> Finding:
    about = "Folder"
    shown = shown_path(root.path)
    try:
        with os.scandir(root.path) as entries:
            empty = next(entries, None) is None
    except OSError as error:
        return Finding(
            Grade.BAD, about, f"{shown}: {why(error)}", "Mount its disk, or give this user the right to read it."
        )
    kind = kind_of(root.path)
    if empty:
        return Finding(Grade.WARNING, about, f"{shown} is empty", "Is its disk mounted? tagger deletes nothing.")
    note = "" if keeps_inodes(root.path) else "; renamed photos are recognised by their content"
    return Finding(Grade.GOOD, about, f"{shown} ({kind or 'unknown file system'}{note})")


def _in_storage(root: Root, settings: Settings) -> Finding:
    shown, often = shown_path(root.path), settings.service.rescan or "never"
    fault = check_objects(root.path, 0)
    if fault:
        return Finding(Grade.BAD, "Folder", f"{shown}: {fault}", "See [storage] in: tagger config")
    about = f"object storage, looked through by service.rescan: {often}; no keywords are written there"
    return Finding(Grade.GOOD, "Folder", f"{shown} ({about})")


def _watching(root: Root, settings: Settings) -> Finding:
    """Whether the kernel can tell `tagger run` of new files here, and whether it has enough watches."""
    about, shown = "Watching", shown_path(root.path)
    reason = why_not_native(root.path, settings.intake.watch)
    if reason:
        seconds = settings.intake.poll_seconds
        return Finding(Grade.GOOD, about, f"{shown} will be looked through every {seconds:g} s: {reason}")
    needed = sum(1 for _ in folders(root.path, settings.intake))
    mounts = mount_table().below(root.path)
    polled = [path for path in mounts if why_not_native(os.path.join(root.path, path), settings.intake.watch)]
    also = f"; polled in it, as other machines may change them: {', '.join(map(shown_path, polled))}" if polled else ""
    limit = Path("/proc/sys/fs/inotify/max_user_watches")
    available = int(limit.read_text()) if limit.exists() else 0
    if needed > 0.8 * available:
        return Finding(
            Grade.WARNING,
            about,
            f"{shown} has {needed:,} folders, and the kernel gives {available:,} watches to all programs of a user",
            f"sysctl fs.inotify.max_user_watches={max(1_048_576, 4 * needed)} (until then it is polled)",
        )
    try:
        found = probe(root.path, SystemClock().now)
    except CannotWatchError as error:
        return Finding(Grade.WARNING, about, f"{shown} will be polled: {error.reason}", "Raise it as said.")
    watches = f"{needed:,} of {available:,} watches"
    if found is None:
        return Finding(Grade.GOOD, about, f"{shown}: {watches}; read-only, which is all that tagger needs{also}")
    if not found.sends_events:
        return Finding(
            Grade.WARNING,
            about,
            f"{shown}: the kernel did not tell of a file made there",
            'Set intake.watch = "polling".',
        )
    if abs(found.clock_ahead) > _CLOCK_SECONDS:
        return Finding(
            Grade.WARNING,
            about,
            f"{shown}: its clock differs from this machine's by {found.clock_ahead:+.0f} s",
            "Set both clocks by NTP, or new files may be read too early or too late.",
        )
    folds = "; upper and lower case are the same there" if found.folds_case else ""
    return Finding(Grade.GOOD, about, f"{shown}: the kernel tells, {watches}{folds}{also}")


def _service(settings: Settings) -> Iterator[Finding]:
    try:
        state = control.status(settings.data_dir, 5)
    except control.OtherVersionError as error:
        yield Finding(Grade.BAD, "Service", error.message, error.cure)
        return
    except TaggerError as error:
        yield Finding(Grade.BAD, "Service", error.message, "Restart it, and see its log.")
        return
    if state is None:
        yield Finding(Grade.GOOD, "Service", "not running; start it with: tagger run")
        return
    if state.reasons_unwell:
        yield Finding(Grade.WARNING, "Service", "; ".join(state.reasons_unwell), "See: tagger status")
        return
    yield Finding(Grade.GOOD, "Service", f"running as process {state.pid}")


def _model(settings: Settings, chosen: ChosenModel | ModelError) -> Iterator[Finding]:
    try:
        located = locate_model(settings)
    except ModelError as error:
        yield Finding(Grade.BAD, "Model", error.message, error.cure)
        return
    name, weights = located.architecture.name, located.weights
    if located.light is not None:
        yield Finding(Grade.GOOD, "Model", f"{name}, light model {located.light_path}, {located.light}")
    elif why_not_tensorflow():
        status = status_of(settings, chosen)
        yield Finding(Grade.WARNING, "Model", status.why, status.note.removeprefix(status.why).strip())
    elif weights is None:
        yield from _missing(settings, located.architecture, chosen)
    else:
        yield Finding(Grade.GOOD, "Model", f"{name}, {weights.path}, {weights.verified_by}")
        yield from _unused_light_model(settings, located)
    busy = holder(settings.data_dir)
    if busy:
        yield Finding(Grade.GOOD, "Engine", f"not tried, because another tagger is at work ({busy})")
        return
    yield _engine(settings, chosen)


def _missing(settings: Settings, architecture: Architecture, chosen: ChosenModel | ModelError) -> Iterator[Finding]:
    """That a model's weights are not here, whether they can be fetched, and where to put them."""
    name, address = architecture.name, weights_url(settings, architecture)
    status = status_of(settings, chosen)
    if not status.labels:
        yield Finding(Grade.BAD, "Model", status.why, status.note.removeprefix(status.why).strip())
        return
    why = 'model.fetch is "never"' if settings.model.fetch == "never" else why_unreachable(address)
    text = f"the weights of {name} are not here, so {status.labels}, the model in the package, labels the photos"
    if why:
        yield Finding(
            Grade.WARNING,
            "Model",
            f"{text}; they cannot be fetched: {why}",
            missing_weights(settings, architecture).cure,
        )
    else:
        now = f"They are fetched when they are needed, or now: tagger model fetch {name}"
        yield Finding(Grade.WARNING, "Model", f"{text}; their address answers", now)


def _unused_light_model(settings: Settings, located: LocatedModel) -> Iterator[Finding]:
    path = exported_path(settings, located.architecture)
    if settings.engine.kind != "auto" or not path.is_file():
        return
    if LITERT.is_installed:
        cure = f"Make it anew with: tagger model export {located.architecture.name}"
        yield Finding(Grade.WARNING, "Light model", f"{path} was made from other weights and is not used", cure)
    else:
        yield Finding(
            Grade.WARNING, "Light model", f"{path} is not used, because LiteRT is not installed", LITERT.install
        )


def _engine(settings: Settings, chosen: ChosenModel | ModelError) -> Finding:
    """Start the process that looks at photos, as a backfill would."""
    if isinstance(chosen, ModelError):
        return Finding(Grade.BAD, "Engine", chosen.message, chosen.cure)
    clock = SystemClock()
    try:
        started = clock.monotonic()
        with WorkerClient(settings, chosen) as client:
            client.start()
            seconds = clock.monotonic() - started
            about, faults = client.about, client.faults
    except ModelError as error:
        return Finding(Grade.BAD, "Engine", error.message, error.cure)
    if faults:
        return Finding(Grade.WARNING, "Engine", " ".join(faults), "Install tagger again.")
    trial = remembered(settings.data_dir, chosen.model_id)
    tried = trial is not None and chosen.engine is TENSORFLOW and settings.engine.precision == "auto"
    why = f" ({trial})" if tried else ""
    return Finding(
        Grade.GOOD,
        "Engine",
        f"{ENGINES[about['engine']].title} {about['version']} on {about['device']}, {about['threads']} threads, "
        f"{about['precision']}{why}, "
        f"ready in {seconds:.1f} s",
    )
