"""Where the web page is, as a person types it into a browser."""

from __future__ import annotations

import socket

from tagger.core.config import WebSettings

_EVERYWHERE = ("0.0.0.0", "::", "")


def page_address(web: WebSettings, host: str = "", port: int = 0) -> str:
    """The address of the page. `host`, `port`: where it listens in fact; by default, what the setting says."""
    if web.listen.startswith("unix:"):
        return web.listen
    if not port:
        host, _, text = web.listen.rpartition(":")
        host, port = host.strip("[]"), int(text)
    if host in _EVERYWHERE:
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{web.root_path}/"
