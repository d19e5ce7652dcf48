"""The pages of work on the library as a whole: near-duplicates, labels that were taught, settings."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from starlette.responses import Response

from tagger.core.chosen_settings import CHOSEN_FILE
from tagger.core.errors import NoLibraryError
from tagger.core.languages import LANGUAGES
from tagger.core.paths import shown_path
from tagger.labels.labeller import show_threshold
from tagger.web.api_settings import settings_out
from tagger.web.context import WebContext, context_of
from tagger.web.render import render
from tagger.web.visitor import shown_name
from tagger.web.words import words_of

router = APIRouter(include_in_schema=False)


@router.get("/duplicates")
def get_duplicates(request: Request) -> Response:
    """Groups of near-duplicates, one after the other."""
    return render(request, "duplicates.html", here="/duplicates", photos=context_of(request).photos.get())


@router.get("/taught")
def get_taught(request: Request) -> Response:
    """The labels that were taught; the script fills them in."""
    return render(request, "taught.html", here="/taught")


@router.get("/settings")
def get_settings(request: Request) -> Response:
    """The settings in force, and the few that may be changed here."""
    context = context_of(request)
    found = settings_out(context, words_of(request))
    sections: dict[str, list[tuple[str, str, object]]] = {}
    for one in found:
        section, _, name = one.key.rpartition(".")
        value = "" if one.value is None else json.dumps(one.value, ensure_ascii=False)
        sections.setdefault(section, []).append((name, value, one.origins))
    return render(
        request,
        "settings.html",
        here="/settings",
        sections=sections,
        changeable={one.key: one for one in found if one.changeable},
        languages=[(code, shown_name(code)) for code in LANGUAGES],
        measured=_measured_threshold(context),
        file=shown_path(str(context.settings.data_dir / CHOSEN_FILE)),
        writes_keywords=context.settings.keywords.mode != "off",
    )


def _measured_threshold(context: WebContext) -> float:
    """The threshold that is taken where none is set."""
    labels = context.settings.labels.model_copy(update={"show_threshold": None})
    settings = context.settings.model_copy(update={"labels": labels})
    try:
        return show_threshold(settings, context.model.get())
    except NoLibraryError:
        return show_threshold(settings)
