"""The table of formats, and reading keywords whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.imaging.metadata.keyword_fields import Field
from tagger.keywords.metadata import formats
from tagger.keywords.metadata.formats import is_writable, open_metadata
from tagger.keywords.metadata.metadata_file import DeclinedError
from tagger.keywords.read import keywords_in, persons_words, read_photo
from tests.keywords.samples import SOF, XMP, array, iptc, jpeg, packet, written

TAGGED = packet(f'<rdf:Description rdf:about="">{array("dc:subject", ["beach"])}</rdf:Description>')
WEBP = b"RIFF\0\0\0\0WEBP" + TAGGED


def test_a_jpeg_is_written_into_and_says_what_is_in_it() -> None:
    data = jpeg([(0xE1, XMP + TAGGED), SOF])
    assert is_writable(data)
    assert open_metadata(memoryview(data)).found.states[Field.SUBJECT].keywords == ("beach",)


@pytest.mark.parametrize("data", [WEBP, b"\x89PNG\r\n\x1a\n", b"", b"\xff\xd8", b"no photo at all"])
def test_nothing_else_is(data: bytes) -> None:
    assert not is_writable(data)
    with pytest.raises(DeclinedError, match=r"^only JPEG files are written into$"):
        open_metadata(data)


def test_a_format_is_one_line_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = jpeg([(0xE1, XMP + TAGGED), SOF])
    monkeypatch.setattr(formats, "FORMATS", formats.FORMATS | {"WEBP": lambda data: formats.FORMATS["JPEG"](data[12:])})
    assert is_writable(WEBP[:12] + inside)
    assert open_metadata(WEBP[:12] + inside).found.states[Field.SUBJECT].keywords == ("beach",)


def test_keywords_of_other_and_damaged_photos_are_read_from_their_packet(tmp_path: Path) -> None:
    damaged = jpeg([(0xE1, XMP + TAGGED), (0xE1, XMP + TAGGED), SOF])
    for data in (WEBP, damaged):
        assert keywords_in(data, None) == {"dc:subject": ["beach"]}
        (tmp_path / "photo").write_bytes(data)
        found = read_photo(str(tmp_path / "photo"), 1 << 20)
        assert found is not None
        assert found.persons_keywords()[Field.SUBJECT] == ["beach"]


def test_a_photo_is_read_on_where_its_metadata_are_longer_than_its_head(tmp_path: Path) -> None:
    filler = [(0xE2, bytes(60_000))] * 6
    data = jpeg([*filler, (0xE1, XMP + TAGGED), (0xED, iptc([b"sea"])), SOF])
    (tmp_path / "photo.jpg").write_bytes(data)
    assert persons_words(str(tmp_path / "photo.jpg"), Settings()) == {"beach", "sea"}


def test_a_persons_words_are_those_without_taggers_mark_in_the_photo_and_beside_it(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(written(jpeg([(0xE1, XMP + TAGGED), SOF]), ["tiger"]))
    levels = array("lr:hierarchicalSubject", ["place|Rome"])
    (tmp_path / "photo.jpg.xmp").write_bytes(packet(f"<rdf:Description rdf:about=''>{levels}</rdf:Description>"))
    assert persons_words(str(tmp_path / "photo.jpg"), Settings()) == {"beach", "Rome"}
    (tmp_path / "photo.jpg.xmp").write_bytes(b"<damaged")
    assert persons_words(str(tmp_path / "photo.jpg"), Settings()) == {"beach"}
