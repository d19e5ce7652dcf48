"""The right to write keywords: of one process on a machine, and for the files of a root of one machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from tagger.core.errors import BusyError
from tagger.core.paths import shown_path
from tagger.store.duties import Duties, is_shared
from tagger.store.library import Library
from tagger.store.lock import WRITE_LOCK, work_lock
from tagger.store.roots import all_roots


@contextmanager
def write_lock(
    library: Library, command: str, root_ids: Collection[int] | None = None, *, some_will_do: bool = False
) -> Iterator[tuple[str, Library]]:
    """Hold it for some roots (None: for all that are this process's).

    Gives the name of the holder, as an owner of leases, and the library of just these roots. Where machines share a
    library in PostgreSQL, one would take the other's unfinished writes for those of a dead process, and settle them.
    `some_will_do`: leave out roots in which somebody else writes. Raises BusyError, StoreError.
    """
    with work_lock(library.settings.data_dir, command, WRITE_LOCK) as owner:
        if not is_shared(library.store):
            yield owner, library
            return
        with closing(Duties(library.store)) as duties:
            wanted = library.here() if root_ids is None else root_ids
            with library.store.read() as session:
                roots = [root for root in all_roots(session) if wanted is None or root.id in wanted]
            # By path, so that of two that begin at once one gets everything.
            taken = [root for root in roots if not duties.hold(f"writing keywords in root {root.id}")]
            if taken and (len(taken) == len(roots) or not some_will_do):
                raise BusyError(
                    f"Another tagger is writing keywords in {shown_path(taken[0].path)}, perhaps on another machine.",
                    "Wait for it or stop it; what you asked for is safe to run again.",
                )
            mine = tuple(root.id for root in roots if root not in taken)
            yield owner, replace(library, here=lambda: mine)
