"""In which language a visitor is answered: as they chose, else as their browser asks for, else as the settings say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query, Request

from tagger.core.languages import LANGUAGES, LanguageCode
from tagger.labels.languages import Language, language

if TYPE_CHECKING:
    from tagger.web.context import WebContext

COOKIE = "tagger_language"
# As long as browsers keep one.
COOKIE_SECONDS = 400 * 86400
_CODES: dict[str, LanguageCode] = {code: code for code in LANGUAGES}
# RFC 9110, section 12.5.4: a language range, and how much it is wanted. What is not written so is passed over.
_WANTED = re.compile(
    r"\s*(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*[qQ]\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)
# Browsers send a dozen at most.
_MOST, _LONGEST = 50, 2000


def known_code(text: str) -> LanguageCode | None:
    """The language of a code that somebody sent; None for one that labels have no names in."""
    return _CODES.get(text.strip().casefold())


def accepted(header: str, default: LanguageCode) -> LanguageCode:
    """The language that an Accept-Language header wants most, of those that labels have names in.

    `default`: where it wants none of them, or does not mind. Regions do not matter: `de-AT` is German.
    """
    wanted: list[tuple[float, LanguageCode]] = []
    for part in header[:_LONGEST].split(",")[:_MOST]:
        match = _WANTED.fullmatch(part)
        if match is None:
            continue
        share = float(match[2]) if match[2] else 1.0
        code = default if match[1] == "*" else known_code(match[1].partition("-")[0])
        if code is not None and share > 0:
            wanted.append((share, code))
    # Of equal ones the first.
    return max(wanted, key=lambda one: one[0], default=(0.0, default))[1]


def code_of(request: Request) -> LanguageCode:
    """The language of a request: `lang` in an address of the API, the cookie, Accept-Language, the settings."""
    path = str(request.scope.get("path", "")).removeprefix(str(request.scope.get("root_path", "")))
    asked = known_code(request.query_params.get("lang", "")) if path.startswith("/api/") else None
    chosen = asked or chosen_code(request)
    if chosen is not None:
        return chosen
    context: WebContext = request.app.state.context
    header = ",".join(request.headers.getlist("accept-language"))
    return accepted(header, context.settings.labels.language)


def chosen_code(request: Request) -> LanguageCode | None:
    """The language that the visitor chose on the page; None where they did not, or the cookie is none of ours."""
    return known_code(request.cookies.get(COOKIE, ""))


def _spoken(
    request: Request,
    lang: Annotated[
        LanguageCode | None, Query(description="Labels in this language; without it, as Accept-Language asks for")
    ] = None,
) -> Language:
    return language(lang or code_of(request))


# The language of a request, as a parameter of what answers it.
Spoken = Annotated[Language, Depends(_spoken)]


def spoken_of(request: Request) -> Language:
    """The names of labels in the language of a request."""
    return language(code_of(request))


def shown_name(code: LanguageCode) -> str:
    """What a language's speakers call it, as it stands alone in a menu."""
    name = LANGUAGES[code]
    return name[:1].upper() + name[1:]
