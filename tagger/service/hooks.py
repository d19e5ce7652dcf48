"""Telling another program of photos that were labelled: what it is told, how that is signed, and how it is sent.

The address gets it as the specification Standard Webhooks has it (standardwebhooks.com): headers webhook-id,
webhook-timestamp and webhook-signature, "v1," and the base64 of the HMAC-SHA256 of "id.timestamp.body".
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from tagger import __version__
from tagger.core.config import HookSettings
from tagger.core.errors import TaggerError
from tagger.core.os_words import why
from tagger.core.paths import path_json
from tagger.core.progress import StopCheck
from tagger.core.secrets import without_path
from tagger.labels.languages import language
from tagger.store.labels import labels_of
from tagger.store.library import Library
from tagger.store.models import all_models
from tagger.store.records import photos_by_ids

# How often a hook that works is asked whether it is to be left alone; and how long it may still take then, so that what
# has just arrived is not sent twice.
_TICK, _GRACE = 0.05, 0.7
_LOCAL_NAMES = (".local", ".lan", ".home", ".internal", ".home.arpa", ".localhost")


class HookError(TaggerError):
    """A hook could not be told."""


class StoppedError(HookError):
    """The hook was left alone, because tagger stops."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a hook is told. `body`: JSON in UTF-8. `at`: when it is sent, in seconds since the epoch."""

    id: str
    at: int
    body: bytes
    photos: int


def delivery(library: Library, number: str, photo_ids: Sequence[int]) -> Delivery:
    """What is told of photos: paths, shown labels and models as they are now. Photos that are gone are left out."""
    spoken = language(library.settings.labels.language)
    with library.store.read() as session:
        records = photos_by_ids(session, photo_ids)
        labels = labels_of(session, list(records))
        models = all_models(session)
    photos: list[dict[str, Any]] = []
    for photo, record in records.items():
        model = None if record.labelled_by is None else models[record.labelled_by]
        shown = [
            {"name": spoken.name_of(one.key, one.name), "key": one.key, "confidence": round(one.confidence, 4)}
            for one in labels[photo]
            if one.shown
        ]
        photos.append(
            path_json(record.path.absolute)
            | {
                "labels": shown,
                "model": None if model is None else model.model_id,
                "architecture": None if model is None else model.architecture,
                "labelled_at": record.labelled_at,
            }
        )
    now = int(library.clock.now())
    told = {
        "type": "photos.labelled",
        "id": number,
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z"),
        "data": {"photos": photos},
    }
    return Delivery(number, now, json.dumps(told, ensure_ascii=False).encode(), len(photos))


def signature(secret: str, sent: Delivery) -> str:
    """The header webhook-signature. `secret`: "whsec_" and base64, or any text, whose UTF-8 is the key."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = b".".join((sent.id.encode(), str(sent.at).encode(), sent.body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def send(settings: HookSettings, hook: str, sent: Delivery, stop: StopCheck) -> None:
    """Tell a hook, by its name. Raises HookError if it did not take it, StoppedError if it was left alone."""
    if hook == "labelled":
        _post(settings, sent, stop)
    else:
        _run(settings, sent, stop)


def shown_hook(settings: HookSettings, hook: str) -> str:
    """A hook as people are told of it: its setting, and where it leads without what may be secret."""
    return f"hooks.{hook} ({without_path(settings.labelled) if hook == 'labelled' else settings.command[0]})"


def is_readable_on_the_way(address: str) -> bool:
    """Whether others may read what is sent to an address: http:// to neither this machine nor a local network."""
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    if parts.scheme != "http":
        return False
    try:
        at = ipaddress.ip_address(host)
    except ValueError:
        return "." in host and not host.endswith(_LOCAL_NAMES)
    return at.is_global


def _post(settings: HookSettings, sent: Delivery, stop: StopCheck) -> None:
    parts = urlsplit(settings.labelled)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    # Longer than all of it may take: only a look-up or an answer without an end outlives that.
    connection = kind(parts.hostname or "", parts.port, timeout=2 * settings.timeout_seconds)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"tagger/{__version__}",
        "webhook-id": sent.id,
        "webhook-timestamp": str(sent.at),
    }
    if settings.secret:
        headers["webhook-signature"] = signature(settings.secret, sent)
    # What is quoted already stays as it is (RFC 3986, section 2.2).
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe="%/?:@!$&'()*+,;=-._~[]")
    answers: list[int | Exception] = []

    def ask() -> None:
        try:
            connection.request("POST", path, sent.body, headers)
            answers.append(connection.getresponse().status)
        except (OSError, http.client.HTTPException, ValueError) as error:
            answers.append(error)
        finally:
            connection.close()

    # In a thread: neither the name's look-up nor an answer that trickles in obeys a timeout.
    asking = threading.Thread(target=ask, name="hook", daemon=True)
    asking.start()

    def give_up() -> None:
        with contextlib.suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    _wait(lambda: not asking.is_alive(), give_up, settings.timeout_seconds, stop)
    answer = answers[0] if answers else OSError("it gave no answer")
    if isinstance(answer, ssl.SSLError):
        reason = str(answer.reason or "its certificate is refused").replace("_", " ").lower()
        raise HookError(f"the connection is not safe ({reason})")
    if isinstance(answer, http.client.RemoteDisconnected):
        raise HookError("the connection was cut")
    if isinstance(answer, OSError):
        raise HookError(why(answer) if answer.errno is not None else str(answer))
    if isinstance(answer, Exception):
        raise HookError(f"its answer is no HTTP ({type(answer).__name__})")
    if 300 <= answer < 400:
        raise HookError(f"it answered {answer}; redirections are not followed")
    if not 200 <= answer < 300:
        raise HookError(f"it answered {answer} {http.client.responses.get(answer, '')}".rstrip())


def _run(settings: HookSettings, sent: Delivery, stop: StopCheck) -> None:
    try:
        process = subprocess.Popen(
            settings.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Its own group: it is ended with what it started.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise HookError(why(error) if isinstance(error, OSError) else str(error)) from error

    def give() -> None:
        with contextlib.suppress(OSError, ValueError):
            process.communicate(sent.body)

    giving = threading.Thread(target=give, name="hook", daemon=True)
    giving.start()

    def give_up() -> None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    _wait(lambda: process.poll() is not None, give_up, settings.timeout_seconds, stop)
    if process.returncode:
        raise HookError(f"it ended with code {process.returncode}")


def _wait(done: Callable[[], bool], give_up: Callable[[], None], seconds: float, stop: StopCheck) -> None:
    until, stops = time.monotonic() + seconds, None
    while not done():
        now = time.monotonic()
        if stops is None and stop():
            stops = now + _GRACE
        if stops is not None and now > stops:
            give_up()
            raise StoppedError("tagger stops")
        if now > until:
            give_up()
            raise HookError(f"it gave no answer within {seconds:g} s")
        time.sleep(_TICK)
