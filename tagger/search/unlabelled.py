"""Libraries of which no photo is labelled yet: there, a search that finds nothing says nothing about the photos."""

from __future__ import annotations

from tagger.core.sentences import Sentence
from tagger.store.reader import Reader
from tagger.store.sizes import photos_there


def unlabelled_photos(reader: Reader) -> int:
    """How many photos a library has of which none is labelled; 0 if any is, or if there are none."""
    if next(reader.rows("SELECT 1 FROM photos WHERE labelled_by IS NOT NULL LIMIT 1", {}), None) is not None:
        return 0
    return photos_there(reader)


def unlabelled_sentence(number: int) -> str:
    """That none of so many photos is labelled yet."""
    if number == 1:
        return Sentence("The only photo is not labelled yet.")
    return Sentence("None of the {number:,} photos is labelled yet.", number=number)
