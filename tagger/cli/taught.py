"""`tagger taught`: the labels that were taught."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagger.cli.common import absolute, count, settings_of, write_json
from tagger.cli.groups import WholeHelp
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import shown_path
from tagger.store.models import all_models

if TYPE_CHECKING:
    from tagger.core.config import Settings
    from tagger.teaching.teacher import Teacher


@click.group(
    "taught",
    cls=WholeHelp,
    invoke_without_command=True,
    epilog="""\b
Examples:
  tagger taught                     what was taught, and how good it is
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
    if context.invoked_subcommand is not None:
        return ExitCode.DONE
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
                        | trained.report
                        for row, trained in by_model.items()
                    ],
                }
            )
    if as_json:
        write_json(found, indent=2)
        return ExitCode.DONE
    if not found:
        print("Nothing was taught yet; see: tagger teach --help")
    for about in found:
        print(f"{'on ' if about['on'] else 'off'}  {about['name']}: {count(about['photos'], 'photo')}")
        for of in about["models"]:
            told = (
                f"precision {of['precision']:.0%}, recall {of['recall']:.0%}, from {of['yes']:,} right "
                f"and {of['no'] + of['sampled']:,} wrong examples"
                if of["usable"]
                else "not usable"
            )
            print(f"       {of['architecture']}: {told}{'; ' + of['refused'] if of['refused'] else ''}")
    return ExitCode.DONE


@command.command("on", epilog="\b\nExamples:\n  tagger taught on 'our boat'")
@click.argument("name")
@click.pass_context
def switch_on(context: click.Context, name: str) -> int:
    """Give taught label NAME to the library's photos, and to new ones from now on."""
    return _switch(context, name, on=True)


@command.command("off", epilog="\b\nExamples:\n  tagger taught off 'our boat'")
@click.argument("name")
@click.pass_context
def switch_off(context: click.Context, name: str) -> int:
    """Take taught label NAME from the photos; what you gave or took yourself stays, and the label can come back."""
    return _switch(context, name, on=False)


def _switch(context: click.Context, name: str, *, on: bool) -> int:
    with _teacher(context) as teacher:
        label = teacher.find(name)
        changed = teacher.turn(label, on=on)
    _wake(teacher.library.settings, changed)
    print(f"{label.name} is {'on' if on else 'off'}; {count(changed, 'photo')} changed.")
    return ExitCode.DONE


@command.command("remove", epilog="\b\nExamples:\n  tagger taught remove 'our boat'")
@click.argument("name")
@click.pass_context
def remove(context: click.Context, name: str) -> int:
    """Forget taught label NAME with its examples. The label stays where you gave it yourself."""
    with _teacher(context) as teacher:
        label = teacher.find(name)
        changed = teacher.forget(label)
    _wake(teacher.library.settings, changed)
    print(f"{label.name} is forgotten; {count(changed, 'photo')} changed.")
    return ExitCode.DONE


@command.command("again", epilog="\b\nExamples:\n  tagger taught again\n  tagger taught again 'our boat'")
@click.argument("name", required=False)
@click.pass_context
def again(context: click.Context, name: str | None) -> int:
    """Train taught label NAME, or all of them, on their examples and on what you corrected since."""
    from tagger.store import taught_labels

    changed, failed = 0, 0
    with _teacher(context) as teacher:
        with teacher.library.store.read() as session:
            labels = [teacher.find(name)] if name else taught_labels.all_taught(session)
        for label, lesson in teacher.teach_again(labels, teacher.model()):
            report = lesson.report
            if report.refused:
                failed += 1
                print(f"{label.name}: left as it was, because {report.refused}.")
                continue
            now = teacher.keep(lesson, on=label.enabled)
            changed += now
            print(
                f"{label.name}: precision {report.precision:.0%}, recall {report.recall:.0%}; "
                f"{count(now, 'photo')} changed."
            )
    _wake(teacher.library.settings, changed)
    return ExitCode.SOME_FAILED if failed else ExitCode.DONE


@command.command(
    "export", epilog="\b\nExamples:\n  tagger taught export boats.json\n  tagger taught export boats.json 'our boat'"
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("names", nargs=-1)
@click.pass_context
def export(context: click.Context, file: str, names: tuple[str, ...]) -> int:
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
    write_label_file(path, model, usable)
    print(f"{count(len(usable), 'taught label')} of {model.architecture} written to {shown_path(str(path))}")
    return ExitCode.DONE


@command.command(
    "import", epilog="\b\nExamples:\n  tagger taught import boats.json\n  tagger taught import boats.json --on"
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--on", is_flag=True, help="Switch them on at once.")
@click.pass_context
def import_file(context: click.Context, file: str, on: bool) -> int:
    """Take taught labels from FILE. Those of the same name are replaced."""
    from tagger.teaching.label_file import read_label_file

    imported = read_label_file(Path(absolute(file)))
    with _teacher(context) as teacher:
        changed = teacher.take_in(imported, on=on)
    _wake(teacher.library.settings, changed)
    names = ", ".join(trained.head.name for _, trained in imported.labels if trained.head is not None)
    print(f"{count(len(imported.labels), 'label')} taken in: {names}; {count(changed, 'photo')} changed.")
    if not on:
        print("Switch one on: tagger taught on NAME")
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
        print("Write them into the files, too: tagger write")
