"""What the API says and takes of labels: counts, hierarchy, rules, review."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from tagger.core.config import Share
from tagger.web.schemas_photos import NamedLabel, PhotoOut, RequestBody, Suggestion


class LabelCountOut(NamedLabel):
    """A label of the library. `shown`, `stored`: photos that show it, and that have it at all."""

    shown: int
    stored: int


class BranchOut(NamedLabel):
    """A label in the hierarchy, with what lies below it."""

    shown: int
    below: list[BranchOut]


class RulesIn(RequestBody):
    """Rules for one label, as [labels] of the settings has them; null leaves a rule as it is.

    `rename`: another name, "" for its own again. `merge_into`: count it under another label, "" for not.
    `silence`: never show it. `threshold`: -1 for the general one.
    """

    rename: Annotated[str, StringConstraints(max_length=200)] | None = None
    merge_into: Annotated[str, StringConstraints(max_length=200)] | None = None
    silence: bool | None = None
    threshold: Share | Literal[-1] | None = None


class Change(BaseModel):
    """A photo that would show other labels."""

    photo: PhotoOut
    lost: list[str]
    gained: list[str]


class PreviewOut(BaseModel):
    """What rules would change. `compared` of `photos` were looked at; `changed` of those would show other labels."""

    photos: int
    compared: int
    changed: int
    gained: list[Suggestion]
    lost: list[Suggestion]
    examples: list[Change]


class RulesOut(NamedLabel):
    """The rules of one label as they are. `fixed`: a source outranks what is set here."""

    shown: int
    rename: str
    merge_into: str
    silence: bool
    threshold: float
    general_threshold: float
    fixed: str


class AppliedOut(BaseModel):
    """What becomes of changed rules. `by`: who applies them to the library: the service, or this server."""

    rules: RulesOut
    by: str


class Question(NamedLabel):
    """An uncertain label of a photo: is it right?"""

    photo: PhotoOut
    confidence: float
    shown: bool


class ReviewCountOut(BaseModel):
    """How many questions there are. `more`: that many or more."""

    questions: int
    more: bool


class ReviewOut(BaseModel):
    """Some uncertain labels, the most uncertain first."""

    questions: list[Question]
