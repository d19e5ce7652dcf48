"""A fault in a picture's metadata never fails the picture."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo, small_copy
from tagger.imaging.errors import DecodeError
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.metadata_free import without_metadata

PHOTOS = Path(__file__).parents[1] / "photos"
LIMITS = LimitSettings()
MUCH = zlib.compress(b"parameters " * 200_000)


def picture(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2019:06:01 12:30:05"
    Image.open(PHOTOS / "cat.jpg").convert("RGB").save(out, kind, exif=exif, **options)
    return out.getvalue()


def png_with(*chunks: tuple[bytes, bytes], before: bytes = b"IDAT") -> bytes:
    data = picture("PNG")
    at = data.index(before) - 4
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return data[:at] + added + data[at:]


def jpeg_with(marker: int, body: bytes) -> bytes:
    data = picture("JPEG")
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:]


def webp_with(kind: bytes, body: bytes) -> bytes:
    data = picture("WEBP", icc_profile=b"x" * 200, xmp=b"<x/>")
    at = data.index(kind)
    length = struct.unpack_from("<I", data, at + 4)[0]
    return data[: at + 8] + (body * length)[:length] + data[at + 8 + length :]


FAULTS = {
    "zTXt of 2 MB": png_with((b"zTXt", b"parameters\0\0" + MUCH)),
    "iTXt of 2 MB, XMP": png_with((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + MUCH)),
    "zTXt of 2 MB behind the pixels": png_with((b"zTXt", b"parameters\0\0" + MUCH), before=b"IEND"),
    "iCCP of 2 MB": png_with((b"iCCP", b"sRGB\0\0" + MUCH)),
    "iCCP that is none": png_with((b"iCCP", b"sRGB\0\0not compressed")),
    "iCCP without an end": png_with((b"iCCP", b"sRGB")),
    "text of 77 MB in all": png_with(*[(b"zTXt", b"n%d\0\0" % n + zlib.compress(bytes(1_000_000))) for n in range(77)]),
    "a phys chunk cut off": png_with((b"pHYs", b"\0")),
    "a gamma cut off": png_with((b"gAMA", b"\0")),
    "a text chunk without a name": png_with((b"tEXt", b"\0\0")),
    "MPF that is none": jpeg_with(0xE2, b"MPF\0nonsense"),
    "Photoshop's that is none": jpeg_with(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0"),
    "ICC of the wrong number": jpeg_with(0xE2, b"ICC_PROFILE\0\7\2" + b"x" * 40),
    "a JFIF cut off": jpeg_with(0xE0, b"JFIF\0"),
    "XMP that is none": jpeg_with(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"\xff" * 3000),
    "a WebP's ICC that is none": webp_with(b"ICCP", b"\xff\0"),
    "a WebP's XMP that is none": webp_with(b"XMP ", b"\xff\0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_picture_is_read_and_keeps_its_orientation(tmp_path: Path, fault: str) -> None:
    (tmp_path / "a").write_bytes(FAULTS[fault])
    with open_photo(str(tmp_path / "a")) as photo:
        found = decode(photo, [NetworkInput(64, "squares")], limits=LIMITS)
    assert found.pixels.shape == (2, 64, 64, 3)
    # Turned: the cat is 451 x 300.
    assert (found.facts.width, found.facts.height) == (300, 451)
    assert found.facts.taken == "2019-06-01T12:30:05"
    with open_photo(str(tmp_path / "a")) as photo:
        assert Image.open(io.BytesIO(small_copy(photo, longest=100, limits=LIMITS))).size in ((66, 100), (67, 100))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_without_its_metadata_has_the_same_pixels(kind: str) -> None:
    options = {"icc_profile": b"x" * 200, "xmp": b"<x/>", "comment": b"a cat"} if kind != "PNG" else {"dpi": (300, 300)}
    data = picture(kind, **options)
    plain = without_metadata(data)
    assert plain is not None
    assert len(plain) < len(data)
    assert Image.open(io.BytesIO(plain)).tobytes() == Image.open(io.BytesIO(data)).tobytes()
    assert without_metadata(plain) is None


@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 3000), st.binary(max_size=8))
def test_whatever_is_broken_it_never_fails(kind: str, cut: int, added: bytes) -> None:
    data = BROKEN[kind]
    without_metadata(data[:cut] + added + data[cut + len(added) :])
    without_metadata(data[:cut] + added)


def test_what_is_broken_stays_broken_and_says_the_first_reason(tmp_path: Path) -> None:
    data = FAULTS["zTXt of 2 MB"]
    (tmp_path / "a").write_bytes(data[: data.index(b"IDAT") + 100])
    with open_photo(str(tmp_path / "a")) as photo, pytest.raises(DecodeError):
        decode(photo, [NetworkInput(64, "squares")], limits=LIMITS)


BROKEN = {kind: picture(kind) for kind in ("JPEG", "PNG", "WEBP")}
