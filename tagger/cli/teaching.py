"""What the commands of taught labels share: how good one is, in words, and asking a person about photos."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

import click

from tagger.cli.common import count
from tagger.core.paths import shown_path
from tagger.store import records

if TYPE_CHECKING:
    from tagger.store.library import Library
    from tagger.teaching.report import Report

# Photos to look at, as many as are printed where nobody can be asked.
_PRINTED = 10


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def spread_lines(report: Report, *, on: bool) -> list[str]:
    """How many photos get a label, and how many of them are wrong as far as that is known."""
    if not report.library:
        return ["There are no photos in the library yet, so it is not known how right it will be there."]
    have = "have" if on and not report.must_look else "would get"
    found = f"{report.photos:,} of {count(report.library, 'photo')} {have} it."
    if not report.photos:
        return [found, "So nothing in the library looks like your examples, and it costs nothing to switch it on."]
    wrong = report.likely_wrong
    likely = f"About {wrong:,} of them {'is' if wrong == 1 else 'are'} likely wrong" if wrong else "All look right"
    if report.unlooked:
        all_ = report.unlooked >= report.photos
        unseen = "nobody has looked at any of them" if all_ else f"nobody has looked at {report.unlooked:,} of them"
        return [found, f"{likely}; that is a guess, because {unseen} yet."]
    return [found, f"{likely}."]


def print_to_look_at(library: Library, name: str, photos: Sequence[tuple[int, float]], threshold: float) -> None:
    """Photos of which a person should say what they are, and how to say it."""
    with library.store.read() as session:
        paths = records.paths_of(session, [number for number, _ in photos])
    there = [(number, share) for number, share in photos if number in paths]
    if not there:
        return
    print(f"  Do these show {name}? ('+': would get it, '-': just not)")
    for number, share in there[:_PRINTED]:
        mark = "+" if share >= threshold else "-"
        print(f"    {mark} {share:4.0%}  {shown_path(paths[number].absolute)}")
    if len(there) > _PRINTED:
        print(f"    and {len(there) - _PRINTED:,} more")


def how_to_look(name: str, library: int) -> str:
    """How a person says what photos are, where nobody can be asked now. `library`: how many photos there are."""
    label = quote(name)
    if not library:
        return f"  Add your photos (tagger backfill FOLDER), then: tagger taught again {label}"
    return (
        f"  Say what they are: tagger taught look {label} asks you, in a terminal; so does the web page (Review).\n"
        f"  Or: tagger correct PHOTO ... --add {label}    (--remove {label} where it is not)\n"
        f"      tagger taught again {label}"
    )


def ask_about(library: Library, name: str, photos: Sequence[tuple[int, float]]) -> int:
    """Ask of each photo whether the label is right; keeps the answers and returns how many there were."""
    from tagger.labels.corrections import answer

    with library.store.read() as session:
        paths = records.paths_of(session, [number for number, _ in photos])
    there = [(number, share) for number, share in photos if number in paths]
    answered = 0
    print("y: yes, n: no, s: skip, q: enough")
    for place, (number, share) in enumerate(there, 1):
        print(f"{place} of {len(there)}  {share:4.0%}  {shown_path(paths[number].absolute)}")
        said = click.prompt(f"  Does it show {name}?", type=click.Choice(["y", "n", "s", "q"], case_sensitive=False))
        if said == "q":
            break
        if said != "s":
            answer(library, number, name, right=said == "y")
            answered += 1
    return answered
