from __future__ import annotations

import importlib
import io
import os
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tagger.core.config import LimitSettings, Views
from tagger.imaging.decode import Decoded, decode, hash_content, open_photo, small_copy
from tagger.imaging.errors import DecodeError, DecodeFault
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.views import parts
from tests.cli.gallery import PHOTOS

# Not the function of the same name.
decode_module = importlib.import_module("tagger.imaging.decode")
LIMITS = LimitSettings()
RED, GREEN, BLUE, YELLOW = (230, 20, 20), (20, 200, 20), (20, 20, 230), (220, 220, 20)
# Top left, top right, bottom left, bottom right.
COLOURS = (RED, GREEN, BLUE, YELLOW)


def quadrants(width: int = 64, height: int = 48) -> Image.Image:
    picture = Image.new("RGB", (width, height))
    for number, colour in enumerate(COLOURS):
        left, top = (number % 2) * width // 2, (number // 2) * height // 2
        picture.paste(colour, (left, top, left + width // 2, top + height // 2))
    return picture


def look(path: Path, limits: LimitSettings = LIMITS, size: int = 32) -> Decoded:
    """The whole picture in one view."""
    with open_photo(str(path)) as photo:
        decoded = decode(photo, [NetworkInput(size, "whole")], limits=limits)
    [pixels] = decoded.pixels
    return replace(decoded, pixels=pixels)


def squares(path: Path, size: int = 32) -> NDArray[np.uint8]:
    with open_photo(str(path)) as photo:
        return decode(photo, [NetworkInput(size, "squares")], limits=LIMITS).pixels


def fault(path: Path, limits: LimitSettings = LIMITS) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        look(path, limits)
    assert caught.value.reason
    return caught.value


def corners(pixels: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    size = len(pixels)
    return [tuple(int(v) for v in pixels[y, x]) for y in (size // 4, 3 * size // 4) for x in (size // 4, 3 * size // 4)]


def near(found: list[tuple[int, ...]], expected: tuple[tuple[int, int, int], ...], tolerance: int = 30) -> bool:
    return all(abs(a - b) <= tolerance for f, e in zip(found, expected, strict=True) for a, b in zip(f, e, strict=True))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation(tmp_path: Path, orientation: int, kind: str) -> None:
    """A photo is stored rotated. Decoded, it must be upright."""
    undo = {2: 0, 3: 1, 4: 2, 5: 3, 6: 4, 7: 5, 8: 6}
    methods = [
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    ]
    stored = quadrants()
    if orientation in undo:
        stored = stored.transpose(methods[undo[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo.{kind.lower()}"
    stored.save(path, kind, exif=exif)
    decoded = look(path)
    assert near(corners(decoded.pixels), COLOURS)
    assert (decoded.facts.width, decoded.facts.height) == (64, 48)


def save(name: str, make: Callable[[Image.Image], Image.Image], **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        make(quadrants()).save(path, **options)
        return path

    return write


def heif(folder: Path) -> Path:
    path = folder / "photo.heic"
    pillow_heif.from_pillow(quadrants()).save(path, quality=95)
    return path


@pytest.mark.parametrize(
    "make",
    [
        save("a.jpg", lambda p: p, quality=95),
        save("progressive.jpg", lambda p: p, quality=95, progressive=True),
        save("cmyk.jpg", lambda p: p.convert("CMYK"), quality=95),
        save("a.png", lambda p: p),
        save("palette.png", lambda p: p.quantize(16)),
        save("a.gif", lambda p: p.quantize(16)),
        save("a.webp", lambda p: p, quality=95),
        save("lossless.webp", lambda p: p, lossless=True),
        save("a.tif", lambda p: p),
        save("lzw.tif", lambda p: p, compression="tiff_lzw"),
        save("cmyk.tif", lambda p: p.convert("CMYK")),
        save("a.bmp", lambda p: p),
        save("a.avif", lambda p: p, quality=95),
        save("opaque.png", lambda p: p.convert("RGBA")),
        save("wrong.jpg", lambda p: p, format="PNG"),
        save("noname", lambda p: p, format="JPEG", quality=95),
        heif,
    ],
    ids=lambda make: getattr(make, "__name__", "x"),
)
def test_every_kind_of_picture_comes_out_as_a_person_sees_it(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    decoded = look(make(tmp_path))
    assert decoded.pixels.shape == (32, 32, 3)
    assert decoded.pixels.dtype == np.uint8
    assert near(corners(decoded.pixels), COLOURS)


def test_transparency_is_seen_over_white(tmp_path: Path) -> None:
    picture = quadrants().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 24))
    picture.save(tmp_path / "a.png")
    white = ((255, 255, 255), *COLOURS[1:])
    assert near(corners(look(tmp_path / "a.png").pixels), white)
    picture.save(tmp_path / "a.webp", lossless=True)
    assert near(corners(look(tmp_path / "a.webp").pixels), white)
    palette = quadrants().quantize(16)
    palette.save(tmp_path / "a.gif", transparency=palette.getpixel((2, 2)))
    assert near(corners(look(tmp_path / "a.gif").pixels), white)


@pytest.mark.parametrize("bits", [1, 8, 16, 32])
def test_grey_of_any_depth(tmp_path: Path, bits: int) -> None:
    ramp = np.tile(np.linspace(0, 1, 64), (64, 1))
    if bits == 1:
        picture = Image.fromarray((ramp > 0.5).astype(np.uint8) * 255).convert("1")
    elif bits == 8:
        picture = Image.fromarray((ramp * 255).astype(np.uint8))
    elif bits == 16:
        picture = Image.fromarray((ramp * 65535).astype(np.uint16))
    else:
        picture = Image.fromarray(ramp.astype(np.float32))
    picture.save(tmp_path / "grey.tif")
    pixels = look(tmp_path / "grey.tif").pixels
    assert pixels[16, 2].tolist() == pixels[16, 2, :1].tolist() * 3
    assert pixels[16, 1, 0] < 30
    assert pixels[16, 30, 0] > 225
    if bits > 1:
        assert 110 < pixels[16, 16, 0] < 145


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    others = [Image.new("RGB", (64, 48), "black")] * 3
    for name in ("a.gif", "a.webp", "a.png"):
        quadrants().save(tmp_path / name, save_all=True, append_images=others)
        assert near(corners(look(tmp_path / name).pixels), COLOURS), name


def test_facts(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2019:06:01 12:30:05"
    exif[0x0132] = "2020:01:01 00:00:00"
    quadrants(300, 200).save(tmp_path / "a.jpg", exif=exif)
    facts = look(tmp_path / "a.jpg").facts
    assert (facts.format, facts.width, facts.height, facts.taken) == ("JPEG", 300, 200, "2019-06-01T12:30:05")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("2019:06:01 12:30", "2019-06-01T12:30:00"),
        ("2019-06-01T12:30:05", "2019-06-01T12:30:05"),
        ("0000:00:00 00:00:00", None),
        ("2019:13:01 12:30:05", None),
        ("    :  :     :  :  ", None),
        ("", None),
        ("2023:05:17 24:00:00", "2023-05-17T00:00:00"),
        ("2023:05:17 24:13:07", "2023-05-17T00:00:00"),
        ("2016:12:31 23:59:60", "2016-12-31T23:59:59"),
        ("2023:05:17 12:61:00", "2023-05-17T00:00:00"),
        ("2023:05:17", "2023-05-17T00:00:00"),
        ("2023:05:17 ", "2023-05-17T00:00:00"),
        ("2023: 5: 7  9: 3: 1", "2023-05-07T09:03:01"),
        ("2023: 5: 7", "2023-05-07T00:00:00"),
        ("2023:05:17   :  :  ", "2023-05-17T00:00:00"),
        ("2023:05:17 12:30:05.25", "2023-05-17T12:30:05"),
        ("2023:05:17 12:30:05+02:00", "2023-05-17T12:30:05"),
        ("2023-05-17T12:30:05Z", "2023-05-17T12:30:05"),
        ("2023/05/17 12:30:05", "2023-05-17T12:30:05"),
        ("2023:02:29 12:30:05", None),
        ("0001:01:01 00:00:00", None),
        ("yesterday", None),
        ("20230517", None),
    ],
)
def test_dates_as_cameras_write_them(tmp_path: Path, text: str, taken: str | None) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = text
    quadrants().save(tmp_path / "a.jpg", exif=exif)
    assert look(tmp_path / "a.jpg").facts.taken == taken


def test_draft_mode_sees_the_same_picture(tmp_path: Path) -> None:
    """A large JPEG is scaled while it is decoded. The result must be close to a full decode."""
    rng = np.random.default_rng(1)
    small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    big = small.resize((3200, 2400), Image.Resampling.BICUBIC)
    big.save(tmp_path / "a.jpg", quality=95)
    drafted = look(tmp_path / "a.jpg", size=224)
    assert (drafted.facts.width, drafted.facts.height) == (3200, 2400)
    full = np.asarray(big.resize((224, 224), Image.Resampling.BILINEAR), np.int16)
    assert np.abs(drafted.pixels.astype(np.int16) - full).mean() < 2


def test_hashes_tell_bytes_from_pixels(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2020:01:01 00:00:00"
    quadrants().save(tmp_path / "a.jpg")
    quadrants().save(tmp_path / "b.jpg", exif=exif)
    one, two = look(tmp_path / "a.jpg"), look(tmp_path / "b.jpg")
    assert one.content_hash != two.content_hash
    assert one.pixel_hash == two.pixel_hash


# --- what cannot be decoded -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.9, 0.2])
def test_truncated_files_count_if_enough_of_the_picture_is_there(tmp_path: Path, kind: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8))
    data = io.BytesIO()
    noise.save(data, kind)
    path = tmp_path / "a.jpg"
    path.write_bytes(data.getvalue()[: int(len(data.getvalue()) * share)])
    if share > 0.5 and kind != "WEBP":
        decoded = look(path)
        full = np.asarray(noise.resize((32, 32), Image.Resampling.BILINEAR), np.int16)
        assert np.abs(decoded.pixels[:16].astype(np.int16) - full[:16]).mean() < 25
    else:
        error = fault(path)
        assert error.fault is DecodeFault.BROKEN


def test_how_much_must_be_readable_is_a_setting(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8))
    data = io.BytesIO()
    noise.save(data, "JPEG")
    path = tmp_path / "a.jpg"
    path.write_bytes(data.getvalue()[: len(data.getvalue()) // 4])
    assert "only 2" in fault(path).reason
    assert look(path, LimitSettings(readable_share=0.1)).pixels.any()


def test_limits_name_the_setting_that_raises_them(tmp_path: Path) -> None:
    quadrants(2000, 1000).save(tmp_path / "a.png")
    cases = {
        "limits.megapixels": LimitSettings(megapixels=1.9),
        "limits.memory_mb": LimitSettings(memory_mb=64),
        "limits.file_mb": LimitSettings(file_mb=1),
        "limits.decode_seconds": LimitSettings(decode_seconds=1e-9),
    }
    Image.new("RGB", (6000, 6000)).save(tmp_path / "big.png")
    (tmp_path / "long.png").write_bytes((tmp_path / "a.png").read_bytes() + bytes(2 << 20))
    files = {"limits.memory_mb": "big.png", "limits.file_mb": "long.png"}
    for name, limits in cases.items():
        error = fault(tmp_path / files.get(name, "a.png"), limits)
        assert error.fault is DecodeFault.TOO_BIG, name
        assert name in error.reason
    assert look(tmp_path / "a.png").pixels.any()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"hello, I am a text", "not a picture"),
        (b"\xff\xd8\xff\xe0" + b"x" * 100, "damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), ""),
    ],
)
def test_what_is_no_picture_says_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    error = fault(path)
    assert error.fault is DecodeFault.BROKEN
    assert says in error.reason


def test_a_jpeg_of_too_many_scans_is_refused_at_once(tmp_path: Path) -> None:
    data = io.BytesIO()
    quadrants(2000, 1500).save(data, "JPEG", progressive=True)
    # The last of its scans, again and again.
    last, end = data.getvalue().rindex(b"\xff\xda"), data.getvalue().rindex(b"\xff\xd9")
    scan = data.getvalue()[last:end]
    path = tmp_path / "a.jpg"
    path.write_bytes(data.getvalue()[:end] + scan * 5000 + data.getvalue()[end:])
    error = fault(path)
    assert error.fault is DecodeFault.TOO_BIG
    assert "scans" in error.reason


def test_pipes_devices_folders_and_dangling_links(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    assert fault(tmp_path / "x.jpg").fault is DecodeFault.UNREADABLE
    assert fault(tmp_path).fault is DecodeFault.UNREADABLE
    (tmp_path / "link.jpg").symlink_to("nowhere")
    assert fault(tmp_path / "link.jpg").fault is DecodeFault.GONE
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert fault(tmp_path / "loop.jpg").fault is DecodeFault.UNREADABLE
    assert fault(Path("/dev/zero")).fault is DecodeFault.UNREADABLE
    assert fault(tmp_path / ("x" * 300)).fault is DecodeFault.UNREADABLE


def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    quadrants().save(path)
    with open_photo(str(path)) as photo:
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(DecodeError) as caught:
            hash_content(photo, limits=LIMITS)
    assert caught.value.fault is DecodeFault.CHANGED


def test_pictures_share_the_memory_limit(tmp_path: Path) -> None:
    """Each picture fits the limit, but not all together: they wait for each other, and all are decoded."""
    Image.new("RGB", (3000, 3000), RED).save(tmp_path / "a.png")
    limits = LimitSettings(memory_mb=64)
    done: list[Decoded] = []
    threads = [threading.Thread(target=lambda: done.append(look(tmp_path / "a.png", limits))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 5


def test_raw_files_give_their_preview(tmp_path: Path) -> None:
    """A minimal DNG: TIFF with a JPEG preview, as LibRaw reads it."""
    path = tmp_path / "a.dng"
    path.write_bytes(b"II*\x00" + struct.pack("<I", 8) + bytes(100))
    error = fault(path)
    assert error.fault is DecodeFault.BROKEN
    assert "RAW" in error.reason


# --- real photos ------------------------------------------------------------------------------------------


def test_every_photo_of_the_tests_is_decoded() -> None:
    photos = sorted(PHOTOS.glob("*.jpg"))
    assert len(photos) == 12
    for path in photos:
        pixels = look(path, size=64).pixels
        assert pixels.shape == (64, 64, 3)
        assert pixels.std() > 2, path.name


# --- the shared sets --------------------------------------------------------------------------------------


def test_every_labelled_photo_is_decoded(shared: Path) -> None:
    photos = sorted((shared / "photos" / "labelled").iterdir())
    assert len(photos) == 129
    for path in photos:
        assert look(path, size=64).pixels.shape == (64, 64, 3)


def test_every_camera_file_is_decoded(shared: Path) -> None:
    photos = sorted((shared / "photos" / "camera").iterdir())
    assert len(photos) == 60
    for path in photos:
        pixels = look(path, size=64).pixels
        # One was taken with the lens cap on.
        assert pixels.std() > 2 or path.name == "Sony DSC-P12.jpg", path.name


def test_bombs_are_refused_with_the_true_reason(shared: Path) -> None:
    bombs = sorted((shared / "photos" / "bombs").iterdir())
    assert len(bombs) == 5
    for path in bombs:
        error = fault(path)
        assert error.fault is DecodeFault.TOO_BIG, path.name
        assert "scans" in error.reason or not path.suffix.startswith(".jp"), path.name


def test_broken_files_are_decoded_or_refused_and_nothing_else(shared: Path) -> None:
    outcomes: Counter[str] = Counter()
    for path in sorted((shared / "photos" / "broken").iterdir()):
        try:
            look(path, size=64)
            outcomes["decoded"] += 1
        except DecodeError as error:
            outcomes[error.fault if error.reason else "no reason"] += 1
    assert set(outcomes) <= {"decoded", DecodeFault.BROKEN, DecodeFault.TOO_BIG}
    assert outcomes.total() == 487
    assert outcomes["decoded"] > 80


def test_a_small_copy_is_upright_fits_and_keeps_its_colours(tmp_path: Path) -> None:
    picture = Image.new("RGB", (400, 200), "red")
    picture.paste("blue", (200, 0, 400, 200))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", quality=95, exif=exif, icc_profile=profile)
    with open_photo(str(tmp_path / "a.jpg")) as photo:
        data = small_copy(photo, longest=100, limits=LIMITS)
    small = Image.open(io.BytesIO(data))
    assert small.size == (50, 100)
    assert small.info["icc_profile"] == profile
    assert not small.getexif()
    red, _, blue = small.getpixel((25, 10))  # type: ignore[misc]
    assert red > 200 > 60 > blue


def test_a_small_picture_is_not_made_larger(tmp_path: Path) -> None:
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    with open_photo(str(tmp_path / "a.png")) as photo:
        data = small_copy(photo, longest=100, limits=LIMITS)
    assert Image.open(io.BytesIO(data)).size == (30, 20)


@pytest.mark.parametrize(
    ("size", "count"),
    [
        ((300, 300), 1),
        ((330, 300), 1),
        ((331, 300), 2),
        ((300, 400), 2),
        ((600, 300), 2),
        ((610, 300), 3),
        ((3000, 9), 4),
    ],
)
def test_squares_cover_the_picture(tmp_path: Path, size: tuple[int, int], count: int) -> None:
    quadrants(*size).save(tmp_path / "a.png")
    assert squares(tmp_path / "a.png").shape == (count, 32, 32, 3)
    boxes = parts(*size, "squares")
    assert min(box[0] for box in boxes) == min(box[1] for box in boxes) == 0
    assert (max(box[2] for box in boxes), max(box[3] for box in boxes)) == size
    if count > 1:
        assert {(right - left, bottom - top) for left, top, right, bottom in boxes} == {(min(size), min(size))}


_UNDO = "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_90 TRANSVERSE ROTATE_270".split()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_squares_are_upright_and_undistorted(tmp_path: Path, orientation: int) -> None:
    """Two squares, each with two of the colours. What undoes a turn by 90 degrees is one by 270."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = [0, 0, *(getattr(Image.Transpose, name) for name in _UNDO)]
    turned = quadrants(400, 200)
    if orientation > 1:
        turned = turned.transpose(turns[orientation])
    turned.save(tmp_path / "a.png", exif=exif)
    found = {tuple(corners(view)) for view in squares(tmp_path / "a.png")}
    assert len(found) == 2
    left, right = (RED, RED, BLUE, BLUE), (GREEN, GREEN, YELLOW, YELLOW)
    for expected in (left, right):
        assert any(near(list(one), expected) for one in found), (expected, found)


def heic(path: Path, size: tuple[int, int] = (1600, 1200), **options: object) -> Path:
    pillow_heif.from_pillow(quadrants(*size)).save(path, quality=70, **options)
    return path


@pytest.fixture
def decoded_sizes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes in which pictures are decoded."""
    found: list[tuple[int, int]] = []

    def remember(picture: Image.Image, *rest: Any) -> Image.Image:
        loaded = load(picture, *rest)
        found.append(loaded.size)
        return loaded

    load = decode_module._load
    monkeypatch.setattr(decode_module, "_load", remember)
    return found


def test_a_heic_files_thumbnail_is_enough(tmp_path: Path, decoded_sizes: list[tuple[int, int]]) -> None:
    """As iPhones make them: 320 x 240. A network of 260 pixels may take it, one of 299 may not."""
    path = heic(tmp_path / "a.heic", thumbnails=[320])
    left, right = squares(path, 260)
    assert near(corners(left), (RED, RED, BLUE, BLUE)) or near(corners(left), (RED, GREEN, BLUE, YELLOW), 90)
    assert len(right) == 260
    assert squares(path, 299).shape == (2, 299, 299, 3)
    assert decoded_sizes == [(320, 240), (1600, 1200)]
    with open_photo(str(path)) as photo:
        facts = decode(photo, [NetworkInput(260, "squares")], limits=LIMITS).facts
    assert (facts.width, facts.height) == (1600, 1200)


def test_without_a_thumbnail_the_picture_is_decoded(tmp_path: Path, decoded_sizes: list[tuple[int, int]]) -> None:
    squares(heic(tmp_path / "a.heic"), 260)
    squares(heic(tmp_path / "small.heic", thumbnails=[160]), 260)
    assert decoded_sizes == [(1600, 1200), (1600, 1200)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_heic_files_thumbnail_is_turned_as_the_picture_is(
    tmp_path: Path, orientation: int, decoded_sizes: list[tuple[int, int]]
) -> None:
    """pillow_heif writes EXIF's orientation as irot and imir, for the picture and for its thumbnail."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name, thumbnails in (("with.heic", [320]), ("without.heic", [])):
        heic(tmp_path / name, exif=exif.tobytes(), thumbnails=thumbnails)
    small, large = (squares(tmp_path / name, 200)[0] for name in ("with.heic", "without.heic"))
    assert max(decoded_sizes[0]) == 320
    assert max(decoded_sizes[1]) == 1600
    assert near(corners(small), tuple(corners(large)), 40)  # type: ignore[arg-type]


def test_whole_pictures_are_decoded_as_ever(tmp_path: Path, decoded_sizes: list[tuple[int, int]]) -> None:
    assert look(heic(tmp_path / "a.heic", thumbnails=[320])).facts.width == 1600
    assert decoded_sizes == [(1600, 1200)]


def test_a_thumbnail_of_other_proportions_is_not_taken(tmp_path: Path, decoded_sizes: list[tuple[int, int]]) -> None:
    """Cameras put 3:2 pictures into 4:3 thumbnails, with black bars."""
    path = heic(tmp_path / "a.heic", size=(1600, 1200), thumbnails=[320])
    # The size of an image is its property "ispe" (ISO/IEC 23008-12, 6.5.3): width and height after 12 bytes.
    data = bytearray(path.read_bytes())
    at = data.index(b"ispe" + bytes(4) + (320).to_bytes(4, "big") + (240).to_bytes(4, "big"))
    data[at + 12 : at + 16] = (200).to_bytes(4, "big")
    path.write_bytes(data)
    squares(path, 150)
    assert decoded_sizes == [(1600, 1200)]


def test_a_damaged_thumbnail_is_not_taken(tmp_path: Path, decoded_sizes: list[tuple[int, int]]) -> None:
    path = heic(tmp_path / "a.heic", thumbnails=[320])
    data = bytearray(path.read_bytes())
    # The thumbnail's bytes come last in the file, a little more than a kilobyte of them.
    data[-1000:] = bytes(1000)
    path.write_bytes(data)
    assert squares(path, 260).shape == (2, 260, 260, 3)
    assert decoded_sizes == [(1600, 1200)]


@pytest.mark.parametrize(("views", "size"), [("squares", (500, 375)), ("whole", (1000, 750))])
def test_a_jpeg_is_decoded_no_larger_than_needed(
    tmp_path: Path, views: Views, size: tuple[int, int], decoded_sizes: list[tuple[int, int]]
) -> None:
    quadrants(4000, 3000).save(tmp_path / "a.jpg")
    with open_photo(str(tmp_path / "a.jpg")) as photo:
        decode(photo, [NetworkInput(260, views)], limits=LIMITS)
    assert decoded_sizes == [size]
