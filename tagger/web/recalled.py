"""Sentences that were stored as English texts, such as why a photo cannot be decoded: put together anew.

`reasons.json` has the templates, which `tagger.web.build_messages` collects from where such texts are made.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from tagger.core.sentences import Sentence

FILE = Path(__file__).parent / "locale" / "reasons.json"
# Where what is stored is said.
SOURCES = ("imaging/", "core/os_words.py")


def recalled(text: str) -> Sentence | None:
    """The sentence that a stored text was; None if it is no such text."""
    for template, pattern in _templates().items():
        if (match := pattern.fullmatch(text)) is not None:
            return Sentence(template, **{name: recalled(part) or part for name, part in match.groupdict().items()})
    return None


@cache
def _templates() -> dict[str, re.Pattern[str]]:
    """Each template with what it matches, those first that say most."""
    told = sorted(json.loads(FILE.read_text()), key=len, reverse=True)
    return {one: re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(one)), re.DOTALL) for one in told}
