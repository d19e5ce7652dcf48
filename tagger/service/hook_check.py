"""Whether hooks can be told: what `tagger doctor` and `tagger status` say of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.core.numbers import count
from tagger.inference.download import why_unreachable
from tagger.service.hooks import is_readable_on_the_way, shown_hook
from tagger.store.deliveries import waiting_for
from tagger.store.session import open_store


@dataclass(frozen=True, slots=True)
class HookFinding:
    """What is to be said of a hook. `cure`: what to do; empty if it is well."""

    text: str
    cure: str = ""


def check_hooks(settings: Settings) -> Iterator[HookFinding]:
    """Look at each hook that is set; asks for a connection to the address, and sends nothing."""
    hooks = settings.hooks
    waiting = _waiting(settings) if hooks.names else {}
    for name in hooks.names:
        where = shown_hook(hooks, name)
        if name == "command" and shutil.which(hooks.command[0]) is None:
            yield HookFinding(f"{where} cannot be run: there is no such program", "Correct hooks.command.")
            continue
        if name == "labelled" and is_readable_on_the_way(hooks.labelled):
            yield HookFinding(
                f"{where}: whoever is on the way can read the paths and labels that are sent", "Use https://."
            )
        unreachable = why_unreachable(hooks.labelled) if name == "labelled" else ""
        wait = waiting.get(name, 0)
        waits = f"; {count(wait, 'photo waits', 'photos wait')} to be told" if wait else ""
        if unreachable:
            yield HookFinding(
                f"{where} cannot be reached ({unreachable}){waits}", "Nothing is lost: it is told when it answers."
            )
        else:
            yield HookFinding(f"{where} is told of photos that were labelled{waits}")


def waiting_hooks(session: Session, settings: Settings) -> dict[str, int]:
    """How many photos each hook that is set has yet to be told of, by its name."""
    return {name: waiting_for(session, name)[0] for name in settings.hooks.names}


def _waiting(settings: Settings) -> dict[str, int]:
    try:
        with open_store(settings) as store, store.read() as session:
            return waiting_hooks(session, settings)
    except StoreError:
        # The doctor tells of it elsewhere.
        return {}
