"""The catalogues of the page's own words: complete, right in their placeholders, and what the package carries."""

from __future__ import annotations

import gettext
import io
import json
import re
import string
from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from tagger.core.boxes import OBJECTS, Box
from tagger.core.config import LabelSettings, Settings
from tagger.core.evidence import Evidence
from tagger.core.languages import LANGUAGES, LanguageCode
from tagger.core.sentences import LabelName, Sentence
from tagger.imaging.errors import DecodeError
from tagger.imaging.faults import decode_errors
from tagger.labels import taxonomy
from tagger.labels.languages import language
from tagger.labels.policy import Policy
from tagger.web import build_messages, recalled
from tagger.web.pages import HELP_TEXT
from tagger.web.render import columns
from tagger.web.words import CATALOGUES, words

WEB = Path(build_messages.__file__).parent
TAGS = re.compile(r"</?(\w+)")


def texts(said: object) -> list[str]:
    return [said] if isinstance(said, str) else list(said)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def messages() -> dict[object, Message]:
    return {message.id: message for message in build_messages.messages() if message.id}


@pytest.mark.parametrize("code", CATALOGUES)
def test_every_message_is_there_and_agrees_with_the_english(code: str, messages: dict[object, Message]) -> None:
    with build_messages.po_file(code).open("rb") as file:
        catalog = read_po(file)
    there = {message.id: message for message in catalog if message.id}
    assert there.keys() == messages.keys()
    assert len(there) > 350
    for message in there.values():
        assert not message.fuzzy, message.id
        told = texts(message.string)
        assert len(told) == len(texts(message.id)), message.id
        assert all(told), message.id
        for one in told:
            english = texts(message.id)[0]
            assert fields(one) == fields(english), one
            assert sorted(TAGS.findall(one)) == sorted(TAGS.findall(english)), one
            # Some stand in attributes.
            assert '"' not in TAGS.sub("", one) or '"' in english, one
            assert one[:1].isspace() == english[:1].isspace(), one


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", CATALOGUES)
def test_what_is_compiled_is_what_the_catalogue_says(code: str) -> None:
    with build_messages.po_file(code).open("rb") as file:
        catalog = read_po(file)
    path = build_messages.po_file(code)
    with path.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalog:
        if isinstance(message.id, tuple):
            one, many = message.id
            assert [compiled.ngettext(one, many, number) for number in (1, 2)] == list(message.string)
        elif message.id:
            assert compiled.gettext(message.id) == message.string
    assert path.read_bytes() == build_messages.as_po(catalog)
    kept = (WEB / "static" / "words" / f"{code}.js").read_text(encoding="utf-8")
    assert kept == build_messages.as_script(catalog)
    assert in_script(kept)["Taken back."] != "Taken back."


def in_script(script: str) -> dict[str, Any]:
    """The words that a script sets."""
    begin, end = "globalThis.taggerWords = ", ";\n"
    assert script.startswith(begin)
    assert script.endswith(end)
    return dict(json.loads(script[len(begin) : -len(end)]))


class Written(HTMLParser):
    """The words that stand in a template as they are, in text and in attributes that people read."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.quiet: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        if self.quiet or known.get("lang") == "en" or tag in ("pre", "code", "kbd", "style", "script"):
            self.quiet.append(tag)
        for name in ("aria-label", "title", "placeholder", "alt"):
            self.found.append(known.get(name) or "")

    def handle_endtag(self, tag: str) -> None:
        while self.quiet and tag in self.quiet:
            if self.quiet.pop() == tag:
                break

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.found.append(data)


def untold(template: str) -> Iterator[str]:
    """What a template says that is in no catalogue. What it computes is left out, but for texts in it."""
    tree = Environment().parse(template)
    parts = []
    for output in tree.find_all(nodes.Output):
        for one in output.nodes:
            if isinstance(one, nodes.TemplateData):
                parts.append((one.lineno, one.data))
                continue
            parts.append((one.lineno, "\N{OBJECT REPLACEMENT CHARACTER}"))
            choices = [one] if isinstance(one, nodes.CondExpr) else []
            for choice in [*choices, *one.find_all(nodes.CondExpr)]:
                for value in (choice.expr1, choice.expr2):
                    if isinstance(value, nodes.Const) and re.search("[a-z]{3}", str(value.value)):
                        yield str(value.value)
    parser = Written()
    parser.feed("".join(text for _, text in parts))
    for text in parser.found:
        for word in re.findall(r"[^\W\d_]{2,}", text):
            if word not in ("tagger", "API"):
                yield text.strip()


def test_templates_say_nothing_that_is_in_no_catalogue() -> None:
    classes = {"shown", "hint", "done", "hidden", "&all=1", "&facets=1", " open"}
    found = {
        (path.name, text)
        for path in (WEB / "templates").glob("*.html")
        for text in untold(path.read_text(encoding="utf-8"))
        # The words of the API's description are English, as the description is.
        if text not in classes and not (path.name == "docs.html" and re.search("list of|\\bor\\b|any", text))
    }
    assert found == set()
    # The test itself sees what is wrong.
    assert list(untold("<p>{{ x }} photos</p>"))
    assert list(untold("<p title='Good'>{{ _('photos') }}</p>"))
    assert list(untold("{{ 'shown' if x else 'left out' }}"))


STRING = re.compile(r'(\b(?:tn?|parts)\([^()]{0,200}?)?("(?:[^"\\\n]|\\.)*"|`[^`]*`)')
# What reads like words for people: two words of small letters, or one with a capital at the end of a sentence.
SENTENCE = re.compile(r"^[A-Z][a-z]+ [a-z]|[a-z]{2,} [a-z]{2,}( |\.|…|,|:|$)|[a-z] …$|^[A-Z][a-z]+[.:]$")


def test_scripts_say_nothing_that_is_in_no_catalogue(messages: dict[object, Message]) -> None:
    known = {text for message in messages for text in texts(message)}
    # Selectors, classes and media types.
    not_told = {
        "article.photo",
        "notice bad",
        "shot noshot",
        "classes first",
        "grid small",
        "button main",
        "number",
        ".stage img",
        ".tree details",
        ".cards li, .tree li",
        "button.whole",
        ":scope > a",
        ":scope > details",
        "span:not(.cover)",
        "li > a",
        "copy best",
        "main second",
        "quiet keys",
        "row foot",
    }
    found = {
        (path.name, text[1:-1])
        for path in (WEB / "static").glob("*.js")
        for told, text in STRING.findall(re.sub("(?m)^ *//.*$", "", path.read_text(encoding="utf-8")))
        if not told and text[1:-1] not in known and SENTENCE.search(text[1:-1])
    }
    assert {one for one in found if one[1] not in not_told} == set()
    assert SENTENCE.search("The picture cannot be shown.")
    assert SENTENCE.search("waiting …")


def test_what_scripts_tell_is_found_also_within_other_calls(messages: dict[object, Message]) -> None:
    known = {
        texts(message)[0]
        for message in messages
        if any(place.startswith("web/static/") for place, _ in messages[message].locations)
    }
    asked = re.compile(r'\b(?:tn?|parts)\("((?:[^"\\\n]|\\.)*)"')
    for path in (WEB / "static").glob("*.js"):
        for text in asked.findall(path.read_text(encoding="utf-8")):
            assert text in known, (path.name, text)


def test_numbers_sizes_and_times_are_written_as_in_the_language() -> None:
    written = {
        code: (words(code).number(1234567), words(code).number(3.4, 1), words(code).size(3_400_000))
        for code in LANGUAGES
    }
    assert written["en"] == written["ja"] == ("1,234,567", "3.4", "3.4 MB")
    assert written["de"] == ("1.234.567", "3,4", "3,4 MB")
    assert written["fr"] == ("1\u202f234\u202f567", "3,4", "3,4 Mo")
    assert written["es"] == ("1.234.567", "3,4", "3,4 MB")
    assert words("es").number(1234) == "1234"
    assert words("de").taken("2023-06-05T12:00:00") == "05.06.2023, 12:00:00"
    assert words("en").taken("2023-06-05T12:00:00") == "2023-06-05 12:00:00"
    assert words("de").taken("who knows") == "who knows"


def test_plurals_follow_the_language() -> None:
    def labels(code: str, number: int) -> str:
        return words(code).plural("{n} label", "{n} labels", number)  # type: ignore[arg-type]

    assert [labels("de", number) for number in (0, 1, 2)] == ["0 Schlagwörter", "1 Schlagwort", "2 Schlagwörter"]
    assert [labels("fr", number) for number in (0, 1, 2)] == ["0 étiquette", "1 étiquette", "2 étiquettes"]
    assert labels("ja", 2) == "2 labels"


def test_a_sentence_is_told_with_what_is_in_it() -> None:
    inner = Sentence("The query is too long: {number:,} characters.", number=12345)
    outer = Sentence("{first} {then}", first=inner, then=Sentence("This closes nothing"))
    assert outer == "The query is too long: 12,345 characters. This closes nothing"
    assert words("de").plain(outer) == "Die Suche ist zu lang: 12345 Zeichen. Das schließt nichts"
    # What is in no catalogue stays English, and is marked so where there is markup; nothing of it is markup.
    assert words("de").said("<b> unheard of") == '<span lang="en">&lt;b&gt; unheard of</span>'
    assert words("de").plain("{unheard} of") == "{unheard} of"
    assert words("ja").said(outer) == outer
    assert str(words("fr").text("Below {label}", label="<b>")) == "Sous &lt;b&gt;"


def test_a_catalogue_that_lacks_a_message_would_be_seen() -> None:
    catalog = read_po(io.BytesIO(build_messages.po_file("de").read_bytes()))
    assert "Taken back." in catalog
    assert in_script(build_messages.as_script(catalog)).keys() < {texts(one.id)[0] for one in catalog if one.id}


def test_the_templates_of_what_is_stored_are_those_of_the_code() -> None:
    assert recalled.FILE.read_text() == build_messages.reasons(), "run python -m tagger.web.build_messages"


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("the file is empty", "die Datei ist leer"),
        ("it cannot be read: this user may not open it", "es ist nicht zu lesen: dieser Benutzer darf es nicht öffnen"),
        (
            "the picture is damaged: its checksums do not fit its data",
            "das Bild ist beschädigt: die Prüfsummen passen nicht zu den Daten",
        ),
        (
            "the file is truncated: only 12% of the picture is readable",
            "die Datei ist abgeschnitten: Nur 12% des Bildes ist lesbar",
        ),
        (
            "it is larger than the settings allow: 20000 x 10000 pixels (200 megapixels), 80 MB;"
            " it would pass with limits.megapixels = 200 (now 150)",
            "es ist größer, als die Einstellungen erlauben: 20000 × 10000 Pixel (200 Megapixel), 80 MB;"
            " es ginge mit limits.megapixels = 200 (jetzt 150)",
        ),
        (
            "it is larger than the settings allow: 80 MB; it would pass with limits.file_mb = 90 (now 64) and"
            " limits.memory_mb = 900 (now 512)",
            "es ist größer, als die Einstellungen erlauben: 80 MB; es ginge mit limits.file_mb = 90 (jetzt 64) und"
            " limits.memory_mb = 900 (jetzt 512)",
        ),
    ],
)
def test_why_a_photo_failed_was_stored_in_english_and_is_said_in_the_language(stored: str, german: str) -> None:
    assert words("de").said(stored) == german
    assert words("en").said(stored) == stored
    for code in CATALOGUES:
        assert words(code).plain(stored) != stored


def test_what_the_code_says_of_a_damaged_picture_is_recalled() -> None:
    """As it passes through the database: a text."""
    for code in CATALOGUES:
        for error in (OSError("truncated"), ValueError("bad checksum"), PermissionError(13, "x"), OSError(5, "y")):
            with pytest.raises(DecodeError) as caught, decode_errors(Settings().limits):
                raise error
            text = str(caught.value.reason).encode().decode()
            assert words(code).plain(text) == words(code).plain(caught.value.reason) != text


def test_every_why_of_a_label_is_said_in_the_language() -> None:
    policy = Policy.from_settings(
        LabelSettings(silence=("tiger",), rename={"beagle": "Rex"}, thresholds={"pug": 0.9}), taxonomy.load(), 0.45
    )
    boxes = tuple(
        Box(OBJECTS.index(name), score, 0, 0, 0.5, 0.5)
        for name, score in (("person", 0.8), ("person", 0.7), ("dog", 0.6), ("sports ball", 0.8), ("car", 0.3))
    )
    chance = np.random.default_rng(1)
    whys = {
        report.why
        for _ in range(40)
        for report in policy.explain(
            chance.dirichlet(np.full(1000, 0.01)).astype(np.float32),
            Evidence(boxes[: chance.integers(0, 6)], kinds=("flash", "selfie")),
        )
        if report.why
    }
    assert len(whys) > 30
    for code in CATALOGUES:
        for why in whys:
            assert isinstance(why, Sentence)
            assert words(code).plain(why) != why, why


def test_labels_in_a_why_are_named_in_the_language() -> None:
    dog = Sentence("a box of a {name} at {share}", name=LabelName("dog", "n02084071"), share="0.60")
    german = Sentence("shown: {why}", why=dog).named(language("de").name_of)
    assert words("de").said(german) == "angezeigt: ein Rahmen um „Hund“ mit 0.60"


def test_a_why_can_be_copied() -> None:
    """As for JSON, of which dataclasses make copies."""
    why = Sentence("shown: {why}", why=Sentence("the word {word} at {share}", word=LabelName("dog", "n1"), share="1"))
    copied = deepcopy(why)
    assert copied == why
    assert copied.named(lambda key, _: key) == "shown: the word n1 at 1"


@pytest.mark.parametrize("code", ["en", *CATALOGUES])
def test_the_help_of_queries_stands_in_two_columns_in_every_language(code: LanguageCode) -> None:
    found = columns(words(code).said(HELP_TEXT))
    assert [len(one) for one in found] == [2] * len(columns(HELP_TEXT))
    assert all(asked and told and "  " not in asked + told for asked, told in found)
    assert [asked.partition(":")[0] for asked, _ in found if asked.endswith("Paris")] == ["place"]
    assert found[-1][0] == "*"
