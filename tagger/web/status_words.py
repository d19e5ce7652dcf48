"""The status in words and as a picture: one sentence that says it all, what helps where photos failed, a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tagger.core.sentences import Sentence
from tagger.web.schemas_work import SpeedOut, StatusOut
from tagger.web.words import Words

# The chart's hour, and its size in its own units; a bar is at least so wide, and at most as long as samples lie apart.
_HOUR, _WIDE, _HIGH, _LEAST, _APART = 3600, 720, 100, 2.0, 90
# Parts of why photos fail, and what a person can do.
_CURES = (
    (
        "limits.",
        Sentence("Raise that limit in config.toml if the file is really a photo, restart tagger, and try again."),
    ),
    (
        "not enough memory",
        Sentence("Try again when less is running on this machine."),
    ),
    ("RAW", Sentence("Install what reads RAW photos (pip install rawpy) beside tagger, and try again.")),
    ("ermission", Sentence("Give the account under which tagger runs the right to read these files, and try again.")),
    (
        "not a picture",
        Sentence("Such files are often unfinished downloads or renamed videos: look at one of them, and delete it."),
    ),
    ("empty", Sentence("The file has no content: copy it again from where it came, or from a backup.")),
    ("no such file", Sentence("It is looked for again with the next scan; nothing is lost.")),
    ("changed while", Sentence("Try again: the file stands still by now.")),
    (
        "damaged",
        Sentence("Open one in another program. If that cannot show it either, copy it again, or from a backup."),
    ),
    (
        "truncated",
        Sentence(
            "The file ends too early, as after a broken copy: copy it again from where it came, or from a backup."
        ),
    ),
)
_ELSE = Sentence("Look at one of them in another program, mend or replace it, and try again.")


def cure_of(reason: str) -> Sentence:
    """What a person can do where photos failed for a reason."""
    return next((cure for part, cure in _CURES if part in reason), _ELSE)


def sentence(status: StatusOut, words: Words, now: float) -> str:
    """What is going on, in one sentence or two."""
    counts = {"done": words.number(status.labelled), "all": words.number(status.photos)}
    if not status.photos:
        return words.text("The library has no photos yet.")
    if status.queued:
        return _of_queue(status, words, now, counts)
    text = words.plural("The {n} photo is labelled.", "All {n} photos are labelled.", status.photos)
    if status.failed or status.labelled < status.photos:
        text = words.text("{done} of {all} photos are labelled. Nothing is waiting.", **counts)
    if status.relabelling:
        text += " " + words.text("Changed rules are being applied.")
    return text


def _of_queue(status: StatusOut, words: Words, now: float, counts: dict[str, str]) -> str:
    waiting = words.number(status.queued)
    if status.window_opens_at is not None and not status.photos_per_second:
        return words.text(
            "{done} of {all} photos are labelled; {waiting} wait for the work window {window}, which opens {time}.",
            waiting=waiting,
            window=status.window,
            time=words.soon(status.window_opens_at, now),
            **counts,
        )
    if not status.service and not status.at_work:
        return words.text(
            "{done} of {all} photos are labelled; {waiting} wait, and nobody is at work on them.",
            waiting=waiting,
            **counts,
        )
    if not status.photos_per_second:
        return words.text("Labelling: {done} of {all} photos. How fast it goes is not known yet.", **counts)
    rate = words.number(status.photos_per_second, 0 if status.photos_per_second >= 10 else 1)
    if status.finished_at is None:
        return words.text("Labelling: {done} of {all} photos, {rate} a second.", rate=rate, **counts)
    time = words.soon(status.finished_at, now)
    if status.window:
        return words.text(
            "Labelling: {done} of {all} photos, {rate} a second, done {time} within your work window {window}.",
            rate=rate,
            time=time,
            window=status.window,
            **counts,
        )
    return words.text(
        "Labelling: {done} of {all} photos, {rate} a second, done {time}.", rate=rate, time=time, **counts
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the chart, in the chart's units."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The speed over the last hour. `most`: the highest bar, photos a second; `times`: along the axis, in seconds."""

    bars: list[Bar]
    most: float
    times: list[float]
    width: int = _WIDE
    height: int = _HIGH


def chart(speed: Sequence[SpeedOut], now: float) -> Chart | None:
    """The chart of the last hour; None where no photo was labelled in it."""
    seen = [one for one in speed if one.at > now - _HOUR]
    most = max((one.photos_per_second for one in seen), default=0.0)
    if not most:
        return None
    bars, before = [], now - _HOUR
    for one in seen:
        start = max(before, one.at - _APART)
        before = one.at
        if one.photos_per_second:
            width = max(_LEAST, (one.at - start) / _HOUR * _WIDE)
            height = max(_LEAST, _HIGH * one.photos_per_second / most)
            right = _WIDE * (1 - (now - one.at) / _HOUR)
            bars.append(
                Bar(round(max(0, right - width), 1), round(_HIGH - height, 1), round(width, 1), round(height, 1))
            )
    return Chart(bars, most, [now - share * _HOUR for share in (1, 0.75, 0.5, 0.25, 0)])
