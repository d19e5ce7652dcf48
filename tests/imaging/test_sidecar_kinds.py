"""Sidecars and headers as other programs write them: their fields, forms and encodings; RAW files; odd places."""

from __future__ import annotations

import json
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tagger.core.config import KeywordSettings
from tagger.core.photo import PhotoFields
from tagger.imaging.metadata.fields import fields_at
from tagger.store.fields import keyword_names
from tests import exiftool
from tests.imaging.test_fields import bag, exif_of, jpeg, keywords, xmp

SETTINGS = KeywordSettings()
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def beside(folder: Path, content: bytes | str, name: str = "a.jpg.xmp") -> PhotoFields:
    """What a photo tells that has this sidecar."""
    path = jpeg(folder / "a.jpg")
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return fields_at(str(path), SETTINGS)


LIGHTROOM = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.6-c140"><rdf:RDF xmlns:rdf="{RDF}">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
 xmp:Rating="4" aux:Lens="EF24-70mm f/2.8L II USM" xmp:CreateDate="2016-04-01T10:00:00.25">
<dc:subject><rdf:Bag><rdf:li>Paris</rdf:li><rdf:li>Anna</rdf:li></rdf:Bag></dc:subject>
<lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|France|Paris</rdf:li></rdf:Bag></lr:hierarchicalSubject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
DARKTABLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2"><rdf:RDF xmlns:rdf="{RDF}">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmlns:darktable="http://darktable.sf.net/" xmp:Rating="-1"
 darktable:xmp_version="5" darktable:history_end="2">
<dc:subject><rdf:Seq><rdf:li>darktable</rdf:li><rdf:li>format</rdf:li><rdf:li>nef</rdf:li><rdf:li>Rex</rdf:li></rdf:Seq>
</dc:subject><lr:hierarchicalSubject><rdf:Seq><rdf:li>darktable|format|nef</rdf:li><rdf:li>pets|Rex</rdf:li></rdf:Seq>
</lr:hierarchicalSubject></rdf:Description></rdf:RDF></x:xmpmeta>"""
DIGIKAM = f"""<?xpacket begin="﻿" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2"><rdf:RDF xmlns:rdf="{RDF}">
<rdf:Description rdf:about="" xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/" xmlns:mediapro="http://ns.iview-multimedia.com/mediapro/1.0/"
 MicrosoftPhoto:Rating="75">
<digiKam:TagsList><rdf:Seq><rdf:li>People/Ann</rdf:li></rdf:Seq></digiKam:TagsList>
<MicrosoftPhoto:LastKeywordXMP><rdf:Bag><rdf:li>People/Ann</rdf:li><rdf:li>Zoo</rdf:li></rdf:Bag>
</MicrosoftPhoto:LastKeywordXMP>
<mediapro:CatalogSets><rdf:Bag><rdf:li>Trips|Berlin</rdf:li></rdf:Bag></mediapro:CatalogSets>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


@pytest.mark.parametrize(
    ("content", "name", "words", "rating"),
    [
        (LIGHTROOM, "a.xmp", ["Paris", "Anna", "Places", "France"], 4),
        (DARKTABLE, "a.jpg.xmp", ["Rex", "pets"], -1),
        (DIGIKAM, "a.jpg.xmp", ["People", "Ann", "Zoo", "Trips", "Berlin"], 4),
    ],
    ids=["Lightroom", "darktable", "digiKam"],
)
def test_programs(tmp_path: Path, content: str, name: str, words: list[str], rating: int) -> None:
    fields = beside(tmp_path, content, name)
    assert (keyword_names(fields.keywords), fields.rating) == (words, rating)


def test_lightroom_tells_lens_and_date(tmp_path: Path) -> None:
    fields = beside(tmp_path, LIGHTROOM, "a.xmp")
    assert (fields.lens, fields.taken) == ("EF24-70mm f/2.8L II USM", "2016-04-01T10:00:00")


@pytest.mark.parametrize("uri", ["http://ns.microsoft.com/photo/1.0/", "http://ns.microsoft.com/photo/1.0"])
@pytest.mark.parametrize(("percent", "stars"), [(0, None), (1, 1), (25, 2), (50, 3), (75, 4), (99, 5), (100, 5)])
def test_stars_of_windows(tmp_path: Path, uri: str, percent: int, stars: int | None) -> None:
    assert beside(tmp_path, xmp("", f'xmlns:m="{uri}" m:Rating="{percent}"')).rating == stars


def test_what_programs_copy_of_taggers_words_is_no_persons(tmp_path: Path) -> None:
    body = bag("dc:subject", "dog", "Rex") + bag("tagger:wrote", "dc:subject + dog")
    fields = beside(tmp_path, xmp(body + bag("MicrosoftPhoto:LastKeywordXMP", "dog", "Rex", "pets/dog")))
    assert keyword_names(fields.keywords) == ["Rex", "pets", "dog"]
    fields = beside(tmp_path, xmp(body + bag("MicrosoftPhoto:LastKeywordXMP", "dog", "Rex")))
    assert keyword_names(fields.keywords) == ["Rex"]


ZURICH = xmp(bag("dc:subject", "Zürich", "東京"), 'xmp:Rating="3"').decode()


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-16"?>\n'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_sidecars_in_every_encoding_of_unicode(tmp_path: Path, encoding: str, declaration: str) -> None:
    fields = beside(tmp_path, (declaration + ZURICH).encode(encoding))
    assert (keywords(fields), fields.rating) == (["Zürich", "東京"], 3)


@pytest.mark.parametrize(
    ("declaration", "encoding", "word"),
    [
        ("", "cp1252", "Zürich"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?>', "latin-1", "Zürich"),
        ('<?xml version="1.0" encoding="shift_jis"?>', "shift_jis", "東京"),
        ('<?xml version="1.0" encoding="nonsense"?>', "cp1252", None),
    ],
)
def test_sidecars_in_older_encodings(tmp_path: Path, declaration: str, encoding: str, word: str | None) -> None:
    body = declaration + xmp(bag("dc:subject", word or "Zürich")).decode()
    assert keywords(beside(tmp_path, body.encode(encoding))) == ([] if word is None else [word])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<dc:subject><rdf:Alt><rdf:li xml:lang='x-default'>a</rdf:li></rdf:Alt></dc:subject>", ["a"]),
        ("<dc:subject><rdf:Seq><rdf:li><![CDATA[a & b]]></rdf:li></rdf:Seq></dc:subject>", ["a & b"]),
        ("<dc:subject><rdf:Bag><rdf:li>Tom & Jerry</rdf:li></rdf:Bag></dc:subject>", ["Tom & Jerry"]),
        ("<dc:subject><rdf:Bag><rdf:li>a\x01b &#233;&amp;</rdf:li></rdf:Bag></dc:subject>", ["a b é&"]),
        ("<dc:subject><rdf:Bag><!-- c --><rdf:li>a</rdf:li><?x y?></rdf:Bag></dc:subject>", ["a"]),
        ("<dc:subject>alone</dc:subject>", ["alone"]),
        (
            "<dc:subject><rdf:Bag><rdf:li rdf:parseType='Resource'><rdf:value>a</rdf:value><dc:type>t</dc:type>"
            "</rdf:li><rdf:li>b</rdf:li></rdf:Bag></dc:subject>",
            ["a", "b"],
        ),
        (
            "<s:subject xmlns:s='http://purl.org/dc/elements/1.1/'><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></s:subject>",
            ["a"],
        ),
        ("<dc:subject xmlns:dc='http://elsewhere/'><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></dc:subject>", []),
    ],
)
def test_forms(tmp_path: Path, body: str, words: list[str]) -> None:
    assert keywords(beside(tmp_path, xmp(body))) == words


def test_a_rating_as_an_element_or_with_a_qualifier(tmp_path: Path) -> None:
    assert beside(tmp_path, xmp("<xmp:Rating> 4 </xmp:Rating>")).rating == 4
    qualified = "<xmp:Rating rdf:parseType='Resource'><rdf:value>2</rdf:value></xmp:Rating>"
    assert beside(tmp_path, xmp(qualified)).rating == 2


def test_huge_sidecars_and_bombs_cost_nothing(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 100}">' for n in range(10))
    bomb = f"<!DOCTYPE x [{entities}]>" + xmp(bag("dc:subject", "&e9;")).decode()
    started = time.perf_counter()
    for content in (xmp(bag("dc:subject", "a")) + b" " * (50 << 20), bomb.encode(), b"<a>" * 2_000_000):
        assert keywords(beside(tmp_path, content)) == []
    assert time.perf_counter() - started < 5


# --- RAW files ----------------------------------------------------------------------------------------


def tiff(magic: bytes = b"II*\0") -> bytes:
    """A TIFF structure with camera, lens, date, place and a rating, as most RAW files begin."""

    def ifd(at: int, entries: list[tuple[int, int, int, bytes]]) -> bytes:
        behind = at + 2 + 12 * len(entries) + 4
        table, data = struct.pack("<H", len(entries)), b""
        for tag, kind, count, value in sorted(entries):
            place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", behind + len(data))
            table += struct.pack("<HHI", tag, kind, count) + place
            data += (value + b"\0" * (len(value) % 2)) if len(value) > 4 else b""
        return (table + b"\0\0\0\0" + data).ljust(400, b"\0")

    def text(value: bytes) -> tuple[int, int, bytes]:
        return 2, len(value) + 1, value + b"\0"

    def angle(*parts: int) -> tuple[int, int, bytes]:
        return 5, 3, b"".join(struct.pack("<II", part, 1) for part in parts)

    main = ifd(8, [(0x10F, *text(b"ACME")), (0x110, *text(b"ACME R1")), (0x4746, 3, 1, b"\4\0"),
                   (0x8769, 4, 1, struct.pack("<I", 408)), (0x8825, 4, 1, struct.pack("<I", 808))])  # fmt: skip
    inner = ifd(408, [(0x9003, *text(b"2019:06:01 12:30:05")), (0xA434, *text(b"50mm f/1.8"))])
    gps = ifd(808, [(1, *text(b"N")), (2, *angle(48, 51, 30)), (3, *text(b"E")), (4, *angle(2, 17, 40))])
    return magic + struct.pack("<I", 8) + main + inner + gps


def raf() -> bytes:
    block = b"Exif\0\0" + tiff()
    picture = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(block) + 2) + block + b"\xff\xd9"
    head = b"FUJIFILMCCD-RAW 0201FF383001".ljust(84, b"\0") + struct.pack(">II", 160, len(picture))
    return head.ljust(160, b"\0") + picture


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def cr3() -> bytes:
    def part(start: int) -> bytes:
        return b"II*\0" + struct.pack("<I", start) + tiff()[8:]

    parts = box(b"CMT1", part(8)) + box(b"CMT2", part(408)) + box(b"CMT4", part(808))
    uuid = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"uuid", uuid + parts))


RAWS = {
    "a.nef": tiff(), "a.arw": tiff(), "a.dng": tiff(), "a.pef": tiff(), "a.srw": tiff(), "a.nrw": tiff(),
    "a.cr2": tiff(), "a.orf": tiff(b"IIRO"), "a.rw2": tiff(b"IIU\0"), "a.raf": raf(), "a.cr3": cr3(),
}  # fmt: skip


@pytest.mark.parametrize("name", RAWS)
def test_raw_files_tell_every_field(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(RAWS[name])
    (tmp_path / "a.xmp").write_bytes(xmp(bag("dc:subject", "Rex")))
    fields = fields_at(str(path), SETTINGS)
    assert (fields.camera, fields.lens, fields.taken) == ("ACME R1", "50mm f/1.8", "2019-06-01T12:30:05")
    assert (fields.latitude, fields.longitude, fields.country) == (48.8583333, 2.2944444, "France")
    assert (fields.rating, keywords(fields)) == (4, ["Rex"])


@pytest.mark.parametrize("name", ["a.nef", "a.dng", "a.orf", "a.rw2", "a.raf", "a.cr3"])
def test_raw_files_tell_what_exiftool_reads(tmp_path: Path, name: str) -> None:
    exiftool.need()
    path = tmp_path / name
    path.write_bytes(RAWS[name])
    command = ["exiftool", "-j", "-n", "-Model", "-LensModel", "-DateTimeOriginal", "-GPSLatitude", "-GPSLongitude"]
    told = json.loads(subprocess.run([*command, path], check=True, capture_output=True, text=True).stdout)[0]
    fields = fields_at(str(path), SETTINGS)
    assert (fields.camera, fields.lens) == (told["Model"], told["LensModel"])
    assert fields.taken == told["DateTimeOriginal"].replace(":", "-", 2).replace(" ", "T")
    assert (fields.latitude, fields.longitude) == pytest.approx((told["GPSLatitude"], told["GPSLongitude"]), abs=1e-6)


# --- places and dates ---------------------------------------------------------------------------------

UNKNOWN = struct.pack("<II", 0, 0)
ENDLESS = struct.pack("<II", 7, 0)


def angle_of(*parts: int | bytes) -> bytes:
    return b"".join(part if isinstance(part, bytes) else struct.pack("<II", part, 1) for part in parts)


@pytest.mark.parametrize(
    ("latitude", "side", "longitude", "other", "place"),
    [
        (angle_of(48, 30, UNKNOWN), b"N\0", angle_of(2, 15, UNKNOWN), b"E\0", (48.5, 2.25)),
        (angle_of(48, 30, 0), b"S\0", angle_of(2, 15, 0), b"W\0", (-48.5, -2.25)),
        (angle_of(UNKNOWN, UNKNOWN, UNKNOWN), b"N\0", angle_of(2, 15, 0), b"E\0", None),
        (angle_of(48, ENDLESS, 0), b"N\0", angle_of(2, 15, 0), b"E\0", None),
        (angle_of(48, 30, 0), b"\0\0", angle_of(2, 15, 0), b"E\0", None),
        (angle_of(48, 30, 0), b"N\0", angle_of(2, 15, 0), b"?\0", None),
        (angle_of(0, 0, 0), b"N\0", angle_of(0, 0, 0), b"E\0", None),
        (angle_of(0, 0, 0), b"N\0", angle_of(2, 15, 0), b"E\0", (0.0, 2.25)),
        (angle_of(90, 0, 1), b"N\0", angle_of(2, 15, 0), b"E\0", None),
        (angle_of(48, 30, 0)[:16], b"N\0", angle_of(2, 15, 0), b"E\0", (48.5, 2.25)),
    ],
)  # fmt: skip
def test_odd_places(
    tmp_path: Path, latitude: bytes, side: bytes, longitude: bytes, other: bytes, place: tuple[float, float] | None
) -> None:
    whole = tiff()
    at = whole.index(struct.pack("<HHI", 2, 5, 3))
    content = bytearray(whole)
    for tag, value in ((2, latitude), (4, longitude)):
        at = whole.index(struct.pack("<HHI", tag, 5, 3))
        struct.pack_into("<I", content, at + 4, len(value) // 8)
        start = struct.unpack_from("<I", whole, at + 8)[0]
        content[start : start + len(value)] = value
    for tag, text in ((1, side), (3, other)):
        at = whole.index(struct.pack("<HHI", tag, 2, 2))
        content[at + 8 : at + 10] = text
    path = tmp_path / "a.dng"
    path.write_bytes(content)
    fields = fields_at(str(path), SETTINGS)
    assert (fields.latitude, fields.longitude) == (place or (None, None))


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("33,51.408S", "151,12.918E", (-33.8568, 151.2153)),
        ("48.8583", "-2.2944", (48.8583, -2.2944)),
        ("0,0.0N", "0,0.0E", None),
        ("48,51", "2,17", None),
        ("north", "east", None),
    ],
)
def test_odd_places_in_xmp(tmp_path: Path, latitude: str, longitude: str, place: tuple[float, float] | None) -> None:
    fields = beside(tmp_path, xmp("", f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"'))
    assert (fields.latitude, fields.longitude) == (place or (None, None))


@pytest.mark.parametrize(
    ("hours", "taken"),
    [
        ((22.0, 30.0, 5.0), "2019-06-02T00:30:05"),
        ((24.0, 0.0, 0.0), None),
        ((-1.0, 0.0, 0.0), None),
    ],
)
def test_the_time_of_the_satellites(tmp_path: Path, hours: tuple[float, ...], taken: str | None) -> None:
    inner: dict[int, Any] = {0x9003: "0000:00:00 00:00:00", 0x9011: "+02:00"}
    exif = exif_of(inner=inner, gps={0x1D: "2019:06:01", 7: hours} if hours[0] >= 0 else {0x1D: "2019:06:01"})
    assert fields_at(str(jpeg(tmp_path / "a.jpg", exif=exif)), SETTINGS).taken == taken


def test_whatever_exiftool_writes_beside_a_photo_is_read(tmp_path: Path) -> None:
    exiftool.need()
    path, sidecar = tmp_path / "a.jpg", tmp_path / "a.xmp"
    Image.new("RGB", (8, 8)).save(path)
    command = ["exiftool", "-q", "-XMP-dc:Subject=Rex", "-XMP-lr:HierarchicalSubject=pets|Rex", "-XMP:Rating=5"]
    command += ["-XMP-microsoft:LastKeywordXMP=Zoo", "-XMP-digiKam:TagsList=People/Ann", "-XMP:GPSLatitude=-33.8568"]
    command += ["-XMP:GPSLongitude=151.2153", "-XMP-tiff:Make=NIKON", "-XMP-tiff:Model=D850", "-XMP-aux:Lens=50 mm"]
    subprocess.run([*command, "-XMP-exif:DateTimeOriginal=2019:06:01 12:00:00+09:00", sidecar], check=True)
    fields = fields_at(str(path), SETTINGS)
    assert keyword_names(fields.keywords) == ["Rex", "pets", "People", "Ann", "Zoo"]
    assert (fields.camera, fields.lens, fields.rating) == ("NIKON D850", "50 mm", 5)
    assert (fields.latitude, fields.longitude) == (-33.8568, 151.2153)
    assert fields.taken == "2019-06-01T12:00:00"
