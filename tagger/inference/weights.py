"""The weights file: found on this disk or fetched once, and verified before every use. No TensorFlow here.

Keras publishes an MD5 sum for most of its weights and no SHA-256 for any. So a fetched file is checked against that
MD5 sum where there is one, its SHA-256 is written beside it, and from then on a file with another SHA-256 is
refused. Who knows the right SHA-256 can demand it with `model.sha256`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tagger import __version__
from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import ConfigError, ModelUnavailableError, WeightsError
from tagger.inference.registry import MODELS_FOLDER, Architecture

FOLDER = MODELS_FOLDER
_CHECKSUMS = "checksums.json"
_TIMEOUT = 30.0
_TRIES = 4
_CHUNK = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Fetching = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A weights file that may be used. `verified_by`: how it is known to be the right one, for people."""

    path: Path
    sha256: str
    verified_by: str


def address(settings: Settings, architecture: Architecture) -> str:
    """Where the weights are fetched from; empty for trained ones. Raises ConfigError for an unsafe address."""
    if architecture.network is not None:
        return ""
    if not settings.model.source:
        return architecture.url
    url = settings.model.source.rstrip("/") + "/" + architecture.file_name
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ConfigError(f"model.source = {settings.model.source!r} is not allowed. Allowed: an https:// address.")
    return url


def weights_path(settings: Settings, architecture: Architecture) -> Path:
    """Where fetched weights are kept."""
    return settings.data_dir / FOLDER / architecture.file_name


def find(settings: Settings, architecture: Architecture) -> WeightsFile | None:
    """The weights that are on this disk: the configured file, or what was fetched before; None if there are none.

    Raises WeightsError if they are not what they should be, ModelUnavailableError if the configured file is missing.
    """
    local = settings.model.weights
    if local is not None:
        if not local.is_file():
            raise ModelUnavailableError(
                f"The weights file {local} does not exist.", "Correct model.weights, TAGGER_MODEL_WEIGHTS or --weights."
            )
        checksum = sha256_of(local, settings.data_dir)
        _demand(settings, local, checksum)
        return WeightsFile(
            local, checksum, "against model.sha256" if settings.model.sha256 else "your own file, taken as it is"
        )
    path = weights_path(settings, architecture)
    if not path.is_file():
        return None
    checksum = sha256_of(path, settings.data_dir)
    _demand(settings, path, checksum)
    if architecture.sha256:
        if checksum != architecture.sha256:
            raise WeightsError(
                f"{path} does not hold the weights that {architecture.name} was trained to: its SHA-256 is {checksum}.",
                "Put the right file back, or train it again: tagger train",
            )
        return WeightsFile(path, checksum, "against the SHA-256 that was noted when it was trained")
    pin = _pin_of(path)
    pinned = pin.read_text().split()[0] if pin.is_file() else None
    if pinned is None:
        # Put there by hand; what Keras publishes decides.
        _check_md5(path, architecture)
        pin.write_text(f"{checksum}  {path.name}\n")
    elif pinned != checksum:
        raise WeightsError(
            f"{path} is not the file that was fetched: its SHA-256 is {checksum}, it was {pinned}.",
            f"Delete it and run: tagger model fetch {architecture.name}",
        )
    return WeightsFile(path, checksum, _verified_by(settings, architecture))


def locate(settings: Settings, architecture: Architecture, fetching: Fetching) -> WeightsFile:
    """The weights, fetched if they are not on this disk. Raises ModelUnavailableError, WeightsError, ConfigError."""
    found = find(settings, architecture)
    if found is None and architecture.network is not None:
        raise ModelUnavailableError(
            f"The weights of {architecture.name}, which was trained here, are gone: there is no "
            f"{weights_path(settings, architecture)}.",
            "Put the file back from a backup, or train it again: tagger train",
        )
    if found is None and settings.model.download:
        found = fetch(settings, architecture, fetching)
    if found is None:
        raise _unavailable(settings, architecture, "model.download is off")
    return found


def fetch(
    settings: Settings, architecture: Architecture, fetching: Fetching, clock: Clock | None = None
) -> WeightsFile:
    """Fetch the weights into the data directory, going on where an interrupted download stopped.

    `fetching` is told bytes done and bytes in all (None while unknown). What arrives is checked before it gets its
    name; two processes at once fetch it once.
    """
    clock = clock or SystemClock()
    url = address(settings, architecture)
    path = weights_path(settings, architecture)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f".{path.name}.lock")):
        if path.is_file():
            # Another process was faster.
            found = find(settings, architecture)
            if found is not None:
                return found
        part = path.with_name(f"{path.name}.part")
        for attempt in range(1, _TRIES + 1):
            before = part.stat().st_size if part.exists() else 0
            try:
                _download(url, part, fetching)
                break
            except urllib.error.HTTPError as error:
                raise _unavailable(
                    settings, architecture, f"the server answered {error.code} {error.reason}"
                ) from error
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
                    raise _unavailable(settings, architecture, f"{path.parent}: {os.strerror(error.errno)}") from error  # type: ignore[union-attr,arg-type]
                after = part.stat().st_size if part.exists() else 0
                # Without any progress the network is not there at all; waiting would only hide that.
                if attempt == _TRIES or after == before:
                    raise _unavailable(settings, architecture, str(reason)) from error
                clock.sleep(2.0**attempt / 2)
        return _accept(settings, architecture, part, path)


def _accept(settings: Settings, architecture: Architecture, part: Path, path: Path) -> WeightsFile:
    """Check what was fetched, then give it its name."""
    checksum = _digest(part, "sha256")
    try:
        _demand(settings, part, checksum)
        if not settings.model.sha256:
            _check_md5(part, architecture)
    except WeightsError:
        part.unlink()
        _about(part).unlink(missing_ok=True)
        raise
    _pin_of(path).write_text(f"{checksum}  {path.name}\n")
    part.replace(path)
    _about(part).unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return WeightsFile(path, checksum, _verified_by(settings, architecture))


def _download(url: str, part: Path, fetching: Fetching) -> None:
    """Append to `part` what is missing of the file at `url`; what is there is kept only if the server agrees."""
    about = _about(part)
    have = part.stat().st_size if part.exists() else 0
    mark = _read_json(about).get("mark") if have else None
    request = urllib.request.Request(url, headers={"User-Agent": f"tagger/{__version__}"})
    if have and mark:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", mark)
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        # What is there is not the beginning of that file (or all of it): begin anew.
        part.unlink(missing_ok=True)
        answer = urllib.request.urlopen(url, timeout=_TIMEOUT)
    with answer:
        going_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        have = have if going_on else 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        new_mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        about.write_text(json.dumps({"mark": new_mark, "url": url}))
        with part.open("ab" if going_on else "wb") as file:
            fetching(have, total)
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                fetching(have, total)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and have < total:
        raise http.client.IncompleteRead(b"", total - have)


def sha256_of(path: Path, data_dir: Path) -> str:
    """The SHA-256 of a file, remembered as long as the file does not change: hashing 100 MB takes a NAS seconds."""
    status = path.stat()
    key = str(path.resolve())
    stamp = [status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]
    cache = data_dir / FOLDER / _CHECKSUMS
    known = _read_json(cache)
    entry = known.get(key)
    if isinstance(entry, list) and entry[:-1] == stamp:
        return str(entry[-1])
    checksum = _digest(path, "sha256")
    try:
        with replacing(cache) as temporary:
            temporary.write_text(json.dumps({**known, key: [*stamp, checksum]}, indent=1))
    except OSError:
        # It is only remembered for speed: a read-only data directory must not stop `tagger doctor`.
        return checksum
    return checksum


def _digest(path: Path, kind: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {error.strerror}.") from error


def _demand(settings: Settings, path: Path, checksum: str) -> None:
    if settings.model.sha256 and checksum != settings.model.sha256:
        raise WeightsError(
            f"{path} is not the file that model.sha256 demands: its SHA-256 is {checksum}, not {settings.model.sha256}."
        )


def _check_md5(path: Path, architecture: Architecture) -> None:
    if architecture.md5 is None:
        return
    found = _digest(path, "md5")
    if found != architecture.md5:
        raise WeightsError(
            f"{path} is not the file that Keras published as {architecture.file_name}: its MD5 sum is {found}, "
            f"not {architecture.md5}.",
            "Fetch it again; or, if these are your own weights, name the file with model.weights.",
        )


def _verified_by(settings: Settings, architecture: Architecture) -> str:
    if settings.model.sha256:
        return "against model.sha256"
    first = "against Keras' MD5 sum" if architecture.md5 else "by the secure connection (Keras publishes no sum)"
    return f"{first} when it was fetched, against its own SHA-256 since then"


def _unavailable(settings: Settings, architecture: Architecture, why: str) -> ModelUnavailableError:
    path = weights_path(settings, architecture)
    return ModelUnavailableError(
        f"The weights of {architecture.name} are not here and could not be fetched: {why}.",
        "Photos stay queued until they are. On a computer with internet, fetch\n"
        f"  {address(settings, architecture)}\n"
        f"({architecture.megabytes} MB) and put it at\n"
        f"  {path}\n"
        "or anywhere else and say where: model.weights in the config file, TAGGER_MODEL_WEIGHTS or --weights.",
    )


def _pin_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _about(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        # Missing or cut off by a crash: everything in such a file can be found out again.
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process is fetching the same file."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
