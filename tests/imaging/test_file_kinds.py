"""What kind of picture a photo is, by its file: facts of its metadata, and measures of its pixels."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import piexif
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont, PngImagePlugin

from tagger.core.config import LimitSettings
from tagger.imaging import file_kinds
from tagger.imaging.decode import decode, open_photo
from tagger.imaging.file_kinds import kinds_of
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.kinds import KINDS
from tests.cli.gallery import PHOTOS

CAMERA = {0x010F: "Canon", 0x0110: "Canon EOS 5D"}
IPHONE = {0x010F: "Apple", 0x0110: "iPhone 12"}


def kinds(path: Path) -> tuple[str, ...]:
    """The kinds of a file as decoding finds them."""
    with open_photo(str(path)) as photo:
        return decode(photo, [NetworkInput(260, "squares")], limits=LimitSettings()).facts.kinds


def photo(size: tuple[int, int] = (640, 480)) -> Image.Image:
    with Image.open(PHOTOS / "temple.jpg") as picture:
        return picture.convert("RGB").resize(size)


def tags(outer: Mapping[int, Any] = CAMERA, inner: Mapping[int, Any] | None = None) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in outer.items():
        exif[tag] = value
    for tag, value in (inner or {}).items():
        exif.get_ifd(0x8769)[tag] = value
    return exif


def taken(folder: Path, inner: Mapping[int, Any], outer: Mapping[int, Any] = CAMERA, name: str = "a.jpg") -> Path:
    """A photo of a camera with Exif tags."""
    path = folder / name
    photo().save(path, exif=tags(outer, inner))
    return path


def screen(width: int, height: int) -> Image.Image:
    """What a screen shows: bars, buttons and text on one colour."""
    picture = Image.new("RGB", (width, height), (250, 250, 252))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, height // 12), (40, 90, 200))
    for row in range(6):
        top = height // 8 + row * height // 8
        draw.rectangle((width // 20, top, width // 6, top + height // 16), (200, 60 + 20 * row, 60))
        draw.text((width // 4, top), f"Message number {row}", (20, 20, 20), ImageFont.load_default(width // 40))
    picture.paste(photo((width // 3, height // 8)), (width // 2, height - height // 7))
    return picture


def page(width: int = 1240, height: int = 1754, *, margin: int = 120, size: int = 24) -> Image.Image:
    """A printed page: paragraphs of words in lines, on paper that is not quite white."""
    rng = random.Random(7)
    picture = Image.new("RGB", (width, height), (244, 243, 238))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    for number, top in enumerate(range(margin, height - margin - size, size * 8 // 5)):
        if number % 9 == 8:
            continue
        line = ""
        while draw.textlength(line, font) < width - 2 * margin - size * 4:
            line += "".join(rng.choice("aeionrstldcumphgbf") for _ in range(rng.randint(2, 9))) + " "
        draw.text((margin, top), line, (35, 35, 40), font)
    return picture


def receipt() -> Image.Image:
    """A long strip of goods and prices."""
    rng = random.Random(3)
    picture = Image.new("RGB", (560, 1100), (240, 240, 240))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(26)
    for top in range(40, 1040, 38):
        name = "".join(rng.choice("AEIORSTLNDM") for _ in range(rng.randint(8, 17)))
        draw.text((30, top), name, (40, 40, 40), font)
        draw.text((420, top), f"{rng.uniform(1, 80):6.2f}", (40, 40, 40), font)
    return picture


def on_a_table(sheet: Image.Image, angle: float) -> Image.Image:
    """A photo of a sheet that lies on dark wood, turned a little, with a shadow over one side, noise and blur."""
    wide, high = sheet.size[0] * 4 // 3, sheet.size[1] * 5 // 4
    rng = np.random.default_rng(5)
    table = Image.fromarray(rng.normal((96, 66, 44), 4, (high, wide, 3)).clip(0, 255).astype(np.uint8))
    laid = sheet.convert("RGBA").rotate(angle, Image.Resampling.BICUBIC, expand=True)
    table.paste(laid, ((wide - laid.width) // 2, (high - laid.height) // 2), laid)
    light = np.linspace(0.78, 1.0, wide)[None, :, None]
    seen = np.asarray(table.filter(ImageFilter.GaussianBlur(1.2)), np.float32) * light
    return Image.fromarray((seen + rng.normal(0, 3, seen.shape)).clip(0, 255).astype(np.uint8))


# --- from the camera


@pytest.mark.parametrize(
    "lens",
    [
        "iPhone 12 front camera 2.71mm f/2.2",
        "iPhone 14 Pro front TrueDepth camera 2.69mm f/1.9",
        "iPhone X Front-Kamera 2.87mm f/2.2",
        "iPhone 7 前置相机 2.87mm f/2.2",
        "Samsung Galaxy S9+ Front Camera",
        "Pixel 6 front camera 2.74mm f/2.2",
    ],
)
def test_a_selfie_is_by_the_front_camera(tmp_path: Path, lens: str) -> None:
    path = tmp_path / "a.jpg"
    photo().save(path, exif=piexif.dump({"0th": {271: b"Apple"}, "Exif": {0xA434: lens.encode()}}))
    assert kinds(path) == ("selfie",)


@pytest.mark.parametrize("lens", ["iPhone 12 back dual wide camera 4.2mm f/1.6", "Samsung Galaxy S9+ Rear Camera", ""])
def test_other_lenses_take_no_selfie(tmp_path: Path, lens: str) -> None:
    assert kinds(taken(tmp_path, {0xA434: lens}, IPHONE)) == ()


@pytest.mark.parametrize(
    ("flash", "fired"),
    [(0x01, True), (0x05, True), (0x19, True), (0x5F, True), (0x00, False), (0x18, False), (0x20, False)],
)
def test_flash(tmp_path: Path, flash: int, fired: bool) -> None:
    assert kinds(taken(tmp_path, {0x9209: flash})) == (("flash",) if fired else ())


def test_a_long_exposure_lasts_a_second(tmp_path: Path) -> None:
    assert kinds(taken(tmp_path, {0x829A: 30.0})) == ("long exposure",)
    assert kinds(taken(tmp_path, {0x829A: 1.0})) == ("long exposure",)
    assert kinds(taken(tmp_path, {0x829A: 0.5})) == ()
    # By the APEX value, where the time is missing: 2 to the power of 3 seconds.
    assert kinds(taken(tmp_path, {0x9201: -3.0})) == ("long exposure",)


def night(folder: Path, name: str, brightness: float, inner: Mapping[int, Any]) -> Path:
    path = folder / name
    photo().point(lambda value: round(value * brightness)).save(path, exif=tags(CAMERA, inner))
    return path


def test_night_is_little_light_by_the_exposure_and_a_dark_picture(tmp_path: Path) -> None:
    little = {0x829A: 1 / 15, 0x829D: 2.0, 0x8827: 1600}  # EV 1.9
    assert kinds(night(tmp_path, "dark.jpg", 0.25, little)) == ("night",)
    assert kinds(night(tmp_path, "bright.jpg", 1.0, little)) == ()
    plenty = {0x829A: 1 / 250, 0x829D: 8.0, 0x8827: 100}  # EV 14: a dark picture in the sun, such as a silhouette
    assert kinds(night(tmp_path, "sun.jpg", 0.25, plenty)) == ()
    assert kinds(night(tmp_path, "unknown.jpg", 0.25, {})) == ()
    assert kinds(night(tmp_path, "flash.jpg", 0.25, {**little, 0x9209: 1})) == ("flash",)
    # Some phones write only how bright it was: EV = Bv + 5.
    assert kinds(night(tmp_path, "phone.jpg", 0.25, {0x9203: -3.0})) == ("night",)
    assert kinds(night(tmp_path, "lamps.jpg", 0.08, {0x829A: 1 / 8, 0x829D: 4.9, 0x8827: 100})) == ("night",)
    # Old cameras do not tell the speed: at ISO 100 or more there was at most so much light.
    assert kinds(night(tmp_path, "old.jpg", 0.25, {0x829A: 1 / 2, 0x829D: 2.8})) == ("night",)


def apple_note(*entries: int) -> bytes:
    made = b"".join(entry.to_bytes(2) + b"\0\x02" + (4).to_bytes(4) + b"abc\0" for entry in entries)
    return b"Apple iOS\0\0\x01MM" + len(entries).to_bytes(2) + made + b"\0" * 4


def test_a_burst_of_an_iphone(tmp_path: Path) -> None:
    def save(name: str, note: bytes) -> Path:
        exif = piexif.dump({"0th": {271: b"Apple"}, "Exif": {0x927C: note}})
        photo().save(tmp_path / name, exif=exif)
        return tmp_path / name

    assert kinds(save("burst.jpg", apple_note(0x0001, 0x000B))) == ("burst",)
    assert kinds(save("single.jpg", apple_note(0x0001, 0x000A))) == ()
    assert kinds(save("short.jpg", apple_note(0x0001, 0x000B)[:16])) == ()


@pytest.mark.parametrize(
    "name", ["00100lPORTRAIT_00100_BURST20190101120000123_COVER.jpg", "IMG_20180101_120000_BURST001.jpg"]
)
def test_a_burst_by_its_name(tmp_path: Path, name: str) -> None:
    assert kinds(taken(tmp_path, {}, name=name)) == ("burst",)


@pytest.mark.parametrize("name", ["sunburst.jpg", "burst.jpg", "Outburst 5.jpg", "SUNBURST7.jpg"])
def test_other_names_are_no_burst(tmp_path: Path, name: str) -> None:
    assert kinds(taken(tmp_path, {}, name=name)) == ()


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF>'
)


def test_what_google_writes(tmp_path: Path) -> None:
    burst = XMP.format(
        '<rdf:Description xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:BurstID="1f0c"/>'
    )
    photo().save(tmp_path / "a.jpg", xmp=burst.encode(), exif=tags())
    assert kinds(tmp_path / "a.jpg") == ("burst",)
    sphere = XMP.format(
        '<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
        ' GPano:ProjectionType="equirectangular"/>'
    )
    for name in ("b.jpg", "b.webp"):
        photo((800, 400)).save(tmp_path / name, xmp=sphere.encode(), exif=tags())
        assert kinds(tmp_path / name) == ("panorama",)


# --- by size


@pytest.mark.slow
def test_panoramas_are_long(tmp_path: Path) -> None:
    def save(name: str, size: tuple[int, int], outer: Mapping[int, Any] = CAMERA, rendered: int = 0) -> Path:
        photo(size).save(tmp_path / name, exif=tags(outer, {0xA401: rendered}))
        return tmp_path / name

    assert kinds(save("wide.jpg", (6000, 1500))) == ("panorama",)
    assert kinds(save("stitched.jpg", (6000, 1500), {})) == ("panorama",)
    assert kinds(save("upright.jpg", (1000, 4000))) == ("panorama",)
    assert kinds(save("iphone.jpg", (2400, 1200), IPHONE, 6)) == ("panorama",)
    assert kinds(save("iphone.heic", (2400, 1200), IPHONE, 6)) == ("panorama",)
    assert kinds(save("film.jpg", (2390, 1000))) == (), "2.39:1 is how films are cropped"
    assert kinds(save("banner.jpg", (1200, 300), {})) == (), "a small strip is a web page's"
    assert kinds(save("strip.jpg", (1000, 4000), {})) == ()


def test_a_panorama_that_was_held_upright(tmp_path: Path) -> None:
    photo((1000, 4000)).save(tmp_path / "a.jpg", exif=tags({**CAMERA, 0x0112: 6}))
    assert kinds(tmp_path / "a.jpg") == ("panorama",)


def test_a_drawing_is_no_panorama(tmp_path: Path) -> None:
    wide = Image.new("RGB", (3000, 600), "white")
    ImageDraw.Draw(wide).rectangle((100, 100, 2900, 500), "navy")
    wide.save(tmp_path / "a.png")
    assert kinds(tmp_path / "a.png") == ()


# --- screenshots


@pytest.mark.parametrize("size", [(1170, 2532), (2532, 1170), (1080, 2340), (1920, 1080), (2732, 2048)])
def test_a_screenshot_has_a_screens_size(tmp_path: Path, size: tuple[int, int]) -> None:
    screen(*size).save(tmp_path / "IMG_0001.png")
    assert kinds(tmp_path / "IMG_0001.png") == ("screenshot",)


def test_what_only_looks_like_a_screenshot(tmp_path: Path) -> None:
    photo((1920, 1080)).save(tmp_path / "wallpaper.png")
    assert kinds(tmp_path / "wallpaper.png") == (), "a photo of a screen's size"
    screen(1000, 1100).save(tmp_path / "logo.png")
    assert "screenshot" not in kinds(tmp_path / "logo.png"), "no screen's size"
    screen(1920, 1080).save(tmp_path / "slide.jpg")
    assert "screenshot" not in kinds(tmp_path / "slide.jpg"), "a picture of the web"
    screen(1080, 2340).save(tmp_path / "sent.jpg", quality=90)
    assert kinds(tmp_path / "sent.jpg") == ("screenshot",), "messengers make JPEGs of them"
    screen(1080, 2340).save(tmp_path / "camera.jpg", exif=tags())
    assert "screenshot" not in kinds(tmp_path / "camera.jpg"), "a camera took it"


def text(**values: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, value in values.items():
        info.add_text(key, value)
    return info


def test_programs_say_that_it_is_a_screenshot(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for program in ("gnome-screenshot", "Flameshot 12.1", "Greenshot", "Android UP1A.231005.007"):
        screen(900, 700).save(path, pnginfo=text(Software=program))
        assert kinds(path) == ("screenshot",), program
    for program in ("Adobe Photoshop 21.0", "GIMP 2.10", "matplotlib version 3.9"):
        screen(900, 700).save(path, pnginfo=text(Software=program))
        assert "screenshot" not in kinds(path), program
    apple = tags({0x0131: "17.2"}, {0x9286: b"ASCII\0\0\0Screenshot"})
    photo((900, 700)).save(path, exif=apple)
    assert kinds(path) == ("screenshot",), "of an iPhone that shows a photo"
    photo((900, 700)).save(tmp_path / "a.heic", exif=apple)
    assert kinds(tmp_path / "a.heic") == ("screenshot",)
    mac = XMP.format(
        '<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/"><exif:UserComment><rdf:Alt>'
        '<rdf:li xml:lang="x-default">Screenshot</rdf:li></rdf:Alt></exif:UserComment></rdf:Description>'
    )
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", mac)
    photo((900, 700)).save(path, pnginfo=info)
    assert kinds(path) == ("screenshot",)


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot_20240101-120000_Chrome.png",
        "Screen Shot 2019-05-01 at 10.00.00.png",
        "Bildschirmfoto 2021-03-01 um 12.00.00.png",
        "Capture d’e\u0301cran 2020-01-01 à 10.00.00.png",
        "Ekran Alıntısı.PNG",
        "Снимок экрана 2022-01-01.png",
        "スクリーンショット 2023-01-01.png",
    ],
)
def test_screenshots_by_their_names(tmp_path: Path, name: str) -> None:
    photo((900, 700)).save(tmp_path / name)
    assert kinds(tmp_path / name) == ("screenshot",)


# --- black and white


def test_black_and_white(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    photo().convert("L").save(path)
    assert kinds(path) == ("black and white",)
    photo().convert("L").convert("RGB").save(path, quality=70)
    assert kinds(path) == ("black and white",)
    Image.fromarray(np.asarray(photo().convert("L"), np.uint16) * 257).save(tmp_path / "a.png")
    assert kinds(tmp_path / "a.png") == ("black and white",)


def test_sepia_counts_as_black_and_white(tmp_path: Path) -> None:
    grey = np.asarray(photo().convert("L"), np.float32)[..., None]
    toned = grey * np.float32((0.94, 0.87, 0.72)) + np.float32((10, 6, 2))
    Image.fromarray(toned.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.jpg", quality=90)
    assert kinds(tmp_path / "a.jpg") == ("black and white",)


def test_little_colour_is_colour(tmp_path: Path) -> None:
    assert kinds(taken(tmp_path, {})) == ()
    pale = Image.blend(photo().convert("L").convert("RGB"), photo(), 0.3)
    pale.save(tmp_path / "pale.jpg")
    assert kinds(tmp_path / "pale.jpg") == ()
    one = photo().convert("L").convert("RGB")
    one.paste((200, 20, 30), (200, 200, 300, 320))
    one.save(tmp_path / "red coat.jpg")
    assert kinds(tmp_path / "red coat.jpg") == ()


@pytest.mark.parametrize("colour", ["black", "white"])
def test_nothing_on_it_is_not_black_and_white(tmp_path: Path, colour: str) -> None:
    Image.new("RGB", (640, 480), colour).save(tmp_path / "a.jpg")
    assert kinds(tmp_path / "a.jpg") == ()


# --- documents


def test_a_scanned_page_is_a_document(tmp_path: Path) -> None:
    page().save(tmp_path / "scan.jpg")
    page().convert("L").point(lambda value: 255 * (value > 140)).convert("1").save(tmp_path / "fax.tif")
    page().rotate(90, expand=True).save(tmp_path / "lying.png")
    page(2480, 3508, margin=240, size=48).save(tmp_path / "large.png")
    for path in sorted(tmp_path.iterdir()):
        assert kinds(path) == ("document",), path.name


@pytest.mark.parametrize("angle", [0, 4, -8])
def test_a_photo_of_a_page_is_a_document(tmp_path: Path, angle: float) -> None:
    on_a_table(page(), angle).save(tmp_path / "a.jpg", quality=88, exif=tags())
    assert kinds(tmp_path / "a.jpg") == ("document",)


def test_a_receipt_is_a_document(tmp_path: Path) -> None:
    on_a_table(receipt(), 3).save(tmp_path / "a.jpg", quality=88, exif=tags())
    assert kinds(tmp_path / "a.jpg") == ("document",)


def test_what_is_white_or_striped_is_no_document(tmp_path: Path) -> None:
    def stripes() -> Image.Image:
        picture = Image.new("RGB", (1000, 800), (245, 245, 245))
        for top in range(0, 800, 40):
            ImageDraw.Draw(picture).rectangle((0, top, 1000, top + 16), (60, 60, 60))
        return picture

    rng = np.random.default_rng(2)
    snow = Image.fromarray(rng.normal(225, 18, (700, 1000)).clip(0, 255).astype(np.uint8)).convert("RGB")
    snow.paste(photo((200, 200)), (400, 300))
    for name, picture in {"paper": Image.new("RGB", (900, 900), "white"), "stripes": stripes(), "snow": snow}.items():
        picture.save(tmp_path / f"{name}.jpg")
        assert "document" not in kinds(tmp_path / f"{name}.jpg"), name


# --- all of them


def test_photos_have_no_kinds_but_what_they_are() -> None:
    found = {path.name: kinds(path) for path in sorted(PHOTOS.glob("*.jpg"))}
    without_colour = ("brick", "coins", "grass", "gravel", "photographer")
    assert found.pop("brick.jpg") == ("black and white",)
    assert found == dict.fromkeys(found, ()) | {f"{name}.jpg": ("black and white",) for name in without_colour[1:]}


def test_several_kinds_come_in_one_order(tmp_path: Path) -> None:
    inner = {0x9209: 1, 0x829A: 2.0, 0xA434: "iPhone 12 front camera"}
    photo().convert("L").save(tmp_path / "IMG_BURST1.jpg", exif=tags(IPHONE, inner))
    found = kinds(tmp_path / "IMG_BURST1.jpg")
    assert found == ("black and white", "selfie", "burst", "long exposure", "flash")
    assert found == tuple(kind for kind in KINDS if kind in found)


def broken_values() -> list[bytes]:
    """EXIF whose values are of the wrong type, empty, or fractions by zero."""
    good = {0x829A: (1, 60), 0x829D: (28, 10), 0x8827: 100, 0x9209: 1, 0xA434: b"front", 0x927C: apple_note(11)}
    made = [piexif.dump({"0th": {271: b"A"}, "Exif": good})]
    made += [made[0].replace((1).to_bytes(4) + (60).to_bytes(4), bytes(8))]
    made += [made[0][:length] for length in range(0, len(made[0]), 23)]
    for seed in range(60):
        rng = random.Random(seed)
        noisy = bytearray(made[0])
        for _ in range(6):
            noisy[rng.randrange(6, len(noisy))] = rng.randrange(256)
        made.append(bytes(noisy))
    return made


def test_damaged_metadata_fails_no_photo(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    plain = io.BytesIO()
    photo((96, 64)).save(plain, "JPEG")
    for exif in broken_values():
        body = b"Exif\0\0" + exif.removeprefix(b"Exif\0\0")
        path.write_bytes(b"\xff\xd8\xff\xe1" + (len(body) + 2).to_bytes(2) + body + plain.getvalue()[2:])
        assert set(kinds(path)) <= set(KINDS)


def test_whatever_goes_wrong_in_it_fails_no_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(file_kinds, "shot_of", fault)
    assert kinds(taken(tmp_path, {0x9209: 1})) == ()


def test_it_costs_about_a_millisecond(tmp_path: Path) -> None:
    path = taken(tmp_path, {0x829A: 1 / 60, 0x829D: 2.8, 0x8827: 800})
    with Image.open(path) as opened:
        opened.load()
        seen = photo((504, 378))
        spent = []
        for _ in range(20):
            before = time.thread_time()
            kinds_of(opened, seen, path.name, (4032, 3024))
            spent.append(time.thread_time() - before)
    assert sorted(spent)[5] < 0.004
