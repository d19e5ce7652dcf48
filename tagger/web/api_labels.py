"""The API of labels: what the library contains, the rules of a label, and the review of uncertain ones."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from tagger.core.config import Settings
from tagger.core.paths import shown_path
from tagger.core.photo import wnid_of
from tagger.labels import taxonomy
from tagger.labels.differences import EXAMPLES
from tagger.labels.languages import Language
from tagger.labels.relabel import compare
from tagger.labels.relabel_request import ask_for
from tagger.labels.review import uncertain
from tagger.labels.rules import LabelRules, rules_of, save_rules, with_rules
from tagger.service import control
from tagger.web import search_pages
from tagger.web.context import WebContext, context_of
from tagger.web.review_questions import MOST, count_questions, of_taught
from tagger.web.schemas_labels import (
    AppliedOut,
    BranchOut,
    Change,
    LabelCountOut,
    PreviewOut,
    Question,
    ReviewCountOut,
    ReviewOut,
    RulesIn,
    RulesOut,
)
from tagger.web.schemas_photos import NamedLabel, PhotoOut, Suggestion, naming
from tagger.web.search_pages import Library
from tagger.web.visitor import Spoken

router = APIRouter(tags=["labels"])
Key = Annotated[str, Path(min_length=1, max_length=128, description="The label's key, such as n02129604")]
# Photos compared for a preview; that takes about a second.
_SAMPLE = 5000
# One preview at a time: another one means that the first is not wanted any more.
_PREVIEWS = threading.Lock()


@router.get("/labels")
def get_labels(
    request: Request,
    spoken: Spoken,
    stored: Annotated[bool, Query(description="Also labels that are shown on no photo")] = False,
) -> list[LabelCountOut]:
    """The labels of the library with counts, the most frequent first."""
    return [
        LabelCountOut.model_validate(
            naming(label.key, label.name, spoken) | {"shown": label.shown, "stored": label.stored}
        )
        for label in context_of(request).label_counts()
        if label.shown or stored
    ]


@router.get("/labels/tree")
def get_tree(request: Request, spoken: Spoken) -> list[BranchOut]:
    """The labels that are shown, as a hierarchy. A label stands below the narrowest that covers all of it."""
    return tree(context_of(request), spoken)


def tree(context: WebContext, spoken: Language) -> list[BranchOut]:
    """The hierarchy of the shown labels, named in a language."""
    shown = [label for label in context.label_counts() if label.shown]
    above = _above(tuple(label.key for label in shown))
    branches = {
        one.key: BranchOut.model_validate(naming(one.key, one.name, spoken) | {"shown": one.shown, "below": []})
        for one in shown
    }
    top: list[BranchOut] = []
    for label in shown:
        parent = above[label.key]
        (top if parent is None else branches[parent].below).append(branches[label.key])
    return top


@lru_cache(maxsize=4)
def _above(keys: tuple[str, ...]) -> dict[str, str | None]:
    """For each label the narrowest of the others that covers all of it."""
    known = taxonomy.load()
    covers = {key: frozenset(known.classes_under(key)) for key in keys}
    widest_last = sorted(keys, key=lambda key: (len(covers[key]), key))
    return {
        key: next((other for other in widest_last if covers[key] and covers[key] < covers[other]), None) for key in keys
    }


@router.get("/labels/{key}/rules")
def get_rules(request: Request, key: Key, spoken: Spoken) -> RulesOut:
    """The rules of a label as they are."""
    return rules_out(context_of(request), rules_of(context_of(request).settings, key), spoken)


@router.post("/labels/{key}/rules/preview")
def post_preview(request: Request, key: Key, rules: RulesIn, spoken: Spoken) -> PreviewOut:
    """What other rules would change, on a sample of the library. Nothing is stored."""
    context = context_of(request)
    return would_change(context, with_rules(context.settings, _wanted(context, key, rules)), spoken)


def would_change(context: WebContext, settings: Settings, spoken: Language) -> PreviewOut:
    """What other settings would change of the labels, on a sample of the library. Nothing is stored."""
    with _PREVIEWS:
        found = compare(replace(context.library, settings=settings), sample=_SAMPLE)
    differences = found.differences
    ids = [one.photo_id for one in differences.examples]
    photos = {one.photo_id: one for one in search_pages.by_ids(Library(context, spoken.code), ids)}
    return PreviewOut(
        photos=found.photos,
        compared=differences.photos,
        changed=differences.photos - differences.same,
        gained=_counted(differences.gained, spoken),
        lost=_counted(differences.lost, spoken),
        examples=[
            Change(
                photo=PhotoOut.of(photos[one.photo_id]),
                lost=[_naming(name, spoken).name for name in one.lost],
                gained=[_naming(name, spoken).name for name in one.gained],
            )
            for one in differences.examples
            if one.photo_id in photos
        ],
    )


def _counted(names: Counter[str], spoken: Language) -> list[Suggestion]:
    counts = [(_naming(name, spoken), count) for name, count in names.most_common(EXAMPLES)]
    return [Suggestion.model_validate({**label.model_dump(), "photos": count}) for label, count in counts]


def _naming(name: str, spoken: Language) -> NamedLabel:
    """A label by the English name that it would be stored under, which rules may have given it."""
    known = taxonomy.load()
    keys = [key for key in known.lookup(name) if known.names[key] == name]
    return NamedLabel.model_validate(naming(keys[0] if len(keys) == 1 else "", name, spoken))


@router.put("/labels/{key}/rules")
def put_rules(request: Request, key: Key, rules: RulesIn, spoken: Spoken) -> AppliedOut:
    """Change the rules of a label, and apply them to the library."""
    context = context_of(request)
    wanted = _wanted(context, key, rules)
    # Raises where they make no sense, before anything is written down.
    with_rules(context.settings, wanted)
    save_rules(context.settings, wanted)
    context.reload()
    ask_for(context.settings.data_dir)
    service = control.relabel(context.settings.data_dir)
    return AppliedOut(
        rules=rules_out(context, rules_of(context.settings, key), spoken), by="service" if service else "server"
    )


@router.get("/review/count")
def get_review_count(
    request: Request,
    label: Annotated[str, Query(max_length=128, description="The key of the only label to ask about")] = "",
) -> ReviewCountOut:
    """How many questions the review has, up to 100."""
    found = count_questions(context_of(request), label)
    return ReviewCountOut(questions=found, more=found == MOST)


@router.get("/review")
def get_review(
    request: Request,
    spoken: Spoken,
    label: Annotated[str, Query(max_length=128, description="The key of the only label to ask about")] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    skip: Annotated[
        list[Annotated[str, Query(pattern=r"^\d{1,15}:.{1,128}$")]] | None,
        Query(max_length=200, description="PHOTO:KEY of what is not to be asked again"),
    ] = None,
) -> ReviewOut:
    """Uncertain labels: confirm or remove them with `photos/ID/corrections`. Labels that were taught come first."""
    context = context_of(request)
    passed = [(int(one.partition(":")[0]), one.partition(":")[2]) for one in skip or ()]
    found = of_taught(context, label, set(passed))[:limit]
    with context.reader() as reader:
        found += uncertain(reader, context.policy, limit - len(found), key=label, skip=passed)
    ids = [one.photo_id for one in found]
    photos = {one.photo_id: one for one in search_pages.by_ids(Library(context, spoken.code), ids)}
    return ReviewOut(
        questions=[
            Question.model_validate(
                naming(one.key, one.name, spoken)
                | {
                    "photo": PhotoOut.of(photos[one.photo_id]),
                    "confidence": round(one.confidence, 4),
                    "shown": one.shown,
                }
            )
            for one in found
            if one.photo_id in photos
        ]
    )


def _wanted(context: WebContext, key: str, rules: RulesIn) -> LabelRules:
    """The rules of a label with what is to be changed of them."""
    now = rules_of(context.settings, key)
    threshold = now.threshold if rules.threshold is None else None if rules.threshold == -1 else float(rules.threshold)
    return LabelRules(
        now.key,
        now.name,
        rename=now.rename if rules.rename is None else " ".join(rules.rename.split()),
        merge_into=now.merge_into if rules.merge_into is None else " ".join(rules.merge_into.split()),
        silence=now.silence if rules.silence is None else rules.silence,
        threshold=threshold,
    )


def rules_out(context: WebContext, found: LabelRules, spoken: Language) -> RulesOut:
    """The rules of a label, named in a language."""
    general = context.show_threshold
    counts = {label.key: label.shown for label in context.label_counts()}
    return RulesOut(
        key=found.key,
        name=shown_path(spoken.name_of(found.key, found.name)),
        english=shown_path(found.name),
        wnid=wnid_of(found.key),
        shown=counts.get(found.key, 0),
        rename=found.rename,
        merge_into=found.merge_into,
        silence=found.silence,
        threshold=general if found.threshold is None else found.threshold,
        general_threshold=general,
        fixed="config.toml" if found.fixed else "",
    )
