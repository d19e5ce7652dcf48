"""Reading the headers and sidecars of photos that are labelled already: no photo is decoded, no model is asked.

Labelling reads them of new and changed photos in passing. This is for photos of an older tagger, and for those whose
sidecars changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tagger.core.photo import PhotoFields
from tagger.core.progress import StopCheck, never_stop
from tagger.imaging.metadata.fields import fields_at
from tagger.store.fields import Unread, read_outdated_again, save_fields, unchanged, unread_photos
from tagger.store.library import Library

# So many photos are read between two short transactions; what is read when a process dies is read again.
_PAGE = 200


def _ignore(_done: int) -> None:
    """The default of `on_read`."""


def read_headers_due(library: Library, stop: StopCheck = never_stop, on_read: Callable[[int], None] = _ignore) -> int:
    """Read every labelled photo whose fields are not stored, or until `stop()`; returns how many were read.

    Photos that cannot be read now stay due. `on_read` gets the number of photos read so far.
    """
    store, after, done = library.store, 0, 0
    with store.write() as session:
        read_outdated_again(session)
    while not stop():
        with store.read() as session:
            page = unread_photos(session, after, _PAGE, library.here())
        if not page:
            break
        after = page[-1].photo_id
        read = dict(_read(library, page, stop))
        with store.write() as session:
            # What was changed meanwhile is read when it is labelled again.
            there = unchanged(session, [photo for photo in page if photo.photo_id in read])
            save_fields(session, {number: fields for number, fields in read.items() if number in there})
        done += len(there)
        on_read(done)
    return done


def _read(library: Library, page: Sequence[Unread], stop: StopCheck) -> Iterator[tuple[int, PhotoFields]]:
    for photo in page:
        if stop():
            return
        try:
            yield photo.photo_id, fields_at(photo.path.absolute, library.settings.keywords)
        except OSError:
            # It is gone or its disk is: a scan finds that out.
            continue
