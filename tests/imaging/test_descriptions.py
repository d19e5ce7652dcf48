"""What people wrote about a photo is read from every place where programs put it; what cameras write is not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tagger.core.config import KeywordSettings
from tagger.imaging.metadata.descriptions import descriptions_at

needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif"}


def photo(tmp_path: Path, kind: str = "JPEG", description: str | bytes | None = None) -> Path:
    path = tmp_path / f"photo.{ENDINGS[kind]}"
    exif = Image.Exif()
    if description is not None:
        exif[0x010E] = description
    Image.new("RGB", (32, 24), "green").save(path, kind, exif=exif)
    return path


def read(path: Path) -> list[str]:
    return descriptions_at(str(path), KeywordSettings())


def written(path: Path, *arguments: str) -> Path:
    subprocess.run(["exiftool", "-q", "-overwrite_original", *arguments, str(path)], check=True, capture_output=True)
    return path


@pytest.mark.parametrize("kind", ENDINGS)
def test_image_description(tmp_path: Path, kind: str) -> None:
    assert read(photo(tmp_path, kind, "Grandma feeds\nthe hens ")) == ["Grandma feeds the hens"]
    assert read(photo(tmp_path, kind)) == []


@needs_exiftool
@pytest.mark.parametrize("kind", ENDINGS)
def test_dc_description(tmp_path: Path, kind: str) -> None:
    path = written(photo(tmp_path, kind), "-XMP-dc:Description=A boat on the lake", "-XMP-dc:Description-de=Ein Boot")
    assert read(path) == ["A boat on the lake", "Ein Boot"]


@needs_exiftool
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize("charset", ["UTF8", ""])
def test_iptc_caption(tmp_path: Path, kind: str, charset: str) -> None:
    text = "Oma f\N{LATIN SMALL LETTER U WITH DIAERESIS}ttert die H\N{LATIN SMALL LETTER U WITH DIAERESIS}hner"
    path = written(photo(tmp_path, kind), f"-IPTC:CodedCharacterSet={charset}", f"-IPTC:Caption-Abstract={text}")
    assert read(path) == [text]


@needs_exiftool
def test_one_text_in_all_places_is_one(tmp_path: Path) -> None:
    path = written(
        photo(tmp_path),
        *(f"-{tag}=The old mill" for tag in ("EXIF:ImageDescription", "IPTC:Caption-Abstract", "XMP-dc:Description")),
    )
    assert read(path) == ["The old mill"]


@pytest.mark.parametrize(
    "text",
    [
        "OLYMPUS DIGITAL CAMERA         ",
        "SONY DSC",
        "DCIM100MEDIA",
        "DCIM\\100GOPRO\\GOPR1234.JPG",
        "KODAK Digital Still Camera",
        "MINOLTA DIGITAL CAMERA",
        "Exif_JPEG_PICTURE",
        "Samsung",
        "IMG_2041",
        "hdrpl",
        "oznor",
        "Created with GIMP",
        "Screenshot",
        "2019-05-04",
        "---",
        "   ",
        "\0\0\0",
    ],
)
def test_what_a_camera_writes_is_no_description(tmp_path: Path, text: str) -> None:
    assert read(photo(tmp_path, description=text)) == []


@pytest.mark.parametrize("text", ["The camera of my father", "Sunset", "A picture of Anna", "Hund"])
def test_what_a_person_writes_is_one(tmp_path: Path, text: str) -> None:
    assert read(photo(tmp_path, description=text)) == [text]


@pytest.mark.parametrize("name", ["photo.jpg.xmp", "photo.xmp"])
def test_sidecars(tmp_path: Path, name: str) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
        b'<rdf:li xml:lang="x-default">A &amp; B on a swing</rdf:li></rdf:Alt></dc:description>'
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    path = photo(tmp_path, description="The garden")
    (tmp_path / name).write_bytes(packet)
    assert read(path) == ["A & B on a swing", "The garden"]
    (tmp_path / name).write_bytes(packet[:-40])
    assert read(path) == ["The garden"]


def test_damaged_files_have_none(tmp_path: Path, shared: Path) -> None:
    for path in sorted((shared / "photos" / "broken").iterdir())[::7]:
        assert isinstance(read(path), list), path
    (tmp_path / "no photo.jpg").write_bytes(b"\xff\xd8" + bytes(100))
    assert read(tmp_path / "no photo.jpg") == []


def test_a_hostile_text_takes_no_time(tmp_path: Path) -> None:
    path = photo(tmp_path, description="digital camera " * 3000 + "x")
    assert len(read(path)[0] if read(path) else "") <= 2000
