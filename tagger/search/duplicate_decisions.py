"""Which near-duplicates a person decided to keep, and which not: a file beside the database. Nothing is ever deleted.

A decision holds for a photo as it was looked at: where its content is another now, it is open again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tagger.core.atomic_file import replacing
from tagger.core.errors import StoreError
from tagger.core.os_words import why
from tagger.system.file_lock import exclusive_lock

FILE = "duplicates.json"
_LOCK = ".duplicates.lock"
# So many batches can be taken back.
_BATCHES = 50
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a photo. `instead`: the photo that is kept in its place, 0 for none; `hash`: its content."""

    keep: bool
    hash: str
    instead: int = 0


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions, by the photos' ids."""

    by_photo: Mapping[int, Decision]

    def of(self, photo_id: int, content_hash: str) -> bool | None:
        """Whether a photo is kept; None where that is open."""
        found = self.by_photo.get(photo_id)
        return None if found is None or found.hash != content_hash else found.keep


def read_decisions(data_dir: Path) -> Decisions:
    """What was decided so far. Raises StoreError where the file is damaged."""
    return Decisions({int(number): _decision(told) for number, told in _read(data_dir)["decisions"].items()})


def decide(data_dir: Path, said: Mapping[int, Decision | None]) -> int:
    """Keep decisions, all or none; None opens a photo again. Returns the number by which it can be taken back.

    Raises StoreError.
    """

    def change(known: dict[str, Any]) -> int:
        number = int(known["last"]) + 1
        before = {str(photo): known["decisions"].get(str(photo)) for photo in said}
        for photo, decision in said.items():
            if decision is None:
                known["decisions"].pop(str(photo), None)
            else:
                known["decisions"][str(photo)] = _told(decision)
        known["last"] = number
        known["before"][str(number)] = before
        for old in sorted(map(int, known["before"]))[:-_BATCHES]:
            del known["before"][str(old)]
        return number

    return _changed(data_dir, change)


def take_back(data_dir: Path, number: int) -> int | None:
    """Make photos as they were before some decisions; returns how many, None if there were none. Raises StoreError."""

    def change(known: dict[str, Any]) -> int | None:
        before = known["before"].pop(str(number), None)
        if before is None:
            return None
        for photo, told in before.items():
            if told is None:
                known["decisions"].pop(photo, None)
            else:
                known["decisions"][photo] = told
        return len(before)

    return _changed(data_dir, change)


def _changed(data_dir: Path, change: Callable[[dict[str, Any]], _Answer]) -> _Answer:
    try:
        with exclusive_lock(data_dir / _LOCK):
            known = _read(data_dir)
            found = change(known)
            with replacing(data_dir / FILE) as temporary:
                temporary.write_text(json.dumps(known, separators=(",", ":")), encoding="utf-8")
            return found
    except OSError as error:
        raise StoreError(f"{data_dir / FILE} cannot be written: {why(error)}.") from error


def _read(data_dir: Path) -> dict[str, Any]:
    path = data_dir / FILE
    try:
        found = json.loads(path.read_bytes())
        # Raises for what is no decision, before it is acted on.
        for number, told in found["decisions"].items():
            int(number), _decision(told)
        return {"last": int(found["last"]), "decisions": dict(found["decisions"]), "before": dict(found["before"])}
    except FileNotFoundError:
        return {"last": 0, "decisions": {}, "before": {}}
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {why(error)}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged.", "Delete it; what to keep is then to be decided anew.") from error


def _decision(told: Mapping[str, Any]) -> Decision:
    return Decision(bool(told["keep"]), str(told["hash"]), int(told.get("instead", 0)))


def _told(decision: Decision) -> dict[str, Any]:
    found: dict[str, Any] = {"keep": decision.keep, "hash": decision.hash}
    return found | {"instead": decision.instead} if decision.instead else found
