"""Why a label is shown or not, in sentences that the page says in its visitor's language."""

from __future__ import annotations

from tagger.core.sentences import Sentence


def fate(*, shown: bool, stored: bool, why: str) -> Sentence:
    """What becomes of a label, and why."""
    if shown:
        return Sentence("shown: {why}", why=why)
    return Sentence("stored for search, not shown: {why}", why=why) if stored else Sentence("left out: {why}", why=why)


def compared(value: str, least: str, *, reached: bool) -> Sentence:
    """A number beside what it takes, both as texts."""
    if reached:
        return Sentence("{share} reaches {least}", share=value, least=least)
    return Sentence("{share} is below {least}", share=value, least=least)


def reaches(least: str, *, reached: bool) -> Sentence:
    """As `compared`, of a number that was told before."""
    return Sentence("reaches {least}", least=least) if reached else Sentence("is below {least}", least=least)
