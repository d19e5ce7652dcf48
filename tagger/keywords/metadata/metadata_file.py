"""What every format of metadata offers: a photo or a sidecar in memory, with its keywords and the edits to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.mark import Owned
from tagger.keywords.metadata.splices import Splice
from tagger.keywords.plan import FieldState, Plan, owned, persons


class DeclinedError(ValueError):
    """A photo into which nothing is written, and why, as the rest of a sentence that begins with "because"."""


class FieldError(DeclinedError):
    """One field cannot be written; the others can. Plan again with `Found.closing`."""

    def __init__(self, field: Field, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Found:
    """The keywords of a file: the state of each field, and what the file's mark lists as tagger's."""

    states: Mapping[Field, FieldState]
    mark: Mapping[Field, Owned]

    def closing(self, error: FieldError) -> Found:
        """The same with the field of an error closed: a plan made from it leaves the field alone and notes why."""
        state = replace(self.states[error.field], closed=str(error))
        return replace(self, states={**self.states, error.field: state})

    def persons_keywords(self) -> dict[Field, list[str]]:
        """The keywords that are not tagger's, by the mark."""
        owns = self.owned_with({})
        return {field: persons(state, owns[field]) for field, state in self.states.items()}

    def owned_with(self, ledger: Mapping[Field, Owned]) -> dict[Field, Owned]:
        """What is tagger's in each field, by the mark and by the ledger."""
        return {
            field: owned(state, self.mark.get(field, Owned()), ledger.get(field, Owned()))
            for field, state in self.states.items()
        }


class MetadataFile(Protocol):
    """A photo or a sidecar in memory."""

    @property
    def found(self) -> Found:
        """The keywords in it."""
        ...

    @property
    def head_size(self) -> int:
        """How many bytes from the start of the file hold all of its metadata."""
        ...

    def splices(self, plan: Plan) -> list[Splice] | None:
        """The splices that carry out a plan, proven to change nothing else; None: remove the file.

        Raises DeclinedError (FieldError if other fields can be written), for a sidecar XmpError.
        """
        ...
