"""`tagger train words`: the owner's own descriptions teach the search for sentences, if that helps."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tagger.search.towers import OWN, PACKAGED, Towers
from tagger.teaching.described import read_described
from tests.cli.runner import BUILT_IN, Tagger

PHOTOS = Path(__file__).resolve().parents[1] / "photos"
# A word that no sentence of the package has, for what it calls a dog.
OWN_WORD = "wuffel"


def sidecar(text: str) -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
        f'<rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt></dc:description>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


@pytest.fixture
def small(tmp_path: Path) -> Tagger:
    """The dozen photos, labelled by the model in the package."""
    tagger = Tagger(tmp_path, BUILT_IN)
    tagger("backfill", PHOTOS)
    return tagger


def test_few_descriptions_are_refused_and_nothing_changes(small: Tagger) -> None:
    done = small("train", "words", code=2)
    assert "at least 200 are needed" in done.stderr
    assert "dc:description" in done.stderr
    assert not (small.data / OWN).exists()


def test_undo_takes_back_what_there_is(small: Tagger) -> None:
    assert "nothing to take back" in small("train", "words", "--undo").stdout
    (small.data / OWN).write_bytes(PACKAGED.read_bytes())
    assert json.loads(small("train", "words", "--undo", "--json").stdout) == {"undone": True}
    assert Towers.in_use(small.data).version == Towers.load().version
    assert "do not go together" in small("train", "words", "--undo", "--dry-run", code=2).stderr


def test_without_a_library_it_says_so(tmp_path: Path) -> None:
    assert "no library" in Tagger(tmp_path, BUILT_IN)("train", "words", code=4).stderr.lower()


def test_help_tells_where_the_words_come_from(tmp_path: Path) -> None:
    tagger = Tagger(tmp_path, BUILT_IN)
    assert "ImageDescription" in tagger("train", "words", "--help").stdout
    assert "tagger train words" in tagger("train", "--help").stdout
    # A folder of that name is said with its path.
    assert "There is no folder" in tagger("train", "./words", code=2).stderr


@pytest.mark.slow
def test_own_words_are_used_if_they_find_more(tmp_path: Path, shared: Path) -> None:
    captioned = shared / "datasets" / "captioned"
    described = read_described(captioned / "captions.tsv")
    said = dict(zip(described.names, described.sentences, strict=True))
    folder = tmp_path / "pictures"
    folder.mkdir()
    with tarfile.open(captioned / "images.tar") as archive:
        members = sorted((one for one in archive if one.isfile()), key=lambda one: one.name)[-400:]
        for member in members:
            content = archive.extractfile(member)
            assert content is not None
            path = folder / Path(member.name).name
            path.write_bytes(content.read())
            words = ["wuffel" if word in ("dog", "dogs") else word for word in said[path.name][0].split()]
            Path(f"{path}.xmp").write_text(sidecar(" ".join(words)), encoding="utf-8")
    tagger = Tagger(tmp_path, BUILT_IN)
    tagger("backfill", folder)
    tried = json.loads(tagger("train", "words", "--dry-run", "--json").stdout)
    assert (tried["photos"], tried["used"]) == (400, False)
    assert OWN_WORD in tried["new_words"]
    assert not (tagger.data / OWN).exists()
    done = tagger("train", "words")
    used = "It is used from now on" in done.stdout
    assert used == tried["helped"] == (tagger.data / OWN).exists()
    if used:
        assert OWN_WORD in Towers.in_use(tagger.data).places
        assert Towers.in_use(tagger.data).version != Towers.load().version
        assert tried["ten_after"] > tried["ten_before"]
