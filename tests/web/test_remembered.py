"""Values that are worked out now and then."""

from __future__ import annotations

import threading

import pytest

from tagger.core.errors import StoreError
from tagger.web.remembered import Remembered, RememberedFew
from tests.clock import Clock


def test_what_is_quick_is_made_anew_and_what_is_slow_is_told_as_it_was() -> None:
    clock, made, slow = Clock(), [0], [0.0]
    done = threading.Event()

    def make() -> int:
        clock.sleep(slow[0])
        made[0] += 1
        done.set()
        return made[0]

    value = Remembered(make, clock, fresh=60)
    assert (value.get(), value.get()) == (1, 1)
    clock.sleep(2)
    assert value.get() == 2
    slow[0] = 5.0
    clock.sleep(2)
    assert value.get() == 3
    # It took long: it stays, and is made anew beside who asks.
    clock.sleep(30)
    assert value.get() == 3
    clock.sleep(60)
    done.clear()
    assert value.get() == 3
    assert done.wait(10)
    value.forget()
    assert value.get() in (4, 5)


def test_what_cannot_be_made_is_said_to_who_waits_and_else_the_old_one_stays() -> None:
    fault = StoreError("It is locked.", "Wait.")
    found: list[int | StoreError] = [fault]

    def make() -> int:
        if isinstance(found[0], StoreError):
            raise found[0]
        return found[0]

    value = Remembered(make, Clock(), fresh=60)
    with pytest.raises(StoreError):
        value.get()
    found[0] = 7
    assert value.get() == 7


def test_nobody_waits_for_the_last_one() -> None:
    clock, made = Clock(), [0]
    done = threading.Event()

    def make() -> int:
        made[0] += 1
        done.set()
        return made[0]

    value = Remembered(make, clock, fresh=60)
    assert value.last() is None
    assert done.wait(10)
    assert value.get() == 1
    value.forget()
    done.clear()
    clock.sleep(1)
    # As it was, and made anew beside.
    assert value.last() == 1
    assert done.wait(10)


def test_the_last_few_answers_are_remembered_by_what_was_asked() -> None:
    clock, asked = Clock(), list[str]()

    def answer(key: str) -> str:
        def make() -> str:
            asked.append(key)
            clock.sleep(1)
            return key.upper()

        return few.get(key, make)

    few: RememberedFew[str] = RememberedFew(clock, fresh=60, most=2)
    assert [answer(key) for key in "abab"] == ["A", "B", "A", "B"]
    assert asked == ["a", "b"]
    # The one that was not asked for the longest goes.
    assert [answer(key) for key in "bcba"] == ["B", "C", "B", "A"]
    assert asked == ["a", "b", "c", "a"]
    few.forget()
    answer("a")
    assert asked == ["a", "b", "c", "a", "a"]
