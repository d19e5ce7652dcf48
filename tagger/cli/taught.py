"""`tagger taught`: the labels that were taught."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, path_json, settings_of, write_json
from tagger.cli.consent import must_agree, must_agree_to_replace, yes_option
from tagger.cli.groups import WholeHelp, taught_names
from tagger.cli.teaching import ask_about, can_ask, how_to_look, print_to_look_at, spread_lines
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import is_object, shown_path
from tagger.store.models import all_models

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.store.taught_labels import Taught
    from tagger.teaching.teacher import Teacher

# Photos by their numbers in the database, which say nothing to others; and what is a picture on the page.
_LEFT_OUT = ("doubtful", "asked", "curve")


@click.group(
    "taught",
    cls=WholeHelp,
    invoke_without_command=True,
    epilog="""\b
Examples:
  tagger taught                     what was taught, and how good it is
  tagger taught try 'our boat' new.jpg  how sure it is of a photo
  tagger taught look 'our boat'     say yes or no to its doubtful photos
  tagger taught on 'our boat'
  tagger taught off 'our boat'      its photos lose the label; it stays known
  tagger taught remove 'our boat'   it is forgotten
  tagger taught again               train all anew, with what you corrected
  tagger taught export boats.json
  tagger taught import boats.json""",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """The labels that you taught: list them, switch them on and off, carry them elsewhere."""
    return ExitCode.DONE if context.invoked_subcommand is not None else _list(context, as_json)


@command.command("list", epilog="\b\nExamples:\n  tagger taught list\n  tagger taught list --json")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_context
def list_taught(context: click.Context, as_json: bool) -> int:
    """List them: how good each is, whether it is on, and how many photos have it."""
    return _list(context, as_json)


def _list(context: click.Context, as_json: bool) -> int:
    from tagger.store import taught_labels
    from tagger.store.session import open_store

    found: list[dict[str, Any]] = []
    with open_store(settings_of(context)) as store, store.read() as session:
        models = all_models(session)
        for label in taught_labels.all_taught(session):
            by_model = taught_labels.trained(session, label)
            found.append(
                {
                    "name": label.name,
                    "on": label.enabled,
                    "photos": taught_labels.labelled_with(session, label),
                    "precision_wanted": label.precision,
                    "models": [
                        {"model": models[row].model_id, "architecture": models[row].architecture}
                        | {"usable": trained.head is not None}
                        | {what: told for what, told in trained.report.items() if what not in _LEFT_OUT}
                        | {"to_look_at": len(trained.report.get("doubtful", ()))}
                        for row, trained in by_model.items()
                    ],
                }
            )
    if as_json:
        write_json(found, indent=2)
        return ExitCode.DONE
    if not found:
        voice.note("Nothing was taught yet; see: tagger teach --help")
    for about in found:
        print(f"{'on ' if about['on'] else 'off'}  {about['name']}: {count(about['photos'], 'photo')}")
        for of in about["models"]:
            those = "of its photos are" if of["library"] else "of what it took were"
            told = (
                f"about {of['precision']:.0%} {those} right, "
                f"{of['recall']:.0%} of those that show it found; "
                f"learned from {of['yes']:,} that show it and {of['no'] + of['sampled']:,} others"
                if of["usable"]
                else "not usable"
            )
            why = of["refused"] or of.get("must_look", "")
            print(f"       {of['architecture']}: {told}{'; ' + why if why else ''}")
            if why and of["to_look_at"]:
                print(f"       Look at some of its photos: tagger taught look {quote(about['name'])}")
    return ExitCode.DONE


@command.command("on", epilog="\b\nExamples:\n  tagger taught on 'our boat'")
@click.argument("name", shell_complete=taught_names)
@click.option("--looked", is_flag=True, help="You looked at its photos and they are right, however many there are.")
@click.pass_context
def switch_on(context: click.Context, name: str, looked: bool) -> int:
    """Give taught label NAME to the library's photos, and to new ones from now on."""
    return _switch(context, name, on=True, looked=looked)


@command.command("off", epilog="\b\nExamples:\n  tagger taught off 'our boat'")
@click.argument("name", shell_complete=taught_names)
@click.pass_context
def switch_off(context: click.Context, name: str) -> int:
    """Take taught label NAME from the photos; what you gave or took yourself stays, and the label can come back."""
    return _switch(context, name, on=False)


def _switch(context: click.Context, name: str, *, on: bool, looked: bool = False) -> int:
    with _teacher(context) as teacher:
        label = teacher.find(name)
        changed = teacher.turn(label, on=on, looked=looked)
    _wake(teacher.library.settings, changed)
    voice.done(f"{label.name} is {'on' if on else 'off'}; {count(changed, 'photo')} changed.")
    return ExitCode.DONE


@command.command(
    "try",
    epilog="""\b
Examples:
  tagger taught try 'our boat' new.jpg
  tagger taught try 'our boat' ~/Pictures/2024 --json""",
)
@click.argument("name", shell_complete=taught_names)
@click.argument("photos", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="A JSON list with an object for each photo.")
@click.pass_context
def try_it(context: click.Context, name: str, photos: tuple[str, ...], as_json: bool) -> int:
    """How sure taught label NAME is of PHOTOS (files or folders); also while it is off. Nothing is stored."""
    from tagger.intake.object_walk import photos_at
    from tagger.intake.walk import photos_below

    with _teacher(context) as teacher:
        label = teacher.find(name)
        paths: dict[str, None] = {}
        for photo in map(absolute, photos):
            if is_object(photo):
                below = photos_at(photo, teacher.library.settings.intake)
            elif not os.path.exists(photo):
                raise UsageError(f"There is no photo or folder {shown_path(photo)}.")
            else:
                below = photos_below(photo, teacher.library.settings.intake) if os.path.isdir(photo) else [photo]
            if not below:
                raise UsageError(f"There are no photos in {shown_path(photo)}.")
            paths |= dict.fromkeys(below)
        head, found = teacher.score(label, list(paths))
    if as_json:
        write_json(
            [
                path_json(path)
                | {
                    "probability": round(found[path], 4),
                    "threshold": head.threshold,
                    "yes": found[path] >= head.threshold,
                }
                if path in found
                else path_json(path) | {"probability": None, "error": "it cannot be read as a photo"}
                for path in paths
            ],
            indent=2,
        )
    else:
        for path in paths:
            if path in found:
                print(f"{found[path]:4.0%}  {'yes' if found[path] >= head.threshold else 'no ':3}  {shown_path(path)}")
            else:
                voice.fault(f"{shown_path(path)} cannot be read as a photo.")
    return ExitCode.DONE if len(found) == len(paths) else ExitCode.SOME_FAILED


@command.command("look", epilog="\b\nExamples:\n  tagger taught look 'our boat'")
@click.argument("name", shell_complete=taught_names)
@click.pass_context
def look(context: click.Context, name: str) -> int:
    """Say yes or no to photos of which taught label NAME is not sure; it learns from that."""
    with _teacher(context) as teacher:
        label = teacher.find(name)
        photos, threshold = teacher.to_look_at(label)
        if not photos:
            print(f"There is nothing to look at. Learn from what you said: tagger taught again {quote(label.name)}")
            return ExitCode.DONE
        if not can_ask():
            print_to_look_at(teacher.library, label.name, photos, threshold)
            print(how_to_look(label.name, len(photos)))
            return ExitCode.DONE
        if not ask_about(teacher.library, label.name, photos):
            return ExitCode.DONE
        changed, failed = _learn([label], teacher)
    _wake(teacher.library.settings, changed)
    return ExitCode.SOME_FAILED if failed else ExitCode.DONE


@command.command("remove", epilog="\b\nExamples:\n  tagger taught remove 'our boat'")
@click.argument("name", shell_complete=taught_names)
@yes_option
@click.pass_context
def remove(context: click.Context, name: str, yes: bool) -> int:
    """Forget taught label NAME with its examples. The label stays where you gave it yourself."""
    with _teacher(context) as teacher:
        label = teacher.find(name)
        must_agree(f"Forget {label.name!r} with all that it was taught by?", yes=yes)
        changed = teacher.forget(label)
    _wake(teacher.library.settings, changed)
    voice.done(f"{label.name} is forgotten; {count(changed, 'photo')} changed.")
    return ExitCode.DONE


@command.command("again", epilog="\b\nExamples:\n  tagger taught again\n  tagger taught again 'our boat'")
@click.argument("name", required=False, shell_complete=taught_names)
@click.pass_context
def again(context: click.Context, name: str | None) -> int:
    """Train taught label NAME, or all of them, on their examples and on what you corrected since."""
    from tagger.store import taught_labels

    with _teacher(context) as teacher:
        with teacher.library.store.read() as session:
            labels = [teacher.find(name)] if name else taught_labels.all_taught(session)
        changed, failed = _learn(labels, teacher)
    _wake(teacher.library.settings, changed)
    return ExitCode.SOME_FAILED if failed else ExitCode.DONE


def _learn(labels: Sequence[Taught], teacher: Teacher) -> tuple[int, int]:
    """Train labels again; returns how many photos changed, and how many labels stay as they were."""
    changed, failed = 0, 0
    for label, lesson in teacher.teach_again(labels, teacher.model()):
        report = lesson.report
        if report.refused:
            failed += 1
            voice.done(f"{label.name}: left as it was, because {report.refused}.")
            continue
        now = teacher.keep(lesson, on=label.enabled)
        changed += now
        right = f", precision {report.precision:.0%}" if report.library else ""
        voice.done(f"{label.name}: learned again{right}; {count(now, 'photo')} changed.")
        for line in spread_lines(report, on=label.enabled):
            voice.done(f"  {line}")
        if report.must_look:
            failed += label.enabled
            kept = "It stays as it was" if label.enabled else "It cannot be switched on yet"
            voice.done(f"  {kept}: {report.must_look}.")
            print_to_look_at(teacher.library, label.name, lesson.unsure, report.threshold)
            voice.done(how_to_look(label.name, report.library))
            voice.done(f"  If you know that it is right: tagger taught on {quote(label.name)} --looked")
        elif not label.enabled:
            voice.done(f"  Switch it on: tagger taught on {quote(label.name)}")
    return changed, failed


@command.command(
    "export", epilog="\b\nExamples:\n  tagger taught export boats.json\n  tagger taught export boats.json 'our boat'"
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("names", nargs=-1, shell_complete=taught_names)
@yes_option
@click.pass_context
def export(context: click.Context, file: str, names: tuple[str, ...], yes: bool) -> int:
    """Write taught labels (all, or NAMES) to FILE, for another library that uses the same model."""
    from tagger.store import taught_labels
    from tagger.teaching.label_file import write_label_file

    with _teacher(context) as teacher:
        model = teacher.model()
        with teacher.library.store.read() as session:
            labels = [teacher.find(name) for name in names] or taught_labels.all_taught(session)
            known = [(label, taught_labels.trained(session, label).get(model.id)) for label in labels]
    usable = [(label, trained) for label, trained in known if trained is not None and trained.head is not None]
    if not usable:
        raise UsageError(f"No label was taught for {model.architecture} ({model.model_id}).")
    path = Path(absolute(file))
    must_agree_to_replace(path, yes=yes)
    write_label_file(path, model, usable)
    voice.done(f"{count(len(usable), 'taught label')} of {model.architecture} written to {shown_path(str(path))}")
    return ExitCode.DONE


@command.command(
    "import", epilog="\b\nExamples:\n  tagger taught import boats.json\n  tagger taught import boats.json --on"
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--on", is_flag=True, help="Switch them on at once.")
@click.option("--looked", is_flag=True, help="With --on: you know that they are right here, too.")
@yes_option
@click.pass_context
def import_file(context: click.Context, file: str, on: bool, looked: bool, yes: bool) -> int:
    """Take taught labels from FILE. Those of the same name are replaced."""
    from tagger.store import taught_labels
    from tagger.teaching.label_file import read_label_file

    imported = read_label_file(Path(absolute(file)))
    with _teacher(context) as teacher:
        with teacher.library.store.read() as session:
            there = {label.name for label in taught_labels.all_taught(session)}
        lost = sorted(there & {trained.head.name for _, trained in imported.labels if trained.head is not None})
        if lost:
            must_agree(f"Replace what {', '.join(map(repr, lost))} was taught by?", yes=yes)
        changed = teacher.take_in(imported, on=on, looked=looked)
    _wake(teacher.library.settings, changed)
    names = ", ".join(trained.head.name for _, trained in imported.labels if trained.head is not None)
    voice.done(f"{count(len(imported.labels), 'label')} taken in: {names}; {count(changed, 'photo')} changed.")
    if not on:
        voice.note("Switch one on: tagger taught on NAME")
    return ExitCode.DONE


@contextmanager
def _teacher(context: click.Context) -> Iterator[Teacher]:
    from tagger.store.library import open_library
    from tagger.teaching.teacher import Teacher

    with open_library(settings_of(context)) as library:
        yield Teacher(library)


def _wake(settings: Settings, changed: int) -> None:
    from tagger.service import control

    if changed and settings.keywords.mode != "off" and not control.wake(settings.data_dir):
        voice.note("Write them into the files, too: tagger write")
