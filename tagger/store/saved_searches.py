"""Searches that a person saved under a name. Reads without SQLAlchemy, as `tagger search` does."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from tagger.core.errors import UsageError
from tagger.core.languages import ENGLISH, LANGUAGES, LanguageCode
from tagger.core.names import folded, single_spaced
from tagger.core.paths import disk_path, shown_path, stored_path
from tagger.core.sentences import Sentence
from tagger.store.reader import Reader

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Sort = Literal["", "confidence", "date", "path"]
SORTS: tuple[Sort, ...] = get_args(Sort)
_LONGEST = 200
_COLUMNS = "name, query, language, sort, less_sure, strict, id"


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A saved search. `language`: in which its words were typed. `sort`: of SORTS. `id`: 0 if it is not stored yet.

    `less_sure`: with the photos that are less sure. `strict`: its words are labels, and never a description.
    """

    name: str
    query: str
    language: LanguageCode = ENGLISH
    sort: Sort = ""
    less_sure: bool = False
    strict: bool = False
    id: int = 0


def search_name(name: str) -> str:
    """The name of a saved search as it is stored: in NFC, with single spaces. Raises UsageError if it can be none."""
    words = single_spaced(name, _LONGEST)
    if not words:
        raise UsageError(Sentence("{name!r} cannot be the name of a search.", name=shown_path(name[:_LONGEST])), _NAMES)
    return words


_NAMES = Sentence("A name has 1 to {most} letters, digits or other signs.", most=_LONGEST)


def saved_searches(reader: Reader) -> list[SavedSearch]:
    """All of them, by name."""
    return [_search(row) for row in reader.rows(f"SELECT {_COLUMNS} FROM searches ORDER BY folded", {})]


def saved_search(reader: Reader, name: str) -> SavedSearch:
    """The saved search of a name, however it is typed. Raises UsageError if there is none."""
    rows = list(reader.rows(f"SELECT {_COLUMNS} FROM searches WHERE folded = :folded", {"folded": _key(name)}))
    if not rows:
        raise _unknown(name, [search.name for search in saved_searches(reader)])
    return _search(rows[0])


def save_search(session: Session, saved: SavedSearch, now: float, *, replace: bool = False) -> SavedSearch:
    """Store a search under its name. Raises UsageError if there is one of this name, unless it is to be replaced."""
    from sqlalchemy.dialects import postgresql, sqlite

    from tagger.store.page_tables import SearchRow

    name = search_name(saved.name)
    values = {
        "name": name,
        "folded": _key(name),
        "query": stored_path(saved.query),
        "language": saved.language,
        "sort": saved.sort,
        "less_sure": saved.less_sure,
        "strict": saved.strict,
        "saved_at": int(now),
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert = dialect.insert(SearchRow).values(values)
    there = [SearchRow.folded]
    # Somebody else may save one of this name at the same moment.
    statement = (
        insert.on_conflict_do_update(index_elements=there, set_=values)
        if replace
        else insert.on_conflict_do_nothing(index_elements=there)
    )
    number = session.scalar(statement.returning(SearchRow.id))
    if number is None:
        raise _taken(name)
    return SavedSearch(name, saved.query, saved.language, saved.sort, saved.less_sure, saved.strict, number)


def rename_search(session: Session, number: int, name: str, sort: Sort | None = None) -> str:
    """Give a saved search another name; returns it as it is stored. Raises UsageError if another has it.

    `sort`: and another order.
    """
    from sqlalchemy import select, update

    from tagger.store.page_tables import SearchRow

    name = search_name(name)
    other = select(SearchRow.id).where(SearchRow.folded == _key(name), SearchRow.id != number)
    if session.scalar(other) is not None:
        raise _taken(name)
    values = {"name": name, "folded": _key(name)} | ({} if sort is None else {"sort": sort})
    changed = update(SearchRow).where(SearchRow.id == number).values(values)
    if session.scalar(changed.returning(SearchRow.id)) is None:
        raise _gone()
    return name


def remove_search(session: Session, number: int) -> None:
    """Forget a saved search. Raises UsageError if there is none."""
    from sqlalchemy import delete

    from tagger.store.page_tables import SearchRow

    if session.scalar(delete(SearchRow).where(SearchRow.id == number).returning(SearchRow.id)) is None:
        raise _gone()


def _key(name: str) -> str:
    """A name as names are compared; a file's odd bytes, which some may type, are in none."""
    return folded(" ".join(name.split())).encode(errors="ignore").decode()


def _search(row: Sequence[object]) -> SavedSearch:
    name, query, language, sort, less_sure, strict, number = row
    known = language if language in LANGUAGES else ENGLISH
    return SavedSearch(
        str(name),
        disk_path(str(query)),
        cast(LanguageCode, known),
        cast(Sort, sort),
        bool(less_sure),
        bool(strict),
        cast(int, number),
    )


def _unknown(name: str, there: list[str]) -> UsageError:
    names = {folded(one): one for one in there}
    near = difflib.get_close_matches(folded(name), names, 1)
    cure = f"Did you mean {names[near[0]]!r}? " if near else ""
    listed = "All of them: tagger saved list" if there else "Save one: tagger search --save NAME 'tiger taken:2019'"
    return UsageError(f"There is no saved search {shown_path(name)!r}.", cure + listed)


def _taken(name: str) -> UsageError:
    return UsageError(
        Sentence("There is a saved search {name!r} already.", name=name),
        Sentence("Use another name, or replace it with --force."),
    )


def _gone() -> UsageError:
    return UsageError(
        Sentence("This saved search is not there any more."), Sentence("Those that are: tagger saved list")
    )
