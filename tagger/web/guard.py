"""What every request passes before anything else: its host, who asks, whether another site made the browser ask.

Pure ASGI, because it also looks at the bytes as they come. The rules for changes are those of OWASP's "Cross-Site
Request Forgery Prevention" for Fetch Metadata with the Origin header as the fallback: browsers send at least one of
them with every request that another page makes them send, and programs send neither.
"""

from __future__ import annotations

import logging
import socket
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

import anyio
from anyio import CapacityLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagger.core import events
from tagger.core.config import WebSettings
from tagger.core.errors import TaggerError
from tagger.core.sentences import Sentence
from tagger.store.tokens import PREFIX, Token, is_token
from tagger.web import problems
from tagger.web.login import COOKIE, Login
from tagger.web.problems import ProblemError
from tagger.web.proxies import Approach, approach, is_address, networks, split_host
from tagger.web.render import problem_json, problem_page, wants_page
from tagger.web.token_check import UPLOADS, Tokens, check_scope

_LOG = logging.getLogger("tagger")
_SAFE = ("GET", "HEAD", "OPTIONS")
# What a browser needs before anybody is logged in.
_OPEN, _STATIC = ("/login", "/language"), "/static/"
_FIRST = ("/setup", "/language")
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


class _HeadersSentError(Exception):
    """A HEAD request has got all that it gets."""


class Guard:
    """The middleware. Answers what may not pass itself, and gives every answer the headers of a careful site."""

    def __init__(self, app: ASGIApp, settings: WebSettings, login: Login, tokens: Tokens) -> None:
        self._app = app
        self._settings = settings
        self._login = login
        self._tokens = tokens
        self._names = {"localhost", *(_name(host) for host in settings.hosts), *_own_names()}
        self._trusted = networks(settings.trusted_proxies)
        self._warned = False
        # Passwords are checked one at a time anyway; tokens are looked up in no time, and wait behind no password.
        self._passwords, self._lookups = CapacityLimiter(4), CapacityLimiter(4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            # "lifespan"; WebSockets are not routed anywhere.
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        came = approach(scope, headers, self._trusted)
        self._warn_of(came)
        is_head = scope["method"] == "HEAD"
        path = own_path(scope)
        # What is asked for is as if there were no proxy, and HEAD is GET whose body is not sent.
        scope = {
            **scope,
            # uvicorn puts the prefix before every path, also where the proxy left it there.
            "path": str(scope.get("root_path", "")) + path,
            "method": "GET" if is_head else scope["method"],
            "scheme": came.scheme,
            "client": (came.client, 0),
            "headers": [(name, value) for name, value in scope["headers"] if name != b"host"],
        }
        MutableHeaders(scope=scope)["host"] = came.host

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = message.setdefault("headers", [])
                there = {name for name, _ in answered}
                answered += [header for header in _HEADERS if header[0] not in there]
                if b"cache-control" not in there:
                    # Scripts and styles are kept, and asked for again by their ETag; what is in the library is not.
                    answered.append((b"cache-control", b"no-cache" if path.startswith(_STATIC) else b"no-store"))
                    if not path.startswith(_STATIC):
                        answered.append((b"vary", b"Accept-Language, Cookie"))
            await send(message)
            if is_head:
                await send({"type": "http.response.body", "body": b""})
                raise _HeadersSentError

        try:
            await self._answer(scope, came, receive if path in UPLOADS else _short(receive), careful)
        except _HeadersSentError:
            return

    async def _answer(self, scope: Scope, came: Approach, receive: Receive, send: Send) -> None:
        request, path = Request(scope), own_path(scope)
        try:
            # A page that tells of a wrong name needs its style.
            if not path.startswith(_STATIC):
                self._check_host(came)
            token = await self._token(request)
            if token is None:
                self._check_origin(request, came)
                await self._check_password(request, path)
            else:
                # No browser sends one by itself, so no other page can make it.
                check_scope(token, request.method, path)
        except (ProblemError, TaggerError) as error:
            fault = error.fault if isinstance(error, ProblemError) else problems.of_error(error)
            is_page = wants_page(request, path)
            if is_page and fault.status == 401:
                where = "/setup" if self._login.is_first else _login_for(request, path)
                await RedirectResponse(self._settings.root_path + where, 303)(scope, receive, send)
                return
            answer = problem_page(request, fault, bare=True) if is_page else problem_json(request, fault)
            answer.headers.update(getattr(error, "headers", {}))
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_host(self, came: Approach) -> None:
        """A page of another site may give itself this machine's address by DNS, but not its name."""
        for host in came.hosts:
            name = split_host(host)[0]
            if name in self._names or is_address(name) or self._settings.listen.startswith("unix:"):
                continue
            cure = Sentence("Add it to web.hosts in the settings.")
            if name:
                cure = Sentence(
                    'Add it to web.hosts in the settings: hosts = ["{name}"] below [web], or in the environment '
                    "TAGGER_WEB_HOSTS='[\"{name}\"]'; then start tagger again.",
                    name=name[:200],
                )
            raise ProblemError(421, Sentence("{host!r} is not this server's name.", host=host[:200]), cure)

    def _check_origin(self, request: Request, came: Approach) -> None:
        """Another site may not make a browser change anything."""
        if request.method in _SAFE:
            return
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:
            fine = site in ("same-origin", "none")
        elif origin is not None:
            fine = came.is_origin(origin)
        else:
            # A program; but one that shows a browser's cookie is none.
            fine = "cookie" not in request.headers
        if fine:
            return
        cure = Sentence("Use tagger's own page.")
        if origin is not None and site is None:
            # What a proxy does that does not tell by which name and port it was asked.
            cure = Sentence(
                "{cure} If this is it: a reverse proxy must pass on the name and the port that the browser asked for"
                " (in nginx: proxy_set_header Host $http_host). tagger sees {host!r}, and the browser"
                " says {origin!r}.",
                cure=cure,
                host=came.host[:200],
                origin=origin[:200],
            )
            if came.unknown_proxy:
                cure = Sentence(
                    "{cure} The proxy, {client}, is not in web.trusted_proxies.", cure=cure, client=came.client
                )
        raise ProblemError(403, Sentence("Another page made the browser send this."), cure)

    async def _token(self, request: Request) -> Token | None:
        """The token that a program sent, if it is one; a wrong one is a try of the password."""
        sent = _bearer(request)
        if not sent.startswith(PREFIX):
            return None
        return await anyio.to_thread.run_sync(self._tokens.find, sent, limiter=self._lookups)

    async def _check_password(self, request: Request, path: str) -> None:
        is_first = self._login.is_first
        if not self._login.required or path in (_FIRST if is_first else _OPEN) or path.startswith(_STATIC):
            return
        if is_first:
            raise ProblemError(
                401,
                Sentence("There is no password yet."),
                Sentence("Open this server's page in a browser and choose one, with the code in tagger's log."),
            )
        password = _bearer(request)
        if password:
            client = request.client.host if request.client else ""
            if self._login.is_known_program(client, password):
                return
            if is_token(password):
                # None of ours, or the request had passed.
                seconds = self._login.attempt_token(client)
                if seconds:
                    raise too_often(seconds)
                raise _not_let_in()
            attempt = partial(self._login.attempt_program, client, password)
            wait = await anyio.to_thread.run_sync(attempt, limiter=self._passwords)
            if wait:
                raise too_often(wait)
            fine = wait is None
        else:
            fine = self._login.is_session(session_cookie(request.headers.get("cookie", "")))
        if not fine:
            raise _not_let_in()

    def _warn_of(self, came: Approach) -> None:
        if came.unknown_proxy and not self._warned:
            self._warned = True
            _LOG.warning(events.UNKNOWN_PROXY(client=came.client))


def _not_let_in() -> ProblemError:
    return ProblemError(
        401,
        Sentence("The password is needed."),
        Sentence("Log in, or send it, or a token, as: Authorization: Bearer PASSWORD"),
        {"WWW-Authenticate": "Bearer"},
    )


def too_often(wait: float) -> ProblemError:
    """Somebody tries passwords."""
    seconds = str(round(wait) + 1)
    return ProblemError(
        429,
        Sentence("Too many tries. The next is possible in {seconds} seconds.", seconds=seconds),
        headers={"Retry-After": seconds},
    )


def _bearer(request: Request) -> str:
    """What a program sent to be let in: the password, or a token; empty if it sent nothing."""
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    return sent.strip().encode("latin-1").decode("utf-8", "replace") if kind.casefold() == "bearer" else ""


def _login_for(request: Request, path: str) -> str:
    """The page that asks for the password, and leads to what was asked for then."""
    asked = path + (f"?{request.url.query}" if request.url.query else "")
    return f"/login?next={quote(asked if request.method == 'GET' else '/', safe='')}"


def session_cookie(header: str) -> str:
    """The session's cookie in a Cookie header; empty if there is none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def own_path(scope: Scope) -> str:
    """The path without the prefix of a reverse proxy, whether or not it was taken off on the way, nor a last slash."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    while prefix and (path + "/").startswith(prefix + "/"):
        path = path[len(prefix) :]
    return path.rstrip("/") or "/"


def _name(host: str) -> str:
    """The name in an entry of `web.hosts`, where people also write a port or a whole address, as browsers send it."""
    name = split_host(host.rpartition("://")[2].partition("/")[0])[0]
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


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
            # No ProblemError, for which FastAPI would put one of its own.
            raise HTTPException(413, Sentence("The request has more than {limit} KB.", limit=_BODY_BYTES >> 10))
        return message

    return limited
