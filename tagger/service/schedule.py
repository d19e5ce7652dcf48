"""What the service does by the clock, as a table, and the scheduler that reminds it.

Nothing is lost when a reminder is: what there is to do is always a question to the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any, Protocol

from tagger.core.config import ServiceSettings
from tagger.core.cron import CronTimes, Interval, parse_schedule
from tagger.core.errors import ConfigError


class Scheduled(Protocol):
    """What the service can do by the clock. Called in its own thread."""

    def rescan(self) -> None:
        """Scan every root for what the watcher missed."""
        ...

    def upkeep(self) -> None:
        """Drop what is not needed any longer, and back the database up."""
        ...


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """One line of the table. `name`: of the setting in the section `service`, which says when; `run`: what is done."""

    name: str
    run: Callable[[Scheduled], None]


JOBS = (
    ScheduledJob("rescan", lambda service: service.rescan()),
    ScheduledJob("upkeep", lambda service: service.upkeep()),
)


def trigger(text: str, zone: tzinfo, key: str) -> Any:
    """APScheduler's trigger for an interval (`6h`) or five cron fields; None for "". Raises ConfigError."""
    from apscheduler.triggers.base import BaseTrigger
    from apscheduler.triggers.interval import IntervalTrigger

    class CronTrigger(BaseTrigger):  # type: ignore[misc]
        """APScheduler's own takes 0 for Monday, and wants both the day of the month and that of the week."""

        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
            assert isinstance(times, CronTimes)
            after = times.next_after((previous or now).timestamp(), zone)
            return None if after is None else datetime.fromtimestamp(after, UTC)

    try:
        times = parse_schedule(text)
    except ValueError as error:
        raise ConfigError(f"{key} = {text!r} is not allowed: {error}.") from error
    if times is None:
        return None
    return IntervalTrigger(seconds=times.seconds, timezone=UTC) if isinstance(times, Interval) else CronTrigger()


class Scheduler:
    """APScheduler with jobs in memory. A job is a reminder: it calls a function that must only leave a message."""

    def __init__(self, zone: tzinfo) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler

        # Without a grace time a reminder that comes late, after a night of standby, would be dropped.
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults=defaults)
        self._zone = zone

    def set_jobs(self, settings: ServiceSettings, remind: Callable[[ScheduledJob], None]) -> None:
        """Schedule every job of the table as the settings say. Raises ConfigError."""
        for job in JOBS:
            self.set(job.name, getattr(settings, job.name), f"service.{job.name}", partial(remind, job))

    def set(self, name: str, text: str, key: str, remind: Callable[[], None]) -> None:
        """Remind at the times that a setting gives; replaces an earlier job of that name. Raises ConfigError."""
        found = trigger(text, self._zone, key)
        if self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)
        if found is not None:
            self._scheduler.add_job(remind, found, id=name)

    def next_times(self) -> dict[str, float]:
        """When each job runs next, in seconds since the epoch."""
        # Before the start jobs have no next time, not even an empty one.
        times = {job.id: getattr(job, "next_run_time", None) for job in self._scheduler.get_jobs()}
        return {name: moment.timestamp() for name, moment in times.items() if moment}

    def start(self) -> None:
        """Start the scheduler."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop the scheduler."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
