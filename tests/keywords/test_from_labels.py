from __future__ import annotations

from dataclasses import replace

from tagger.core.config import KeywordSettings
from tagger.core.photo import Origin
from tagger.imaging.metadata.keyword_fields import Field
from tagger.keywords.from_labels import keywords_for
from tagger.keywords.metadata.fields import seeds, spelt
from tagger.labels import taxonomy
from tests.cli.labelled import label

TIGER, CAT, ANIMAL = label("tiger", 0.97), label("big cat", 0.98, 2), label("animal", 0.99, 3)
SAND, WIDE = label("sandbar", 0.7, 4), label("everyday object", 0.9, 5)


def settings(**values: object) -> KeywordSettings:
    return KeywordSettings.model_validate(values)


def test_the_narrowest_labels_are_keywords_and_the_wider_ones_their_parents() -> None:
    found = keywords_for([TIGER, CAT, ANIMAL, SAND], settings(root="ai"), taxonomy.load())
    assert [keyword.name for keyword in found] == ["tiger", "sandbar"]
    assert spelt(Field.SUBJECT, found) == ["tiger", "animal", "big cat", "sandbar"]
    assert spelt(Field.HIERARCHICAL, found) == ["ai|animal|big cat|tiger", "ai|sandbar"]
    assert spelt(Field.TAGS_LIST, found) == ["ai/animal/big cat/tiger", "ai/sandbar"]
    alone = keywords_for([TIGER, CAT, ANIMAL], settings(parents=False), taxonomy.load())
    assert spelt(Field.TAGS_LIST, alone) == spelt(Field.SUBJECT, alone) == ["tiger"]


def test_hidden_unsure_and_very_wide_labels_are_not_written() -> None:
    hidden = replace(SAND, shown=False)
    assert keywords_for([hidden, WIDE], settings(), taxonomy.load()) == []
    assert keywords_for([SAND], settings(min_confidence=0.8), taxonomy.load()) == []
    assert [k.name for k in keywords_for([replace(WIDE, origin=Origin.PERSON)], settings(), taxonomy.load())] == [
        WIDE.name
    ]
    persons = replace(SAND, origin=Origin.PERSON)
    assert [k.name for k in keywords_for([persons], settings(min_confidence=0.8), taxonomy.load())] == ["sandbar"]


def test_count_is_of_the_narrowest() -> None:
    found = keywords_for([TIGER, CAT, ANIMAL, SAND], settings(count=1), taxonomy.load())
    assert spelt(Field.SUBJECT, found) == ["tiger", "animal", "big cat"]


def test_separators_inside_names_make_no_levels() -> None:
    found = keywords_for([label("black/white|film; roll")], settings(prefix="ai:"), taxonomy.load())
    assert spelt(Field.TAGS_LIST, found) == ["ai:black-white|film; roll"]
    assert spelt(Field.HIERARCHICAL, found) == ["ai:black/white-film; roll"]
    assert spelt(Field.XP, found) == ["ai:black/white|film, roll"]


def test_a_new_field_carries_what_a_person_wrote_elsewhere() -> None:
    persons = {
        Field.TAGS_LIST: ["People/Anna", "Places/Sea"],
        Field.SUBJECT: ["anna", "dune"],
        Field.IPTC: ["Dune", "old\x00town"],
    }
    assert seeds(Field.HIERARCHICAL, persons) == ["People|Anna", "Places|Sea", "dune", "old town"]
    assert seeds(Field.IPTC, persons) == ["Anna", "Sea", "dune", "old town"]
