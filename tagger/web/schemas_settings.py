"""What the API says and takes of the settings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from tagger.core.config import Share, WorkWindow
from tagger.core.languages import LanguageCode
from tagger.web.schemas_labels import PreviewOut
from tagger.web.schemas_photos import RequestBody


class OriginOut(BaseModel):
    """Where a setting comes from. `name`: of the file or the variable; `line`: in the file, from 1.

    `chosen`: it was changed here, and stands in settings.toml of the data directory.
    """

    kind: Literal["default", "chosen", "file", "environment", "command line"]
    name: str
    line: int | None


class SettingOut(BaseModel):
    """A setting in force. `changeable`: here; `fixed`: why not, though it is one of those that are."""

    key: str
    value: Any
    origins: list[OriginOut]
    changeable: bool
    fixed: str


class SettingsIn(RequestBody):
    """Settings to change. What is left out stays as it is; null takes back what was chosen here."""

    language: LanguageCode | None = Field(default=None, alias="labels.language")
    show_threshold: Share | None = Field(default=None, alias="labels.show_threshold")
    work_window: WorkWindow | None = Field(default=None, alias="service.work_window")


class WindowOut(BaseModel):
    """A work window. `open`: now; `changes_at`: when it opens or closes next, null for never; `told`: a sentence."""

    open: bool
    changes_at: int | None
    told: str


class SettingsPreviewOut(BaseModel):
    """What changed settings would do; null where they do nothing to it.

    `labels`: to the labels of photos; `keywords`: photos whose keywords would be written anew in another language.
    """

    labels: PreviewOut | None
    keywords: int
    window: WindowOut | None


class SettingsChangedOut(BaseModel):
    """Settings after a change. `before`: what takes it back, if it is sent. `by`: who applies them: service, server."""

    settings: list[SettingOut]
    before: dict[str, str | float | None]
    by: Literal["service", "server"]
