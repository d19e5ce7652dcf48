"""The API of labels that people teach: teaching, what that would come to, on and off, trying one on photos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from tagger.core.errors import UsageError
from tagger.core.progress import Callbacks
from tagger.core.sentences import Sentence
from tagger.labels.resolve import normalize_name
from tagger.store import records, taught_labels
from tagger.store.counts import main_model
from tagger.store.examples import Example, Kind, said_since
from tagger.store.library import Library
from tagger.teaching.doubt import open_questions
from tagger.teaching.lessons import Lesson
from tagger.teaching.teacher import Teacher
from tagger.web.api_labels import Key
from tagger.web.api_tasks import started
from tagger.web.context import WebContext, context_of
from tagger.web.schemas_tasks import (
    CurvePoint,
    LessonIn,
    LessonOut,
    PhotosIn,
    SwitchedOut,
    SwitchIn,
    TaskOut,
    TaughtOut,
    ToLookAt,
    TriedOut,
)

router = APIRouter(tags=["labels that are taught"])


@router.get("/taught")
def get_taught(request: Request) -> list[TaughtOut]:
    """The labels that were taught, by name: how good each is, whether it is on, and how many photos have it."""
    with context_of(request).store.read() as session:
        model = main_model(session)
        found = []
        for label in taught_labels.all_taught(session):
            known = None if model is None else taught_labels.trained(session, label).get(model.id)
            report = {} if known is None else known.report
            since = said_since(session, label)
            found.append(
                TaughtOut(
                    key=label.key,
                    name=label.name,
                    on=label.enabled,
                    photos=taught_labels.labelled_with(session, label),
                    wanted=label.precision,
                    usable=known is not None and known.head is not None,
                    precision=report.get("precision", 0.0),
                    recall=report.get("recall", 0.0),
                    yes=report.get("yes", 0),
                    no=report.get("no", 0),
                    sampled=report.get("sampled", 0),
                    refused=report.get("refused", ""),
                    must_look=report.get("must_look", ""),
                    to_look_at=0 if model is None else len(open_questions(session, label, model)[0]),
                    threshold=1.0 if known is None or known.head is None else known.head.threshold,
                    curve=curve_out(report.get("curve", ())),
                    learned_at=None if known is None else known.trained_at,
                    since_yes=sum(one.kind is Kind.YES for one in since),
                    since_no=sum(one.kind is Kind.NO for one in since),
                )
            )
        return found


def curve_out(points: Iterable[Sequence[float]]) -> list[CurvePoint]:
    """A curve as the API tells it."""
    return [CurvePoint(threshold=threshold, precision=right, recall=share) for threshold, right, share in points]


@router.post("/taught/preview", status_code=202)
def post_preview(request: Request, answer: Response, lesson: LessonIn) -> TaskOut:
    """What teaching a label would come to: how good it would be, and which photos to look at. Nothing is stored."""
    return _teach(request, answer, lesson, keep=False)


@router.post("/taught", status_code=202)
def post_taught(request: Request, answer: Response, lesson: LessonIn) -> TaskOut:
    """Teach a label by photos of the library; one of this name is taught anew, with what was said of it before."""
    return _teach(request, answer, lesson, keep=True)


def _teach(request: Request, answer: Response, lesson: LessonIn, *, keep: bool) -> TaskOut:
    context = context_of(request)
    name = normalize_name(lesson.name)
    with context.store.read() as session:
        there = records.photos_by_ids(session, [*lesson.yes, *lesson.no])
    lost = sorted({*lesson.yes, *lesson.no} - {one.id for one in there.values() if one.labelled_by is not None})
    if lost:
        raise UsageError(
            Sentence("Not all of these photos are labelled yet, or there: {ids}", ids=", ".join(map(str, lost[:10])))
        )
    if not lesson.yes:
        raise UsageError(Sentence("A label is taught by photos that show it."))
    return started(
        request,
        answer,
        f"teach {name}" if keep else f"preview of {name}",
        partial(_lesson, context, name, lesson, keep),
    )


def _lesson(context: WebContext, name: str, said: LessonIn, keep: bool, callbacks: Callbacks) -> LessonOut:
    library = context.library
    teacher = Teacher(library, callbacks)
    no = set(said.no)
    examples = [Example(Kind.YES, number) for number in said.yes if number not in no]
    lesson = teacher.teach(name, examples + [Example(Kind.NO, number) for number in said.no], said.precision)
    report = lesson.report
    kept = keep and not report.refused
    changed = teacher.keep(lesson, on=said.on, looked=said.looked) if kept else 0
    if changed:
        context.labels_changed()
    return _told(library, lesson, kept=kept, changed=changed)


@router.post("/taught/{key}/again", status_code=202)
def post_again(request: Request, answer: Response, key: Key) -> TaskOut:
    """Teach a label anew by its examples and by what a person said of photos since."""
    context = context_of(request)
    Teacher(context.library).find(key)
    return started(request, answer, f"teach {key} again", partial(_again, context, key))


def _again(context: WebContext, key: str, callbacks: Callbacks) -> LessonOut:
    teacher = Teacher(context.library, callbacks)
    [(label, lesson)] = teacher.teach_again([teacher.find(key)], teacher.model())
    kept = not lesson.report.refused
    changed = teacher.keep(lesson, on=label.enabled) if kept else 0
    context.to_review.forget()
    if changed:
        context.labels_changed()
    return _told(context.library, lesson, kept=kept, changed=changed)


def _told(library: Library, lesson: Lesson, *, kept: bool, changed: int) -> LessonOut:
    report = lesson.report
    with library.store.read() as session:
        known = taught_labels.find_taught(session, lesson.key)
    return LessonOut(
        key=lesson.key,
        name=lesson.name,
        kept=kept,
        on=known is not None and known.enabled,
        changed=changed,
        yes=report.yes,
        no=report.no,
        sampled=report.sampled,
        precision=report.precision,
        recall=report.recall,
        threshold=report.threshold,
        photos=report.photos,
        library=report.library,
        refused=report.refused,
        must_look=report.must_look,
        to_look_at=[ToLookAt(photo=number, probability=round(share, 4)) for number, share in lesson.unsure],
        curve=curve_out(lesson.curve),
    )


@router.post("/taught/{key}/switch", status_code=202)
def post_switch(request: Request, answer: Response, key: Key, said: SwitchIn) -> TaskOut:
    """Switch a taught label on, which gives it to the library's photos, or off, which takes it from them."""
    context = context_of(request)
    # Said at once where there is none.
    Teacher(context.library).find(key)
    return started(request, answer, f"switch {key}", partial(_switch, context, key, said))


def _switch(context: WebContext, key: str, said: SwitchIn, callbacks: Callbacks) -> SwitchedOut:
    teacher = Teacher(context.library, callbacks)
    label = teacher.find(key)
    changed = teacher.turn(label, on=said.on, looked=said.looked)
    if changed:
        context.labels_changed()
    return SwitchedOut(key=label.key, on=said.on, changed=changed)


@router.post("/taught/{key}/try/preview")
def post_try(request: Request, key: Key, which: PhotosIn) -> list[TriedOut]:
    """How sure a taught label is of photos of the library, also while it is off. Nothing is stored."""
    library: Library = context_of(request).library
    teacher = Teacher(library)
    label = teacher.find(key)
    with library.store.read() as session:
        there = records.photos_by_ids(session, which.photos)
    # Photos that are not labelled yet would have to be opened, which takes long.
    paths = {one.path.absolute: number for number, one in there.items() if one.labelled_by is not None}
    head, shares = teacher.score(label, list(paths))
    found = {paths[path]: share for path, share in shares.items()}
    return [
        TriedOut(
            photo=number,
            probability=round(found[number], 4) if number in found else None,
            yes=found.get(number, -1.0) >= head.threshold,
        )
        for number in which.photos
    ]


@router.delete("/taught/{key}")
def delete_taught(request: Request, key: Key) -> SwitchedOut:
    """Forget a taught label with its examples. It stays where a person gave it."""
    context = context_of(request)
    teacher = Teacher(context.library)
    label = teacher.find(key)
    changed = teacher.forget(label)
    if changed:
        context.labels_changed()
    return SwitchedOut(key=label.key, on=False, changed=changed)
