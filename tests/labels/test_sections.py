"""Which group of labels each belongs to."""

from __future__ import annotations

import pytest

from tagger.labels.sections import SECTIONS, section_of
from tagger.labels.taxonomy import load


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("people", "people"),
        ("baby", "people"),
        ("selfie", "people"),
        ("animal", "animals"),
        ("tabby", "animals"),
        ("goldfish", "animals"),
        ("food", "food"),
        ("espresso", "food"),
        ("banana", "food"),
        ("vehicle", "vehicles"),
        ("bus", "vehicles"),
        ("canoe", "vehicles"),
        ("beach", "places"),
        ("church", "places"),
        ("landscape", "places"),
        ("daisy", "nature"),
        ("snow", "nature"),
        ("swimming", "activities"),
        ("birthday", "activities"),
        ("laptop", "things"),
        ("clothing", "things"),
        ("screenshot", "kinds"),
    ],
)
def test_labels_stand_where_a_person_looks_for_them(name: str, section: str) -> None:
    key = load().label_named(name) or ""
    assert section_of(key).name == section


def test_every_label_has_a_group_and_every_group_its_labels() -> None:
    found = {section_of(key).name for key in load().labels}
    assert found | {"yours"} == {section.name for section in SECTIONS}
    assert section_of("own:our boat").name == "yours"
    assert section_of("rule:big cats").name == "yours"
    assert section_of("n99999999").name == "things"


def test_the_roots_are_labels_or_what_lies_above_them() -> None:
    assert [root for section in SECTIONS for root in section.roots if root not in load().names] == []
