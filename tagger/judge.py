"""From features to labels: the last layer of the model, the policy of its classes, and what the owner taught."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.photo import Label
from tagger.labels.policy import Policy
from tagger.store.models import Model
from tagger.store.taught_labels import TaughtBook
from tagger.vision.head import Head


@dataclass(frozen=True, slots=True)
class Judge:
    """Gives photos their labels, whoever asks: the pipeline, `relabel`, corrections taken back.

    What is taught meanwhile, by another process, counts from the next call on.
    """

    model: Model
    head: Head
    policy: Policy
    book: TaughtBook = field(default_factory=TaughtBook)

    def labels_for(self, session: Session, features: NDArray[np.floating]) -> list[tuple[Label, ...]]:
        """Features (photos, features) of any float type -> each photo's labels in rank order."""
        if not len(features):
            return []
        taught, _ = self.book.heads(session, self.model)
        return taught.added(features, self.policy.labels_for(self.head.scores(features)))

    def taught_keys(self, session: Session) -> frozenset[str]:
        """The keys of the taught labels of which it decides."""
        return frozenset(head.key for head in self.book.heads(session, self.model)[0].heads)

    def taught(self, session: Session) -> tuple[int, ...]:
        """The row ids of the taught labels of which it decides."""
        return self.book.heads(session, self.model)[1]
