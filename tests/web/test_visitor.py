"""In which language a visitor is answered, by the page and by the API."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tagger.core.languages import LANGUAGES
from tagger.labels.languages import language
from tagger.web.visitor import accepted
from tests.cli.runner import Tagger
from tests.cli.service import wait_for
from tests.web.site import Answer, Site, serving

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-at", "de"),
        ("zh-Hans-CN, en;q=0.5", "zh"),
        ("pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", "pt"),
        ("en;q=0.8, de;q=0.9", "de"),
        ("fr;q=0.5, es;q=0.5", "fr"),
        ("nb-NO, da;q=0.9, sv;q=0.8", "sv"),
        ("tlh", "en"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("*;q=0.1, ja", "ja"),
        ("en-GB, de", "en"),
        # What is no language range, or no weight, is passed over.
        ("de;q=2, fr", "fr"),
        ("de;q=-1, fr;q=0.1", "fr"),
        ("de;q=nan, fr;q=0.1", "fr"),
        (";;;,,,de;;q=1,=,\x00, fr ; Q = 0.3 ", "fr"),
        ("../../etc/passwd", "en"),
        ("de_DE", "en"),
        ("x" * 100_000, "en"),
        ("xx," * 1000 + "de", "en"),
    ],
)
def test_accept_language_is_read_as_browsers_mean_it(header: str, code: str) -> None:
    assert accepted(header, "en") == code


def test_who_does_not_say_gets_the_language_of_the_settings() -> None:
    assert accepted("", "fr") == accepted("tlh", "fr") == accepted("*", "fr") == accepted("tlh, *;q=0.5", "fr") == "fr"
    assert accepted("en", "fr") == "en"


def page(site: Site, path: str, accept: str = "", cookie: str = "") -> str:
    headers = {**HTML, **({"Accept-Language": accept} if accept else {}), **({"Cookie": cookie} if cookie else {})}
    answer = site.get(path, headers)
    assert answer.status in (200, 400), answer.text
    return answer.text


def choose(site: Site, code: str, to: str = "/", headers: dict[str, str] | None = None) -> Answer:
    body = urlencode({"lang": code, "next": to}).encode()
    return site.ask("POST", "/language", body, {**FORM, "Sec-Fetch-Site": "same-origin", **(headers or {})})


def test_the_page_speaks_as_the_browser_asks_or_as_was_chosen(reading: Site) -> None:
    assert '<html lang="en"' in page(reading, "/labels")
    german = page(reading, "/labels", "de-DE,de;q=0.9,en;q=0.8")
    assert '<html lang="de"' in german
    assert "Schlagwörter" in german
    assert "Espresso" in german
    # What was chosen is worth more than what the browser asks for, and kept by a cookie that only the server reads.
    answer = choose(reading, "fr", "/labels?view=tree")
    assert (answer.status, answer.headers["location"]) == (303, "/labels?view=tree")
    cookie = answer.headers["set-cookie"]
    assert "tagger_language=fr" in cookie
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Étiquettes" in page(reading, "/labels", "de", "tagger_language=fr")
    again = choose(reading, "", headers={"Cookie": "tagger_language=fr"})
    assert "Max-Age=0" in again.headers["set-cookie"]
    answer = reading.get("/labels", {**HTML, "Accept-Language": "es"})
    assert {one.strip() for one in answer.headers["vary"].split(",")} >= {"Accept-Language", "Cookie"}
    assert answer.headers["content-language"] == "es"


@pytest.mark.parametrize("value", ["xx", "", "de DROP TABLE", "../../de", "<script>", "de%0d%0aX: y", "é", '"de'])
def test_a_cookie_that_is_none_of_ours_is_no_choice(reading: Site, value: str) -> None:
    cookie = f"tagger_language={value}".encode().decode("latin-1")
    text = page(reading, "/labels", "es", cookie)
    assert '<html lang="es"' in text
    answer = choose(reading, value)
    assert answer.status in (303, 422)
    assert "tagger_language=de" not in answer.headers.get("set-cookie", "")
    assert value == "" or value not in answer.headers.get("set-cookie", "")


def test_choosing_leads_nowhere_else_and_no_other_page_chooses(reading: Site) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "\n/x"):
        assert choose(reading, "de", to).headers["location"] == "/"
    assert choose(reading, "de", headers={"Sec-Fetch-Site": "cross-site"}).status == 403


def test_labels_are_in_the_language_where_the_page_is_english(reading: Site) -> None:
    text = page(reading, "/labels", "ja")
    assert '<html lang="en"' in text
    assert "Hierarchy" in text
    name = language("ja").names["n07920052"]
    assert f'lang="ja">{name}</span>' in text
    assert 'lang="ja"' not in page(reading, "/labels", "en").partition("</header>")[2]


class Texts(HTMLParser):
    """The texts of a page that people see or hear, without those that are marked as of another language, or code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.quiet: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        if tag in ("img", "input", "link", "meta", "br"):
            pass
        elif self.quiet or ("lang" in known and tag != "html") or tag in ("script", "style"):
            self.quiet.append(tag)
        if not self.quiet:
            self.found |= {known.get(name) or "" for name in ("aria-label", "title", "placeholder")}

    def handle_endtag(self, tag: str) -> None:
        if self.quiet and self.quiet[-1] == tag:
            self.quiet.pop()

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.found.add(" ".join(data.split()))


PAGES = ["/", "/?q=animal", "/?q=unicron", "/?q=(", "/?q=cat", "/?q=keyword:nothing", "/photos/PHOTO", "/labels"]
PAGES += ["/labels?view=tree", "/labels/n07920052", "/drop", "/review", "/failed", "/status", "/api/docs"]


@pytest.fixture(scope="module")
def english() -> set[str]:
    from tagger.web.build_messages import messages

    return {text for one in messages() if one.id for text in ([one.id] if isinstance(one.id, str) else one.id)}


@pytest.mark.parametrize("code", ["de", "es", "fr"])
def test_no_page_says_anything_in_english(reading: Site, english: set[str], code: str) -> None:
    from tagger.web.words import words

    coffee = reading.photo("coffee.jpg")
    for path in PAGES:
        texts = Texts()
        texts.feed(page(reading, path.replace("PHOTO", str(coffee)), code))
        left = {text for text in texts.found & english if words(code).plain(text) != text}  # type: ignore[arg-type]
        assert left == set(), path


def labels_in(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in an answer that has the name of a label."""
    if isinstance(value, dict):
        if "english" in value:
            yield value
        for each in value.values():
            yield from labels_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from labels_in(each)


@pytest.mark.parametrize("code", ["de", "ja"])
def test_the_api_names_labels_in_the_language_with_english_and_wnid(reading: Site, code: str) -> None:
    coffee = reading.photo("coffee.jpg")
    names = language(code).names  # type: ignore[arg-type]
    paths = [
        "/search?q=espresso",
        "/suggest?q=espr",
        f"/photos/{coffee}",
        f"/photos/{coffee}/why",
        f"/photos/{coffee}/similar",
        "/labels",
        "/labels/tree",
        "/labels/n07920052/rules",
        "/review",
    ]
    for path in paths:
        mark = "&" if "?" in path else "?"
        by_address = reading.api(f"{path}{mark}lang={code}")
        if path != "/review":  # which takes labels by chance
            by_header = reading.get("/api/v1" + path, {"Accept-Language": f"{code},en;q=0.1"}).json
            assert by_header == by_address, path
            assert reading.api(path) == reading.api(f"{path}{mark}lang=en"), path
        found = [one for one in labels_in(by_address) if one.get("key") in names]
        assert found, path
        for one in found:
            assert one["name"] == names[one["key"]] or one["english"] in ("airplane", "person"), (path, one)
            assert one["wnid"] == (one["key"] if one["key"][0] == "n" else None)
        for one in labels_in(reading.api(path)):
            assert one["name"] == one["english"]
    assert reading.get("/api/v1/labels?lang=xx").status == 422
    described = reading.get("/api/openapi.json").json["paths"]["/api/v1/labels"]["get"]["parameters"]
    assert "lang" in [one["name"] for one in described]


def test_uploads_and_faults_are_told_in_the_language(reading: Site) -> None:
    coffee = (reading.tagger.home / "photos" / "coffee.jpg").read_bytes()
    for path in ("/api/classify", "/api/v1/classify"):
        why = reading.ask("POST", path + "?lang=de", coffee).json["photos"][0]["why"]
        assert why["classes"][0] | {"probability": 0} == {
            "key": "n07920052",
            "name": "Espresso",
            "english": "espresso",
            "wnid": "n07920052",
            "probability": 0,
        }
        assert "Getränk" in [one["name"] for one in why["labels"]]
    answer = reading.get("/api/v1/search?q=(", {"Accept-Language": "de"})
    assert answer.json["detail"].startswith("Hier fehlt etwas")
    assert reading.get("/api/v1/search?q=(").json["detail"].startswith("Something is missing here")


@pytest.mark.parametrize(
    ("code", "word"), [("de", "Getränk"), ("de", "Getraenk"), ("fr", "boisson"), ("es", "bebida"), ("zh", "饮料")]
)
def test_words_of_the_visitors_language_find_what_english_finds(reading: Site, code: str, word: str) -> None:
    english = [one["id"] for one in reading.api("/search?q=drink&limit=500")["photos"]]
    found = reading.api(f"/search?lang={code}&q={quote(word)}&limit=500")
    assert [one["id"] for one in found["photos"]] == english
    assert english
    again = reading.api(f"/search?lang={code}&q=drink&limit=500")
    assert [one["id"] for one in again["photos"]] == english
    text = page(reading, f"/?q={quote(word)}", code)
    assert text.count('class="tile"') >= min(60, len(english))
    suggested = reading.api(f"/suggest?lang={code}&q={quote(word[: 2 if code == 'zh' else 4])}")
    assert language(code).names["n07881800"] in [one["name"] for one in suggested]  # type: ignore[arg-type]


def test_a_correction_is_typed_in_the_visitors_language(site: Site) -> None:
    coffee = site.photo("coffee.jpg")
    done = site.send(f"/photos/{coffee}/corrections?lang=de", {"remove": ["Getränk"], "add": ["Weißer Hai"]})
    assert ("n01484850", "Weißer Hai") in [(one["key"], one["name"]) for one in done["labels"]]
    assert done["removed"] == ["Getränk"]
    assert done["removed_labels"][0]["english"] == "drink"
    assert site.api(f"/photos/{coffee}")["removed"] == ["drink"]
    text = page(site, f"/photos/{coffee}", "fr")
    assert language("fr").names["n07881800"] in text
    done = site.send(f"/photos/{coffee}/corrections?lang=de", {"undo": ["Getränk"]})
    assert done["removed"] == []
    assert "great white shark" in [one["name"] for one in site.api(f"/photos/{coffee}")["labels"]]
    # On a machine that counts slowly, counts are of some seconds ago.
    wait_for(lambda: "weißer hai" in site.get("/api/v1/suggest?lang=de&q=weisser%20h").text.lower(), 20)


@pytest.mark.slow
def test_the_language_of_the_settings_is_for_who_does_not_say(gallery_once: Tagger) -> None:
    with serving(gallery_once, TAGGER_LABELS_LANGUAGE="de") as site:
        assert '<html lang="de"' in page(site, "/")
        assert '<html lang="en"' in page(site, "/", "en-US,en")
        assert '<html lang="fr"' in page(site, "/", "fr")
        assert "Getränk" in [one["name"] for one in site.api("/labels")]
        assert "drink" in [one["name"] for one in site.api("/labels?lang=en")]
        # Whatever the library's language is: the visitor's is searched, and English.
        for word in ("boisson", "drink", quote("Getränk")):
            assert site.api(f"/search?lang=fr&q={word}")["photos"], word


def test_every_language_is_in_the_menu_by_its_own_name(reading: Site) -> None:
    text = page(reading, "/labels", "ja")
    for code, name in LANGUAGES.items():
        assert f'value="{code}" lang="{code}" >{name[:1].upper()}{name[1:]}</button>' in text, code
