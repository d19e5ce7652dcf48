"""Several photos as one file: a zip that is made while it is sent, of the photos' own bytes."""

from __future__ import annotations

import os
import re
import secrets
import time
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from tagger.core.names import folded
from tagger.core.paths import shown_path
from tagger.core.sentences import Sentence
from tagger.store import records
from tagger.store.records import PhotoRecord
from tagger.web.context import context_of
from tagger.web.opened_photo import MissingError, opened
from tagger.web.problems import ProblemError
from tagger.web.search_pages import Library
from tagger.web.selection import Selection, selected
from tagger.web.visitor import Spoken

router = APIRouter(tags=["pictures"])
_KEPT = 50
_CHUNK = 1 << 20
# What Windows allows in no name.
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_LEFT_OUT = "not included.txt"


class DownloadOut(BaseModel):
    """What would be sent: so many photos with so many bytes. `path`: where, relative to the API's root."""

    photos: int
    bytes: int
    path: str


class Downloads:
    """The downloads that were asked for, by what nobody guesses: the last 50, until the server ends."""

    def __init__(self) -> None:
        self._wanted: OrderedDict[str, list[int]] = OrderedDict()

    def put(self, photo_ids: list[int]) -> str:
        """Keep which photos are wanted; returns by what they are asked for."""
        name = secrets.token_urlsafe(16)
        self._wanted[name] = photo_ids
        while len(self._wanted) > _KEPT:
            self._wanted.popitem(last=False)
        return name

    def find(self, name: str) -> list[int]:
        """The photos. Raises ProblemError (404) for what is not, or not any more."""
        found = self._wanted.get(name)
        if found is None:
            raise ProblemError(404, Sentence("This download is not kept any more."), Sentence("Ask for it again."))
        return found


@router.post("/downloads")
def post_download(request: Request, which: Selection, spoken: Spoken) -> DownloadOut:
    """Prepare the download of up to 10,000 photos as one zip. Nothing is read yet, and nothing changed."""
    context = context_of(request)
    ids = selected(Library(context, spoken.code), which)
    with context.store.read() as session:
        there = records.photos_by_ids(session, ids)
    present = [number for number in ids if number in there and there[number].missing_since is None]
    size = sum(there[number].fingerprint.size for number in present)
    name = request.app.state.downloads.put(present)
    return DownloadOut(photos=len(present), bytes=size, path=f"downloads/{name}")


@router.get(
    "/downloads/{name}",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "The photos' files, uncompressed, in a zip"}},
)
def get_download(
    request: Request, name: Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[\w-]+$")]
) -> StreamingResponse:
    """The photos as one zip, made while it is sent. One that cannot be read is listed in a text file in it."""
    context = context_of(request)
    ids = request.app.state.downloads.find(name)
    with context.store.read() as session:
        there = records.photos_by_ids(session, ids)
    chosen = [there[number] for number in ids if number in there]
    return StreamingResponse(
        zipped(chosen),
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="photos.zip"'},
    )


class _Sink:
    """What a zip is written into, and taken out of bit by bit; nobody can go back in it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def zipped(photos: Sequence[PhotoRecord]) -> Iterator[bytes]:
    """A zip (APPNOTE 6.3.3) of photos as they are, uncompressed, each under a name of its own; read only.

    Sizes follow behind the files (section 4.3.9), because it is not known before how long they are.
    """
    sink = _Sink()
    lost: list[str] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for record, name in zip(photos, unique_names(photos), strict=True):
            try:
                with opened(record.path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
                    about = _about(name, os.fstat(descriptor).st_mtime)
                    with archive.open(about, "w", force_zip64=record.fingerprint.size >= 1 << 31) as entry:
                        while chunk := file.read(_CHUNK):
                            entry.write(chunk)
                            yield sink.taken()
            except MissingError as error:
                lost.append(f"{shown_path(record.path.absolute)}: {error}\n")
        if lost:
            archive.writestr(_about(_LEFT_OUT, time.time()), "".join(lost))
    yield sink.taken()


def unique_names(photos: Sequence[PhotoRecord]) -> list[str]:
    """The photos' file names as every system takes them; of those that are the same to some, the later get a number."""
    taken: set[str] = {folded(_LEFT_OUT)}
    names = []
    for record in photos:
        name = _NOT_IN_NAMES.sub("_", shown_path(os.path.basename(record.path.relative))).rstrip(". ") or "photo"
        stem, ending = os.path.splitext(name)
        number = 1
        while folded(name) in taken:
            number += 1
            name = f"{stem} ({number}){ending}"
        taken.add(folded(name))
        names.append(name)
    return names


def _about(name: str, mtime: float) -> zipfile.ZipInfo:
    moment = time.localtime(max(mtime, 0))[:6]
    # Nothing before 1980 or behind 2107 can be said.
    about = zipfile.ZipInfo(name, moment if 1980 <= moment[0] <= 2107 else (1980, 1, 1, 0, 0, 0))
    about.external_attr = 0o644 << 16
    return about
