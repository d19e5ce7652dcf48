from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagger.core.photo import Fingerprint
from tagger.intake.settle import Settler, Stamp, is_fresh, is_unsettled


def run(settler: Settler[str], until: float, look: dict[str, list[tuple[float, Stamp | None]]]) -> dict[str, float]:
    """Call `check` whenever it is due; returns when each path settled. `look`: each path's stamps, with their times."""
    done: dict[str, float] = {}
    now = 0.0

    def stat(path: str) -> Stamp | None:
        return [stamp for at, stamp in look[path] if at <= now][-1]

    while (at := settler.next_check()) is not None and at <= until:
        now = at
        settled, _ = settler.check(now, stat)
        done |= dict.fromkeys(settled, now)
    return done


def test_a_file_that_stands_still_settles_after_the_settle_time() -> None:
    settler = Settler[str](5)
    settler.notice("a", 0)
    assert run(settler, 60, {"a": [(0, (1, 1, 1))]}) == {"a": 6}
    assert len(settler) == 0
    assert settler.next_check() is None


def test_a_file_that_grows_waits_until_it_stops() -> None:
    settler = Settler[str](5)
    settler.notice("a", 0)
    growing: list[tuple[float, Stamp | None]] = [(second, (second, second, second)) for second in range(30)]
    [(_, at)] = run(settler, 600, {"a": growing}).items()
    assert at >= 29 + 5


def test_events_neither_delay_nor_hurry_a_file() -> None:
    settler = Settler[str](5)
    for second in range(5):
        settler.notice("a", second)
    assert run(settler, 60, {"a": [(0, (1, 1, 1))]}) == {"a": 6}


def test_a_file_that_goes_is_told_once() -> None:
    settler = Settler[str](5)
    settler.notice("a", 0)
    settler.notice("b", 0)
    settler.forget("b")
    assert settler.check(10, lambda _: None) == ([], ["a"])
    assert len(settler) == 0


def test_a_settle_time_of_zero_needs_two_looks_that_agree() -> None:
    settler = Settler[str](0)
    settler.notice("a", 0)
    assert settler.check(0, lambda _: (1, 1, 1), limit=1) == ([], [])
    assert settler.check(0, lambda _: (1, 1, 1)) == (["a"], [])


@given(
    st.lists(st.tuples(st.floats(0, 50), st.integers(0, 3)), min_size=1, max_size=12),
    st.lists(st.floats(0, 60), max_size=10),
)
def test_nothing_settles_less_than_the_settle_time_after_its_last_change(
    changes: list[tuple[float, int]], events: list[float]
) -> None:
    changes = sorted([(0.0, 0), *changes])
    stamps: list[tuple[float, Stamp | None]] = [(at, (size, int(at * 1e9), 0)) for at, size in changes]
    settler = Settler[str](5)
    settler.notice("a", 0)
    for at in sorted(events):
        settler.notice("a", at)
    done = run(settler, 1000, {"a": stamps})
    # Two equal stamps are at least five seconds apart, with no change in between.
    at = done["a"]
    assert not [when for when, _ in changes if at - 5 < when <= at]


def test_a_file_is_unsettled_for_the_setting_after_its_last_change_and_never_by_a_time_in_the_future() -> None:
    changed = Fingerprint(1, 100 * 10**9)
    assert is_unsettled(changed, 104.9, 5)
    assert not is_unsettled(changed, 105, 5)
    assert not is_unsettled(changed, 99, 5)
    assert not is_unsettled(changed, 100, 0)


def test_a_scan_leaves_what_changed_a_moment_ago_to_the_settler_also_by_a_time_in_the_future() -> None:
    moved = Fingerprint(1, 0, ctime_ns=100 * 10**9)
    assert is_fresh(moved, 109.9, 5)
    assert not is_fresh(moved, 110, 5)
    assert is_fresh(moved, 119.9, 10)
    assert is_fresh(moved, 50, 5)
