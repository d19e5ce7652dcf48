"""What `tagger search` prints: photos, how many there are, or what is in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tagger.cli import voice
from tagger.cli.common import count, path_json, write_json, write_path
from tagger.core.config import Settings
from tagger.core.paths import shown_path
from tagger.labels import taxonomy
from tagger.search.found_photo import FoundPhoto
from tagger.search.run import Search
from tagger.store.reader import Reader

if TYPE_CHECKING:
    from tagger.search.facets import Facets

# Prints what a search finds: `(search, query, before)`, the query as text, and what is to be told before the first
# photo. Returns how many photos were found, and whether there are more.
Show = Callable[[Search, str, str], tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class ShowPhotos:
    """Prints what searches find."""

    limit: int | None
    less_sure: bool
    bare: bool
    as_json: bool
    end: bytes
    sort: str
    only_count: bool

    def __call__(self, search: Search, _query: str, before: str) -> tuple[int, bool]:
        """As a `Show`."""
        if self.only_count:
            number = search.count(less_sure=self.less_sure)
            print(json.dumps({"count": number}) if self.as_json else number)
            return number, False
        number = 0
        wanted = self.limit + 1 if self.limit else None
        labels = self.as_json or not self.bare
        for found in search.results(wanted, labels=labels, less_sure=self.less_sure, sort=self.sort):
            if self.limit and number == self.limit:
                return number, True
            if before and not number:
                voice.note(before)
            number += 1
            if self.as_json:
                _json(found)
            elif self.bare:
                write_path(found.path.absolute, self.end)
            else:
                _line(found)
        return number, False


@dataclass(frozen=True, slots=True)
class ShowFacets:
    """Prints what is in what a search finds; nothing of a search that finds none."""

    settings: Settings
    reader: Reader
    less_sure: bool
    as_json: bool

    def __call__(self, search: Search, query: str, before: str) -> tuple[int, bool]:
        """As a `Show`."""
        from tagger.search.facets import facets, sample_of

        sample = sample_of(search, self.reader, less_sure=self.less_sure)
        if not sample.photos:
            return 0, False
        if before:
            voice.note(before)
        found = facets(self.reader, taxonomy.load(), self.settings.labels, query, sample, less_sure=self.less_sure)
        self._print(found)
        return found.photos, False

    def nothing(self) -> None:
        """Print that there is nothing in it."""
        from tagger.search.facets import Facets

        self._print(Facets(0))

    def _print(self, found: Facets) -> None:
        groups = {"labels": found.labels, "years": found.years, "places": found.places, "cameras": found.cameras}
        if self.as_json:
            listed = {name: [asdict(facet) for facet in group] for name, group in groups.items()}
            write_json({"photos": found.photos, "about": found.about, **listed})
            return
        print(f"{'about ' if found.about else ''}{count(found.photos, 'photo')}")
        for name, group in groups.items():
            for number, facet in enumerate(group):
                print(f"{'' if number else name:8} {facet.photos:9,}  {shown_path(facet.name)}")


def _json(found: FoundPhoto) -> None:
    labels = [{"name": name, "confidence": round(confidence, 4)} for name, confidence in found.labels]
    alike = {"likeness": None if found.likeness is None else round(found.likeness, 4)}
    write_json(
        path_json(found.path.absolute) | {"taken": found.taken, "labels": labels, "less_sure": found.less_sure} | alike
    )


def _line(found: FoundPhoto) -> None:
    share = max((share for _, share in found.labels), default=None) if found.likeness is None else found.likeness
    confidence = "    " if share is None else f"{share:4.0%}"
    names = ", ".join(name for name, _ in found.labels[:3])
    names += " (less sure)" if found.less_sure else ""
    print(f"{confidence}  {shown_path(found.path.absolute)}  {voice.dim(names)}")
