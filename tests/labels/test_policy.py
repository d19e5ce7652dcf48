from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagger.core.config import LabelSettings
from tagger.core.errors import ConfigError
from tagger.core.photo import Label, Origin
from tagger.labels import taxonomy
from tagger.labels.policy import Policy, top_classes

TAXONOMY = taxonomy.load()


def scores(**by_name: float) -> NDArray[np.float32]:
    """One photo's class probabilities; names with underscores; the rest is spread over the other classes."""
    row = np.zeros(1000, np.float32)
    for name, value in by_name.items():
        [key] = [key for key in TAXONOMY.lookup(name.replace("_", " ")) if key in TAXONOMY.classes]
        row[TAXONOMY.classes.index(key)] = value
    rest = row == 0
    row[rest] = max(0.0, 1 - row.sum()) / rest.sum()
    return row


def labels(row: NDArray[np.float32], **settings: object) -> tuple[Label, ...]:
    policy = Policy.from_settings(LabelSettings.model_validate(settings), TAXONOMY)
    return policy.labels_for(row[np.newaxis])[0]


def shown(row: NDArray[np.float32], **settings: object) -> list[str]:
    return [label.name for label in labels(row, **settings) if label.shown]


def test_a_certain_class_is_shown_with_its_parents_most_specific_first() -> None:
    assert shown(scores(beagle=0.97)) == ["beagle", "hound", "dog", "animal"]


def test_some_dog_of_no_certain_breed_is_a_dog() -> None:
    row = scores(beagle=0.3, Chihuahua=0.25, pug=0.2, basenji=0.2)
    assert shown(row) == ["dog", "animal"]
    found = {label.name: label for label in labels(row)}
    assert found["dog"].origin is Origin.HIERARCHY
    assert found["dog"].confidence == pytest.approx(0.95, abs=0.01)
    assert not found["beagle"].shown  # stored, for search
    assert found["beagle"].origin is Origin.MODEL


@pytest.mark.parametrize(
    "wide", ["household item", "everyday object", "structure", "landform", "machine", "kitchenware"]
)
def test_a_parent_that_nobody_types_is_never_shown(wide: str) -> None:
    [key] = set(TAXONOMY.lookup(wide)) & TAXONOMY.search_only
    classes = TAXONOMY.classes_under(key)
    row = np.zeros(1000, np.float32)
    row[list(classes)] = 1 / len(classes)
    assert wide not in shown(row)
    # It is found all the same, and old rules about it are no mistake.
    assert len(TAXONOMY.find(wide)) > len(classes)
    assert shown(row, silence=[wide], rename={wide: "things"}) == shown(row)
    assert wide in shown(row, thresholds={wide: 0.5})
    assert "things" in shown(row, merge={"things": [wide]})


@pytest.mark.parametrize(("former", "now"), [("beverage", "drink"), ("person", "people"), ("airplane", "plane")])
def test_rules_may_say_the_name_that_a_label_had(former: str, now: str) -> None:
    [key] = TAXONOMY.lookup(former)
    assert TAXONOMY.names[key] == now
    row = np.zeros(1000, np.float32)
    row[list(TAXONOMY.classes_under(key))] = 1 / len(TAXONOMY.classes_under(key))
    assert now in shown(row)
    assert now not in shown(row, silence=[former])


def test_unknown_is_no_label() -> None:
    assert labels(np.full(1000, 0.001, np.float32)) == () or shown(np.full(1000, 0.001, np.float32)) == []


def test_only_the_top_k_above_the_minimum_are_stored() -> None:
    row = scores(beagle=0.3, ambulance=0.2, banana=0.15, zebra=0.12, hammer=0.05)
    assert [label.name for label in labels(row)] == ["beagle", "ambulance", "banana", "zebra"]
    assert [label.name for label in labels(row, top_k=2)] == ["beagle", "ambulance"]
    assert [label.name for label in labels(row, min_confidence=0.18)] == ["beagle", "ambulance"]


def test_ranks_count_from_one() -> None:
    found = labels(scores(beagle=0.7, ambulance=0.2))
    assert [label.rank for label in found] == list(range(1, len(found) + 1))


def test_rules() -> None:
    row = scores(tabby=0.4, tiger_cat=0.3, Egyptian_cat=0.1, beagle=0.1)
    assert shown(row) == ["cat", "animal"]
    assert shown(row, silence=["Animal"]) == ["cat"]
    assert "animal" not in [label.name for label in labels(row, silence=["animal"])]
    assert shown(row, rename={"cat": "our Minka"}) == ["our Minka", "animal"]
    assert shown(row, thresholds={"cat": 0.9}) == ["animal"]
    assert shown(row, thresholds={"tabby": 0.35}) == ["tabby", "cat", "animal"]
    merged = labels(row, merge={"striped cat": ["tabby", "tiger cat"]})
    assert [label.name for label in merged if label.shown] == ["striped cat", "cat", "animal"]
    [label] = [label for label in merged if label.name == "striped cat"]
    assert (label.key, label.confidence) == ("rule:striped cat", pytest.approx(0.7))
    assert shown(row, merge={"striped cat": ["tabby", "tiger cat"]}, thresholds={"striped cat": 0.8}) == [
        "cat",
        "animal",
    ]


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"silence": ["tigr"]}, "silence"),
        ({"rename": {"tigr": "x"}}, "rename"),
        ({"thresholds": {"tigr": 0.5}}, "thresholds"),
        ({"merge": {"x": ["tigr"]}}, "merge.x"),
    ],
)
def test_a_rule_about_an_unknown_label_names_the_near_one(settings: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match="tigr") as caught:
        Policy.from_settings(LabelSettings.model_validate(settings), TAXONOMY)
    assert f"labels.{rule}" in caught.value.message
    assert "tiger" in caught.value.cure


def test_explain_tells_the_fate_of_each_candidate() -> None:
    policy = Policy.from_settings(
        LabelSettings.model_validate(
            {"silence": ["animal"], "rename": {"dog": "Hund"}, "merge": {"small dog": ["pug", "Chihuahua"]}}
        ),
        TAXONOMY,
    )
    found = {verdict.name: verdict for verdict in policy.explain(scores(beagle=0.5, pug=0.3, Chihuahua=0.15))}
    assert "silenced" in found["animal"].why
    assert "renamed from dog" in found["Hund"].why
    assert found["Hund"].shown
    assert found["Hund"].classes[0] == ("beagle", pytest.approx(0.5))
    assert "not shown" in found["beagle"].why
    assert "counted under small dog" in found["pug"].why


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 12), st.floats(0.05, 1), st.integers(1, 10))
def test_invariants(seed: int, sharpness: float, threshold: float, top_k: int) -> None:
    powers = np.exp(np.random.default_rng(seed).normal(0, sharpness, 1000))
    row = (powers / powers.sum()).astype(np.float32)
    found = labels(row, show_threshold=threshold, top_k=top_k)
    assert len({label.key for label in found}) == len(found)
    for label in found:
        assert 0 <= label.confidence <= 1
        if label.shown:
            assert label.confidence >= np.float32(threshold) - 1e-6
    assert sum(label.origin is Origin.MODEL and not label.shown for label in found) <= top_k
    # Shown labels come first.
    flags = [label.shown for label in found]
    assert flags == sorted(flags, reverse=True)


def test_top_classes_order_ties_as_keras_does() -> None:
    row = np.zeros(1000, np.float32)
    row[[5, 7, 9]] = 0.25
    expected = [TAXONOMY.classes[i] for i in row.argsort()[-5:][::-1]]
    assert [wnid for wnid, _, _ in top_classes(row, TAXONOMY)] == expected
