"""Objects in S3-compatible storage: listing and reading them, by s3fs (fsspec), which is imported when first needed.

An object that is read is an unnamed file in memory (on disk if it is large), so that whatever reads a descriptor reads
objects, too; no copy outlives its reading. Everything raises ObjectError, whose words are for people; what is only
temporary was tried several times before.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any, TypeVar

from tagger.core.config import LimitSettings, StorageSettings
from tagger.core.os_words import ObjectError
from tagger.core.paths import OBJECTS, shown_path
from tagger.core.photo import Fingerprint

NOT_INSTALLED = "what reads object storage is not installed here; install it with: pip install 'tagger-photos[s3]'"
# Objects up to this size are kept in memory while they are read.
_MEMORY_BYTES = 64 << 20
_CHUNK = 1 << 20
# Seconds before what failed for a reason that may pass is tried again.
_PAUSES = (0.3, 1.0, 3.0)
_TIMEOUT_SECONDS = 30
_PAGE = 1000
_VARIABLE, _LIMIT = "TAGGER_STORAGE_", "TAGGER_LIMITS_FILE_MB"
_BAD_CREDENTIALS = frozenset(
    "InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken InvalidToken RequestTimeTooSkewed".split()
)
_ELSEWHERE = frozenset("301 PermanentRedirect TemporaryRedirect AuthorizationHeaderMalformed".split())
_BUSY = frozenset("SlowDown ServiceUnavailable InternalError RequestTimeout Throttling ThrottlingException 503".split())

T = TypeVar("T")


class _Access:
    """The storage as this process reaches it; connected at the first question."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._settings: StorageSettings | None = None
        self._files: Any = None
        self._process = 0
        self.limit_bytes = LimitSettings().file_mb << 20

    def use(self, settings: StorageSettings, limit_bytes: int) -> None:
        with self._lock:
            if settings != self._settings:
                self._settings, self._files = settings, None
            self.limit_bytes = limit_bytes

    def settings(self) -> StorageSettings:
        if self._settings is None:
            # A child process, which has them from `environment`.
            names = {name: os.environ.get(_VARIABLE + name.upper(), "") for name in StorageSettings.model_fields}
            self._settings = StorageSettings(**names)
            self.limit_bytes = int(os.environ.get(_LIMIT, LimitSettings().file_mb)) << 20
        return self._settings

    def files(self) -> Any:
        with self._lock:
            if self._files is None or self._process != os.getpid():
                self._files, self._process = self._connected(), os.getpid()
            return self._files

    def _connected(self) -> Any:
        if importlib.util.find_spec("s3fs") is None:
            raise ObjectError(errno.EIO, NOT_INSTALLED)
        import s3fs
        from fsspec.asyn import sync

        settings = self.settings()
        # Tried again by `_patiently`, which tries again what fails while a body is read, too.
        retries = {"mode": "standard", "total_max_attempts": 1}
        times = {"connect_timeout": _TIMEOUT_SECONDS // 3, "read_timeout": _TIMEOUT_SECONDS}
        files = s3fs.S3FileSystem(
            endpoint_url=settings.endpoint_url or None,
            key=settings.access_key or None,
            secret=settings.secret_key or None,
            token=settings.session_token or None,
            client_kwargs={"region_name": settings.region} if settings.region else {},
            config_kwargs={"retries": retries, **times},
            skip_instance_cache=True,
        )
        try:
            sync(files.loop, files.set_session)
        except Exception as error:
            raise _told(error, OBJECTS) from error
        return files


_access = _Access()


def use(settings: StorageSettings, limits: LimitSettings) -> None:
    """Say where the storage is, and how large objects may be, for all of this process. Connects to nothing."""
    _access.use(settings, limits.file_mb << 20)


def environment() -> dict[str, str]:
    """What a child process needs in its environment to reach the same storage."""
    settings = _access.settings()
    names = {_VARIABLE + name.upper(): value for name, value in settings.model_dump().items() if value}
    return names | {_LIMIT: str(_access.limit_bytes >> 20)} if names else {}


def is_installed() -> bool:
    """Whether object storage can be read by this installation."""
    return importlib.util.find_spec("s3fs") is not None


def split(address: str) -> tuple[str, str]:
    """An address as its bucket and the object's key. Every other character of the key counts as it is."""
    bucket, _, key = address[len(OBJECTS) :].partition("/")
    return bucket, key


def listing(folder: str) -> Iterator[tuple[str, Fingerprint]]:
    """Every object below a folder, by its key without the folder, in the order of UTF-8 that S3 lists in.

    Holds a page of a thousand at a time.
    """
    bucket, prefix = _folder(folder)
    after: dict[str, str] = {}
    while True:
        page = _page(folder, Bucket=bucket, Prefix=prefix, MaxKeys=_PAGE, **after)
        for one in page.get("Contents", ()):
            yield one["Key"][len(prefix) :], _fingerprint(one["Size"], one["LastModified"], one.get("ETag"))
        if not page.get("IsTruncated"):
            return
        after = {"ContinuationToken": page["NextContinuationToken"]}


def has_objects(folder: str) -> bool:
    """Whether there is any object below a folder."""
    bucket, prefix = _folder(folder)
    page = _page(folder, Bucket=bucket, Prefix=prefix, MaxKeys=1)
    return bool(page.get("Contents"))


def object_state(address: str) -> Fingerprint | None:
    """The fingerprint of an object; None if there is none."""
    bucket, key = split(address)
    try:
        found = _ask(address, lambda s3: s3.head_object(Bucket=bucket, Key=key))
    except FileNotFoundError:
        return None
    return _fingerprint(found["ContentLength"], found["LastModified"], found.get("ETag"))


@contextmanager
def open_object(address: str) -> Iterator[tuple[int, Fingerprint]]:
    """An object as the descriptor of an unnamed file, with the object's fingerprint and time, read by one request."""
    bucket, key = split(address)

    async def read(s3: Any) -> tuple[IO[bytes], Fingerprint]:
        answer = await s3.get_object(Bucket=bucket, Key=key)
        body, size = answer["Body"], int(answer["ContentLength"])
        try:
            if size > _access.limit_bytes:
                limit = _access.limit_bytes >> 20
                raise ObjectError(
                    errno.EFBIG, f"it has {size / 2**20:,.0f} MB, more than limits.file_mb = {limit} allows", address
                )
            file = _unnamed(size)
            try:
                while block := await body.read(_CHUNK):
                    file.write(block)
                file.flush()
                if file.tell() != size:
                    raise ConnectionResetError
            except BaseException:
                file.close()
                raise
        finally:
            body.close()
        return file, _fingerprint(size, answer["LastModified"], answer.get("ETag"))

    file, fingerprint = _ask(address, read)
    with file:
        file.seek(0)
        os.utime(file.fileno(), ns=(fingerprint.mtime_ns, fingerprint.mtime_ns))
        yield file.fileno(), fingerprint


def first_bytes(address: str, count: int) -> bytes:
    """The first bytes of an object, at most `count`."""
    bucket, key = split(address)

    async def read(s3: Any) -> bytes:
        answer = await s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{count - 1}")
        try:
            return bytes(await answer["Body"].read(count))
        finally:
            answer["Body"].close()

    return _ask(address, read)


def _folder(address: str) -> tuple[str, str]:
    bucket, key = split(address)
    return bucket, f"{key}/" if key else ""


def _page(address: str, **question: Any) -> dict[str, Any]:
    found: dict[str, Any] = _ask(address, lambda s3: s3.list_objects_v2(**question))
    return found


def _unnamed(size: int) -> IO[bytes]:
    if size <= _MEMORY_BYTES:
        return os.fdopen(os.memfd_create("photo", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile(prefix="tagger-")


def _fingerprint(size: int, modified: datetime, etag: str | None) -> Fingerprint:
    """What shows whether an object changed. Headers tell its time in whole seconds, so listings' fractions are cut."""
    number = None
    if etag:
        number = int.from_bytes(hashlib.blake2b(etag.strip('"').encode(), digest_size=8).digest()) >> 1
    return Fingerprint(int(size), int(modified.timestamp()) * 10**9, number)


def _ask(address: str, question: Callable[[Any], Awaitable[T]]) -> T:
    """The storage's answer to a question about an address."""
    from fsspec.asyn import sync

    files = _access.files()
    return sync(files.loop, _patiently, files, address, question)  # type: ignore[no-any-return]


async def _patiently(files: Any, address: str, question: Callable[[Any], Awaitable[T]]) -> T:
    import asyncio

    bucket = split(address)[0]
    for pause in (*_PAUSES, None):
        try:
            return await question(await files.get_s3(bucket))
        except Exception as error:
            told = _told(error, address)
            if told.errno != errno.ETIMEDOUT or pause is None:
                raise told from error
        await asyncio.sleep(pause)
    raise AssertionError("the last pause is None")


def _told(error: Exception, address: str) -> OSError:
    """An error of a library for people. ETIMEDOUT: it may pass."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    bucket = split(address)[0]
    if isinstance(error, ObjectError):
        return error
    if isinstance(error, exceptions.ClientError):
        return _answered(error, address)
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return ObjectError(
            errno.EIO,
            "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or [storage] in the config",
            address,
        )
    if isinstance(error, exceptions.ParamValidationError):
        return ObjectError(errno.EINVAL, f"{shown_path(bucket)!r} is no name of a bucket", address)
    cut = (exceptions.HTTPClientError, exceptions.ConnectionError, ConnectionError, TimeoutError, ResponseParserError)
    if isinstance(error, cut):
        return ObjectError(errno.ETIMEDOUT, f"{_server()} does not answer, or broke off", address)
    if type(error).__module__.partition(".")[0] == "aiohttp":
        return ObjectError(errno.ETIMEDOUT, f"the connection to {_server()} was cut", address)
    if isinstance(error, OSError):
        return error
    if isinstance(error, RecursionError):
        # botocore follows redirections without end.
        return _elsewhere(address)
    if isinstance(error, exceptions.BotoCoreError | ValueError):
        return ObjectError(errno.EIO, f"the storage cannot be asked: {' '.join(str(error).split())}", address)
    raise error


def _answered(error: Any, address: str) -> OSError:
    """What the storage said, for people."""
    bucket = shown_path(split(address)[0])
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return ObjectError(errno.EIO, f"there is no bucket {bucket}", address)
    if code in _BUSY or status >= 500 or status == 429:
        return ObjectError(errno.ETIMEDOUT, f"{_server()} is busy or has a fault ({code or status})", address)
    if code in _BAD_CREDENTIALS:
        return ObjectError(errno.EIO, f"{_server()} does not accept the credentials ({code})", address)
    if code in _ELSEWHERE or status in (301, 307):
        return _elsewhere(address)
    if code == "InvalidObjectState":
        return ObjectError(errno.EACCES, "it is archived; have the storage restore it first", address)
    if code == "InvalidRange":
        return ObjectError(errno.ENODATA, "it is empty", address)
    if status == 404:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), address)
    if status == 403:
        return ObjectError(
            errno.EACCES,
            "access was denied; the credentials must have the rights to list the bucket and to read it",
            address,
        )
    return ObjectError(errno.EIO, f"{_server()} refused it ({code or status})", address)


def _elsewhere(address: str) -> ObjectError:
    bucket = shown_path(split(address)[0])
    return ObjectError(errno.EIO, f"the bucket {bucket} is in another region; set storage.region", address)


def _server() -> str:
    return _access.settings().endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "") or "the storage"
