"""Starts the web server: refuses what would be unsafe, listens, and serves until told to stop."""

from __future__ import annotations

import errno
import gc
import ipaddress
import logging
import os
import socket
from collections.abc import Callable

import uvicorn

from tagger.core import events
from tagger.core.config import Settings, WebSettings
from tagger.core.errors import ConfigError
from tagger.core.page_address import page_address
from tagger.system import unix_socket
from tagger.web.app import create_app
from tagger.web.context import Tell, WebContext
from tagger.web.login import check_hash

_LOG = logging.getLogger("tagger")
_BACKLOG = 256
# Seconds that running requests get when the server stops; event streams never end by themselves.
_GRACE = 3
# Seconds until an idle connection is closed.
_KEEP_ALIVE = 30


def serve(load: Callable[[], Settings], tell: Tell, ready: Callable[[str], None], *, beside: bool = False) -> None:
    """Serve the library until SIGTERM or Ctrl-C. `load` and `tell` as of `WebContext`; `ready` gets the address.

    Where other machines are let in and there is no password, nothing is served but the page that asks for the first.
    Raises ConfigError.

    `beside`: a service that labels runs on this machine.
    """
    settings = load()
    if settings.web.password_hash:
        check_hash(settings.web.password_hash)
    listener = _listen(settings.web)
    context = WebContext(load, tell=tell, beside=beside)
    address = _address(settings.web, listener)
    if lets_others_in(settings.web) and not context.login.required:
        code = context.login.ask_for_first()
        _LOG.warning(events.NO_PASSWORD(address=address, code=code))
    config = uvicorn.Config(
        create_app(context),
        root_path=settings.web.root_path,
        # tagger.web.proxies does it.
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=64 << 10,
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # What is loaded at this point stays; collecting garbage among it would delay requests by 0.1 s.
    gc.collect()
    gc.freeze()
    ready(address)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def lets_others_in(web: WebSettings) -> bool:
    """Whether other machines reach where it listens."""
    if web.listen.startswith("unix:"):
        return False
    host = web.listen.rpartition(":")[0].strip("[]")
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def _listen(web: WebSettings) -> socket.socket:
    try:
        if web.listen.startswith("unix:"):
            return _listen_unix(web.listen.removeprefix("unix:"))
        host, _, port = web.listen.rpartition(":")
        host = host.strip("[]")
        # With the protocol named, or asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for the client.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, int(port)))
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
        else:
            return listener
    except (OSError, OverflowError) as error:
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        cure = "Is another tagger serving there? Name another port with --listen or web.listen." if taken else ""
        raise ConfigError(f'web.listen = "{web.listen}" cannot be served: {error}.', cure) from error


def _listen_unix(path: str) -> socket.socket:
    unix_socket.free_path(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    # For the proxy, which is another user. Like a port of this machine, it is open to all who reach the folder.
    os.chmod(path, 0o666)
    listener.listen(_BACKLOG)
    return listener


def _address(web: WebSettings, listener: socket.socket) -> str:
    if listener.family == socket.AF_UNIX:
        return web.listen
    host, port = listener.getsockname()[:2]
    return page_address(web, host, port)
