"""Queries for what photos' files tell, on both databases, against the plainest possible evaluation."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from tagger.core.config import Settings
from tagger.core.errors import QueryError
from tagger.core.photo import FileKeyword, Label, Origin, PhotoFacts, PhotoFields
from tagger.labels import taxonomy
from tagger.search import counting, ordered, path_index, run, spans
from tagger.search.conditions import Conditions
from tagger.search.looks import no_likeness
from tagger.search.query import parse
from tagger.search.query_tree import FieldNode, Format, Located, Measured, Named, Near, Shape
from tagger.search.run import Search
from tagger.search.vocabulary import Vocabulary
from tagger.store.fields import save_fields
from tagger.store.labels import LabelIds, LabelledBy
from tagger.store.reader import open_reader
from tagger.store.results import PhotoResult, save_results
from tagger.store.session import Store, open_store
from tagger.store.tables import PhotoRow, PhotoTermRow
from tests.store import samples

TAXONOMY = taxonomy.load()


@dataclass(frozen=True)
class Photo:
    size: tuple[int, int]
    fields: PhotoFields
    dog: float = 0.0


def words(*names: str) -> tuple[FileKeyword, ...]:
    return tuple(FileKeyword("photo", "dc:subject", name) for name in names)


PHOTOS = (
    Photo(
        (6000, 4000),
        PhotoFields(
            words("Summer 2019", "Rex"),
            ("Montmartre", "Paris"),
            "Île-de-France",
            "France",
            "NIKON D850",
            "50.0 mm f/1.8",
            5,
            48.8867,
            2.3431,
        ),
        dog=0.9,
    ),
    Photo(
        (4000, 6000),
        PhotoFields(words("rex"), ("Zürich",), "Zurich", "Switzerland", "Canon EOS R5", "", 4, 47.37, 8.54),
    ),
    Photo((3000, 3000), PhotoFields((), ("Labasa",), "Northern", "Fiji", "NIKON Z 6", "24-70mm f/4", 1, -16.4, 179.99)),
    Photo((1600, 1200), PhotoFields(words("summer break", "50% off?"), camera="Apple iPhone 12", rating=-1), dog=0.3),
    Photo((640, 480), PhotoFields()),
    Photo(
        (480, 640),
        PhotoFields(
            words("Straße"), ("New York City",), "New York", "United States", rating=3, latitude=40.71, longitude=-74.0
        ),
    ),
)


@pytest.fixture
def library(store: Store) -> Store:
    with store.write() as session:
        root, model = samples.root(session), samples.model(session)
        ids = samples.add(session, root, *(f"{number}.jpg" for number in range(1, len(PHOTOS) + 1)))
        for photo_id, photo in zip(ids, PHOTOS, strict=True):
            seen = samples.inspection(photo_id)
            facts = PhotoFacts("HEIF" if photo_id == 2 else "JPEG", *photo.size, f"2019-06-0{photo_id}T12:00:00")
            label = Label(TAXONOMY.lookup("dog")[0], "dog", photo.dog, 1, Origin.HIERARCHY, photo.dog > 0.5)
            inspection = replace(seen, facts=facts, fields=photo.fields)
            result = PhotoResult(photo_id, inspection, b"\0\0", [label] if photo.dog else [])
            save_results(session, LabelIds(), LabelledBy(model, samples.NOW), [result])
    return store


def found(settings: Settings, text: str, **options: bool) -> list[int]:
    with open_reader(settings) as reader:
        return [photo.photo_id for photo in Search(reader, TAXONOMY, parse(text)).results(**options)]


@pytest.mark.parametrize("most", [100_000, 0])
@pytest.mark.parametrize(
    ("text", "photos"),
    [
        ("keyword:rex", [1, 2]),
        ('keyword:"summer 2019"', [1]),
        ("keyword:summer*", [1, 4]),
        ("tag:REX", [1, 2]),
        ('keyword:"50% off?"', [4]),
        ("keyword:strasse", [6]),
        ("keyword:none", [3, 5]),
        ("-keyword:rex", [3, 4, 5, 6]),
        ("camera:nikon", [1, 3]),
        ('camera:"d850 nikon"', [1]),
        ("camera:none", [5, 6]),
        ("-camera:nikon", [2, 4, 5, 6]),
        ("-(camera:nikon lens:50)", [2, 3, 4, 5, 6]),
        ("-(camera:nikon OR camera:none)", [2, 4]),
        ("lens:50", [1]),
        ("camera:nikon OR camera:canon", [1, 2, 3]),
        ("rating:>=4", [1, 2]),
        ("rating>=4", [1, 2]),
        ("rating:<4", [3, 6]),
        ("rating:3..4", [2, 6]),
        ("rating:none", [5]),
        ("rating:0", [5]),
        ("rating:rejected", [4]),
        ("rating:-1", [4]),
        ("-rating:>=4", [3, 4, 5, 6]),
        ("width:>4000", [1]),
        ("width:>=4000", [1, 2]),
        ("height:640", [6]),
        ("width:1000..3500", [3, 4]),
        ("orientation:portrait", [2, 6]),
        ("orientation:landscape", [1, 4, 5]),
        ("orientation:square", [3]),
        ("type:heic", [2]),
        ("gps:yes", [1, 2, 3, 6]),
        ("gps:no", [4, 5]),
        ("place:paris", [1]),
        ("place:zurich", [2]),
        ("place:ZÜRICH", [2]),
        ("place:York", [6]),
        ("place:france", [1]),
        ("place:fran", []),
        ("place:none", [4, 5]),
        ("near:48.85,2.35,10km", [1]),
        ("near:48.85,2.35,400m", []),
        ('near:"48.85, 2.35, 300 mi"', [1, 2]),
        ("near:-16.4,-179.99,50km", [3]),
        ("near:40.7,-74", [6]),
        ("near:40.7N,74W", [6]),
        ('near:"N40.7 W74"', [6]),
        ('near:"40° 42\N{PRIME} 0\N{DOUBLE PRIME} N, 74° 0\N{PRIME} 0\N{DOUBLE PRIME} W, 5 km"', [6]),
        ("near:40°42'N,74°0'W", [6]),
        ("""near:40°42'0"N,74°0'0"W""", [6]),
        ("""near:40°42'0"n,74°0'0"w,5km -rating:5""", [6]),
        ("""near:N40°42'0",W74°0'0" rating:3""", [6]),
        ("""near:"40°42'0"N 74°0'0"W" rating:3""", [6]),
        ("""near:"40° 42' 0"N, 74° 0' 0"W, 5 km" rating:3""", [6]),
        ("""near:"40.7,-74" "nothing" OR rating:1""", [3]),
        ("near:+48.85,+2.35,10km", [1]),
        ('near:"48.85 2.35 300 miles"', [1, 2]),
        ("rating:3-4", [2, 6]),
        ("rating:★★★★", [2]),
        ("rating:4+", [1, 2]),
        ("(camera:nikon OR rating:4) -gps:no width:>3500", [1, 2]),
        ("gps:yes rating:>=3 -place:paris", [2, 6]),
        ("taken:2019-06-01..2019-06-03 camera:nikon", [1, 3]),
        ("path:1.jpg camera:nikon", [1]),
    ],
)
def test_fields(
    settings: Settings, library: Store, text: str, photos: list[int], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "_MOST", most)
    assert found(settings, text) == photos
    assert found(settings, text, newest=True) == photos[::-1]


def test_a_plain_word_finds_labels_first_and_then_keywords(settings: Settings, library: Store) -> None:
    with library.write() as session:
        named = replace(samples.inspection(5), fields=PhotoFields(words("Dog")))
        save_results(
            session, LabelIds(), LabelledBy(samples.model(session), samples.NOW), [PhotoResult(5, named, b"\0\0", [])]
        )
    assert found(settings, "dog") == [1, 5]
    assert found(settings, "dog", less_sure=True) == [1, 5, 4]
    assert found(settings, "dog>0.2") == [1, 4]
    assert found(settings, "rex") == [1, 2]
    assert found(settings, "summer 2019") == [1]
    assert found(settings, "summer 2019 dog") == [1]
    assert found(settings, "rex -dog") == [2]
    assert found(settings, "-rex") == [3, 4, 5, 6]
    assert found(settings, "rex OR keyword:straße") == [1, 2, 6]


def test_pages_of_labels_and_keywords_put_together_are_the_whole(settings: Settings, library: Store) -> None:
    with open_reader(settings) as reader:
        search = Search(reader, TAXONOMY, parse("dog OR rex OR straße"))
        whole = [photo.photo_id for photo in search.results()]
        parts, place = [], None
        while page := list(search.results(1, newest=True, after=place)):
            parts += [photo.photo_id for photo in page]
            place = page[-1].place
    assert parts == whole == [1, 2, 6]


def test_what_no_photo_has_is_told_with_what_is_like_it(settings: Settings, library: Store) -> None:
    with open_reader(settings) as reader:
        search = Search(reader, TAXONOMY, parse("keyword:sumer2019 OR camera:leica OR place:Zürrich OR rex"))
        list(search.results())
        told = [(word.sentence, word.near) for word in search.unknown_words]
    assert told == [
        ("No photo has the keyword 'sumer2019'.", ("Summer 2019",)),
        ("No photo was taken with a camera 'leica'.", ()),
        ("No photo was taken at a place called 'Zürrich'.", ("Zürich", "Zurich")),
    ]


def _photos_at(store: Store, *places: tuple[tuple[str, ...], str, str]) -> None:
    with store.write() as session:
        root, model = samples.root(session), samples.model(session)
        ids = samples.add(session, root, *(f"{number}.jpg" for number in range(1, len(places) + 1)))
        for photo_id, place in zip(ids, places, strict=True):
            seen = replace(samples.inspection(photo_id), fields=PhotoFields((), *place))
            save_results(
                session, LabelIds(), LabelledBy(model, samples.NOW), [PhotoResult(photo_id, seen, b"\0\0", [])]
            )


@pytest.fixture
def travels(store: Store) -> Store:
    _photos_at(
        store,
        (("Schwabing", "Munich"), "Bavaria", "Germany"),
        (("Florence",), "Tuscany", "Italy"),
        (("Vienna",), "Vienna", "Austria"),
        (("Tokyo",), "Tokyo", "Japan"),
        (("Köln",), "North Rhine-Westphalia", "Germany"),
        (("Colonia",), "New Jersey", "United States"),
        (("Łódź",), "Łódź Voivodeship", "Poland"),
        (("Genève",), "Geneva", "Switzerland"),
        (("Zürich",), "Zurich", "Switzerland"),
        (("Moscow",), "Moscow", "Russian Federation"),
        (("Laikit, Laikit II (Dimembe)",), "North Sulawesi", "Indonesia"),
        (("Venice",), "Veneto", "Italy"),
    )
    return store


@pytest.mark.parametrize(
    ("text", "photos"),
    [
        *(
            ("place:" + name, [1])
            for name in ("München", "MUNCHEN", "Muenchen", "Monachium", "Múnich", "慕尼黑", "Bayern")
        ),
        ("place:Deutschland OR place:Niemcy", [1, 5]),
        ("place:ドイツ", [1, 5]),
        ("place:Tyskland", [1, 5]),
        ("place:Firenze", [2]),
        ("place:Toskana", [2]),
        ("place:Wien OR place:Venedig", [3, 12]),
        ("place:维也纳", [3]),
        ("place:Wenecja", [12]),
        ("place:Österreich", [3]),
        ("place:Oesterreich", [3]),
        ("place:東京", [4]),
        ("place:日本", [4]),
        ("place:Cologne", [5]),
        ("place:Koeln", [5]),
        ("place:NRW", [5]),
        ("place:Colonia", [5, 6]),
        ("place:USA", [6]),
        ("place:lodz", [7]),
        ("place:Polska", [7]),
        ("place:Schweiz", [8, 9]),
        ("place:Genf", [8]),
        ("place:Zuerich", [9]),
        ("place:Russland OR place:Russia", [10]),
        ('place:"Munich, Germany"', [1]),
        ('place:"München, Deutschland"', [1]),
        ('place:"München, Bayern, Deutschland"', [1]),
        ('place:"München, Italien"', []),
        ('-place:"Munich, Germany" place:germany', [5]),
        ('place:"Laikit, Laikit II (Dimembe)"', [11]),
    ],
)
def test_places_are_found_under_their_names_in_other_languages(
    settings: Settings, travels: Store, text: str, photos: list[int]
) -> None:
    assert sorted(found(settings, text)) == photos


@pytest.mark.parametrize(
    ("text", "told", "near"),
    [
        ("place:Colonia", ["'Colonia' means Colonia and Köln; all of them were searched."], []),
        ("place:Genève", [], []),
        ("place:Wien", [], []),
        ("place:Münhcen", [], ["Munich"]),
        ("place:Deutschlnd", [], ["Germany"]),
        ('place:"Münhcen, Germany"', [], ["Munich"]),
    ],
)
def test_what_a_place_was_taken_for_is_said(
    settings: Settings, travels: Store, text: str, told: list[str], near: list[str]
) -> None:
    with open_reader(settings) as reader:
        search = Search(reader, TAXONOMY, parse(text))
        list(search.results())
        assert list(search.told) == told
        assert [name for word in search.unknown_words for name in word.near[:1]] == near


@pytest.fixture
def tagged(store: Store) -> Store:
    with store.write() as session:
        root, model = samples.root(session), samples.model(session)
        photos = (
            PhotoFields(words("été", "Łódź")),
            PhotoFields((FileKeyword("photo", "lr:hierarchicalSubject", "Orte|Bayern|Schloß", "|"),)),
            PhotoFields(words("München", "Bayern", "AC/DC")),
            PhotoFields(words("Mueller", "Manuel")),
            PhotoFields(words("ガ", "Ete", "Reisen|Süden")),
        )
        for photo_id, fields in zip(
            samples.add(session, root, *(f"{number}.jpg" for number in range(1, 6))), photos, strict=True
        ):
            seen = replace(samples.inspection(photo_id), fields=fields)
            save_results(
                session, LabelIds(), LabelledBy(model, samples.NOW), [PhotoResult(photo_id, seen, b"\0\0", [])]
            )
    return store


@pytest.mark.parametrize(
    ("text", "photos"),
    [
        ("keyword:ete*", [1, 5]),
        ("keyword:ETE", [1, 5]),
        ("ete", [1, 5]),
        ("keyword:lodz", [1]),
        ("keyword:l*z", [1]),
        ("lodz", [1]),
        ("keyword:Muenchen", [3]),
        ("keyword:munchen", [3]),
        ("keyword:muench*", [3]),
        ("Muenchen", [3]),
        ("keyword:Müller", [4]),
        ("keyword:Manul", []),
        ("keyword:カ", []),
        ("keyword:Orte|Bayern|Schloss", [2]),
        ("keyword:Orte/Bayern", [2]),
        ("keyword:orte/*", [2]),
        ("keyword:Bayern", [2, 3]),
        ("keyword:Orte|Nowhere", []),
        ("-keyword:Orte|Bayern", [1, 3, 4, 5]),
        ("keyword:ac/dc", [3]),
        ("keyword:dc", []),
        ("keyword:Sueden", [5]),
        ("keyword:reisen/süden", [5]),
        ("keyword:Reisen|S*", [5]),
    ],
)
def test_keywords_are_found_without_their_accents_and_by_their_hierarchy(
    settings: Settings, tagged: Store, text: str, photos: list[int]
) -> None:
    assert sorted(found(settings, text)) == photos


@pytest.fixture
def equipment(store: Store) -> Store:
    with store.write() as session:
        root, model = samples.root(session), samples.model(session)
        photos = (
            PhotoFields(camera="Canon EOS 5D Mark III", lens="EF24-70mm f/2.8L II USM"),
            PhotoFields(camera="Canon EOS 50D", lens="50.0 mm f/1.8"),
            PhotoFields(camera="PENTAX *ist DS", lens="AF-S Nikkor 24.0-120.0 mm f/4.0"),
            PhotoFields(camera="FUJIFILM X-T5", lens="E 28-75mm F2.8-2.8"),
        )
        for photo_id, fields in zip(
            samples.add(session, root, *(f"{number}.jpg" for number in range(1, 5))), photos, strict=True
        ):
            seen = replace(samples.inspection(photo_id), fields=fields)
            save_results(
                session, LabelIds(), LabelledBy(model, samples.NOW), [PhotoResult(photo_id, seen, b"\0\0", [])]
            )
    return store


@pytest.mark.parametrize(
    ("text", "photos"),
    [
        ("camera:5d*", [1]),
        ("camera:canon*", [1, 2]),
        ("camera:canon*mark", [1]),
        ("camera:*5d*iii", [1]),
        ("camera:*", [1, 2, 3, 4]),
        ("camera:*ist", [3]),
        ("camera:d*", [3]),
        ("lens:f2.8", [1, 4]),
        ("lens:f/2.8", [1, 4]),
        ('lens:"f 2.8"', [1, 4]),
        ("lens:F1.8", [2]),
        ("lens:50mm", [2]),
        ('lens:"50 mm"', [2]),
        ('lens:"50.0 mm"', [2]),
        ("lens:24-120mm", [3]),
        ('lens:"24-70mm f2.8"', [1]),
        ("lens:ef*f2.8*", [1]),
        ("lens:f2", [1, 4]),
        ("lens:f/4.0", [3]),
    ],
)
def test_cameras_and_lenses_are_found_as_people_write_them(
    settings: Settings, equipment: Store, text: str, photos: list[int]
) -> None:
    assert sorted(found(settings, text)) == photos


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("camera:Cannon", ("Canon EOS 50D", "Canon EOS 5D Mark III")),
        ('camera:"Cannon 5D"', ("Canon EOS 5D Mark III",)),
        ("camera:cannon*", ("Canon EOS 50D", "Canon EOS 5D Mark III")),
        ("camera:fujifilmm", ("FUJIFILM X-T5",)),
        ("lens:nikor", ("AF-S Nikkor 24.0-120.0 mm f/4.0",)),
        ("camera:leica", ()),
    ],
)
def test_misspelt_cameras_and_lenses_are_told(
    settings: Settings, equipment: Store, text: str, near: tuple[str, ...]
) -> None:
    with open_reader(settings) as reader:
        search = Search(reader, TAXONOMY, parse(text))
        assert not list(search.results())
        assert [word.near for word in search.unknown_words] == [near]


def plainly(node: FieldNode, photo: Photo) -> bool:
    fields = photo.fields
    match node:
        case Measured(field, least, most):
            value = {"rating": fields.rating, "width": photo.size[0], "height": photo.size[1]}[field]
            return value is None if least is None else value is not None and least <= value <= (most or 0)
        case Located(there):
            return (fields.latitude is not None) == there
        case Shape(name):
            width, height = photo.size
            return name == ("square" if width == height else "portrait" if width < height else "landscape")
        case Format(name):
            return name == ("HEIF" if photo is PHOTOS[1] else "JPEG")
        case Named("camera", text):
            return fields.camera == "" if text is None else text.lower() in fields.camera.lower()
        case _:
            raise AssertionError("not made here")


def test_any_combination_is_what_a_plain_look_at_every_photo_finds(settings: Settings, library: Store) -> None:
    chance = random.Random(7)
    atoms = [
        "camera:nikon",
        "camera:none",
        "rating:>=3",
        "rating:none",
        "width:>2000",
        "orientation:portrait",
        "orientation:landscape",
        "type:jpeg",
        "type:heic",
        "gps:yes",
    ]
    for _ in range(120):
        picked = [chance.choice(atoms) for _ in range(chance.randint(1, 3))]
        signs = [chance.random() < 0.4 for _ in picked]
        either = chance.random() < 0.5
        text = (" OR " if either else " ").join(
            f"{'-' if no else ''}{atom}" for atom, no in zip(picked, signs, strict=True)
        )
        truth = [
            number
            for number, photo in enumerate(PHOTOS, 1)
            if (any if either else all)(
                plainly(parse(atom), photo) != no  # type: ignore[arg-type]
                for atom, no in zip(picked, signs, strict=True)
            )
        ]
        assert found(settings, text) == truth, text


QUERIES = (
    *("*", "keyword:none", "-keyword:none", "keyword:rex", "-keyword:rex", "camera:none", "-camera:none", "lens:none"),
    *("place:none", "-place:none", "place:paris", "gps:yes", "gps:no", "-gps:no", "rating:none", "-rating:none"),
    *(
        "rating:>=4",
        "-rating:>=4",
        "width:>4000",
        "orientation:portrait",
        "type:heic",
        "-type:heic",
        "taken:2019-06-02",
    ),
    *(
        "type:jpeg",
        "-type:jpeg",
        "-type:jpeg -dog",
        "orientation:landscape",
        "-orientation:landscape",
        "orientation:square",
    ),
    *(
        "-taken:2019-06-02",
        "taken:none",
        "-taken:none",
        "rating:4 OR -rating:>=4",
        "-dog OR rating:4",
        "dog camera:nikon",
    ),
    *("dog type:jpeg", "type:heic OR orientation:square", "type:jpeg OR orientation:landscape"),
    *("near:48.85,2.35,10km", "rating:4 OR keyword:rex", "rating:4 OR -gps:yes", "dog", "dog rating:5", "dog -gps:no"),
    *("dog OR rex", "dog OR rating:4", "path:1.jpg rating:5", "keyword:summer* OR place:york", "keyword:nobody"),
    *("-camera:nikon", "-lens:none", "-(camera:nikon lens:50)", "dog -rex", "dog -dog", "dog -camera:nikon -gps:no"),
    *("label>0.5 -gps:no", "dog<0.5 -rating:none", "path:1.jpg OR -dog", "taken:2019-06-02 OR -lens:50"),
    # What the index of paths tells alone, and with labels and texts beside it.
    *(
        "taken:2019-06-02..2019-06-05 type:jpeg",
        "path:jpg -type:heic",
        "taken:2019-06-03.. gps:yes",
        "-path:1 width:>4000",
    ),
    *("taken:2019-06..2020 orientation:landscape -path:4", "path:3.jpg OR taken:none", "-(taken:none gps:yes)"),
    *("camera:nikon type:jpeg", "keyword:*", "keyword:* gps:yes", "keyword:s* -taken:none", "camera:* path:jpg"),
    *("dog taken:2019-06-02..", "dog path:jpg taken:2019", "dog type:jpeg path:1", "dog -path:1 -taken:none"),
    *("camera:nikon -lens:none", "dog -path:1.jpg", "-dog -camera:canon", "dog height:none", "dog -height:none"),
)


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(("most", "walked"), [(100_000, 20_000), (0, 20_000), (0, 2), (2, 2), (100_000, 2)])
def test_orders_limits_and_counts_agree_with_plain_results(
    settings: Settings, library: Store, most: int, walked: int, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if many:
        monkeypatch.setattr(run, "is_many", lambda *_: True)
    monkeypatch.setattr(ordered, "_WALKED_IF_TOLD", walked // 2)
    monkeypatch.setattr(spans, "_MOST", most)
    monkeypatch.setattr(counting, "_MANY_ROWS", most)
    monkeypatch.setattr(ordered, "_WALKED", walked)
    monkeypatch.setattr(ordered, "_FIRST", 1)
    with library.write() as session:
        # One whose file is gone, and one that was not read.
        session.execute(update(PhotoRow).where(PhotoRow.id == 3).values(missing_since=1))
        session.execute(update(PhotoRow).where(PhotoRow.id == 6).values(taken=None, format=None))
        session.execute(update(PhotoRow).where(PhotoRow.id == 4).values(height=None))
        session.execute(delete(PhotoTermRow).where(PhotoTermRow.photo_id == 5))
        session.execute(update(PhotoRow).where(PhotoRow.id == 5).values(fields_as=None))
    with open_reader(settings) as reader:
        for text in QUERIES:

            def ids(text: str = text, limit: int | None = None, **options: Any) -> list[int]:
                return [photo.photo_id for photo in Search(reader, TAXONOMY, parse(text)).results(limit, **options)]

            plain = sorted(ids())
            assert Search(reader, TAXONOMY, parse(text)).count() == len(plain), text
            assert ids(sort="path") == plain, text
            newest = sorted(plain, key=lambda number: number if number != 6 else 0, reverse=True)
            assert ids(sort="date") == newest, text
            for limit in (1, 2, 5):
                assert len(ids(limit=limit)) == min(limit, len(plain)), text
                assert ids(limit=limit, sort="path") == plain[:limit], text
                assert ids(limit=limit, sort="date") == newest[:limit], text
                assert set(ids(limit=limit, sort="confidence")) <= set(plain), text


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("type:gif", "ix_photos_format"),
        ("-type:jpeg", "ix_photos_format"),
        ("orientation:square", "ix_photos_not_landscape"),
        ("orientation:portrait", "ix_photos_not_landscape"),
        ("-orientation:landscape", "ix_photos_not_landscape"),
        ("rating:5", "ix_photos_rating"),
        ("width:>5000", "ix_photos_width"),
        ("near:48.85,2.35,10km", "ix_photos_latitude"),
    ],
)
def test_what_few_photos_are_is_read_from_an_index(text: str, index: str, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    open_store(settings, create=True).close()
    with open_reader(settings) as reader:
        where = Conditions(reader, Vocabulary(reader, TAXONOMY), no_likeness)
        sql = where.photos_of(parse(text))
        [(*_, plan)] = reader.rows(f"EXPLAIN QUERY PLAN {sql}", where.parameters)
    assert f"COVERING INDEX {index}" in plan


def test_what_many_photos_are_is_told_by_the_index_of_paths(tmp_path: Path) -> None:
    """Every condition beside texts, places' surroundings and labels: no photo's row is looked at."""
    settings = Settings(data_dir=tmp_path)
    open_store(settings, create=True).close()
    tree = parse(
        "taken:2019.. path:a format:jpeg -width:<5 height:>5 rating:>1 orientation:portrait (gps:yes OR gps:no)"
    )
    with open_reader(settings) as reader:
        assert path_index.tells(reader, tree)
        where = Conditions(reader, Vocabulary(reader, TAXONOMY), no_likeness)
        sql = (
            f"SELECT p.id FROM {path_index.photos(reader)} WHERE p.missing_since IS NULL AND {where.sql(tree, 'p.id')}"
        )
        [(*_, plan)] = reader.rows(f"EXPLAIN QUERY PLAN {sql}", where.parameters)
    assert plan == "SCAN p USING COVERING INDEX ix_photos_by_path"


def test_what_tells_nothing_and_what_tells_something_are_all_that_were_read(settings: Settings, library: Store) -> None:
    for field in ("keyword", "camera", "lens", "place"):
        none, some = found(settings, f"{field}:none"), found(settings, f"-{field}:none")
        assert sorted([*none, *some]) == found(settings, "*"), field


def test_a_photo_that_comes_to_tell_something_tells_nothing_no_longer(settings: Settings, library: Store) -> None:
    assert 5 in found(settings, "keyword:none")
    with library.write() as session:
        save_fields(session, {5: PhotoFields(words("new"))})
    assert 5 not in found(settings, "keyword:none")
    with library.write() as session:
        save_fields(session, {5: PhotoFields(camera="Canon")})
    assert 5 in found(settings, "keyword:none camera:canon")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rating:6", "Stars are from 1 to 5"),
        ("rating:good", "good is no rating; write rating:4"),
        ("rating:5..2", "2 is below 5"),
        ("width:wide", "wide is no width; write width:>4000"),
        ("orientation:portait", "did you mean orientation:portrait"),
        ("orientation:panorama", "search for panorama"),
        ("gps:maybe", "gps: is yes or no"),
        ("taken:2019-2021", "did you mean taken:2019..2021?"),
        ("near:Paris", "near: takes latitude, longitude and a distance"),
        ("near:48.85E,2.35N", "near: takes latitude, longitude and a distance"),
        ("near:-48.85N,2.35E", "near: takes latitude, longitude and a distance"),
        ("orientation:quer", "there are portrait, landscape, square"),
        ("near:100,2", "A latitude is from -90 to 90"),
        ("near:1,2,9000km", "up to 500 km"),
        ("camra:nikon", "did you mean camera:"),
        ("keyword:", "needs a value right behind it"),
        ("taken:yesturday", "did you mean yesterday?"),
        ("taken:last month", 'as in taken:"last month"'),
    ],
)
def test_mistakes_are_told(text: str, message: str) -> None:
    with pytest.raises(QueryError, match=r"(?s).*" + message.replace("?", r"\?")):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        'keyword:"a ""b"" c"',
        "camera:none",
        "rating:>=4",
        "rating:<3",
        "rating:none",
        "width:>4000",
        "near:48.85,2.35,10km",
        "near:-1,-2,300m",
        "gps:no",
        "orientation:square",
        'taken:"summer 2019"',
        'taken:"june 2019..august 2019"',
    ],
)
def test_a_tree_prints_as_a_query_for_the_same(text: str) -> None:
    assert parse(str(parse(text))) == parse(text)


def test_a_keyword_that_looks_like_a_pattern_is_itself() -> None:
    assert parse("keyword:[a]") == Named("keyword", "[a]")
    assert parse("near:1,2,3") == Near(1, 2, 3)
