"""`tagger teach`: a label of your own, from examples."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tagger.cli.common import count, model_options, path_json, settings_of, write_json
from tagger.cli.progress import ByteMeter, Stages, say_stopping
from tagger.core.errors import ExitCode, UsageError
from tagger.core.paths import shown_path
from tagger.store import records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagger.core.config import Settings
    from tagger.core.progress import StopCheck
    from tagger.store.examples import Example
    from tagger.store.library import Library
    from tagger.teaching.lessons import Lesson
    from tagger.teaching.teacher import Teacher


@click.command(
    "teach",
    epilog="""\b
Examples are photos of a folder (in the library or not), or what a search
finds, or one photo; and always the photos that you gave or took the label
with `tagger correct` or on the web page. Without --no, photos are drawn from
the library to be compared with. What is told of the label is measured on
examples that it was not trained with. Nothing is labelled before you switch
it on.

\b
Examples:
  tagger teach 'our boat' --yes ~/Pictures/boat
  tagger teach 'our boat' --yes 'boat path:2019/' --no 'boat path:2012/'
  tagger teach 'our boat'                 from what you corrected
  tagger teach 'our boat' --yes ~/Pictures/boat --on
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
    model: str | None,
    weights: str | None,
    as_json: bool,
) -> int:
    """Teach label NAME by photos that show it, and photos that do not."""
    from tagger.core.progress import Callbacks
    from tagger.labels.names import normalize_name
    from tagger.store.library import open_library
    from tagger.system.stop_signals import stop_on_signals
    from tagger.teaching.teacher import Teacher

    if from_keywords and (yes or no):
        raise UsageError("--from-keywords takes its examples from the photos.", "Leave out --yes and --no.")
    if not from_keywords and not name:
        raise UsageError("Which label?", "tagger teach 'our boat' --yes FOLDER, or: tagger teach --from-keywords")
    name = "" if name is None else normalize_name(name)
    settings = settings_of(context, model__name=model, model__weights=weights)
    with ExitStack() as stack:
        library = stack.enter_context(open_library(settings))
        download = stack.enter_context(ByteMeter("Fetching the model's weights", quiet=as_json))
        stages = stack.enter_context(Stages(quiet=as_json))
        teacher = Teacher(library, Callbacks(partial(stages.update, "looking at examples"), download.update))
        if from_keywords:
            stop = stack.enter_context(stop_on_signals(say_stopping))
            taught = _from_keywords(teacher, name, precision, stages, stop)
        else:
            taught = iter([teacher.teach(name, _examples(library, yes, no), precision)])
        lessons = [(lesson.without_scores(), _kept(teacher, lesson, on)) for lesson in taught]
        _wake(settings, lessons)
        found = [_json(library, lesson, changed) for lesson, changed in lessons]
    if as_json:
        write_json(found, indent=2)
    else:
        for (lesson, changed), about in zip(lessons, found, strict=True):
            _print(lesson, changed, about)
    learned = any(not lesson.report.refused for lesson, _ in lessons)
    return ExitCode.DONE if learned else ExitCode.SOME_FAILED


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
        print(f"tagger: {count(keywords.unreadable, 'file')} could not be read.", file=sys.stderr)
    words = keywords.choose(name)
    for number, lesson in enumerate(teacher.teach_several(map(keywords.wanted, words), precision), 1):
        if stop():
            return
        yield lesson
        stages.update("teaching", number, len(words))


def _kept(teacher: Teacher, lesson: Lesson, on: bool) -> int | None:
    """Store a lesson that was not refused; returns how many photos changed."""
    return None if lesson.report.refused else teacher.keep(lesson, on=on)


def _wake(settings: Settings, lessons: list[tuple[Lesson, int | None]]) -> None:
    from tagger.service import control

    if settings.keywords.mode != "off" and any(changed for _, changed in lessons):
        control.wake(settings.data_dir)


def _json(library: Library, lesson: Lesson, changed: int | None) -> dict[str, Any]:
    from tagger.store import taught_labels

    with library.store.read() as session:
        paths = records.paths_of(session, [number for number, _ in lesson.unsure] + list(lesson.alike))
        kept = taught_labels.find_taught(session, lesson.key)
    return {
        "name": lesson.name,
        "model": lesson.model.model_id,
        "architecture": lesson.model.architecture,
        **lesson.report.as_json(),
        "on": kept is not None and kept.enabled,
        "changed": changed or 0,
        "unsure": [path_json(paths[number].absolute) | {"probability": round(p, 4)} for number, p in lesson.unsure],
        "left_out": [path_json(paths[number].absolute) for number in lesson.alike],
    }


def _print(lesson: Lesson, changed: int | None, about: dict[str, Any]) -> None:
    report = lesson.report
    drawn = f", {report.sampled:,} drawn from the library" if report.sampled else ""
    print(
        f"{lesson.name}: {count(report.yes, 'right example')}, {report.no:,} wrong{drawn} ({lesson.model.architecture})"
    )
    lost = len(lesson.examples) - report.yes - report.no - report.sampled
    if lost:
        print(f"  {count(lost, 'example')} could not be used: no picture, gone, or not labelled by this model yet.")
    if report.auc:
        print(f"  A right example scores above a wrong one {report.auc:.1%} of the time (50 % would be chance).")
    if report.refused:
        print(f"  Not learned: {report.refused}.")
        print("  More examples help; so does saying with --no what it is not, of something frequent above all.")
        print("  What is kept of it has not changed." if about["on"] else "  It is not switched on.")
        return
    print(
        f"  At the threshold of {report.threshold:.2f}: precision {report.precision:.0%} "
        f"({report.wanted:.0%} were asked for), recall {report.recall:.0%}, on examples that it has not seen."
    )
    if not report.sampled:
        print("  That holds among photos like your examples; without --no, any photo of the library is compared with.")
    if report.alike:
        print(
            f"  {count(report.alike, 'drawn photo')} look like right ones and did not count; if they are wrong, the "
            f"precision is {report.cautious:.0%}. Say which are: tagger correct PHOTO --add or --remove {lesson.name!r}"
        )
        for item in about["left_out"][:5]:
            print(f"    {shown_path(item['path'])}")
    print(
        f"  {report.photos:,} of {count(report.library, 'photo')} {'have' if about['on'] else 'would get'} the label."
    )
    if about["unsure"]:
        print("  Those it is least sure of, for a look:")
        for item in about["unsure"]:
            mark = "+" if item["probability"] >= report.threshold else "-"
            print(f"    {mark} {item['probability']:4.0%}  {shown_path(item['path'])}")
    if about["on"]:
        print(f"  It is on; {count(changed or 0, 'photo')} changed.")
    else:
        print(f"  Switch it on: tagger taught on {lesson.name!r}")
