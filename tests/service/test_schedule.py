from __future__ import annotations

import threading
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.core.config import ServiceSettings
from tagger.core.errors import ConfigError
from tagger.service.schedule import JOBS, ScheduledJob, Scheduler, trigger
from tagger.service.work_window import Window

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, BERLIN).strftime("%Y-%m-%d %H:%M")


def test_a_window_across_midnight() -> None:
    window = Window("22:00-06:00", BERLIN)
    assert [
        window.is_open(at(f"2026-01-10 {hour}")) for hour in ("21:59", "22:00", "23:59", "00:00", "05:59", "06:00")
    ] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]
    assert shown(window.next_change(at("2026-01-10 12:00")) or 0) == "2026-01-10 22:00"
    assert shown(window.next_change(at("2026-01-10 23:00")) or 0) == "2026-01-11 06:00"


def test_the_night_of_the_changing_clocks_is_shorter_and_longer() -> None:
    window = Window("22:00-06:00", BERLIN)
    spring = window.next_change(at("2026-03-28 22:30"))
    autumn = window.next_change(at("2026-10-24 22:30"))
    assert spring == at("2026-03-28 22:30") + 6.5 * HOUR
    assert autumn == at("2026-10-24 22:30") + 8.5 * HOUR
    assert window.is_open(datetime(2026, 10, 25, 4, 30, tzinfo=UTC).timestamp())  # 05:30 in winter time


def test_when_work_will_be_done() -> None:
    window = Window("22:00-06:00", BERLIN)
    assert shown(window.finish(at("2026-01-10 12:00"), 3 * HOUR)) == "2026-01-11 01:00"
    assert shown(window.finish(at("2026-01-10 12:00"), 10 * HOUR)) == "2026-01-12 00:00"
    assert shown(window.finish(at("2026-01-10 23:00"), 7 * HOUR)) == "2026-01-11 06:00"
    assert Window("", BERLIN).finish(100.0, 50.0) == 150.0
    assert Window("", BERLIN).is_open(0.0)
    assert Window("", BERLIN).next_change(0.0) is None


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59), st.floats(1.7e9, 1.9e9))
def test_a_window_changes_exactly_when_it_says(h1: int, m1: int, h2: int, m2: int, now: float) -> None:
    if (h1, m1) == (h2, m2):
        return
    window = Window(f"{h1:02}:{m1:02}-{h2:02}:{m2:02}", BERLIN)
    change = window.next_change(now)
    assert change is not None
    assert now < change <= now + 26 * HOUR
    assert window.is_open(change) != window.is_open(change - 0.001)
    assert window.is_open((now + change) / 2) == window.is_open(now)


@pytest.mark.parametrize("text", ["0 25 * * *", "99 * * * *", "a b c d e", "0s"])
def test_a_wrong_schedule_names_its_setting(text: str) -> None:
    with pytest.raises(ConfigError, match=r"service\.rescan"):
        trigger(text, BERLIN, "service.rescan")


def test_the_scheduler_reminds() -> None:
    reminded = threading.Event()
    scheduler = Scheduler(BERLIN)
    scheduler.set("early", "6h", "service.rescan", lambda: None)
    # Somebody may ask for the status before the service has started.
    assert scheduler.next_times() == {}
    scheduler.set("early", "", "service.rescan", lambda: None)
    scheduler.set("rescan", "1s", "service.rescan", reminded.set)
    scheduler.set("upkeep", "0 4 * * *", "service.upkeep", reminded.set)
    scheduler.set("never", "", "service.upkeep", reminded.set)
    scheduler.start()
    try:
        assert reminded.wait(20)
        times = scheduler.next_times()
        assert set(times) == {"rescan", "upkeep"}
        assert shown(times["upkeep"]).endswith("04:00")
    finally:
        scheduler.stop()


def test_each_job_of_the_table_has_its_setting_and_does_what_it_says() -> None:
    scheduler = Scheduler(BERLIN)
    reminded: list[ScheduledJob] = []
    scheduler.set_jobs(ServiceSettings(rescan="6h", upkeep=""), reminded.append)
    scheduler.start()
    assert list(scheduler.next_times()) == ["rescan"], "an empty setting is a job that does not run"
    scheduler.stop()

    class Service:
        done: list[str] = []

        def rescan(self) -> None:
            self.done.append("rescan")

        def upkeep(self) -> None:
            self.done.append("upkeep")

    for job in JOBS:
        job.run(Service())
    assert Service.done == [job.name for job in JOBS]
