"""Everything that the service logs: each event has a name that stays, fields, and a sentence for people.

    _LOG.info(events.BATCH(photos=8, failed=0, seconds=0.5, run=3))

docs/logs.md lists them. A name is not changed and a field not taken away, because rules of others look for them.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any

_COUNTS = "counts"


@dataclass(frozen=True, slots=True)
class Told:
    """An event that happened. As text, it is the sentence for people."""

    event: Event
    fields: dict[str, Any]

    def __str__(self) -> str:
        counts = ", ".join(_counted(self.fields[name], name) for name in self.event.counts if self.fields[name])
        text = self.event.one if self.event.one and 1 in self.fields.values() else self.event.text
        return text.format(**self.fields, **({_COUNTS: counts or "nothing"} if self.event.counts else {}))


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name.removesuffix('s') if number == 1 else name}"


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event. `text`: a sentence with {field}s; {counts} stands for the numbers in `counts` that are not 0.

    `besides`: the names of fields that the sentence leaves out. `one`: the sentence where the number in it is 1.
    """

    name: str
    text: str
    counts: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    one: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, in the order of the sentence."""
        named = [name for _, name, _, _ in string.Formatter().parse(self.text) if name and name != _COUNTS]
        return tuple(dict.fromkeys((*named, *self.counts, *self.besides)))

    def __call__(self, **fields: Any) -> Told:
        """The event with its fields. Raises TypeError if one is missing or too many."""
        if set(fields) != set(self.fields):
            raise TypeError(f"{self.name} has the fields {self.fields}, not {tuple(fields)}")
        return Told(self, fields)


_CHANGES = ("new", "changed", "moved", "back", "gone")

# The service as a whole.
READY = Event("ready", "ready: {folders} folders", one="ready: {folders} folder")
STOPPING = Event("stopping", "stopping after the photos in hand")
STOPPED_LATE = Event("stopped_late", "the photos in hand took too long; the next start goes on with them")
WAITING = Event("waiting", "waiting: {why}")
GOING_ON = Event("going_on", "going on")
RELOADED = Event("reloaded", "settings reloaded")
RELOAD_REFUSED = Event("reload_refused", "the new settings are refused, going on with the old ones: {why}")
RELOAD_LATER = Event("reload_later", "the new settings wait for the photos in hand")
RESTART_NEEDED = Event("restart_needed", "restart the service for the new settings of: {settings}")
FAILED = Event("failed", "{part} failed")
UPKEEP = Event("upkeep", "upkeep: {counts}; backup: {backup}", ("dropped_photos", "dropped_features"))
UPKEEP_FAILED = Event("upkeep_failed", "upkeep: {why}")
BACKUP_DROPPED = Event("backup_dropped", "dropped the backup {file}")
NOT_NOTIFIED = Event("systemd_not_told", "systemd could not be told: {why}")
QUESTION_FAILED = Event("question_failed", "another process was not answered: {why}")
# Folders and their files.
NOTICED = Event("noticed", "noticed {folder}: {counts}", _CHANGES)
LOOKED_THROUGH = Event("looked_through", "looked through {folder}: {counts}", _CHANGES)
LOOKED_AGAIN = Event("looked_again", "{folder} is looked through again: {why}")
POLLED = Event("polled", "{folder} is polled: {why}")
HELD = Event("held", "{folder} is left alone: {why}")
RELEASED = Event("released", "{folder} is as it was again: {counts}", ("gone",))
STANDS_BY = Event("stands_by", "{folder} is watched by another service; this one takes over when that ends")
TAKEN_OVER = Event("taken_over", "{folder}: nobody else watches it any longer, so this service does")
FORGOTTEN = Event("forgotten", "{folder} was forgotten")
UNREADABLE = Event("unreadable", "cannot be looked at: {folder}: {why}")
# Labelling.
BATCH = Event("batch", "labelled: {counts}, {seconds:.2f} seconds", ("photos", "failed"), ("run",))
PHOTO_FAILED = Event("photo_failed", "{photo}: {why}", besides=("run",))
MODEL_CHANGED = Event(
    "model_changed",
    "{photos:,} photos were labelled by another model and will be looked at again",
    one="{photos} photo was labelled by another model and will be looked at again",
)
LOOKED_LATER = Event(
    "looked_later",
    "{photos:,} photos will be looked at for people and things",
    one="{photos} photo will be looked at for people and things",
)
HEADERS_READ = Event("headers_read", "headers: {photos:,} read")
RELABELLED = Event("relabelled", "relabelled: {counts}", ("photos", "changed"))
NOT_RELABELLED = Event("not_relabelled", "photos of {model} were not relabelled: {why}")
SUBSTITUTE = Event("substitute", "{why}")
MODEL_RESTS = Event("model_rests", "nothing to do: the model's process ended")
MODEL_WARNED = Event("model_warned", "{why}")
FETCHING = Event("fetching", "fetching the model's weights: {percent:.0f} % of {megabytes:.0f} MB")
FETCHED = Event("fetched", "the weights of {model} are here now")
NOT_FETCHED = Event("not_fetched", "{why}")
TAUGHT = Event("taught", "taught {label}: {what}")
NOT_TAUGHT = Event("not_taught", "teaching: {why}")
SEARCH_NOT_PREPARED = Event("search_not_prepared", "searching by descriptions is not prepared: {why}")
CLUSTER_FAILED = Event("cluster_failed", "Ray gave up")
# Keywords in files.
KEYWORDS_DUE = Event(
    "keywords_due",
    "the keywords of {photos:,} photos are to be written",
    one="the keywords of {photos} photo are to be written",
)
KEYWORDS = Event("keywords", "keywords: {counts}", ("files", "sidecars", "bytes", "failed"), ("run",))
KEYWORDS_FAILED = Event("keywords_failed", "keywords failed: {why}")
# Hooks.
HOOK_TOLD = Event("hook_told", "{hook} was told of {photos:,} photos", one="{hook} was told of {photos} photo")
HOOK_FAILED = Event("hook_failed", "{hook}: {why}; tried again in {seconds:.0f} s")
# The web page.
NO_PASSWORD = Event(
    "no_password", "the page has no password yet: open {address}setup and choose one with the code {code}"
)
UNKNOWN_PROXY = Event(
    "unknown_proxy",
    "{client} passes requests on for others, but is not in web.trusted_proxies: what it says of them is not believed, "
    "and all of them count as one",
)
PAGE_WAITS = Event("page_waits", "the page is not prepared: {why}")
TASK_FAILED = Event("task_failed", "{task}, started on the page, failed: {why}")
CHILD_ENDED = Event("child_ended", "{part} ended with code {code} and starts again in {seconds:g} s")
CHILD_REFUSED = Event("child_refused", "{part}: its settings are refused, see above; going on without it")

EVENTS: dict[str, Event] = {one.name: one for one in list(globals().values()) if isinstance(one, Event)}
