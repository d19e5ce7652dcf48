"""The fields in headers and sidecars: every format, what programs write, what is broken, and exiftool's opinion."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin, TiffImagePlugin

from tagger.core.config import KeywordSettings
from tagger.core.photo import PhotoFields
from tagger.imaging.metadata import places
from tagger.imaging.metadata.fields import fields_at, read_fields
from tagger.imaging.metadata.places import place_at
from tests import exiftool

pillow_heif.register_heif_opener()
SETTINGS = KeywordSettings()
EXIF = 0x8769
GPS = 0x8825


def xmp(body: str, attributes: str = "") -> bytes:
    return f"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:tagger="urn:tagger:keywords:1/"
 xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/" {attributes}>{body}
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()


def bag(name: str, *words: str) -> str:
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in words)
    return f"<{name}><rdf:Bag>{items}</rdf:Bag></{name}>"


def exif_of(**values: Any) -> Image.Exif:
    """EXIF with a camera, a lens, a date and a place; `main`, `inner`, `gps`: other tags of each directory."""
    exif = Image.Exif()
    exif.update({0x010F: "NIKON CORPORATION", 0x0110: "NIKON D850"} | values.get("main", {}))
    exif.get_ifd(EXIF).update({0x9003: "2019:06:01 12:30:05", 0xA434: "50.0 mm f/1.8"} | values.get("inner", {}))
    place = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}
    exif.get_ifd(GPS).update(place | values.get("gps", {}))
    return exif


def keywords(fields: PhotoFields) -> list[str]:
    return [word.text for word in fields.keywords]


def save(path: Path, exif: Image.Exif, packet: bytes) -> Path:
    picture = Image.new("RGB", (64, 48), "grey")
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode())
        picture.save(path, exif=exif, pnginfo=info)
    elif path.suffix in (".tif", ".dng"):
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[700] = packet
        tags[0x010F], tags[0x0110] = exif[0x010F], exif[0x0110]
        picture.save(path, "TIFF", tiffinfo=tags)
    else:
        picture.save(path, exif=exif, xmp=packet)
    return path


def jpeg(path: Path, packet: bytes = b"", exif: Image.Exif | None = None) -> Path:
    Image.new("RGB", (64, 48), "grey").save(path, exif=exif or Image.Exif(), **({"xmp": packet} if packet else {}))
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".heic", ".avif"])
def test_every_format_tells_the_same(tmp_path: Path, suffix: str) -> None:
    packet = xmp(bag("dc:subject", "Summer 2019", "Zürich"), 'xmp:Rating="4"')
    fields = fields_at(str(save(tmp_path / f"a{suffix}", exif_of(), packet)), SETTINGS)
    assert (fields.camera, fields.lens, fields.rating) == ("NIKON D850", "50.0 mm f/1.8", 4)
    assert fields.taken == "2019-06-01T12:30:05"
    assert (fields.latitude, fields.longitude) == (48.8583333, 2.2944444)
    assert keywords(fields) == ["Summer 2019", "Zürich"]


@pytest.mark.parametrize("suffix", [".tif", ".dng"])
def test_a_tiff_and_a_raw_file_that_is_tiff_inside(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", exif_of(), xmp(bag("dc:subject", "Summer 2019"), 'xmp:Rating="4"'))
    fields = fields_at(str(path), SETTINGS)
    assert (fields.camera, fields.rating, keywords(fields)) == ("NIKON D850", 4, ["Summer 2019"])


def test_headers_behind_the_picture_of_a_png_are_read_without_its_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", exif_of(), xmp(bag("dc:subject", "late")))
    data = path.read_bytes()
    chunks, at = [], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        chunks.append(data[at:end])
        at = end
    late = [chunk for chunk in chunks if chunk[4:8] in (b"eXIf", b"iTXt")]
    pixels = [chunk[:8] + bytes(len(chunk) - 8) if chunk[4:8] == b"IDAT" else chunk for chunk in chunks[:-1]]
    path.write_bytes(data[:8] + b"".join([*(c for c in pixels if c not in late), *late, chunks[-1]]))
    fields = fields_at(str(path), SETTINGS)
    assert (fields.camera, keywords(fields)) == ("NIKON D850", ["late"])


def test_hierarchical_keywords_and_those_of_windows(tmp_path: Path) -> None:
    exif = exif_of(main={0x9C9E: "old; new;".encode("utf-16-le") + b"\0\0"})
    packet = xmp(bag("lr:hierarchicalSubject", "Places|France|Paris") + bag("digiKam:TagsList", "People/Ann"))
    fields = fields_at(str(jpeg(tmp_path / "a.jpg", packet, exif)), SETTINGS)
    found = [(word.field, word.text, word.separator) for word in fields.keywords]
    assert found == [
        ("lr:hierarchicalSubject", "Places|France|Paris", "|"),
        ("digiKam:TagsList", "People/Ann", "/"),
        ("EXIF:XPKeywords", "old", ""),
        ("EXIF:XPKeywords", "new", ""),
    ]


def test_what_the_mark_lists_is_not_a_persons(tmp_path: Path) -> None:
    body = bag("dc:subject", "dog", "Rex", "dog") + bag("tagger:wrote", "dc:subject + dog")
    fields = fields_at(str(jpeg(tmp_path / "a.jpg", xmp(body))), SETTINGS)
    # A second one is a person's: the mark lists one.
    assert keywords(fields) == ["Rex", "dog"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("a.jpg.xmp",), ["a.jpg.xmp"]),
        (("a.xmp",), ["a.xmp"]),
        (("a.jpg.XMP",), ["a.jpg.XMP"]),
        (("a.xmp", "a.jpg.xmp"), ["a.jpg.xmp", "a.xmp"]),
        # Lightroom's, of the RAW file beside the JPEG.
        (("a.xmp", "a.nef"), []),
    ],
)
def test_sidecars_are_read(tmp_path: Path, names: tuple[str, ...], found: list[str]) -> None:
    path = jpeg(tmp_path / "a.jpg")
    for name in names:
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + xmp(bag("dc:subject", name)))
    fields = fields_at(str(path), SETTINGS)
    assert keywords(fields) == found
    assert {word.place for word in fields.keywords} <= {"sidecar"}
    assert (fields.sidecar is not None) == bool(found)


def test_another_state_of_a_sidecar_is_noticed(tmp_path: Path) -> None:
    path, beside = jpeg(tmp_path / "a.jpg"), tmp_path / "a.jpg.xmp"
    states = {fields_at(str(path), SETTINGS).sidecar}
    beside.write_bytes(xmp(bag("dc:subject", "one")))
    states.add(fields_at(str(path), SETTINGS).sidecar)
    beside.write_bytes(xmp(bag("dc:subject", "another")))
    states.add(fields_at(str(path), SETTINGS).sidecar)
    os.utime(beside, (1, 1))
    states.add(fields_at(str(path), SETTINGS).sidecar)
    assert len(states) == 4


@pytest.mark.parametrize(
    "content", [b"", b"<x", b"\xff\xfe<\0", b"<a>" * 9000, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>']
)
def test_a_damaged_sidecar_is_none(tmp_path: Path, content: bytes) -> None:
    path = jpeg(tmp_path / "a.jpg", xmp(bag("dc:subject", "inside")))
    (tmp_path / "a.jpg.xmp").write_bytes(content)
    assert keywords(fields_at(str(path), SETTINGS)) == ["inside"]


def test_a_sidecar_that_is_a_pipe_or_a_dangling_link_is_none(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "a.jpg.xmp")
    (tmp_path / "a.xmp").symlink_to("nowhere")
    assert fields_at(str(path), SETTINGS).keywords == ()


@pytest.mark.parametrize(
    ("sidecar", "inside", "exif", "rating"),
    [
        ('xmp:Rating="5"', 'xmp:Rating="2"', 1, 5),
        ("", 'xmp:Rating="2"', 1, 2),
        ("", "", 1, 1),
        # A person took the stars away.
        ('xmp:Rating="0"', 'xmp:Rating="2"', 1, None),
        ('xmp:Rating="-1"', 'xmp:Rating="2"', 1, -1),
        ('xmp:Rating="3.0"', "", 0, 3),
        ('xmp:Rating="7"', 'xmp:Rating="2"', 0, 2),
        ('xmp:Rating="many"', "", 4, 4),
        ("", 'MicrosoftPhoto:Rating="75"', 0, 4),
        ("", 'MicrosoftPhoto:Rating="1"', 0, 1),
        ("", 'MicrosoftPhoto:Rating="99"', 0, 5),
        ("", "", 6, None),
        ("", "", 0, None),
    ],
)
def test_ratings(tmp_path: Path, sidecar: str, inside: str, exif: int, rating: int | None) -> None:
    path = jpeg(tmp_path / "a.jpg", xmp("", inside), exif_of(main={0x4746: exif}))
    if sidecar:
        (tmp_path / "a.jpg.xmp").write_bytes(xmp("", sidecar))
    assert fields_at(str(path), SETTINGS).rating == rating


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("SONY", "ILCE-7M3", "SONY ILCE-7M3"),
        ("EASTMAN KODAK COMPANY", "KODAK DC210", "KODAK DC210"),
        ("Minolta Co., Ltd.", "DiMAGE X", "Minolta DiMAGE X"),
        ("OLYMPUS IMAGING CORP.  ", "E-M1", "OLYMPUS IMAGING E-M1"),
        ("", "iPhone", "iPhone"),
        ("Apple", "", "Apple"),
        ("HTC", "HTCDesire", "HTC HTCDesire"),
        ("", "", ""),
    ],
)
def test_cameras(tmp_path: Path, make: str, model: str, camera: str) -> None:
    path = jpeg(tmp_path / "a.jpg", exif=exif_of(main={0x010F: make, 0x0110: model}))
    assert fields_at(str(path), SETTINGS).camera == camera


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({1: "S", 3: "W"}, (-48.8583333, -2.2944444)),
        ({2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)}, (None, None)),
        ({2: (91.0, 0.0, 0.0)}, (None, None)),
        ({4: (181.0, 0.0, 0.0)}, (None, None)),
        ({2: (48.5, 0.0, 0.0), 4: (0.0, 0.0, 0.0)}, (48.5, 0.0)),
    ],
)
def test_places(tmp_path: Path, gps: Mapping[int, Any], place: tuple[float | None, float | None]) -> None:
    fields = fields_at(str(jpeg(tmp_path / "a.jpg", exif=exif_of(gps=gps))), SETTINGS)
    assert (fields.latitude, fields.longitude) == place


def test_a_place_in_xmp_only(tmp_path: Path) -> None:
    packet = xmp("", 'exif:GPSLatitude="48,51.5N" exif:GPSLongitude="2,17,40W"')
    fields = fields_at(str(jpeg(tmp_path / "a.jpg", packet)), SETTINGS)
    assert (fields.latitude, fields.longitude) == (48.8583333, -2.2944444)


@pytest.mark.parametrize("broken", ["0000:00:00 00:00:00", "    :  :     :  :  ", "0001:01:01 00:00:00", "yesterday"])
def test_a_broken_date_gives_way_to_a_programs_and_to_the_satellites(tmp_path: Path, broken: str) -> None:
    inner = {0x9003: broken, 0x9011: "+02:00"}
    gps = {0x1D: "2019:06:01", 7: (22.0, 30.0, 5.0)}
    path = jpeg(tmp_path / "a.jpg", exif=exif_of(inner=inner, gps=gps))
    assert fields_at(str(path), SETTINGS).taken == "2019-06-02T00:30:05"
    jpeg(path, xmp("", 'exif:DateTimeOriginal="2019-06-03T10:00:00+05:00"'), exif_of(inner=inner, gps=gps))
    assert fields_at(str(path), SETTINGS).taken == "2019-06-03T10:00:00"
    jpeg(path, exif=exif_of(inner=inner))
    assert fields_at(str(path), SETTINGS).taken is None


def test_an_offset_does_not_move_the_cameras_clock(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg", exif=exif_of(inner={0x9011: "+09:00"}))
    assert fields_at(str(path), SETTINGS).taken == "2019-06-01T12:30:05"


def test_texts_that_no_database_takes(tmp_path: Path) -> None:
    exif = exif_of(main={0x0110: "A\x01B\x7f"}, inner={0xA434: "----"})
    fields = fields_at(str(jpeg(tmp_path / "a.jpg", xmp(bag("dc:subject", "a" * 900, "  ", "b\n c")), exif)), SETTINGS)
    assert (fields.camera, fields.lens) == ("NIKON A B", "")
    assert keywords(fields) == ["a" * 200, "b c"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("formats")
    packet = xmp(bag("dc:subject", "Summer 2019"), 'xmp:Rating="4"')
    suffixes = (".jpg", ".png", ".webp", ".heic", ".avif", ".tif")
    return [save(folder / f"a{suffix}", exif_of(), packet).read_bytes() for suffix in suffixes]


@settings(max_examples=150)
@given(data=st.data())
def test_no_bytes_are_an_error(samples: list[bytes], data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(samples)))
    for _ in range(data.draw(st.integers(0, 12))):
        content[data.draw(st.integers(0, min(len(content) - 1, 2000)))] = data.draw(st.integers(0, 255))
    cut = content[: data.draw(st.integers(0, len(content)))]
    assert isinstance(read_fields(io.BytesIO(bytes(cut)), "/nowhere/a.dng", SETTINGS), PhotoFields)


@pytest.mark.slow
def test_real_photos_tell_what_exiftool_reads(shared: Path) -> None:
    exiftool.need()
    files = sorted((shared / "photos" / "camera").iterdir())
    tags = ("Make", "Model", "EXIF:LensModel", "XMP:Lens", "XMP:Rating", "EXIF:Rating", "Composite:GPSLatitude")
    tags += ("Composite:GPSLongitude", "XMP:GPSLatitude", "XMP:GPSLongitude", "Subject", "IPTC:Keywords")
    tags += ("EXIF:DateTimeOriginal", "EXIF:CreateDate", "EXIF:ModifyDate", "Composite:DateTimeOriginal")
    command = ["exiftool", "-j", "-n", "-G0", "-api", "struct=0", *(f"-{tag}" for tag in (*tags, "XMP:CreateDate"))]
    told = json.loads(subprocess.run([*command, *map(str, files)], check=False, capture_output=True, text=True).stdout)
    assert len(told) == len(files) == 60
    for path, theirs in zip(files, told, strict=True):
        ours = fields_at(str(path), SETTINGS)
        assert words_of(ours.camera) <= words_of(f"{theirs.get('EXIF:Make', '')} {theirs.get('EXIF:Model', '')}"), path
        assert bool(ours.camera) == bool(f"{theirs.get('EXIF:Make', '')}{theirs.get('EXIF:Model', '')}".strip()), path
        assert ours.lens == str(theirs.get("EXIF:LensModel") or theirs.get("XMP:Lens", "")).strip(), path
        assert ours.rating == (theirs.get("XMP:Rating", theirs.get("EXIF:Rating")) or None), path
        place = [
            theirs.get(f"Composite:GPS{name}") or theirs.get(f"XMP:GPS{name}") for name in ("Latitude", "Longitude")
        ]
        assert [ours.latitude, ours.longitude] == [
            None if p in ("", None) else pytest.approx(p, abs=1e-6) for p in place
        ]
        both = [*listed(theirs.get("XMP:Subject")), *listed(theirs.get("IPTC:Keywords"))]
        assert keywords(ours) == both, path
        dates = (theirs.get(tag) for tag in (*tags[-4:-2], tags[-1], "XMP:CreateDate", "EXIF:ModifyDate"))
        real = [date for date in dates if date and str(date)[:4].isdigit() and not str(date).startswith("0000")]
        assert ours.taken == (real[0][:19].replace(":", "-", 2).replace(" ", "T") if real else None), path


def words_of(text: str) -> set[str]:
    return set(text.replace(",", " ").replace(".", " ").split())


def listed(value: object) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "")]


@pytest.mark.parametrize(
    ("latitude", "longitude", "names"),
    [
        (48.8584, 2.2945, ["Paris", "Île-de-France", "France"]),
        (45.5006667, 9.1103333, ["Pero", "Milan", "Lombardy", "Italy"]),
        (40.7128, -74.006, ["New York City", "New York", "United States"]),
        (-33.8568, 151.2153, ["Sydney", "New South Wales", "Australia"]),
        (78.22, 15.65, ["Longyearbyen"]),
        (-16.5, -179.99, ["Fiji"]),
        # In the middle of an ocean, and at the poles.
        (0.5, -30.0, []),
        (90.0, 0.0, []),
        (-90.0, 0.0, []),
    ],
)
def test_places_have_names(latitude: float, longitude: float, names: list[str]) -> None:
    place = place_at(latitude, longitude)
    told = () if place is None else (*place.towns, place.region, place.country)
    assert set(names) <= set(told)
    assert bool(names) == bool(told)


def test_the_table_of_places_is_small_and_can_be_let_go() -> None:
    places.forget()
    tracemalloc.start()
    try:
        place_at(48.85, 2.35)
        assert tracemalloc.get_traced_memory()[0] < 6_000_000
        places.forget()
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()
    assert place_at(48.85, 2.35) is not None


def test_a_photo_with_a_place_tells_its_names(tmp_path: Path) -> None:
    fields = fields_at(str(jpeg(tmp_path / "a.jpg", exif=exif_of())), SETTINGS)
    assert ("Paris" in fields.towns, fields.region, fields.country) == (True, "Île-de-France", "France")
