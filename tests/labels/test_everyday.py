"""On everyday photos, as people have them: counted by benchmarks/everyday/count.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.everyday import count
from tagger.core.photo import Label, Origin
from tagger.labels import taxonomy


@pytest.mark.slow
def test_labels_of_snapshots_are_true_and_useful(shared: Path) -> None:
    """On the half of the judged snapshots that made no threshold, and people on all of them."""
    judged = count.judged_photos(shared / "photos" / "camera_judged.json")
    found = dict(count.labels_by_witness(shared / "photos" / "camera"))
    given = {name: found[name]["all together"] for name in judged}
    second = count.Count()
    for name in sorted(given)[1::2]:
        second.add([judged[name].is_true(label) for label in given[name]])
    assert second.photos == 25
    assert second.true / second.shown >= 0.88
    assert second.covered / second.photos >= 0.75
    shown = {name for name, labels in given.items() if any(label.key == count.PEOPLE for label in labels)}
    there = {name for name, one in judged.items() if one.people}
    assert len(shown & there) / len(shown) >= 0.95
    assert len(there - shown) <= 2  # specks in the distance
    # Each witness adds to the classifier alone.
    alone = count.Count()
    for name in given:
        alone.add([judged[name].is_true(label) for label in found[name]["the classifier"]])
    covered = sum(any(judged[name].is_true(label) for label in labels) for name, labels in given.items())
    assert covered > 1.75 * alone.covered


def test_what_counts_as_true() -> None:
    known = taxonomy.load()

    def label(word: str) -> Label:
        key = known.label_named(word) or ""
        return Label(key, known.names[key], 0.9, 1, Origin.MODEL, shown=True)

    seen = count.Judged(2, frozenset({"people", "flowers", "ocean"}))
    assert [seen.is_true(label(word)) for word in ("people", "flower", "sea")] == [True, True, True]
    assert [seen.is_true(label(word)) for word in ("dog", "table")] == [False, False]
    assert not count.Judged(0, frozenset({"woman"})).is_true(label("people"))
    assert count.saying(["a man and his dog", "nobody here", "two dogs"], count.PERSONS) == 1
    assert {"surfer", "surfing"} <= count.words_of("n00445055", "surfing")
