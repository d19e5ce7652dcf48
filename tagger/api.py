"""tagger for other Python programs: what `import tagger` gives. See docs/python.md.

Photos are only ever read. Nothing here starts work on a library, and a search or a look at labels opens it for reading
alone. What may go wrong is a `TaggerError`, whose message says what, and whose `cure` what to do about it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tagger.core.config import Settings
from tagger.core.config_sources import load_settings
from tagger.core.errors import UnknownPhotoError, UsageError
from tagger.core.paths import absolute, shown_path
from tagger.core.photo import Label

if TYPE_CHECKING:
    from tagger.search.run import Search


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo that a search found.

    `taken`: the camera's time as YYYY-MM-DDTHH:MM:SS without zone, or None. `matched`: the labels that matched, as
    (name, confidence from 0 to 1), the narrowest first. `less_sure`: none of these is sure enough to be shown.
    `likeness`: how probably (0 to 1) it is what was described; None where labels matched.
    """

    path: Path
    taken: str | None
    matched: tuple[tuple[str, float], ...]
    less_sure: bool
    likeness: float | None


@dataclass(frozen=True, slots=True)
class Classification:
    """What a model makes of a picture, whether a library knows it or not.

    `labels`: what tagger would show, in rank order. `classes`: the network's likeliest as (WordNet id, name,
    probability from 0 to 1). `model`: its id; `architecture`: its name. `fault`: why the picture could not be read; all
    else is empty then.
    """

    path: Path
    labels: tuple[Label, ...] = ()
    classes: tuple[tuple[str, str, float], ...] = ()
    model: str = ""
    architecture: str = ""
    fault: str = ""


class Library:
    """A library, by its data directory, by settings, or as the command `tagger` would find it (None).

    Config file and variables count as for the command; a data directory that is named here comes before theirs.
    Nothing is opened before it is asked for, and nothing stays open. Raises ConfigError.
    """

    def __init__(self, where: str | os.PathLike[str] | Settings | None = None) -> None:
        if isinstance(where, Settings):
            self._settings = where
        else:
            self._settings = load_settings(None, {"data_dir": None if where is None else os.fspath(where)})

    @property
    def settings(self) -> Settings:
        """The settings that count for it, which are frozen."""
        return self._settings

    def search(
        self,
        query: str,
        *,
        limit: int | None = None,
        less_sure: bool = False,
        strict: bool = True,
        sort: Literal["confidence", "date", "path"] = "confidence",
    ) -> list[FoundPhoto]:
        """The photos that a query finds, in the language of `tagger search`, the surest first. "*" finds all.

        `limit`: at most so many. `less_sure`: behind them, those with labels that are not sure enough to be shown.
        `strict=False`: words that find nothing as labels are taken for a description, as the command does. `sort`: the
        surest first, the newest, or by path. Raises QueryError, StoreError; ModelError for a description.
        """
        from tagger.search.find import search_of
        from tagger.search.looks import as_description
        from tagger.search.query import parse
        from tagger.store.reader import open_reader

        def results(search: Search) -> list[FoundPhoto]:
            found = search.results(limit, less_sure=less_sure, sort=sort)
            return [
                FoundPhoto(Path(one.path.absolute), one.taken, one.labels, one.less_sure, one.likeness) for one in found
            ]

        tree = parse(query)
        with open_reader(self._settings) as reader:
            photos = results(search_of(self._settings, reader, tree))
            description = None if photos or strict else as_description(tree)
            return photos if description is None else results(search_of(self._settings, reader, description))

    def count(self, query: str, *, less_sure: bool = False) -> int:
        """How many photos `search` would find. Raises as it does."""
        from tagger.search.find import search_of
        from tagger.search.query import parse
        from tagger.store.reader import open_reader

        with open_reader(self._settings) as reader:
            return search_of(self._settings, reader, parse(query)).count(less_sure=less_sure)

    def labels(self, photo: str | os.PathLike[str], *, less_sure: bool = False) -> tuple[Label, ...]:
        """The shown labels of a photo of the library in rank order, named in the language of the settings.

        Empty if it has none, or waits to be labelled. `less_sure`: also those that are not shown. Raises
        UnknownPhotoError, StoreError.
        """
        from tagger.labels.languages import language
        from tagger.store.labels_by_path import LabelsByPath
        from tagger.store.reader import open_reader

        path = absolute(photo)
        with open_reader(self._settings) as reader:
            found = LabelsByPath(reader).at(path)
        if found is None:
            raise UnknownPhotoError(shown_path(path))
        spoken = language(self._settings.labels.language)
        return tuple(spoken.of(label for label in found.labels if label.shown or less_sure))


def classify(image: str | os.PathLike[str], *, top: int = 5, library: Library | None = None) -> Classification:
    """What the model sees on a picture, now; nothing is stored. `top`: so many classes.

    By the model that labelled the library (None: the one that the command would find), without one by the one of the
    settings, as far as it is on this machine, else by the one in the package. Nothing is fetched. Starts a process,
    which takes from half a second to some seconds: for several pictures use `classify_all`.

    Raises UsageError if the picture cannot be read, ModelError, StoreError.
    """
    [found] = classify_all([image], top=top, library=library)
    if found.fault:
        raise UsageError(f"{shown_path(str(found.path))} cannot be classified: {found.fault}.")
    return found


def classify_all(
    images: Iterable[str | os.PathLike[str]], *, top: int = 5, library: Library | None = None
) -> Iterator[Classification]:
    """`classify` for several pictures by one process, in any order; `fault` says which could not be read."""
    from tagger.labels.languages import language
    from tagger.pipeline.on_demand import classify as look_at

    settings = (library or Library()).settings
    spoken = language(settings.labels.language)
    paths = [absolute(image) for image in images]
    if not paths:
        return
    with closing(look_at(settings, paths, top)) as results:
        for one in results:
            if one.explanation is None:
                yield Classification(Path(one.path), fault=one.reason)
                continue
            found = one.explanation.named(spoken)
            shown = tuple(label for label in found.labels if label.shown)
            yield Classification(Path(one.path), shown, tuple(found.top), found.model_id, found.architecture)
