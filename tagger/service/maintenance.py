"""What keeps a library in order over the years: dropping what is gone for good, tidying, backups."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from tagger.core import events
from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.inference.witnesses import stored_witnesses
from tagger.store.features import drop_old_features
from tagger.store.models import Model
from tagger.store.photos import drop_missing
from tagger.store.results import settled_on
from tagger.store.session import Store

BACKUPS = "backups"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was done. `backup`: the file written, or None."""

    dropped_photos: int
    dropped_features: int
    backup: Path | None


def tidy(store: Store, settings: Settings, model: Model | None, clock: Clock) -> Tidied:
    """Drop photos that have been missing for long and other models' features, tidy the database, back it up.

    Features of another model stay until every photo was labelled by this one for as long as missing photos are kept,
    so that going back to it costs nothing meanwhile. Raises StoreError.
    """
    before = clock.now() - settings.service.keep_missing_days * 86400
    with store.write() as session:
        photos = drop_missing(session, before)
        features = 0
        if model is not None and settled_on(session, model, before):
            features = drop_old_features(session, model, stored_witnesses(session, settings, model).words)
    backup = None
    if store.engine.dialect.name == "sqlite":
        with store.engine.connect() as connection:
            connection.execute(text("PRAGMA optimize"))
        if settings.service.keep_backups:
            backup = back_up(Path(store.where), settings.data_dir / BACKUPS, settings.service.keep_backups, clock)
    return Tidied(photos, features, backup)


def backed_up_at(data_dir: Path) -> float | None:
    """When the library was copied last, in seconds since the epoch; None if there is no copy."""
    newest = max((data_dir / BACKUPS).glob("library-*.db"), default=None)
    try:
        return None if newest is None else newest.stat().st_mtime
    except FileNotFoundError:
        # It was dropped for a newer one just now.
        return None


def back_up(database: Path, folder: Path, keep: int, clock: Clock) -> Path:
    """Copy a SQLite database while it is in use, whole or not at all, and keep the newest `keep` copies."""
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"library-{stamp}.db"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with replacing(path, mode=0o600) as unfinished:
            connection = sqlite3.connect(database.absolute().as_uri() + "?mode=ro", uri=True)
            try:
                # Into a file that is empty.
                connection.execute("VACUUM INTO ?", (str(unfinished),))
            finally:
                connection.close()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"The backup {path} cannot be written: {error}.", "Free some space, or set service.keep_backups = 0."
        ) from error
    for old in sorted(folder.glob("library-*.db"))[:-keep]:
        old.unlink()
        _LOG.info(events.BACKUP_DROPPED(file=old.name))
    return path
