"""What files tell and the labels that it becomes agree."""

from __future__ import annotations

import numpy as np
import pytest

from tagger.core.config import LabelSettings
from tagger.core.evidence import Evidence
from tagger.imaging.kinds import KINDS
from tagger.labels import taxonomy
from tagger.labels.policy import Policy


def test_every_kind_of_file_is_a_label() -> None:
    known = taxonomy.load()
    for kind in KINDS:
        key = known.label_named(kind)
        assert key is not None
        assert known.names[key] == kind
        assert known.lookup(kind) == (key,)


def test_they_are_found_by_the_words_that_people_type() -> None:
    known = taxonomy.load()
    for word, kind in {
        "b&w": "black and white",
        "monochrome": "black and white",
        "sepia": "black and white",
        "screen shot": "screenshot",
        "selfies": "selfie",
        "receipt": "document",
        "pano": "panorama",
        "grayscale": "black and white",
    }.items():
        assert [known.names[key] for key in known.find(word)] == [kind], word


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("screenshot", True), ("document", True), ("panorama", True), ("flash", False), ("night", False)],
)
def test_what_is_surely_right_is_shown(kind: str, shown: bool) -> None:
    known = taxonomy.load()
    policy = Policy.from_settings(LabelSettings(), known)
    [labels] = policy.labels_for(np.zeros((1, len(known.classes)), np.float32), [Evidence(kinds=(kind,))])
    assert [(label.name, label.shown) for label in labels] == [(kind, shown)]
