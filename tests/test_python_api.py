"""What `import tagger` gives to other programs: it stays as it is, is light, and reads alone."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import tagger
from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, Tagger

DOCS = Path(__file__).resolve().parents[1] / "docs" / "python.md"
# What other programs rely on. Whoever changes a line breaks them, and says so in CHANGELOG.md.
SIGNATURES = {
    "Library": "(where: 'str | os.PathLike[str] | Settings | None' = None) -> 'None'",
    "Library.settings": "(self) -> 'Settings'",
    "Library.search": "(self, query: 'str', *, limit: 'int | None' = None, less_sure: 'bool' = False, "
    "strict: 'bool' = True, sort: \"Literal['confidence', 'date', 'path']\" = 'confidence') -> 'list[FoundPhoto]'",
    "Library.count": "(self, query: 'str', *, less_sure: 'bool' = False) -> 'int'",
    "Library.labels": "(self, photo: 'str | os.PathLike[str]', *, less_sure: 'bool' = False) -> 'tuple[Label, ...]'",
    "classify": "(image: 'str | os.PathLike[str]', *, top: 'int' = 5, library: 'Library | None' = None) "
    "-> 'Classification'",
    "classify_all": "(images: 'Iterable[str | os.PathLike[str]]', *, top: 'int' = 5, library: 'Library | None' = None) "
    "-> 'Iterator[Classification]'",
}
FIELDS = {
    "FoundPhoto": "path taken matched less_sure likeness",
    "Classification": "path labels classes model architecture fault",
    "Label": "key name confidence rank origin shown",
}
ERRORS = {
    "TaggerError": "Exception",
    "UsageError": "TaggerError",
    "ConfigError": "UsageError",
    "QueryError": "UsageError",
    "UnknownPhotoError": "UsageError",
    "ModelError": "TaggerError",
    "StoreError": "TaggerError",
    "NoLibraryError": "StoreError",
}


@pytest.fixture
def library(gallery_once: Tagger) -> tagger.Library:
    return tagger.Library(gallery_once.data)


def test_signatures_stay() -> None:
    found = {}
    for name in SIGNATURES:
        value = tagger
        for part in name.split("."):
            value = getattr(value, part)
        found[name] = str(inspect.signature(value.fget if isinstance(value, property) else value))  # type: ignore[arg-type]
    assert found == SIGNATURES
    public = {f"Library.{name}" for name in vars(tagger.Library) if not name.startswith("_")}
    assert public == {name for name in SIGNATURES if name.startswith("Library.")}
    assert set(tagger.__all__) == {name.partition(".")[0] for name in SIGNATURES} | {*FIELDS, *ERRORS} | {
        "Origin",
        "Settings",
        "__version__",
    }


def test_values_are_frozen_and_keep_their_fields() -> None:
    for name, fields in FIELDS.items():
        kind = getattr(tagger, name)
        assert [field.name for field in dataclasses.fields(kind)] == fields.split()
        assert kind.__dataclass_params__.frozen


def test_errors_are_one_family() -> None:
    assert {name: getattr(tagger, name).__base__.__name__ for name in ERRORS} == ERRORS


def test_what_is_public_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name in {*SIGNATURES, *FIELDS, *ERRORS}:
        assert re.search(rf"`(?:tagger)?\.?{re.escape(name.removeprefix('Library.'))}\b", text), name
    for name in SIGNATURES:
        part = tagger.Library if name.startswith("Library") else tagger
        assert inspect.getdoc(getattr(part, name.rpartition(".")[2], part))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        tagger.serach  # type: ignore[attr-defined]  # noqa: B018
    assert {"Library", "classify", "__version__"} <= set(dir(tagger))


def test_it_is_typed() -> None:
    assert resources.files("tagger").joinpath("py.typed").is_file()


def test_importing_it_and_searching_loads_nothing_heavy(gallery_once: Tagger) -> None:
    code = (
        "import sys, tagger\n"
        "assert not {'pydantic', 'click', 'sqlite3'} & set(sys.modules), 'import tagger'\n"
        "assert not [name for name in sys.modules if name.startswith('tagger.')]\n"
        "library = tagger.Library(sys.argv[1])\n"
        "[found, *_] = library.search('cat')\n"
        "assert library.labels(found.path)\n"
        "assert not {'sqlalchemy', 'numpy', 'PIL', 'tensorflow', 'alembic', 'click', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, gallery_once.data], check=True, env=gallery_once.environment())


def test_a_search_finds_what_the_command_finds(gallery_once: Tagger, library: tagger.Library) -> None:
    for query in ("animal -cat", "cat OR coffee"):
        found = library.search(query)
        assert [photo.path.name for photo in found] == gallery_once.found(query, "--strict")
        assert library.count(query) == len(found)
    [surest] = library.search("cat", limit=1)
    assert surest.path.is_file()
    assert "cat" in {name for name, _ in surest.matched}
    assert 0.5 < surest.matched[0][1] <= 1
    assert not surest.less_sure
    assert surest.likeness is None
    assert len(library.search("cat", less_sure=True)) >= library.count("cat")
    paths = [os.fspath(photo.path) for photo in library.search("*", sort="path")]
    assert paths == sorted(paths)


def test_words_are_labels_unless_they_may_be_more(gallery_once: Tagger, library: tagger.Library) -> None:
    words = "a man with a camera on a tripod"
    assert library.search(words, less_sure=True) == []
    described = library.search(words, less_sure=True, strict=False)
    assert [photo.path.name for photo in described] == gallery_once.found("--all", words)
    assert "photographer" in described[0].path.name
    assert described[0].likeness is not None


def test_labels_of_a_photo(gallery_once: Tagger, library: tagger.Library, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gallery_once.home / "photos" / "cat.jpg"
    told = gallery_once.json("show", photo)["labels"]
    labels = library.labels(photo, less_sure=True)
    assert [(label.name, round(label.confidence, 4), label.shown) for label in labels] == [
        (one["name"], one["confidence"], one["shown"]) for one in told
    ]
    assert library.labels(photo) == tuple(label for label in labels if label.shown)
    monkeypatch.chdir(photo.parent)
    assert library.labels("cat.jpg") == library.labels(photo)
    link = gallery_once.home.parent / f"link {os.getpid()}"
    link.symlink_to(photo.parent)
    try:
        assert library.labels(link / "cat.jpg") == library.labels(photo)
    finally:
        link.unlink()
    with pytest.raises(tagger.UnknownPhotoError, match=r"/nowhere/x\.jpg is not in the library"):
        library.labels("/nowhere/x.jpg")


def test_names_are_those_of_the_settings(gallery_once: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGGER_LABELS_LANGUAGE", "de")
    german = tagger.Library(gallery_once.data)
    assert "Katze" in {label.name for label in german.labels(gallery_once.home / "photos" / "cat.jpg")}
    assert [photo.path for photo in german.search("Katze")] == [photo.path for photo in german.search("cat")]


def test_what_is_wrong_is_an_error_of_tagger(tmp_path: Path, library: tagger.Library) -> None:
    with pytest.raises(tagger.NoLibraryError) as caught:
        tagger.Library(tmp_path / "none").search("cat")
    assert caught.value.cure
    assert not (tmp_path / "none").exists()
    with pytest.raises(tagger.QueryError):
        library.search("(cat")


def test_reading_writes_nothing(gallery_once: Tagger, tmp_path: Path) -> None:
    shutil.copytree(gallery_once.data, tmp_path / "data")
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    library = tagger.Library(tmp_path / "data")
    library.labels(library.search("cat")[0].path)
    after = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    # SQLite's index of its log, in which readers are registered; empty logs.
    assert {path for path, data in after.items() if before.get(path) != data} <= {
        path for path in after if path.name.endswith(("-shm", "-wal"))
    }
    assert before.keys() <= after.keys()


def test_an_older_library_is_not_touched(gallery_once: Tagger, tmp_path: Path) -> None:
    shutil.copytree(gallery_once.data, tmp_path / "data")
    with sqlite3.connect(tmp_path / "data" / "library.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    with pytest.raises(tagger.StoreError, match="older"):
        tagger.Library(tmp_path / "data").search("cat")


@pytest.mark.slow
def test_a_picture_is_classified_without_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**BUILT_IN, "TAGGER_DATA_DIR": str(tmp_path / "none")}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    found = {one.path.name: one for one in tagger.classify_all([PHOTOS / "cat.jpg", tmp_path / "broken.jpg"], top=2)}
    assert "cat" in {label.name for label in found["cat.jpg"].labels}
    assert len(found["cat.jpg"].classes) == 2
    assert found["cat.jpg"].architecture == "efficientnet_lite2"
    assert found["broken.jpg"].fault
    assert found["broken.jpg"].labels == ()
    assert not (tmp_path / "none" / "library.db").exists()


@pytest.mark.slow
def test_one_picture_is_classified_or_an_error_says_why(library: tagger.Library, tmp_path: Path) -> None:
    found = tagger.classify(PHOTOS / "cat.jpg", library=library)
    assert found.labels
    assert found.fault == ""
    with pytest.raises(tagger.UsageError, match="cannot be classified"):
        tagger.classify(tmp_path / "none.jpg", library=library)


@pytest.mark.slow
def test_the_examples_of_its_page_run(gallery_once: Tagger, tmp_path: Path) -> None:
    """One after the other, in one program, as a reader would paste them."""
    examples = re.findall(r"^```python\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(examples) >= 3
    shutil.copy(PHOTOS / "cat.jpg", tmp_path)
    shutil.copy(PHOTOS / "coffee.jpg", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(examples)],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=gallery_once.environment({"PYTHONPATH": str(DOCS.parents[1])}),
    )
    assert done.returncode == 0, done.stderr
    assert "cat" in done.stdout
