"""What is said of damaged pictures is for people, whatever the decoder said."""

from __future__ import annotations

import io
import os
import random
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo
from tagger.imaging.errors import DecodeError
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.plain_words import damage

JARGON = re.compile(
    r"decoder|Errno|<_io|Error|Exception|object|PIL|struct|\b-\d|bytes|buffer|stream|None|0x|index|[{}\[\]<>]"
)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF")


def encoded(kind: str, **how: object) -> bytes:
    noise = np.random.default_rng(4).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, kind, **how)
    return out.getvalue()


def reason(path: Path, content: bytes) -> str | None:
    path.write_bytes(content)
    try:
        with open_photo(str(path)) as photo:
            decode(photo, [NetworkInput(32, "squares")], limits=LimitSettings())
    except DecodeError as error:
        return error.reason
    return None


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_files_of_every_format_are_described_in_plain_words(tmp_path: Path, kind: str) -> None:
    data = encoded(kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    chance = random.Random(kind)
    reasons = set()
    for number in range(60):
        worse = bytearray(data[: chance.randrange(12, len(data))] if number % 2 else data)
        # Headers are hit more often than chance would.
        for _ in range(8):
            worse[chance.randrange(min(len(worse), 400 if number % 3 else len(worse)))] = chance.randrange(256)
        reasons.add(reason(tmp_path / "a.jpg", bytes(worse)))
    told = reasons - {None}
    assert told
    for text in told:
        assert text is not None
        assert not JARGON.search(text), text
        assert text[-1] not in ".:", text


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("decoder error -2 when reading image file"), "data cannot be decoded"),
        (OSError("image file is truncated (0 bytes not processed)"), "cut off"),
        (OSError("Truncated File Read"), "cut off"),
        (OSError("could not create decoder object"), "data cannot be decoded"),
        (OSError("broken data stream when reading image file"), "data cannot be decoded"),
        (OSError("unrecognized data stream contents when reading image file"), "kind|data cannot"),
        (OSError("cannot identify image file <_io.BytesIO object at 0x7f>"), "kind that cannot be decoded"),
        (SyntaxError("broken PNG file (chunk b'IHDR')"), "data cannot be decoded"),
        (SyntaxError("broken PNG file (bad header checksum in b'IHDR')"), "checksums"),
        (ValueError("Unable to read 12 bytes"), "data cannot be decoded"),
        (ValueError("Invalid input: End of data reached"), "cut off"),
        (ValueError("Memory allocation error: Security limit exceeded: Image size"), "more than any picture needs"),
        (KeyError(0), "data cannot be decoded"),
        (ZeroDivisionError("division by zero"), "data cannot be decoded"),
        (OSError("unknown pixel mode"), "kind that cannot be decoded"),
        (EOFError("no more images in GIF file"), "no picture"),
        (EOFError(), "data cannot be decoded"),
    ],
)
def test_what_the_decoders_say(error: Exception, says: str) -> None:
    assert re.search(says, damage(error))
    assert not JARGON.search(damage(error))


def test_the_words_of_the_decoder_are_kept_for_the_log(tmp_path: Path) -> None:
    data = encoded("TIFF", compression="tiff_adobe_deflate")
    (tmp_path / "a.tif").write_bytes(data[:60] + bytes(400) + data[460:])
    with open_photo(str(tmp_path / "a.tif")) as photo, pytest.raises(DecodeError) as caught:
        decode(photo, [NetworkInput(32, "squares")], limits=LimitSettings())
    assert "Error" in caught.value.detail


def test_what_the_system_refuses_is_said_without_its_words(tmp_path: Path) -> None:
    os.symlink("loop.jpg", tmp_path / "loop.jpg")
    for path in (tmp_path / "loop.jpg", tmp_path / ("x" * 300), tmp_path, Path("/dev/zero")):
        with pytest.raises(DecodeError) as caught, open_photo(str(path)):
            pass
        assert not JARGON.search(caught.value.reason), caught.value.reason
