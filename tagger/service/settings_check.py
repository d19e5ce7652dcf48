"""Faults of settings that come out only when they are used, told beforehand. No library is opened."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from tagger.cluster.requirements import cluster_faults
from tagger.core.config import Settings
from tagger.core.errors import ConfigError, ModelError, StoreError, TaggerError
from tagger.core.secrets import without_passwords
from tagger.inference.lookup import architecture
from tagger.inference.selection import chosen_or_fault
from tagger.labels import taxonomy
from tagger.labels.labeller import policy_for
from tagger.labels.policy import Policy
from tagger.store.session import checked_url, no_driver


@dataclass(frozen=True, slots=True)
class SettingFault:
    """What makes no sense. `about`: the setting or its section; `cure`: what to do, or empty."""

    about: str
    text: str
    cure: str = ""

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.text, self.cure)))


def faults(settings: Settings) -> list[SettingFault]:
    """What makes no sense in settings that are valid each by itself: names that nothing has, what is not installed."""
    return [*_model_and_labels(settings), *_database(settings), *_addresses(settings)]


def _model_and_labels(settings: Settings) -> Iterator[SettingFault]:
    known = True
    try:
        architecture(settings.model.name, settings.data_dir)
    except ModelError as error:
        known = False
        yield _fault("model.name", error)
    if known:
        chosen = chosen_or_fault(settings)
        if isinstance(chosen, ModelError):
            yield _fault("model", chosen)
    try:
        if known:
            policy_for(settings)
        else:
            Policy.from_settings(settings.labels, taxonomy.load())
    except (ConfigError, ModelError) as error:
        yield _fault("labels", error)


def _database(settings: Settings) -> Iterator[SettingFault]:
    if not settings.database:
        return
    try:
        url, _ = checked_url(settings.database)
    except StoreError as error:
        yield _fault("database", error)
        return
    if url.get_backend_name() == "postgresql" and importlib.util.find_spec("psycopg") is None:
        yield _fault("database", no_driver())


def _addresses(settings: Settings) -> Iterator[SettingFault]:
    health, page = settings.service.health, settings.web.listen
    port = health.rpartition(":")[2]
    if settings.web.enabled and health and port != "0" and health == page:
        yield SettingFault(
            "service.health", f"service.health and web.listen are both {page}.", "Give one of them another port."
        )
    if settings.cluster.address:
        yield from (_fault("cluster.address", fault) for fault in cluster_faults(settings))


def _fault(about: str, error: TaggerError) -> SettingFault:
    return SettingFault(about, without_passwords(str(error.message)), without_passwords(str(error.cure)))
