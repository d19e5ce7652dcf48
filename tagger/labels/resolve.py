"""The label that a person means by a name: one of the model's, one of the library's, or a new one of their own."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tagger.core.errors import UsageError
from tagger.core.names import single_spaced
from tagger.core.sentences import Sentence
from tagger.labels.languages import Language
from tagger.labels.taxonomy import Taxonomy, own_key
from tagger.store import corrections

_LONGEST = 200


def normalize_name(name: str) -> str:
    """A person's own label as it is stored: in NFC, with single spaces. Raises UsageError if it cannot be a label."""
    words = single_spaced(name, _LONGEST)
    if not words:
        raise UsageError(
            Sentence("{name!r} cannot be a label.", name=name),
            Sentence("A label has 1 to {most} characters.", most=_LONGEST),
        )
    return words


def resolve_label(session: Session, known: Taxonomy, name: str, spoken: Language) -> tuple[str, str]:
    """Key and stored name of the label that a person means, in English or another language.

    Raises UsageError if it could be several, or none.
    """
    words = normalize_name(name)
    keys = known.lookup(words) or spoken.lookup(words)
    if len(keys) > 1:
        raise UsageError(
            Sentence("{name!r} could be several labels.", name=words),
            Sentence("Say which, by its key: {keys}", keys=", ".join(keys)),
        )
    if keys:
        return keys[0], known.names[keys[0]]
    return corrections.known_label(session, words) or (own_key(words), words)
