"""`path:` patterns: a text in which * and ? stand for anything, matched against folded paths.

The database holds paths below a library's folder; a person sees and types whole ones. So each pattern is matched here
with what leads to the folder, letter by letter, and what is left of it is matched with the rest of the path there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from tagger.core.names import folded
from tagger.core.paths import stored_path

# Wildcards, as parts of a pattern; all others are letters.
_MANY, _ONE = "*", "?"
Pattern = tuple[tuple[str, bool], ...]
_ANYTHING = ((_MANY, True),)


def pattern(text: str) -> Pattern:
    """The letters of a text, folded, and its wildcards (True)."""
    if text == "~" or text.startswith("~/"):
        text = os.path.expanduser(text)
    found: list[tuple[str, bool]] = []
    for part in re.split(r"([*?])", text):
        found += [(part, True)] if part in (_MANY, _ONE) else [(letter, False) for letter in folded(stored_path(part))]
    return tuple(found)


def like(pattern: Pattern) -> str:
    """A pattern for SQL's LIKE, with `!` as its escape."""
    signs = {(_MANY, True): "%", (_ONE, True): "_"}
    return "".join(signs.get(each) or re.sub(r"([!%_])", r"!\1", each[0]) for each in pattern)


def below_root(wanted: Pattern, root: str) -> set[Pattern]:
    """What the path of a photo below a root must be, one of these, so that its whole path matches.

    A match may begin anywhere in the path below the root, or in the root's own name, or before it if it reaches that
    name. A pattern that begins with / may also be a whole path, or the beginning of one. `root`: folded.
    """
    parent, _, name = root.rstrip("/").rpartition("/")
    anywhere = _simple((*_ANYTHING, *wanted, *_ANYTHING))
    if anywhere == _ANYTHING:
        return {_ANYTHING}
    begun = _after({0}, anywhere, parent + "/")
    # What was found before the root's name is not found in the photo's own path, nor does a * reach back there.
    begun = {place for place in begun if place <= 1 or (_MANY, True) not in anywhere[1:place]} - {len(anywhere) - 1}
    rests = _rests(_after(begun, anywhere, name + "/" if name else ""), anywhere)
    if wanted[:1] == (("/", False),):
        whole = _simple((*wanted, *_ANYTHING))
        rests |= _rests(_after({0}, whole, root.rstrip("/") + "/"), whole)
    return {_ANYTHING} if _ANYTHING in rests else rests


def _simple(wanted: Pattern) -> Pattern:
    """A pattern without a * behind another."""
    return tuple(
        each for each, before in zip(wanted, (None, *wanted), strict=False) if not each == before == _ANYTHING[0]
    )


def _after(places: Iterable[int], wanted: Pattern, text: str) -> set[int]:
    """How far into a pattern one may be behind a text, having been at these places before it."""
    reached = _reach(places, wanted)
    for letter in text:
        step = set()
        for place in reached:
            if place < len(wanted):
                sign, wild = wanted[place]
                if wild and sign == _MANY:
                    step.add(place)
                elif wild or sign == letter:
                    step.add(place + 1)
        reached = _reach(step, wanted)
    return reached


def _reach(places: Iterable[int], wanted: Pattern) -> set[int]:
    """Places, and those that lie behind a * there, which may stand for nothing."""
    found = set(places)
    for place in sorted(found):
        while place < len(wanted) and wanted[place] == (_MANY, True):
            place += 1
            found.add(place)
    return found


def _rests(places: set[int], wanted: Pattern) -> set[Pattern]:
    # A * lets the same through as what stands behind it, and more.
    return {
        wanted[place:] for place in places if not (place and place - 1 in places and wanted[place - 1] == (_MANY, True))
    }


def sql_groups(text: str, roots: Sequence[tuple[int, str]]) -> dict[str, list[int]]:
    """LIKE patterns for the folded paths below roots, and the roots that each is for. `roots`: id and folded path."""
    wanted = pattern(text)
    found: dict[str, list[int]] = {}
    for number, root in roots:
        for rest in sorted(below_root(wanted, root)):
            found.setdefault(like(rest), []).append(number)
    return found
