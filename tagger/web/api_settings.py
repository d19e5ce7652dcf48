"""The API of the settings: all of them with their origins, and the few that may be changed here."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request

from tagger.core.chosen_settings import CHANGEABLE, CHOSEN_FILE, chosen_settings, save_chosen
from tagger.core.config import LabelSettings, ServiceSettings, Settings
from tagger.core.config_origins import Origin, Setting
from tagger.core.errors import NoLibraryError, UsageError
from tagger.core.local_zone import LocalZone
from tagger.core.os_words import why
from tagger.core.paths import shown_path
from tagger.core.secrets import HIDDEN, hidden
from tagger.core.sentences import Sentence
from tagger.keywords.from_labels import settings_digest
from tagger.labels.relabel_request import ask_for
from tagger.service import control
from tagger.service.work_window import Window
from tagger.store import ledger
from tagger.web.api_labels import would_change
from tagger.web.context import WebContext, context_of
from tagger.web.schemas_settings import (
    OriginOut,
    SettingOut,
    SettingsChangedOut,
    SettingsIn,
    SettingsPreviewOut,
    WindowOut,
)
from tagger.web.visitor import Spoken
from tagger.web.words import Words, words_of

router = APIRouter(tags=["settings"])
# The file is read and written as a whole.
_CHANGING = threading.Lock()


@router.get("/settings")
def get_settings(request: Request) -> list[SettingOut]:
    """The settings in force, and where each comes from. Passwords are not told."""
    return settings_out(context_of(request), words_of(request))


@router.post("/settings/preview")
def post_preview(request: Request, wanted: SettingsIn, spoken: Spoken) -> SettingsPreviewOut:
    """What other settings would do: to the labels on a sample of the library, to keywords, to the work window."""
    context, words = context_of(request), words_of(request)
    given = wanted.model_dump(by_alias=True, exclude_unset=True)
    _check(context, given)
    settings = _with(context.settings, given)
    labels, keywords = None, 0
    try:
        if settings.labels.show_threshold != context.settings.labels.show_threshold:
            labels = would_change(context, settings, spoken)
        if settings.keywords.mode != "off" and settings_digest(settings) != settings_digest(context.settings):
            with context.store.read() as session:
                keywords = len(ledger.unsettled(session, settings_digest(settings), queued_too=True))
    except NoLibraryError:
        # There is nothing yet that would change.
        pass
    changes_window = settings.service.work_window != context.settings.service.work_window
    return SettingsPreviewOut(
        labels=labels,
        keywords=keywords,
        window=_window(settings.service.work_window, context.clock.now(), words) if changes_window else None,
    )


@router.put("/settings")
def put_settings(request: Request, wanted: SettingsIn) -> SettingsChangedOut:
    """Change settings, and apply them. What a config file, the environment or the command line says goes before it."""
    context = context_of(request)
    given = wanted.model_dump(by_alias=True, exclude_unset=True)
    _check(context, given)
    before, service = context.settings, False
    data_dir = before.data_dir
    with _CHANGING:
        now = chosen_settings(data_dir)
        changed = {key: value for key, value in {**now, **given}.items() if value is not None}
        if changed != now:
            try:
                save_chosen(data_dir, changed)
            except OSError as error:
                place = shown_path(str(data_dir / CHOSEN_FILE))
                raise UsageError(Sentence("{place} cannot be written: {why}.", place=place, why=why(error))) from error
            context.reload()
            if context.settings.labels.show_threshold != before.labels.show_threshold:
                ask_for(data_dir)
                service = control.relabel(data_dir)
            else:
                service = control.reload(data_dir)
    return SettingsChangedOut(
        settings=[one for one in settings_out(context, words_of(request)) if one.changeable],
        before={key: now.get(key) for key in given},
        by="service" if service else "server",
    )


def settings_out(context: WebContext, words: Words) -> list[SettingOut]:
    """The settings in force, as the API tells them."""
    data_dir = context.settings.data_dir
    return [
        SettingOut(
            key=one.key,
            value=_shown(one),
            origins=[_origin(origin, data_dir) for origin in one.origins],
            changeable=one.key in CHANGEABLE,
            fixed=words.plain(_why_fixed(one, data_dir)) if one.key in CHANGEABLE else "",
        )
        for one in context.told
    ]


def _shown(one: Setting) -> Any:
    value = hidden(one.key, one.value)
    if one.key == "hooks.command":
        # Arguments of a command may be anything.
        return [*value[:1], *(HIDDEN for _ in value[1:])]
    return shown_path(str(value)) if isinstance(value, Path) else value


def _origin(origin: Origin, data_dir: Path) -> OriginOut:
    kind = "chosen" if _is_chosen(origin, data_dir) else origin.kind
    return OriginOut(kind=kind, name=shown_path(origin.name), line=origin.line)


def _is_chosen(origin: Origin, data_dir: Path) -> bool:
    return origin.kind == "file" and origin.name == str(data_dir / CHOSEN_FILE)


def _why_fixed(setting: Setting, data_dir: Path) -> str:
    """Which source goes before what is changed here; empty if none does."""
    for origin in setting.origins:
        if origin.kind == "default" or _is_chosen(origin, data_dir):
            continue
        place = shown_path(origin.name)
        if origin.kind == "environment":
            return Sentence("The variable {name} says it; change it there.", name=place)
        if origin.kind == "command line":
            return Sentence("An option of the command that was started says it; change it there.")
        place += "" if origin.line is None else f":{origin.line}"
        return Sentence("{file} says it; change it there.", file=place)
    return ""


def _check(context: WebContext, given: Mapping[str, object]) -> None:
    """Raises UsageError where another source goes before."""
    for setting in context.told:
        if setting.key in given and (fixed := _why_fixed(setting, context.settings.data_dir)):
            raise UsageError(Sentence("{key} cannot be changed here.", key=setting.key), fixed)


def _with(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """The settings with what is given; None stands for the default."""

    def updated(section: str, now: LabelSettings | ServiceSettings) -> Any:
        default = type(now)()
        names = {key.partition(".")[2]: value for key, value in given.items() if key.startswith(section + ".")}
        return now.model_copy(
            update={name: getattr(default, name) if value is None else value for name, value in names.items()}
        )

    return settings.model_copy(
        update={"labels": updated("labels", settings.labels), "service": updated("service", settings.service)}
    )


def _window(text: str, now: float, words: Words) -> WindowOut:
    window = Window(text, LocalZone())
    is_open, changes = window.is_open(now), window.next_change(now)
    if changes is None:
        told = Sentence("The archive would be worked on at any time.")
    elif is_open:
        told = Sentence("It would be open now, and close {time}.", time=words.soon(changes, now))
    else:
        told = Sentence(
            "It would be closed now, and open {time}. New photos are done at once.", time=words.soon(changes, now)
        )
    return WindowOut(open=is_open, changes_at=None if changes is None else int(changes), told=words.plain(told))
