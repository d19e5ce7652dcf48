"""The hours in which the service may work hard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from datetime import time as time_of_day


class Window:
    """A daily span of local time such as 22:00-06:00; empty text: always open. Times are seconds since the epoch."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        self._zone = zone
        self._span: tuple[time_of_day, time_of_day] | None = None
        if text:
            start, end = (time_of_day.fromisoformat(part) for part in text.split("-"))
            self._span = (start, end)

    def is_open(self, now: float) -> bool:
        """Whether work may be done now."""
        return self._span is None or any(start <= now < end for start, end in self._spans(now, 3))

    def next_change(self, now: float) -> float | None:
        """When the window opens or closes next; None if it never does."""
        if self._span is None:
            return None
        state = self.is_open(now)
        moments = sorted(moment for span in self._spans(now, 3) for moment in span if moment > now)
        # Where one span ends another may begin.
        return next((moment for moment in moments if self.is_open(moment) != state), None)

    def finish(self, now: float, seconds: float) -> float:
        """When a number of seconds of work will be done, working only while the window is open."""
        if self._span is None:
            return now + seconds
        last = now + 366 * 86400
        # A year ahead is far enough for anybody.
        for start, end in self._spans(now, 366):
            begin = max(start, now)
            if end <= begin:
                continue
            if seconds <= end - begin:
                return begin + seconds
            seconds -= end - begin
            now = end
        return last

    def _spans(self, now: float, days: int) -> Iterator[tuple[float, float]]:
        """The spans around and after a moment; a wall-clock time that a change of clocks skips means what follows."""
        assert self._span is not None
        first, last = self._span
        today = datetime.fromtimestamp(now, self._zone).date()
        for number in range(-1, days):
            day = today + timedelta(days=number)
            start = datetime.combine(day, first, self._zone)
            end = datetime.combine(day if last > first else day + timedelta(days=1), last, self._zone)
            begins, ends = start.timestamp(), end.timestamp()
            if ends <= begins:
                # The clocks were put forward within it.
                ends = begins + (end.replace(tzinfo=None) - start.replace(tzinfo=None)).total_seconds()
            yield begins, ends
