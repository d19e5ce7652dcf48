from __future__ import annotations

import pytest

from tagger.inference.throttle import Throttle


class Machine:
    """Time that passes when somebody works or sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.used = 0.0
        self.alive = 0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def cpu_time(self) -> float:
        return self.used

    def work(self, seconds: float, threads: int) -> None:
        self.time += seconds
        self.used += seconds * threads

    def said(self) -> None:
        self.alive += 1


@pytest.mark.parametrize(("share", "cores"), [(0.25, 2.0), (0.5, 4.0), (0.05, 2.0), (0.9, 0.5)])
def test_a_share_of_all_cores_is_used(share: float, cores: float) -> None:
    machine = Machine()
    throttle = Throttle(share, cores, machine, machine.cpu_time)
    while machine.time < 600:
        throttle.wait(machine.said)
        machine.work(0.8, 2)
    assert machine.used / (machine.time * cores) == pytest.approx(share, rel=0.05)


def test_a_rest_is_not_saved_up() -> None:
    machine = Machine()
    throttle = Throttle(0.25, 2, machine, machine.cpu_time)
    throttle.wait(machine.said)
    machine.sleep(3600)
    begun, used = machine.time, machine.used
    while machine.time < begun + 60:
        throttle.wait(machine.said)
        machine.work(0.5, 2)
    assert (machine.used - used) / 120 == pytest.approx(0.25, abs=0.02)


def test_long_waits_give_signs_of_life() -> None:
    machine = Machine()
    throttle = Throttle(0.05, 1, machine, machine.cpu_time)
    machine.work(10, 1)
    throttle.wait(machine.said)
    assert machine.time == pytest.approx(200, abs=3)
    assert machine.alive >= 30


def test_without_a_limit_nobody_waits() -> None:
    machine = Machine()
    throttle = Throttle(1, 2, machine, machine.cpu_time)
    machine.work(100, 4)
    throttle.wait(machine.said)
    assert machine.time == 100
