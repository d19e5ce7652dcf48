"""Search on both databases, against the plainest possible evaluation of the same query."""

from __future__ import annotations

import os
import random
import time
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pytest

from tagger.core.config import LabelSettings, Settings
from tagger.core.errors import QueryError
from tagger.core.photo import Inspection, Label, Origin, PhotoFacts
from tagger.labels import taxonomy
from tagger.search import run as run_module
from tagger.search import spans
from tagger.search.found_photo import FoundPhoto
from tagger.search.likeness import Alike
from tagger.search.query import parse
from tagger.search.query_tree import (
    And,
    AnyLabel,
    Comparison,
    Format,
    Like,
    Node,
    Not,
    Or,
    PathPart,
    Taken,
    Word,
    Words,
    quoted,
)
from tagger.search.run import Search
from tagger.search.vocabulary import UnknownWord
from tagger.store import corrections, jobs
from tagger.store.labels import LabelIds, LabelledBy
from tagger.store.photos import photos_gone
from tagger.store.reader import open_reader
from tagger.store.results import PhotoResult, save_results
from tagger.store.session import Store
from tests.store import samples

TAXONOMY = taxonomy.load()
WORDS = "beagle pug tabby tiger zebra banana pizza ambulance dog cat animal food vehicle flash night".split()
# What only searches find, and from which confidence on.
SEARCH_ONLY = {TAXONOMY.lookup("flash")[0]: 0.98, TAXONOMY.lookup("night")[0]: 0.98}


@dataclass(frozen=True)
class Photo:
    path: str
    taken: str | None
    format: str
    missing: bool
    labels: tuple[Label, ...]


def a_library(seed: int, count: int = 60) -> list[Photo]:
    chance = random.Random(seed)
    photos = []
    for number in range(count):
        names = chance.sample(WORDS, chance.randint(0, 4))
        found = tuple(
            Label(
                TAXONOMY.lookup(name)[0], name, chance.choice([0.1, 0.25, 0.5, 0.75, 0.98]), rank, Origin.MODEL, shown
            )
            for rank, (name, shown) in enumerate(zip(names, chance.choices([True, False], k=4), strict=False), 1)
        )
        taken = chance.choice([None, "2019-06-01T12:30:00", "2023-12-31T23:59:59", "2024-01-01T00:00:00"])
        path = f"{chance.choice(['Holiday', 'zoo_1', 'a%b'])}/{number:03}.jpg"
        photos.append(Photo(path, taken, chance.choice(["JPEG", "HEIF"]), chance.random() < 0.1, found))
    return photos


def fill(store: Store, photos: list[Photo]) -> None:
    label_ids = LabelIds()
    with store.write() as session:
        root, model = samples.root(session), samples.model(session)
        ids = samples.add(session, root, *(photo.path for photo in photos))
        for photo_id, photo in zip(ids, photos, strict=True):
            facts = PhotoFacts(photo.format, 10, 10, photo.taken)
            inspection = Inspection(samples.fingerprint(photo_id), b"c%15d" % photo_id, b"p%15d" % photo_id, facts)
            save_results(
                session,
                label_ids,
                LabelledBy(model, samples.NOW),
                [PhotoResult(photo_id, inspection, b"\0\0", photo.labels)],
            )
        jobs.drop_queued(session, ids, None)
        gone = [photo_id for photo_id, photo in zip(ids, photos, strict=True) if photo.missing]
        photos_gone(session, gone, samples.NOW)


def holds(bound: Comparison | None, value: float) -> bool:
    if bound is None:
        return True
    return {
        ">": value > bound.value,
        ">=": value >= bound.value,
        "<": value < bound.value,
        "<=": value <= bound.value,
    }[bound.operator]


def is_sure(label: Label) -> bool:
    return label.shown or label.confidence >= SEARCH_ONLY.get(label.key, 2)


# What looks like what, in these tests: a probability a photo, from its path and the description.
CUT_OFF = 0.5


def looks(photo: Photo, text: str) -> float | None:
    if photo.path.endswith("3.jpg"):
        return None  # it has no vector, as while features are missing
    return random.Random(photo.path + text).choice([0.05, 0.3, 0.5, 0.6, 0.75, 0.9, 0.97])


class Descriptions:
    """Answers descriptions of a library made by `a_library`."""

    def __init__(self, photos: list[Photo]) -> None:
        self.photos = photos

    def __call__(self, like: Like, less_sure: bool) -> Alike:
        kept = {
            number: looks(photo, like.text)
            for number, photo in enumerate(self.photos, 1)
            if matches(like, photo, less_sure)
        }
        return Alike(np.array(list(kept), np.int64), np.array(list(kept.values()), np.float64))


def probability(node: Node, photo: Photo, less_sure: bool) -> float | None:
    match node:
        case Like(text):
            return looks(photo, text) if matches(node, photo, less_sure) else None
        case And(items) | Or(items):
            found = [value for item in items if (value := probability(item, photo, less_sure)) is not None]
            return (min if isinstance(node, And) else max)(found, default=None)
        case _:
            return None


def matches(node: Node, photo: Photo, less_sure: bool = False, below_not: bool = False) -> bool:
    match node:
        case Like(text, bound):
            value = looks(photo, text)
            return value is not None and holds(bound or Comparison(">=", 0 if less_sure else CUT_OFF), value)
        case Word(text, bound):
            keys = TAXONOMY.find(text)
            return any(
                label.key in keys
                and (holds(bound, label.confidence) if bound is not None else less_sure or is_sure(label))
                for label in photo.labels
            )
        case AnyLabel(bound):
            return any(label.shown and holds(bound, label.confidence) for label in photo.labels)
        case Not(item):
            return not matches(item, photo, below_not, less_sure)
        case And(items):
            return all(matches(item, photo, less_sure, below_not) for item in items)
        case Or(items):
            return any(matches(item, photo, less_sure, below_not) for item in items)
        case Taken(None, None):
            return photo.taken is None
        case Taken(start, end):
            return photo.taken is not None and str(start) <= photo.taken < str(end)
        case PathPart(text):
            return fnmatchcase(f"photos/{photo.path}".lower(), f"*{text.lower().replace('[', '[[]')}*")
        case Format(name):
            return photo.format == name
        case Words():
            raise AssertionError("not made here")


def a_query(chance: random.Random, depth: int = 0, *, likes: bool = False) -> str:
    kind = chance.randint(0, 10 if depth < 3 else 6)
    bound = chance.choice(["", "", ">0.5", ">=0.5", "<0.5", "<=0.25"])
    if kind <= 1 and likes:
        return f'like:"{chance.choice(["a dog", "sea", "two cats on a sofa"])}"{bound}'
    if kind <= 3:
        return f'"{chance.choice(WORDS)}"{bound}'
    if kind == 4:
        return f"label{bound or '>0.5'}"
    if kind == 5:
        return chance.choice(["taken:2019", "taken:2023-12..", "taken:none", "taken:2023-12-31..2024"])
    if kind == 6:
        return chance.choice(["path:holiday/", "path:o_1", "path:a%", "path:*/?0", "path:os/*/0", "format:heic"])
    if kind == 7:
        return f"NOT ({a_query(chance, depth + 1, likes=likes)})"
    joint = chance.choice([" ", " OR "])
    return f"({joint.join(a_query(chance, depth + 1, likes=likes) for _ in range(2))})"


def test_every_query_finds_what_it_says_the_surest_first(settings: Settings, store: Store) -> None:
    photos = a_library(7)
    fill(store, photos)
    chance = random.Random(1)
    by_path = {photo.path: photo for photo in photos}
    non_empty = less_sure = 0
    with open_reader(settings) as reader:
        for _ in range(150):
            text = a_query(chance)
            search = Search(reader, TAXONOMY, parse(text))
            found = [result.path.relative for result in search.results()]
            expected = {photo.path for photo in photos if not photo.missing and matches(search.query, photo)}
            assert len(found) == len(set(found)), text
            assert set(found) == expected, text
            limit = chance.randint(1, 8)
            assert [r.path.relative for r in Search(reader, TAXONOMY, parse(text)).results(limit)] == found[:limit], (
                text
            )
            non_empty += bool(found)
            if text.startswith('"') and "<" not in text:
                keys = TAXONOMY.find(text.split('"')[1])
                of_photo = [[x for x in by_path[path].labels if x.key in keys] for path in found]
                best = [max(x.confidence for x in each if is_sure(x) or ">" in text) for each in of_photo]
                assert best == sorted(best, reverse=True), text
            # The less sure ones are told as such, behind all others.
            more = {p.path for p in photos if not p.missing and matches(search.query, p, less_sure=True)} - expected
            both = list(search.results(less_sure=True))
            assert [result.path.relative for result in both[: len(found)]] == found, text
            assert sorted(result.path.relative for result in both[len(found) :]) == sorted(more), text
            assert [result.less_sure for result in both] == [False] * len(found) + [True] * len(more), text
            assert search.count_less_sure(1000) == len(more)
            less_sure += bool(more)
    assert non_empty > 50
    assert less_sure > 20


@pytest.mark.slow
@pytest.mark.parametrize("span", [100_000, 0])
def test_queries_with_descriptions_find_what_they_say(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, span: int
) -> None:
    """Alone, with labels, times and paths, negated, in brackets, two of them; page by page, and with the unlikely."""
    monkeypatch.setattr(spans, "_MOST", span)
    photos = a_library(7)
    fill(store, photos)
    chance = random.Random(2)
    by_path = {photo.path: photo for photo in photos}
    described = ordered = unlikely = 0
    with open_reader(settings) as reader:
        for _ in range(200):
            text = a_query(chance, likes=True)
            search = Search(reader, TAXONOMY, parse(text), likeness=Descriptions(photos))
            query = search.query
            assert query is not None
            there = [photo for photo in photos if not photo.missing]
            sure = {photo.path for photo in there if matches(query, photo)}
            more = {photo.path for photo in there if matches(query, photo, less_sure=True)} - sure
            found = list(search.results(less_sure=True))
            paths = [result.path.relative for result in found]
            assert len(paths) == len(set(paths)), text
            assert set(paths[: len(sure)]) == sure, text
            assert set(paths[len(sure) :]) == more, text
            assert [one.path.relative for one in search.results()] == paths[: len(sure)], text
            assert [one.likeness for one in found] == [
                probability(query, by_path[one.path.relative], one.less_sure) for one in found
            ], text
            whole = [result.photo_id for result in search.results(newest=True, less_sure=True)]
            size, parts, place = chance.randint(1, 7), [], None
            while page := list(search.results(size, newest=True, after=place, less_sure=True)):
                parts += [result.photo_id for result in page]
                place = page[-1].place
            assert parts == whole, text
            described += "like:" in text and bool(sure)
            unlikely += "like:" in text and bool(more)
            if tops(query):
                best = [one.likeness for one in found if not one.less_sure]
                assert best == sorted(best, reverse=True), text
                ordered += len(best) > 1
    assert described > 60
    assert ordered > 15
    assert unlikely > 15


def tops(query: Node) -> bool:
    """Whether descriptions alone decide about the order."""
    items = query.items if isinstance(query, And) else (query,)
    return any(isinstance(item, Like) for item in items) and all(
        isinstance(item, Like | Word | Taken | PathPart | Format | AnyLabel) for item in items
    )


@pytest.mark.parametrize("span", [100_000, 3, 0])
def test_pages_put_together_are_the_whole(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, span: int
) -> None:
    """However many photos a time span or a path may have to be read first."""
    monkeypatch.setattr(spans, "_MOST", span)
    fill(store, a_library(5))
    chance = random.Random(3)
    pages = 0
    with open_reader(settings) as reader:
        for number in range(80):
            text = a_query(chance) if number else ""
            query = parse(text) if text else None
            more = chance.random() < 0.5
            search = Search(reader, TAXONOMY, query)
            whole = [found.photo_id for found in search.results(newest=True, less_sure=more)]
            size, parts, place = chance.randint(1, 7), [], None
            while page := list(search.results(size, newest=True, after=place, less_sure=more)):
                parts += [found.photo_id for found in page]
                place = page[-1].place
                pages += 1
            assert parts == whole, text
    assert pages > 200


def test_without_labels_the_newest_come_first_and_undated_ones_last(settings: Settings, store: Store) -> None:
    fill(store, a_library(5))
    with open_reader(settings) as reader:
        taken = [found.taken for found in Search(reader, TAXONOMY, None).results(newest=True)]
        with pytest.raises(ValueError, match="another query"):
            next(Search(reader, TAXONOMY, None).results(after=("surest", 0.5, 1)))
    dated = [text for text in taken if text]
    assert dated == sorted(dated, reverse=True)
    assert taken == dated + [None] * (len(taken) - len(dated))


def test_time_spans_of_any_size(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three ways to answer a query with a time span find the same in the same order."""
    photos = a_library(11)
    fill(store, photos)
    found = []
    for limits in ((100_000, 4000), (100_000, 0), (0, 0)):
        monkeypatch.setattr(spans, "_MOST", limits[0])
        monkeypatch.setattr(run_module, "_SHORTLIST", limits[1])
        found.append([result.path.relative for result in run(settings, "animal>0.2 taken:2023..2024 -zebra")])
    assert found[0]
    assert found[0] == found[1] == found[2]


def run(settings: Settings, text: str) -> list[FoundPhoto]:
    with open_reader(settings) as reader:
        return list(Search(reader, TAXONOMY, parse(text)).results())


def test_words_in_a_row_are_joined_to_the_longest_labels(settings: Settings, store: Store) -> None:
    with open_reader(settings) as reader:

        def joined(text: str) -> str:
            return str(Search(reader, TAXONOMY, parse(text)).query)

        assert joined("grey whale") == '"grey whale"'
        assert joined("dog beach wagon") == '"dog" AND "beach wagon"'
        assert joined("golden retriever tennis ball>0.5") == '"golden retriever" AND "tennis ball">0.5'
        assert joined("NOT (wild animal OR zebra)") == 'NOT ("wild animal" OR "zebra")'


def test_unknown_words_come_with_suggestions(settings: Settings, store: Store) -> None:
    fill(store, a_library(3))
    with open_reader(settings) as reader:
        search = Search(reader, TAXONOMY, parse("tigr"))
        assert list(search.results()) == []
        [word] = search.unknown_words
        assert (word.text, word.known) == ("tigr", False)
        assert "tiger" in word.near
        search = Search(reader, TAXONOMY, parse("ostrich"))
        assert list(search.results()) == []
        assert search.unknown_words[0].known


def test_results_tell_which_labels_matched(settings: Settings, store: Store) -> None:
    pug = Label(TAXONOMY.lookup("pug")[0], "pug", 0.5, 1, Origin.MODEL, True)
    dog = Label(TAXONOMY.lookup("dog")[0], "dog", 0.75, 2, Origin.HIERARCHY, True)
    food = Label(TAXONOMY.lookup("food")[0], "food", 0.9, 3, Origin.HIERARCHY, True)
    fill(store, [Photo("a.jpg", None, "JPEG", False, (pug, dog, food))])
    [found] = run(settings, "dog")
    assert found.labels == (("pug", 0.5), ("dog", 0.75)), "the narrowest first"
    [found] = run(settings, "path:a")
    assert [name for name, _ in found.labels] == ["pug", "dog", "food"]


PLACES = ["Österreich/a.jpg", unicodedata.normalize("NFD", "École/é.jpg"), "Москва/b.jpg", "50%_off!/c\\d.jpg"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("path:Österreich", [0]),
        ("path:ÖSTERREICH/", [0]),
        (unicodedata.normalize("NFD", "path:österreich"), [0]),
        ("-path:österreich", [1, 2, 3]),
        ("path:école", [1]),
        ("-path:ÉCOLE", [0, 2, 3]),
        ("path:МОСКВА", [2]),
        ("path:м?сква/*.JPG", [2]),
        ("path:sterreich", [0]),
        ("path:osterreich", []),
        ("path:50%_off!", [3]),
        ("path:5%f", []),
        ("path:50_off", []),
        ("path:c\\d", [3]),
        ("path:c\\\\d", []),
        # The folder's own name, and whole paths as they are printed.
        ("path:photos/", [0, 1, 2, 3]),
        ("path:Photos/Österreich", [0]),
        ("path:/photos/", [0, 1, 2, 3]),
        ("path:/PHOTOS/москва/b.jpg", [2]),
        ("-path:/photos/м", [0, 1, 3]),
        ("path:/photo", [0, 1, 2, 3]),
        ("path:/Österreich/", [0]),
        ("path:hotos/*a.jpg", [0]),
        ("path:/other/", []),
        ("path:*", [0, 1, 2, 3]),
        ("path:? OR path:nothing", [0, 1, 2, 3]),
    ],
)
def test_paths_are_compared_as_names_are(settings: Settings, store: Store, text: str, found: list[int]) -> None:
    fill(store, [Photo(path, None, "JPEG", False, ()) for path in PLACES])
    assert sorted(PLACES.index(photo.path.relative) for photo in run(settings, text)) == found


def test_a_path_that_is_no_text_is_found_by_its_bytes(settings: Settings, store: Store) -> None:
    path = os.fsdecode(b"Caf\xe9/a.jpg")
    fill(store, [Photo(path, None, "JPEG", False, ()), Photo("b.jpg", None, "JPEG", False, ())])
    for text in ("path:caf", os.fsdecode(b"path:CAF\xe9/"), "path:caf?/A"):
        assert [photo.path.relative for photo in run(settings, text)] == [path]


def own(name: str, shown: bool = True) -> Label:
    return Label(taxonomy.own_key(name), name, 0.75, 1, Origin.PERSON, shown)


@pytest.mark.parametrize(
    "name",
    ['5" disk', '"', "a\\b", "St: Gallen", "AND", "NOT", "path:x", "(c)", "a > b", "-dog", "%", "...", "x*y", "label"],
)
def test_a_label_is_found_whatever_is_in_its_name(settings: Settings, store: Store, name: str) -> None:
    fill(store, [Photo("a.jpg", None, "JPEG", False, (own(name),)), Photo("b.jpg", None, "JPEG", False, (own("zzz"),))])
    assert [photo.path.relative for photo in run(settings, quoted(name))] == ["a.jpg"]
    assert len(run(settings, f"{quoted(name)} OR zzz")) == 2


def asked(settings: Settings, text: str, silenced: tuple[str, ...] = ()) -> list[UnknownWord]:
    with open_reader(settings) as reader:
        search = Search(reader, TAXONOMY, parse(text), LabelSettings(silence=silenced))
        list(search.results())
        return list(search.unknown_words)


def test_the_library_s_own_labels_are_suggested(settings: Settings, store: Store) -> None:
    fill(store, [Photo("a.jpg", None, "JPEG", False, (own("Rex the dog"), own("Müsli")))])
    assert asked(settings, "Rex")[0].near[0] == "Rex the dog"
    assert asked(settings, "musli")[0].near[0] == "Müsli"


@pytest.mark.parametrize(
    ("text", "operator"), [("tiger UND dog", "AND"), ("tiger lub dog", "OR"), ("tiger nicht dog", "NOT")]
)
def test_operators_of_other_languages_are_told(settings: Settings, store: Store, text: str, operator: str) -> None:
    fill(store, a_library(3))
    [word] = [one for one in asked(settings, text) if one.text not in ("tiger", "dog")]
    assert f"Here: {operator}." in word.hint


def test_words_that_stand_for_operators_and_silenced_labels_are_told(settings: Settings, store: Store) -> None:
    fill(store, a_library(3))
    [word] = asked(settings, "dogs and zebra")
    assert (word.text, "capitals" in word.hint) == ("and", True)
    [word] = asked(settings, "ostrich", ("Ostrich",))
    assert "silenced" in word.hint
    [word] = asked(settings, "ostrich")
    assert (word.hint, word.sentence) == ("", "No photo is labelled 'ostrich'.")
    [word] = asked(settings, "everything")
    assert "*" in word.hint


def test_a_label_that_no_photo_has_any_more_is_told(settings: Settings, store: Store) -> None:
    fill(store, [Photo("a.jpg", None, "JPEG", False, (own("Minka"),))])
    assert asked(settings, "minka") == []
    with store.write() as session:
        corrections.remove_label(session, 1, corrections.labels_on(session, 1)[0].label_id)
    assert [word.text for word in asked(settings, "minka")] == ["minka"]


@pytest.mark.parametrize(
    "text",
    [
        " ".join(["dog"] * 500),
        " OR ".join(["animal"] * 500),
        " OR ".join(f"animal>0.{number:03}" for number in range(500)),
        " ".join(f"-w{number}" for number in range(500)),
        " OR ".join(f"path:a{number}*b?c" for number in range(500)),
        "NOT " * 19 + "dog",
        "(" * 19 + "dog" + ")" * 19,
        "(dog OR " * 19 + "cat" + ")" * 19,
        "(path:a -(dog format:jpeg OR " * 6 + "cat" + "))" * 6,
        "-(dog taken:2019 OR " * 9 + "cat" + ")" * 9,
        " ".join(f"word{number}" for number in range(500)),
        "x" * 10_000,
        "path:" + "*a" * 4_000,
        'path:"' + "é/" * 4_000 + '"',
    ],
    ids=range(14),
)
def test_whatever_may_be_asked_is_answered(settings: Settings, store: Store, text: str) -> None:
    fill(store, a_library(3, 20))
    started = time.monotonic()
    asked(settings, text)
    assert time.monotonic() - started < 20


def test_what_a_database_cannot_take_is_refused_in_a_sentence(settings: Settings, store: Store) -> None:
    """A pattern that is longer folded than typed: SQLite takes fewer letters than PostgreSQL."""
    fill(store, a_library(3, 5))
    if store.engine.dialect.name == "postgresql":
        assert asked(settings, "path:" + "ﷺ" * 9_000) == []
        return
    with pytest.raises(QueryError, match="too long for the database"):
        run(settings, "path:" + "ﷺ" * 9_000)


def test_a_rules_label_is_found_by_its_name(settings: Settings, store: Store) -> None:
    ours = Label("rule:our Minka", "our Minka", 0.75, 1, Origin.HIERARCHY, True)
    fill(store, [Photo("a.jpg", None, "JPEG", False, (ours,))])
    assert len(run(settings, "our minka")) == 1


@pytest.mark.parametrize("text", ["x' OR '1'='1", 'path:"\'; DROP TABLE photos; --"', "path:!%_", "%"])
def test_a_query_is_data_not_sql(settings: Settings, store: Store, text: str) -> None:
    fill(store, a_library(3, 5))
    assert run(settings, text) == []
    assert len(run(settings, "path:jpg")) == sum(not photo.missing for photo in a_library(3, 5))
