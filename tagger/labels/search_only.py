"""Labels that serve search only: never shown, yet true where they are sure enough. Imported by `tagger search`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tagger.imaging.kinds import FROM_FILE, KINDS
from tagger.labels.taxonomy import load


@cache
def search_only() -> Mapping[str, float]:
    """The keys of such labels, each with the confidence from which on a search finds it as if it were shown."""
    keys = (load().label_named(kind) for kind, about in KINDS.items() if not about.shown)
    return {key: FROM_FILE for key in keys if key is not None}
