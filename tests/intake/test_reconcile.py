from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.core.config import IntakeSettings
from tagger.core.photo import Fingerprint
from tagger.intake.folder import SeenFile
from tagger.intake.reconcile import KnownFile, PathState, below, check_root, reconcile, too_many_gone

PATHS = st.sampled_from(["a", "a/b", "a/b/c", "a-b", "b", "ä", "z"])


def fingerprint(version: int) -> Fingerprint:
    return Fingerprint(version, version, version, version)


@given(st.dictionaries(PATHS, st.integers(0, 2)), st.dictionaries(PATHS, st.tuples(st.integers(0, 2), st.booleans())))
def test_every_path_gets_the_verdict_that_a_table_would_give_it(
    now: dict[str, int], before: dict[str, tuple[int, bool]]
) -> None:
    seen = [SeenFile(path, fingerprint(version)) for path, version in sorted(now.items())]
    known = [
        KnownFile(number, path, fingerprint(version), missing)
        for number, (path, (version, missing)) in enumerate(sorted(before.items()))
    ]
    expected = {}
    for path in {*now, *before}:
        if path not in before:
            expected[path] = PathState.NEW
        elif path not in now:
            if not before[path][1]:
                expected[path] = PathState.GONE
        elif now[path] != before[path][0]:
            expected[path] = PathState.CHANGED
        else:
            expected[path] = PathState.BACK if before[path][1] else PathState.SAME
    found = {}
    for change, file, photo in reconcile(seen, known):
        path = file.path if file is not None else photo.path if photo is not None else ""
        assert path not in found
        found[path] = change
    assert found == expected


def test_streams_out_of_order_are_refused_before_harm_is_done() -> None:
    seen = [SeenFile("b", fingerprint(1)), SeenFile("a", fingerprint(1))]
    with pytest.raises(ValueError, match="out of order"):
        list(reconcile(seen, []))


def test_photos_in_folders_that_could_not_be_read_are_not_gone() -> None:
    known = [KnownFile(1, "locked/a", fingerprint(1), False), KnownFile(2, "open/a", fingerprint(1), False)]
    gone = [photo.path for _, _, photo in reconcile([], known, below(["locked/"])) if photo]
    assert gone == ["open/a"]


@pytest.mark.parametrize(
    ("known", "gone", "held"),
    [(1000, 10, False), (1000, 201, True), (1000, 200, False), (60, 50, False), (60, 51, True), (10, 10, False)],
)
def test_the_brake(known: int, gone: int, held: bool) -> None:
    assert too_many_gone(known, gone, IntakeSettings()) is held


def test_a_root_that_is_not_there_is_not_an_empty_one(tmp_path: object) -> None:
    assert "not there; is its disk mounted?" in (check_root(f"{tmp_path}/nothing", 5) or "")
    assert "mounted" in (check_root(str(tmp_path), 5) or "")
    assert check_root(str(tmp_path), 5, accept_empty=True) is None
    assert check_root(str(tmp_path), 0) is None


def test_unknown_numbers_are_not_compared() -> None:
    full, bare = Fingerprint(1, 2, 3, 4), Fingerprint(1, 2)
    assert full.matches(bare)
    assert bare.matches(full)
    assert not full.matches(Fingerprint(1, 2, 3, 5))
