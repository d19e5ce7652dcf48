"""When things are due: the work window, and the scheduler that only ever reminds somebody else.

Nothing is lost when a reminder is: what is due to be done is always a question to the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import tzinfo
from typing import Any

from tagger.core.errors import ConfigError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def trigger(text: str, zone: tzinfo, key: str) -> Any:
    """APScheduler's trigger for an interval (`6h`) or five cron fields; None for "". Raises ConfigError."""
    from apscheduler.triggers.cron import CronTrigger
    from apscheduler.triggers.interval import IntervalTrigger

    if not text:
        return None
    interval = re.fullmatch(r"(\d+) ?([smhd])", text)
    try:
        if interval:
            seconds = int(interval[1]) * _UNITS[interval[2]]
            if seconds < 1:
                raise ValueError("the interval is empty")
            return IntervalTrigger(seconds=seconds, timezone=zone)
        return CronTrigger.from_crontab(text, timezone=zone)
    except ValueError as error:
        raise ConfigError(f"{key} = {text!r} is not allowed: {error}.") from error


class Scheduler:
    """APScheduler with jobs in memory. A job is a reminder: it calls a function that must only leave a message."""

    def __init__(self, zone: tzinfo) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler

        # Without a grace time a reminder that comes late, after a night of standby, would be dropped.
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = BackgroundScheduler(timezone=zone, job_defaults=defaults)
        self._zone = zone

    def set(self, name: str, text: str, key: str, remind: Callable[[], None]) -> None:
        """Remind at the times that a setting says; replaces an earlier job of that name."""
        found = trigger(text, self._zone, key)
        if self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)
        if found is not None:
            self._scheduler.add_job(remind, found, id=name)

    def next_times(self) -> dict[str, float]:
        """When each job is due next, in seconds since the epoch."""
        # Before the start jobs have no next time, not even an empty one.
        times = {job.id: getattr(job, "next_run_time", None) for job in self._scheduler.get_jobs()}
        return {name: moment.timestamp() for name, moment in times.items() if moment}

    def start(self) -> None:
        """Begin to remind."""
        self._scheduler.start()

    def stop(self) -> None:
        """Remind no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
