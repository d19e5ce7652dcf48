"""`tagger teach`: a label of your own, from examples."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from tagger.cli import voice
from tagger.cli.common import absolute, count, model_options, path_json, settings_of, write_json
from tagger.cli.progress import ByteMeter, Stages, say_stopping
from tagger.cli.teaching import ask_about, can_ask, how_to_look, print_to_look_at, spread_lines
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import shown_path
from tagger.store import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tagger.core.config import Settings
    from tagger.core.progress import StopCheck
    from tagger.store.examples import Example
    from tagger.store.library import Library
    from tagger.teaching.lessons import Lesson
    from tagger.teaching.teacher import Teacher

# Photos that are listed of those nearest to the threshold.
_UNSURE = 10
# Fewer examples of what does not show a label are a likely reason why it cannot be learned.
_FEW = 50


@click.command(
    "teach",
    epilog="""\b
Examples are photos of a folder (in the library or not), or what a search
finds, or one photo; and always the photos that you gave or took the label
with `tagger correct` or on the web page. Photos of the library are always
drawn to be compared with; those that look like right ones are shown to you,
for a yes or no. Nothing is labelled before you switch it on, and a label that
would spread too far is not, before you have looked at some of its photos.

\b
Examples:
  tagger teach 'our boat' --yes ~/Pictures/boat
  tagger teach 'our boat' --yes 'boat path:2019/' --no 'boat path:2012/'
  tagger teach 'our boat'                 from what you corrected
  tagger teach 'our boat' --yes ~/Pictures/boat --on
  tagger taught try 'our boat' new.jpg    how sure it is of a photo
  tagger teach --from-keywords            every keyword with enough photos
  tagger teach --from-keywords Rex --on   from the photos tagged with Rex""",
)
@click.argument("name", required=False)
@click.option("--yes", metavar="FOLDER|SEARCH", multiple=True, help="Photos that show it; may be given again.")
@click.option("--no", metavar="FOLDER|SEARCH", multiple=True, help="Photos that do not; may be given again.")
@click.option(
    "--from-keywords", is_flag=True, help="Learn from keywords in the photos (XMP, IPTC, EXIF): all, or NAME."
)
@click.option(
    "--precision",
    metavar="SHARE",
    type=click.FloatRange(0.05, 1),
    default=0.9,
    show_default=True,
    help="How many of the photos that get it shall be right ones.",
)
@click.option("--on", is_flag=True, help="Switch it on at once, if it is good enough.")
@click.option("--looked", is_flag=True, help="With --on: you looked at its photos, and they are right.")
@model_options
@click.option("--json", "as_json", is_flag=True, help="No progress; a JSON list with an object for each label.")
@click.pass_context
def command(  # noqa: PLR0913 - one parameter an option
    context: click.Context,
    name: str | None,
    yes: tuple[str, ...],
    no: tuple[str, ...],
    from_keywords: bool,
    precision: float,
    on: bool,
    looked: bool,
    model: str | None,
    weights: str | None,
    as_json: bool,
) -> int:
    """Teach label NAME by photos that show it, and photos that do not."""
    from tagger.core.progress import Callbacks
    from tagger.labels.resolve import normalize_name
    from tagger.store.library import open_library
    from tagger.system.stop_signals import stop_on_signals
    from tagger.teaching.teacher import Teacher

    if from_keywords and (yes or no):
        raise UsageError("--from-keywords takes its examples from the photos.", "Leave out --yes and --no.")
    if not from_keywords and not name:
        raise UsageError("Which label?", "tagger teach 'our boat' --yes FOLDER, or: tagger teach --from-keywords")
    name = "" if name is None else normalize_name(name)
    if looked and not on:
        raise UsageError("--looked says that a label may be switched on.", "Add --on.")
    settings = settings_of(context, model__name=model, model__weights=weights)
    with ExitStack() as stack:
        # With both kinds of examples at hand, nothing of a library is needed.
        outside = bool(yes and no) and all(os.path.exists(absolute(one)) for one in (*yes, *no))
        library = stack.enter_context(open_library(settings, create=outside))
        with ExitStack() as shown:
            download = shown.enter_context(ByteMeter("Fetching the model's weights", quiet=as_json))
            stages = shown.enter_context(Stages(quiet=as_json))
            teacher = Teacher(library, Callbacks(partial(stages.update, "looking at examples"), download.update))
            if from_keywords:
                stop = shown.enter_context(stop_on_signals(say_stopping))
                taught = _from_keywords(teacher, name, precision, stages, stop)
            else:
                taught = iter([teacher.teach(name, _examples(library, yes, no), precision)])
            lessons = [(lesson.without_scores(), _kept(teacher, lesson, on, looked)) for lesson in taught]
            _wake(settings, lessons)
        found = [_json(library, lesson, changed) for lesson, changed in lessons]
        asks = not as_json and not from_keywords and can_ask()
        if as_json:
            write_json(found, indent=2)
        else:
            for (lesson, changed), about in zip(lessons, found, strict=True):
                _print(library, lesson, changed, about, asks=asks)
        again = _asked(Teacher(library), lessons[0][0], lambda: _examples(library, yes, no)) if asks else None
        if again is not None:
            lessons = [(again.without_scores(), _kept(teacher, again, on, looked))]
            _wake(settings, lessons)
            _print(library, again, lessons[0][1], _json(library, *lessons[0]), asks=False)
    reports = [lesson.report for lesson, _ in lessons]
    learned = any(not report.refused for report in reports)
    held = on and not looked and any(report.must_look for report in reports)
    return ExitCode.DONE if learned and not held else ExitCode.SOME_FAILED


def _asked(teacher: Teacher, lesson: Lesson, examples: Callable[[], list[Example]]) -> Lesson | None:
    """Show a person the doubtful photos and learn from the answers, until that is enough; None if nothing was said."""
    result = None
    while lesson.unsure and (lesson.report.unlooked or lesson.report.refused):
        shown = lesson.unsure
        if not click.confirm(f"\nLook at {count(len(shown), 'photo')} now, for a yes or no each?", default=True):
            break
        if not ask_about(teacher.library, lesson.name, shown):
            break
        if not lesson.report.refused:
            # So it is known which photos were asked about.
            teacher.keep(lesson, on=False)
        lesson = result = teacher.teach(lesson.name, examples(), lesson.report.wanted)
        for line in spread_lines(lesson.report, on=False) if not lesson.report.refused else [lesson.report.refused]:
            print(f"  {line}")
        if not (lesson.report.must_look or lesson.report.refused):
            break
    return result


def _examples(library: Library, yes: tuple[str, ...], no: tuple[str, ...]) -> list[Example]:
    from tagger.store.examples import Kind
    from tagger.teaching.examples import examples_from

    with library.store.read() as session:
        return [
            example
            for kind, sources in ((Kind.YES, yes), (Kind.NO, no))
            for source in sources
            for example in examples_from(library.settings, session, kind, source)
        ]


def _from_keywords(teacher: Teacher, name: str, precision: float, stages: Stages, stop: StopCheck) -> Iterator[Lesson]:
    from tagger.core.progress import Callbacks
    from tagger.teaching.from_keywords import read_keywords

    keywords = read_keywords(teacher.library, Callbacks(partial(stages.update, "reading keywords"), stop=stop))
    if keywords.unreadable:
        voice.fault(f"{count(keywords.unreadable, 'file')} could not be read.")
    words = keywords.choose(name)
    for number, lesson in enumerate(teacher.teach_several(map(keywords.wanted, words), precision), 1):
        if stop():
            return
        yield lesson
        stages.update("teaching", number, len(words))


def _kept(teacher: Teacher, lesson: Lesson, on: bool, looked: bool) -> int | None:
    """Store a lesson that was not refused; returns how many photos changed."""
    return None if lesson.report.refused else teacher.keep(lesson, on=on, looked=looked)


def _wake(settings: Settings, lessons: list[tuple[Lesson, int | None]]) -> None:
    from tagger.service import control

    if settings.keywords.mode != "off" and any(changed for _, changed in lessons):
        control.wake(settings.data_dir)


def _json(library: Library, lesson: Lesson, changed: int | None) -> dict[str, Any]:
    from tagger.store import taught_labels

    with library.store.read() as session:
        paths = records.paths_of(session, [number for number, _ in lesson.unsure] + list(lesson.alike))
        kept = taught_labels.find_taught(session, lesson.key)
    nearest = sorted(lesson.unsure, key=lambda one: abs(one[1] - lesson.report.threshold))[:_UNSURE]
    to_look_at, unsure = (
        [path_json(paths[number].absolute) | {"probability": round(p, 4)} for number, p in photos if number in paths]
        for photos in (lesson.unsure, nearest)
    )
    return {
        "name": lesson.name,
        "model": lesson.model.model_id,
        "architecture": lesson.model.architecture,
        **lesson.report.as_json(),
        "likely_wrong": lesson.report.likely_wrong,
        "on": kept is not None and kept.enabled,
        "changed": changed or 0,
        "unsure": unsure,
        "to_look_at": to_look_at,
        "left_out": [path_json(paths[number].absolute) for number in lesson.alike if number in paths],
    }


def _print(library: Library, lesson: Lesson, changed: int | None, about: dict[str, Any], *, asks: bool) -> None:
    report, name = lesson.report, quote(lesson.name)
    not_it = f" and {report.no:,} that {'does' if report.no == 1 else 'do'} not" if report.no else ""
    drawn = f", compared with {count(report.sampled, 'photo')} of the library" if report.sampled else ""
    shows = "shows" if report.yes == 1 else "show"
    voice.done(
        f"{lesson.name}: {count(report.yes, 'photo')} that {shows} it{not_it}{drawn} ({lesson.model.architecture})"
    )
    lost = len(lesson.examples) - report.yes - report.no - report.sampled
    if lost:
        voice.done(
            f"  {count(lost, 'example')} could not be used: no picture, gone, or not labelled by this model yet."
        )
    if report.refused:
        voice.done(f"  Not learned: {report.refused}.")
        voice.done("  What is kept of it has not changed." if about["on"] else "  It is not switched on.")
        if lesson.unsure:
            voice.done("  These photos of the library look like it; to say what they are helps most:")
            for item in about["to_look_at"][:_UNSURE]:
                voice.done(f"    {shown_path(item['path'])}")
            if not asks:
                voice.done(f"  Add to the command: --yes PHOTO where it is {lesson.name}, --no PHOTO where it is not.")
        else:
            voice.done("  More photos that show it help most.")
        if report.no + report.sampled < _FEW:
            voice.done("  So few others tell little, too: give some that do not show it with --no FOLDER.")
        if "wanted precision" in report.refused:
            voice.done("  Or be content with more wrong photos: --precision with a smaller number.")
        return
    for line in spread_lines(report, on=about["on"]):
        voice.done(f"  {line}")
    voice.done(f"  Of photos that do show it, {report.recall:.0%} are found.")
    if report.unlooked:
        print_to_look_at(library, lesson.name, lesson.unsure, report.threshold)
    if report.must_look and not (about["on"] and changed):
        if about["on"]:
            voice.done(f"  It stays as it was: {report.must_look}.")
        else:
            voice.done(f"  It cannot be switched on yet: {report.must_look}.")
        if not asks or not report.library:
            voice.done(how_to_look(lesson.name, report.library))
        voice.done(f"  If you know that it is right: tagger taught on {name} --looked")
    elif about["on"]:
        voice.done(f"  It is on; {count(changed or 0, 'photo')} changed.")
    else:
        if report.unlooked and not asks:
            voice.done(how_to_look(lesson.name, report.library))
        voice.done(f"  Try it on a photo: tagger taught try {name} PHOTO")
        voice.done(f"  Switch it on: tagger taught on {name}")
