"""Progress of long work, on standard error: a bar on a terminal, otherwise a plain line every so often."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

from tagger.cli import voice
from tagger.cli.common import count, duration
from tagger.core.clock import Clock, SystemClock
from tagger.core.progress import OnProgress

_LINE_SECONDS = 10.0


class Meter:
    """Shows how many of `total` are done, how fast, how many failed and how long it will still take.

    The rate is the average since the first result, so that loading the model does not count and the remaining
    time settles.
    """

    unit = "photos"

    def __init__(
        self,
        what: str,
        total: int,
        *,
        clock: Clock | None = None,
        quiet: bool = False,
        first: str = "",
    ) -> None:
        self._what = what
        self._total = total
        self._clock = clock or SystemClock()
        self._quiet = quiet or voice.quiet()
        # What is said until the first result.
        self._before = first
        self._bar: Any = None
        self._task: Any = None
        self._first: tuple[float, int] | None = None
        self._last_line = self._clock.monotonic()
        self._shown = (-1, -1)
        # Photos a second, as it was told last.
        self.told_rate = 0.0

    @classmethod
    @contextmanager
    def following(cls, what: str, *, quiet: bool = False) -> Iterator[OnProgress]:
        """A function that shows how far something is; the meter begins with its first call."""
        with ExitStack() as stack:
            meter: Meter | None = None

            def on_progress(done: int, total: int) -> None:
                nonlocal meter
                if meter is None:
                    meter = stack.enter_context(cls(what, total, quiet=quiet))
                meter.update(done)

            yield on_progress

    def __enter__(self) -> Meter:
        if not self._quiet and voice.is_live(sys.stderr):
            from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn

            self._bar = _bar(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
            )
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total, note=self._before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, failed: int = 0) -> None:
        """Tell how far the work is."""
        now = self._clock.monotonic()
        if done and self._first is None:
            self._first = (now, done)
        note = self._note(now, done, failed)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, **({"note": note} if done else {}))
        elif not self._quiet and now - self._last_line >= _LINE_SECONDS and (done, failed) != self._shown:
            self._last_line = now
            self._shown = (done, failed)
            voice.note(f"{self._what}: {done:,} of {self._total:,}{', ' if note else ''}{note}")

    def _note(self, now: float, done: int, failed: int) -> str:
        parts = []
        self.told_rate = rate = self.rate(now, done)
        if rate:
            parts.append(f"{rate:.1f} {self.unit}/s")
        if failed:
            parts.append(f"{count(failed, 'failed', 'failed')}")
        if rate and done < self._total:
            parts.append(f"{duration((self._total - done) / rate)} left")
        return ", ".join(parts)

    def rate(self, now: float, done: int) -> float:
        """Photos a second since the first result; 0 while unknown."""
        if self._first is None or now <= self._first[0]:
            return 0.0
        return (done - self._first[1]) / (now - self._first[0])


def say_stopping() -> None:
    """Answer the first Ctrl-C."""
    voice.note("\nStopping after the photos in hand; Ctrl-C again stops at once.")


class Stages:
    """Progress of work in stages that each have their own number of steps."""

    def __init__(self, *, quiet: bool = False, unit: str = "photos") -> None:
        self._quiet = quiet
        self._unit = unit
        self._stack = ExitStack()
        self._stage = ""
        self._meter: Meter | None = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def update(self, stage: str, done: int, total: int) -> None:
        """Tell how far a stage is; another one ends the one before."""
        if stage != self._stage:
            self._stack.close()
            self._stage = stage
            self._meter = self._stack.enter_context(Meter(stage.capitalize(), total, quiet=self._quiet))
            self._meter.unit = self._unit
        if self._meter is not None and total:
            self._meter.update(done)


class ByteMeter:
    """Progress of a download."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._quiet = quiet or voice.quiet()
        self._bar: Any = None
        self._task: Any = None
        self._clock = SystemClock()
        self._last_line = self._clock.monotonic()

    def __enter__(self) -> ByteMeter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int | None) -> None:
        """Tell how many bytes are there, of how many (None: unknown). The first call makes the bar appear."""
        if self._quiet:
            return
        if self._bar is None and voice.is_live(sys.stderr):
            self._start()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)
            return
        now = self._clock.monotonic()
        if now - self._last_line >= _LINE_SECONDS:
            self._last_line = now
            of = f" of {total / 1e6:.0f}" if total else ""
            voice.note(f"{self._what}: {done / 1e6:.0f}{of} MB")

    def _start(self) -> None:
        from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

        self._bar = _bar(
            "{task.description}",
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._bar.start()
        self._task = self._bar.add_task(self._what, total=None)


def _bar(*columns: Any) -> Any:
    """rich's bar of these columns."""
    from rich.progress import Progress

    # Results must not go where the bar goes, unless both are one terminal.
    return Progress(*columns, console=voice.console(), redirect_stdout=sys.stdout.isatty())
