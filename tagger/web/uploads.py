"""Receives uploaded photos, in memory only, with limits on bytes, photos, seconds and concurrent uploads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from tagger.core.config import WebSettings
from tagger.core.sentences import Sentence
from tagger.web.problems import ProblemError

MAX_PHOTOS = 20
# Uploads received at the same time, and how many times `web.upload_mb` they may hold in memory together.
_AT_ONCE = 64
_TOGETHER = 4
# What surrounds the photos in a multipart body.
_AROUND = 64 << 10


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo that was sent. `path` opens it: it has no name in any folder, only a descriptor of this process."""

    name: str
    path: str


class Uploads:
    """Counts what is being received. `bytes`: what all uploads hold together."""

    def __init__(self, settings: WebSettings) -> None:
        self._limit = settings.upload_mb << 20
        self._seconds = settings.upload_seconds
        self._busy = 0
        self.bytes = 0

    @asynccontextmanager
    async def received(
        self, request: Request, split: Callable[[bytes], list[bytes]] | None = None
    ) -> AsyncIterator[list[Upload]]:
        """The photos of a request's body: one as it is, or several as multipart/form-data.

        `split` takes them out of a body of another form, in which they are no smaller. Raises ProblemError where it is
        too large, too slow, too many at once, or no photo.
        """
        if self._busy >= _AT_ONCE:
            raise _busy()
        self._busy += 1
        held = _Held(self)
        files: list[tuple[str, int]] = []
        try:
            async with asyncio.timeout(self._seconds):
                if split is not None:
                    files = await self._split(request, held, split)
                elif request.headers.get("content-type", "").startswith("multipart/"):
                    files = await self._several(request, held)
                else:
                    files = [await self._one(request, held)]
            if not files:
                raise ProblemError(
                    400,
                    Sentence("There is no photo in it."),
                    Sentence("Send one as the body, or several as form files."),
                )
            here = f"/proc/{os.getpid()}/fd"
            yield [Upload(name, f"{here}/{descriptor}") for name, descriptor in files]
        except TimeoutError as error:
            raise ProblemError(
                408,
                Sentence("The photo did not arrive within {seconds:g} s.", seconds=self._seconds),
                Sentence("web.upload_seconds allows more."),
            ) from error
        except ClientDisconnect as error:
            raise ProblemError(400, Sentence("The upload was broken off.")) from error
        finally:
            for _, descriptor in files:
                os.close(descriptor)
            self.bytes -= held.bytes
            self._busy -= 1

    async def _one(self, request: Request, held: _Held) -> tuple[str, int]:
        descriptor = _memory()
        try:
            async for part in self._stream(request, held):
                os.write(descriptor, part)
            if os.lseek(descriptor, 0, os.SEEK_CUR) == 0:
                raise ProblemError(400, Sentence("The request has no body."), Sentence("Send a photo as the body."))
        except BaseException:
            os.close(descriptor)
            raise
        return request.headers.get("x-name", "photo")[:200], descriptor

    async def _several(self, request: Request, held: _Held) -> list[tuple[str, int]]:
        stream = self._stream(request, held)
        parser = MultiPartParser(request.headers, stream, max_files=MAX_PHOTOS, max_fields=10)
        # Larger files would be spilled to a disk, and an upload is never stored.
        parser.spool_max_size = self._limit + _AROUND
        try:
            form = await parser.parse()
        except (MultiPartException, FormParserError) as error:
            raise ProblemError(400, Sentence("The form cannot be read: {error}", error=error)) from error
        found: list[tuple[str, int]] = []
        try:
            for _, value in form.multi_items():
                if isinstance(value, UploadFile):
                    descriptor = _memory()
                    found.append(((value.filename or "photo")[:200], descriptor))
                    os.write(descriptor, await value.read())
        except BaseException:
            for _, descriptor in found:
                os.close(descriptor)
            raise
        finally:
            await form.close()
        return found

    async def _split(
        self, request: Request, held: _Held, split: Callable[[bytes], list[bytes]]
    ) -> list[tuple[str, int]]:
        body = b"".join([part async for part in self._stream(request, held)])
        found: list[tuple[str, int]] = []
        try:
            for photo in split(body):
                held.add(len(photo))
                found.append(("photo", _memory()))
                os.write(found[-1][1], photo)
        except BaseException:
            for _, descriptor in found:
                os.close(descriptor)
            raise
        return found

    async def _stream(self, request: Request, held: _Held) -> AsyncGenerator[bytes, None]:
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._limit + _AROUND:
            raise self._too_large()
        async for part in request.stream():
            held.add(len(part))
            if held.bytes > self._limit + _AROUND:
                raise self._too_large()
            if self.bytes > _TOGETHER * self._limit:
                raise _busy()
            yield part

    def _too_large(self) -> ProblemError:
        return ProblemError(
            413,
            Sentence("The upload has more than {limit} MB.", limit=self._limit >> 20),
            Sentence(
                "It would pass with a larger web.upload_mb (now {limit}); or send fewer at once.",
                limit=self._limit >> 20,
            ),
        )


class _Held:
    """The bytes that one upload holds."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self.bytes = 0

    def add(self, number: int) -> None:
        self.bytes += number
        self._uploads.bytes += number


def _memory() -> int:
    """A file that is nowhere but in memory, and gone when it is closed."""
    return os.memfd_create("upload", os.MFD_CLOEXEC)


def _busy() -> ProblemError:
    return ProblemError(
        503,
        Sentence("Too many photos are being sent at once."),
        Sentence("Try again shortly."),
        {"Retry-After": "10"},
    )
