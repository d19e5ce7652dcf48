"""What every request passes before anything else: its host, who asks, whether another site made the browser ask.

Pure ASGI, because it also looks at the bytes as they come. The rules for changes are those of OWASP's "Cross-Site
Request Forgery Prevention" for Fetch Metadata with the Origin header as the fallback: browsers send at least one of
them with every request that another page makes them send, and programs send neither.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagger.core.config import WebSettings
from tagger.web import problems
from tagger.web.login import COOKIE, Login
from tagger.web.problems import ProblemError

_SAFE = ("GET", "HEAD", "OPTIONS")
# What a browser needs before anybody is logged in.
_LOGIN, _STATIC = "/login", "/static/"
_UPLOADS = ("/api/classify", "/api/v1/classify")
# Bodies of JSON; uploads count for themselves.
_BODY_BYTES = 256 << 10
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(), microphone=(), payment=()"),
)


class Guard:
    """The middleware. Answers what may not pass itself, and gives every answer the headers of a careful site."""

    def __init__(self, app: ASGIApp, settings: WebSettings, login: Login) -> None:
        self._app = app
        self._settings = settings
        self._login = login
        self._names = {"localhost", *(name.casefold() for name in settings.hosts), *_own_names()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            # "lifespan"; WebSockets are not routed anywhere.
            await self._app(scope, receive, send)
            return

        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        path, prefix = _path(scope), str(scope.get("root_path", ""))

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = message.setdefault("headers", [])
                there = {name for name, _ in answered}
                answered += [header for header in _HEADERS if header[0] not in there]
                if b"cache-control" not in there:
                    # Scripts and styles are kept, and asked for again by their ETag; what is in the library is not.
                    answered.append((b"cache-control", b"no-cache" if path.startswith(_STATIC) else b"no-store"))
            await send(message)

        # uvicorn puts the prefix before every path, also where the proxy left it there.
        scope = {**scope, "path": prefix + path}
        try:
            self._check_host(headers)
            self._check_origin(scope["method"], headers)
            if not self._may_pass(path, headers, _client(scope)):
                if scope["method"] == "GET" and "text/html" in headers.get(b"accept", ""):
                    asked = path + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
                    where = f"{self._settings.root_path}/login?next={quote(asked, safe='')}"
                    await RedirectResponse(where, 303)(scope, receive, careful)
                    return
                raise ProblemError(
                    401,
                    "The password is needed.",
                    "Log in, or send it as: Authorization: Bearer PASSWORD",
                    {"WWW-Authenticate": "Bearer"},
                )
        except ProblemError as error:
            body = error.problem.model_dump()
            answer = JSONResponse(body, error.problem.status, error.headers, problems.MEDIA_TYPE)
            await answer(scope, receive, careful)
            return
        await self._app(scope, receive if path in _UPLOADS else _short(receive), careful)

    def _check_host(self, headers: MutableMapping[bytes, str]) -> None:
        """A page of another site may give itself this machine's address by DNS, but not its name."""
        host = headers.get(b"host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").casefold()
        if name in self._names or _is_address(name) or self._settings.listen.startswith("unix:"):
            return
        raise ProblemError(421, f"{host[:200]!r} is not this server's name.", "Add it to web.hosts in the settings.")

    def _check_origin(self, method: str, headers: MutableMapping[bytes, str]) -> None:
        """Another site may not make a browser change anything."""
        if method in _SAFE:
            return
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site is not None:
            fine = site in ("same-origin", "none")
        elif origin is not None:
            fine = urlsplit(origin).netloc.casefold() == headers.get(b"host", "").casefold()
        else:
            # A program; but one that shows a browser's cookie is none.
            fine = b"cookie" not in headers
        if not fine:
            raise ProblemError(403, "Another page made the browser send this.", "Use tagger's own page.")

    def _may_pass(self, path: str, headers: MutableMapping[bytes, str], client: str) -> bool:
        if not self._login.required or path == _LOGIN or path.startswith(_STATIC):
            return True
        kind, _, token = headers.get(b"authorization", "").partition(" ")
        if kind.casefold() == "bearer" and token:
            wait = self._login.attempt(client, token.strip().encode("latin-1").decode("utf-8", "replace"))
            if wait:
                raise too_often(wait)
            return wait is None
        return self._login.is_session(session_cookie(headers.get(b"cookie", "")))


def too_often(wait: float) -> ProblemError:
    """Somebody tries passwords."""
    seconds = str(round(wait) + 1)
    return ProblemError(
        429, f"Too many tries. The next is possible in {seconds} seconds.", headers={"Retry-After": seconds}
    )


def session_cookie(header: str) -> str:
    """The session's cookie in a Cookie header; empty if there is none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _path(scope: Scope) -> str:
    """The path without the prefix of a reverse proxy, whether or not it was taken off on the way."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    while prefix and path.startswith(prefix + "/"):
        path = path[len(prefix) :]
    return path


def _client(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else "local"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _own_names() -> set[str]:
    """What other machines of the house call this one."""
    name = socket.gethostname().casefold().partition(".")[0]
    return {name, f"{name}.local", f"{name}.lan", f"{name}.fritz.box", socket.gethostname().casefold()} - {""}


def _short(receive: Receive) -> Receive:
    """The request's body, which must be short."""
    left = _BODY_BYTES

    async def limited() -> Any:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, f"The request has more than {_BODY_BYTES >> 10} KB.")
        return message

    return limited
