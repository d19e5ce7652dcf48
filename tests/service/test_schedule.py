from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.core.config import ServiceSettings
from tagger.core.cron import CronTimes, parse_schedule
from tagger.core.errors import ConfigError
from tagger.core.local_zone import LocalZone
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


WRONG = """0 25 * * *|99 * * * *|a b c d e|0s|99999999d|* * * *|* * * * * *|*/0 * * * *|5-1 * * * *|0 0 30 2 *
    |0 0 31 4,6 *|* * * * 8|* * * foo *|@reboot|1.5 * * * *|-1 * * * *|١ * * * *"""


@pytest.mark.parametrize("text", [text.strip() for text in WRONG.split("|")])
def test_a_wrong_schedule_names_its_setting(text: str) -> None:
    with pytest.raises(ConfigError, match=r"service\.rescan"):
        trigger(text, BERLIN, "service.rescan")


def times(text: str, start: str, count: int, zone: tzinfo = BERLIN) -> list[str]:
    """The next times of a schedule."""
    found, now = parse_schedule(text), datetime.fromisoformat(start).replace(tzinfo=zone).timestamp()
    assert isinstance(found, CronTimes)
    moments = []
    for _ in range(count):
        after = found.next_after(now, zone)
        assert after is not None
        assert after > now
        now = after
        moments.append(datetime.fromtimestamp(now, zone).strftime("%a %d %b %H:%M"))
    return moments


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN", "0,7", "7-7", "@weekly"])
def test_sunday_is_0_and_7(sunday: str) -> None:
    text = sunday if sunday == "@weekly" else f"0 0 * * {sunday}"
    assert times(text, "2026-01-01", 2) == ["Sun 04 Jan 00:00", "Sun 11 Jan 00:00"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 4 * * 1-5", ["Thu 01 Jan 04:00", "Fri 02 Jan 04:00", "Mon 05 Jan 04:00"]),
        ("0 4 * * mon-fri", ["Thu 01 Jan 04:00", "Fri 02 Jan 04:00", "Mon 05 Jan 04:00"]),
        ("0 4 * * fri-sun", ["Fri 02 Jan 04:00", "Sat 03 Jan 04:00", "Sun 04 Jan 04:00"]),
        ("0 4 * * 5-7", ["Fri 02 Jan 04:00", "Sat 03 Jan 04:00", "Sun 04 Jan 04:00"]),
        ("0 4 13 * 5", ["Fri 02 Jan 04:00", "Fri 09 Jan 04:00", "Tue 13 Jan 04:00"]),  # either is enough
        ("0 4 */10 * 5", ["Fri 21 Aug 04:00", "Fri 11 Sep 04:00", "Fri 11 Dec 04:00"]),  # begins with a star: both
        ("0 0 1 feb,Mar *", ["Sun 01 Feb 00:00", "Sun 01 Mar 00:00", "Mon 01 Feb 00:00"]),
        ("0 0 29 2 *", ["Tue 29 Feb 00:00", "Sun 29 Feb 00:00", "Fri 29 Feb 00:00"]),
        ("10-30/10 1,3 * * *", ["Thu 01 Jan 01:10", "Thu 01 Jan 01:20", "Thu 01 Jan 01:30"]),
        ("5/25 0 * * *", ["Thu 01 Jan 00:05", "Thu 01 Jan 00:30", "Thu 01 Jan 00:55"]),
        ("@daily", ["Fri 02 Jan 00:00", "Sat 03 Jan 00:00", "Sun 04 Jan 00:00"]),
        ("@Hourly", ["Thu 01 Jan 01:00", "Thu 01 Jan 02:00", "Thu 01 Jan 03:00"]),
        ("@monthly", ["Sun 01 Feb 00:00", "Sun 01 Mar 00:00", "Wed 01 Apr 00:00"]),
    ],
)
def test_fields_mean_what_cron_means(text: str, expected: list[str]) -> None:
    start = "2026-08-20" if "*/10" in text else "2026-01-01"
    assert times(text, start, 3) == expected


@pytest.mark.parametrize("kind", ["zoneinfo", "C library"])
def test_schedules_in_the_nights_of_the_changing_clocks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zone: tzinfo = BERLIN
    if kind == "C library":
        monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        zone = LocalZone()
    try:
        assert times("30 2 * * *", "2026-03-28 12:00", 2, zone) == ["Sun 29 Mar 03:30", "Mon 30 Mar 02:30"]
        assert times("30 2 * * *", "2026-10-24 12:00", 2, zone) == ["Sun 25 Oct 02:30", "Mon 26 Oct 02:30"]
        hours = times("0 * * * *", "2026-03-29 00:30", 3, zone)
        assert [moment[-5:] for moment in hours] == ["01:00", "03:00", "04:00"]
        hours = times("0 * * * *", "2026-10-25 00:30", 4, zone)
        assert [moment[-5:] for moment in hours] == ["01:00", "02:00", "02:00", "03:00"]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("span", ["02:15-02:45", "02:30-03:15", "01:30-02:30", "22:00-02:30", "03:10-02:50"])
@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"])
def test_a_window_opens_and_closes_in_such_a_night(span: str, night: str) -> None:
    window = Window(span, BERLIN)
    midnight = at(f"{night} 00:00")
    now, changes = midnight - 14 * HOUR, 0
    while (change := window.next_change(now)) is not None and change < midnight + 36 * HOUR:
        assert window.is_open(change) != window.is_open(change - 1)
        changes += 1
        now = change
    assert 2 <= changes <= 6
    opened = sum(window.is_open(midnight + minute * 60) for minute in range(24 * 60)) / 60
    assert opened > 0.2
    assert midnight < window.finish(midnight, 60) < midnight + 24 * HOUR


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
