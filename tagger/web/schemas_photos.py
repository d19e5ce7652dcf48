"""What the API says and takes of photos, as pydantic models; the OpenAPI description is made of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tagger.core.paths import shown_path
from tagger.core.photo import Label, wnid_of
from tagger.labels.languages import Language
from tagger.search.facets import Facets
from tagger.search.found_photo import FoundPhoto
from tagger.search.likeness import LikenessReason
from tagger.store.records import PhotoStory
from tagger.web.words import Words

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Names = Annotated[list[Name], Field(max_length=50)]


class RequestBody(BaseModel):
    """What a request may say. A key that is not known is an error, not something to overlook."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NamedLabel(BaseModel):
    """A label. `name`: in the language of the request; `english`: as it is stored; `wnid`: in WordNet, if it is there.

    The language is that of `lang`, else of the header Accept-Language, else of the settings.
    """

    key: str
    name: str
    english: str
    wnid: str | None


def naming(key: str, english: str, spoken: Language) -> dict[str, object]:
    """What a `NamedLabel` says of a label that is stored so."""
    name = spoken.name_of(key, english)
    return {"key": key, "name": name, "english": english, "wnid": wnid_of(key)}


class LabelOut(NamedLabel):
    """A label of a photo. `confidence`: 0 to 1. `origin`: model, hierarchy, taught, person, object, word or file."""

    confidence: float
    rank: int
    origin: str
    shown: bool

    @classmethod
    def of(cls, label: Label, spoken: Language) -> LabelOut:
        """From the domain's value."""
        return cls.model_validate(
            naming(label.key, label.name, spoken)
            | {
                "confidence": round(label.confidence, 4),
                "rank": label.rank,
                "origin": label.origin.name.lower(),
                "shown": label.shown,
            }
        )


class Matched(NamedLabel):
    """A label that a search matched, with its confidence."""

    confidence: float


class PhotoOut(BaseModel):
    """A photo in a list. `picture`: where its small copy is, relative to the API's root.

    `less_sure`: a label that was asked for is not good enough to be shown on it, or it is unlikely what was described.
    `likeness`: how probably it is what was described, 0 to 1; null where labels matched.
    """

    id: int
    path: str
    taken: str | None
    labels: list[Matched]
    picture: str
    less_sure: bool
    likeness: float | None

    @classmethod
    def of(cls, found: FoundPhoto) -> PhotoOut:
        """From a search's result."""
        return cls(
            id=found.photo_id,
            path=shown_path(found.path.absolute),
            taken=found.taken,
            labels=[
                Matched(key=key, name=name, english=english, wnid=wnid_of(key), confidence=round(share, 4))
                for (name, share), (key, english) in zip(found.labels, found.stored, strict=True)
            ],
            picture=f"photos/{found.photo_id}/picture?v={found.version}",
            less_sure=found.less_sure,
            likeness=None if found.likeness is None else round(found.likeness, 4),
        )


class Unknown(BaseModel):
    """A word that no photo has. `known`: it is a label all the same. `near`: labels like it.

    `hint`: why, or the cure.
    """

    text: str
    known: bool
    near: list[str]
    hint: str


class WordOut(BaseModel):
    """A word of a description, and what it adds to the similarity."""

    word: str
    adds: float


class LikenessOut(BaseModel):
    """Why a photo looks like a description. `probability`: of all; `cut_off`: the least that is shown by default.

    `similarity`: cosine, -1 to 1, of photo and words; null where the photo has no vector, or no word says what it looks
    like. `labels`: words that only labels say, with the photo's confidence. `told`: how words were understood.
    """

    probability: float
    cut_off: float
    similarity: float | None
    words: list[WordOut]
    labels: list[Matched]
    told: str

    @classmethod
    def of(cls, found: LikenessReason, spoken: Language, words: Words) -> LikenessOut:
        """From the domain's value, with the labels' names in a language, and the page's words."""
        return cls(
            probability=round(found.probability, 4),
            cut_off=round(found.cut_off, 4),
            similarity=None if found.similarity is None else round(found.similarity, 4),
            words=[WordOut(word=word, adds=round(part, 4)) for word, part in found.words],
            labels=[
                Matched.model_validate(naming(key, english, spoken) | {"confidence": round(share, 4)})
                for key, (english, share) in zip(found.keys, found.labels, strict=True)
            ],
            told=words.plain(found.line),
        )


class AlikeOut(BaseModel):
    """What looks like the words of a query, the likeliest first, without what is labelled so.

    `next`: what to pass as `after` for more of it; null on the last page. `told`: how words were understood where that
    is not as they were typed, or why nothing can be told.
    """

    photos: list[PhotoOut]
    next: str | None
    told: list[str]


class FacetOut(BaseModel):
    """One thing in a result. `photos`: how many of it have it; `query` finds these."""

    name: str
    photos: int
    query: str


class LabelFacetOut(NamedLabel):
    """A label in a result, as a `FacetOut`."""

    photos: int
    query: str


class FacetsOut(BaseModel):
    """What is in a result of so many photos, the most frequent first; of years, the newest.

    `about`: it is a large result, of which some were counted; the numbers are what these make of it, in two digits.
    """

    photos: int
    about: bool
    labels: list[LabelFacetOut]
    years: list[FacetOut]
    places: list[FacetOut]
    cameras: list[FacetOut]

    @classmethod
    def of(cls, found: Facets) -> FacetsOut:
        """From the domain's value."""
        value = asdict(found)
        value["labels"] = [{**label, "wnid": wnid_of(label["key"])} for label in value["labels"]]
        return cls.model_validate(value)


class SearchOut(BaseModel):
    """A page of results. `next`: what to pass as `after` for the next page; null on the last.

    `less_sure`: on the last page, how many photos `all` would add; 1000 stands for that or more. `alike`: on the last
    page, what looks like the words of the query; null if it has no words, or is `strict`. `told`: how the words of
    `like:` were understood, where that is not as they were typed.
    """

    photos: list[PhotoOut]
    next: str | None
    less_sure: int
    unknown: list[Unknown]
    alike: AlikeOut | None
    told: list[str]
    facets: FacetsOut | None = Field(description="With `facets`: what is in it")


class Suggestion(NamedLabel):
    """A label for what was typed, with the number of photos that have it as a search finds them."""

    photos: int


class ModelOut(BaseModel):
    """A model that labelled photos."""

    id: str
    architecture: str


class FieldsOut(BaseModel):
    """What a photo's header and sidecars tell. `keywords`: the person's own. `place`: towns, region, country."""

    keywords: list[str]
    camera: str
    lens: str
    rating: int | None
    latitude: float | None
    longitude: float | None
    place: list[str]


class PhotoDetail(BaseModel):
    """Everything known of one photo. `removed_labels`: those that a person took away; `removed`: their names.

    Times: seconds since the epoch, UTC.
    """

    id: int
    path: str
    state: str
    error: str | None
    format: str | None
    width: int | None
    height: int | None
    taken: str | None
    fields: FieldsOut
    bytes: int
    added_at: int
    labelled_at: int | None
    missing_since: int | None
    model: ModelOut | None
    labels: list[LabelOut]
    removed: list[str]
    removed_labels: list[NamedLabel]
    copies: list[int]

    @classmethod
    def of(cls, story: PhotoStory, spoken: Language) -> PhotoDetail:
        """From the domain's value."""
        record, model = story.record, story.model
        removed = [NamedLabel.model_validate(naming(key, name, spoken)) for key, name in story.removed_labels]
        return cls(
            id=record.id,
            path=shown_path(record.path.absolute),
            state=record.state,
            error=record.error,
            format=record.format,
            width=record.width,
            height=record.height,
            taken=record.taken,
            fields=FieldsOut.model_validate(asdict(story.fields)),
            bytes=record.fingerprint.size,
            added_at=record.added_at,
            labelled_at=record.labelled_at,
            missing_since=record.missing_since,
            model=None if model is None else ModelOut(id=model.model_id, architecture=model.architecture),
            labels=[LabelOut.of(label, spoken) for label in story.labels],
            removed=[label.name for label in removed],
            removed_labels=removed,
            copies=[copy.id for copy in story.copies],
        )


class Corrections(RequestBody):
    """What a person says of a photo's labels, by name or key; `add` also takes words of their own."""

    remove: Names = []
    confirm: Names = []
    add: Names = []
    undo: Names = []


class LabelsOut(BaseModel):
    """A photo's labels after a correction."""

    labels: list[LabelOut]
    removed: list[str]
    removed_labels: list[NamedLabel]
