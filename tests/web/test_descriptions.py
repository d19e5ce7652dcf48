"""Sentences in the box and in the API: what is labelled so first, what looks so after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tagger.core.config import Settings
from tagger.search.looks import Describer
from tagger.search.query_tree import Like
from tagger.search.towers import OWN, Towers
from tagger.web import context
from tagger.web.problems import ProblemError
from tests.cli.runner import Tagger
from tests.web.site import Site

HTML = {"Accept": "text/html"}
SENTENCE = "a man riding his motorcycle"


def search(site: Site, query: str, **others: Any) -> Any:
    return site.api(f"/search?q={quote(query)}" + "".join(f"&{name}={value}" for name, value in others.items()))


def paths(photos: list[dict[str, Any]]) -> list[str]:
    return [photo["path"] for photo in photos]


def test_the_api_answers_as_the_command_does(reading: Site) -> None:
    by_command = reading.tagger.json_lines("search", SENTENCE)
    found = search(reading, SENTENCE)
    assert found["photos"] == []
    assert paths(found["alike"]["photos"]) == [one["path"] for one in by_command] != []
    assert [one["likeness"] for one in found["alike"]["photos"]] == [one["likeness"] for one in by_command]
    explicit = search(reading, f'like:"{SENTENCE}"')
    assert paths(explicit["photos"]) == paths(found["alike"]["photos"])
    assert explicit["alike"] is None
    strict = search(reading, SENTENCE, strict="true")
    assert (strict["photos"], strict["alike"]) == ([], None)


def test_what_is_labelled_so_comes_first_and_what_looks_so_behind(reading: Site) -> None:
    found = search(reading, "cat", limit=500)
    assert found["photos"]
    assert all(photo["likeness"] is None for photo in found["photos"])
    assert found["alike"] is not None
    assert not {*paths(found["photos"])} & {*paths(found["alike"]["photos"])}
    # Only behind the last of the labelled ones.
    first = search(reading, "cat", limit=1)
    assert first["next"]
    assert first["alike"] is None
    assert search(reading, "path:photos")["alike"] is None


def test_pages_of_what_looks_so_put_together_are_the_whole(reading: Site) -> None:
    whole = search(reading, SENTENCE, all="true", limit=500)
    assert whole["alike"]["next"] is None
    assert len(whole["alike"]["photos"]) > 20
    parts: list[str] = []
    after = ""
    while after is not None:
        page = search(reading, SENTENCE, all="true", limit=7, after=after)
        assert page["photos"] == []
        parts += paths(page["alike"]["photos"])
        after = page["alike"]["next"]
    assert parts == paths(whole["alike"]["photos"])
    cursor = search(reading, SENTENCE, all="true", limit=7)["alike"]["next"]
    reading.api(f"/search?q=path:photos&after={cursor}", 400)


@pytest.mark.parametrize(
    ("query", "told"), [("like:xyzzy", "Not known: xyzzy."), ("like:motorcylce", "motorcylce as motorcycle")]
)
def test_how_words_were_understood_is_told(reading: Site, query: str, told: str) -> None:
    assert told in " ".join(search(reading, query)["told"])
    assert told.replace("'", "&#39;") in reading.get(f"/?q={quote(query)}", HTML).text


def test_the_page_has_a_heading_for_what_looks_so(reading: Site) -> None:
    page = reading.get(f"/?q={quote(SENTENCE)}", HTML).text
    assert '<h2 id="alike-title">Looks like it</h2>' in page
    assert "No label says that; these look like it." in page
    assert "There is no label" not in page
    assert page.count('class="tile"') == len(search(reading, SENTENCE)["alike"]["photos"])
    nothing = reading.get(f"/?q={quote('like:the surgeon operates on a kidney')}", HTML).text
    assert "No photo matches." in nothing


def test_which_words_carry_how_much_is_told(reading: Site) -> None:
    number = reading.photo("motorcycle.jpg")
    found = reading.api(f"/photos/{number}/likeness?to={quote(SENTENCE)}")
    words = {one["word"]: one["adds"] for one in found["words"]}
    assert words["motorcycle"] == max(words.values()) > 0.05
    assert 0 <= found["probability"] <= 1
    assert sum(words.values()) == pytest.approx(found["similarity"], abs=0.1)
    told = reading.tagger.json("explain", reading.api(f"/photos/{number}")["path"], "--like", SENTENCE)
    assert told["probability"] == pytest.approx(found["probability"], abs=1e-3)
    assert "motorcycle" in reading.tagger("explain", told["path"], "--like", SENTENCE).stdout
    assert "needs a description" in reading.tagger("explain", told["path"], "--like", " ", code=2).stderr
    reading.api(f"/photos/999999/likeness?to={quote(SENTENCE)}", 404)


def test_while_a_large_library_is_prepared_it_says_so(gallery: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    served = context.WebContext(lambda: Settings(data_dir=gallery.data))
    (gallery.data / "vectors" / "sentences.vectors").unlink(missing_ok=True)
    monkeypatch.setattr(context, "_COMPARING_SECONDS", 0.0)
    with served.reader() as reader:
        describer: Describer = served.describer(reader, "en")
        with pytest.raises(ProblemError) as caught:
            describer(Like("a cat"), False)
        assert caught.value.fault.status == 503
        assert int(caught.value.headers["Retry-After"]) > 0
        monkeypatch.setattr(context, "_COMPARING_SECONDS", 60.0)
        assert len(served.describer(reader, "en")(Like("a cat"), True)) > 20
    served.close()
    assert Path(gallery.data / "vectors" / "sentences.vectors").exists()


@pytest.mark.parametrize("query", ["cat", "animal", "cat OR snow", 'cat like:"a dog"', "cat -dog"])
def test_no_photo_stands_twice_on_a_page_of_all(reading: Site, query: str) -> None:
    found = search(reading, query, all="true", limit=500)
    listed = paths(found["photos"]) + paths(found["alike"]["photos"])
    assert len(listed) > 20
    assert len(listed) == len(set(listed))


def test_a_server_that_runs_takes_the_owners_own_words(gallery: Tagger) -> None:
    served = context.WebContext(lambda: Settings(data_dir=gallery.data))

    def understood() -> list[str]:
        with served.reader() as reader:
            describer = served.describer(reader, "en")
            describer(Like("a wuffel"), True)
            return describer.told

    own = gallery.data / OWN
    try:
        assert understood() == ["Not known: wuffel."]
        towers = Towers.load()
        words = tuple("wuffel" if word == "zoo" else word for word in towers.words)
        replace(towers, words=words).save(own)
        assert understood() == []
        own.unlink()
        assert understood() == ["Not known: wuffel."]
    finally:
        own.unlink(missing_ok=True)
        served.close()
