"""Fetching a weights file once: resumed where it stopped, checked before it gets its name."""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from tagger import __version__
from tagger.core import os_words
from tagger.core.atomic_file import replacing, sync_folder
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import ModelUnavailableError, WeightsError
from tagger.core.full_disk import is_full
from tagger.core.progress import OnDownload, ignore_download
from tagger.inference.registry import Architecture
from tagger.inference.weights import (
    WeightsFile,
    check_md5,
    check_sha256,
    digest_of,
    find_weights,
    pin_of,
    read_json,
    verified_by,
    weights_path,
    weights_url,
)
from tagger.system.file_lock import exclusive_lock

_TIMEOUT = 30.0
_CONNECT_SECONDS = 5.0
_TRIES = 4
_CHUNK = 1 << 20


def ensure_weights(
    settings: Settings, architecture: Architecture, on_download: OnDownload = ignore_download
) -> WeightsFile:
    """The weights, fetched if they are not on this disk. Raises ModelUnavailableError, WeightsError, ConfigError."""
    found = find_weights(settings, architecture)
    if found is None and architecture.network is None and settings.model.fetch == "auto":
        found = fetch_weights(settings, architecture, on_download)
    if found is None:
        raise missing_weights(settings, architecture)
    return found


def missing_weights(
    settings: Settings, architecture: Architecture, why: str = 'model.fetch is "never"'
) -> ModelUnavailableError:
    """What to tell a person about weights that are not here. `why`: they could not be fetched; empty: nobody tried."""
    if architecture.network is not None:
        return ModelUnavailableError(
            f"The weights of {architecture.name}, which was trained here, are gone: there is no "
            f"{weights_path(settings, architecture)}.",
            "Put the file back from a backup, or train it again: tagger train",
        )
    if not weights_url(settings, architecture):
        return ModelUnavailableError(
            f"The weights of {architecture.name} are not here, and there is no address to fetch them from.",
            "Say where they are: model.weights in the config file, TAGGER_MODEL_WEIGHTS or --weights.\n"
            'Labelling needs none of them while engine.kind is "auto": its light model is in the package.',
        )
    return ModelUnavailableError(
        f"The weights of {architecture.name} are not here {f'and could not be fetched: {why}' if why else 'yet'}.",
        "On a computer with internet, fetch\n"
        f"  {weights_url(settings, architecture)}\n"
        f"({architecture.megabytes} MB) and put it at\n"
        f"  {weights_path(settings, architecture)}\n"
        "or anywhere else and say where: model.weights in the config file, TAGGER_MODEL_WEIGHTS or --weights.",
    )


def fetch_weights(
    settings: Settings, architecture: Architecture, on_download: OnDownload, clock: Clock | None = None
) -> WeightsFile:
    """Fetch the weights into the data directory, going on where an interrupted download stopped.

    `on_download` is told bytes done and bytes in all (None while unknown). What arrives is checked before it gets its
    name; two processes at once fetch it once.
    """
    clock = clock or SystemClock()
    url = weights_url(settings, architecture)
    if not url:
        raise missing_weights(settings, architecture)
    path = weights_path(settings, architecture)
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(path.with_name(f".{path.name}.lock")):
        if path.is_file():
            # Another process was faster.
            found = find_weights(settings, architecture)
            if found is not None:
                return found
        part = path.with_name(f"{path.name}.part")
        unreachable = why_unreachable(url)
        if unreachable:
            raise missing_weights(settings, architecture, unreachable)
        for attempt in range(1, _TRIES + 1):
            before = part.stat().st_size if part.exists() else 0
            try:
                _download(url, part, on_download)
                break
            except urllib.error.HTTPError as error:
                error.close()
                why = f"the server answered {error.code} {error.reason}"
                raise missing_weights(settings, architecture, why) from error
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", error)
                if is_full(error):
                    raise missing_weights(
                        settings, architecture, f"the disk that holds {path.parent} is full"
                    ) from error
                if getattr(error, "errno", None) in (errno.EROFS, errno.EACCES):
                    why = f"{path.parent}: {os_words.why(error)}"
                    raise missing_weights(settings, architecture, why) from error
                after = part.stat().st_size if part.exists() else 0
                # Without any progress the network is not there at all; waiting would only hide that.
                if attempt == _TRIES or after == before:
                    raise missing_weights(settings, architecture, _why_broken_off(reason)) from error
                clock.sleep(2.0**attempt / 2)
        return _accept(settings, architecture, part, path)


def why_unreachable(url: str) -> str:
    """Why nothing answers at an address (or at the proxy that is set for it) within 5 seconds; empty if it does.

    A firewall that drops packets would hold a request up for minutes, and a name server that does not answer, too.
    """
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    result: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), _CONNECT_SECONDS).close()
        except OSError as error:
            result.append(os_words.why(error))
        else:
            result.append("")

    # In a thread, because asking for the name cannot be limited in time.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_CONNECT_SECONDS)
    why = result[0] if result else f"no answer within {_CONNECT_SECONDS:g} seconds"
    return f"{host}: {why}" if why else ""


def _why_broken_off(reason: object) -> str:
    """Why a download ended, in words."""
    if isinstance(reason, ssl.SSLError):
        return f"the connection is not safe ({reason.reason or 'its certificate is refused'})".replace("_", " ").lower()
    if isinstance(reason, OSError):
        return os_words.why(reason)
    return "the connection was cut" if isinstance(reason, http.client.HTTPException) else str(reason)


def _accept(settings: Settings, architecture: Architecture, part: Path, path: Path) -> WeightsFile:
    """Check what was fetched, then give it its name."""
    checksum = digest_of(part, "sha256")
    try:
        check_sha256(settings, part, checksum)
        if not settings.model.sha256:
            check_md5(part, architecture)
    except WeightsError:
        part.unlink()
        _about(part).unlink(missing_ok=True)
        raise
    with replacing(pin_of(path)) as pin:
        pin.write_text(f"{checksum}  {path.name}\n")
    os.replace(part, path)
    _about(part).unlink(missing_ok=True)
    sync_folder(path.parent)
    return WeightsFile(path, checksum, verified_by(settings, architecture))


def _download(url: str, part: Path, on_download: OnDownload) -> None:
    """Append to `part` what is missing of the file at `url`; what is there is kept only if the server agrees."""
    about = _about(part)
    have = part.stat().st_size if part.exists() else 0
    mark = read_json(about).get("mark") if have else None
    request = urllib.request.Request(url, headers={"User-Agent": f"tagger/{__version__}"})
    if have and mark:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", mark)
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
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
            on_download(have, total)
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                on_download(have, total)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and have < total:
        raise http.client.IncompleteRead(b"", total - have)


def _about(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")
