"""What kind of picture a photo is, by its file and by plain measures of its pixels: no network has a part in it.

Runs in child processes, in several threads, on every photo: a millisecond, and whatever the file holds, no error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tagger.core.names import folded
from tagger.imaging import look
from tagger.imaging.kinds import KINDS
from tagger.imaging.screens import SCREENSHOT_NAMES, is_screen
from tagger.imaging.shot import Shot, shot_of

if TYPE_CHECKING:
    from PIL import Image

_SCREENSHOT_PROGRAMS = re.compile(
    r"screen ?shot|screen ?capture|snipping|flameshot|spectacle|greenshot|sharex|ksnip|lightshot|snagit|scrot|\bmaim\b"
    r"|\bgrim\b|monosnap|cleanshot|skitch|picpick|shottr|hyprshot",
    re.IGNORECASE,
)
# Android's own name and the build, as phones write it into their screenshots.
_ANDROID = re.compile(r"^Android [A-Z0-9][\w.]*", re.MULTILINE)
_XMP_SCREENSHOT = re.compile(rb"UserComment.{0,300}?Screenshot", re.DOTALL)
# Apple, Samsung, Google and others write English, Apple for years also the phone's language.
_FRONT = re.compile(
    r"\bfront\b|front-?(?:kamera|camera)|frontal|anteriore|\bavant\b|\bvoor|delantera|dianteira|främre|przedni|фронт"
    r"|передн|前置|前面|前方|フロント|전면",
    re.IGNORECASE,
)
_BURST_NAME = re.compile(r"(?<![A-Z])BURST\d", re.IGNORECASE)
_APPLE_PANORAMA = 6  # of CustomRendered
_PANORAMA_PROPORTIONS = 2.5
_PANORAMA_PIXELS = 2000
_LONG_SECONDS = 1.0
# Exposure value at ISO 100, and the lightness up to which a photo of it is of the night. A full moon's landscape has
# -3, a lit street 5, a living room 6 and is brighter on photos; a sunset has 10. Lamps alone in the dark have up to 8.
_NIGHTS = ((4.5, 60), (8.0, 20))


def kinds_of(picture: Image.Image, seen: Image.Image, name: str, size: tuple[int, int]) -> tuple[str, ...]:
    """The kinds of a photo, in the order of `KINDS`.

    `picture`: as opened and decoded, with its metadata. `seen`: its pixels in RGB, smaller, upright or not. `name` or
    path of its file. `size`: width and height in pixels as a person sees it.
    """
    try:
        found = set(_found(picture.format or "", shot_of(picture), seen, os.path.basename(name), size))
    except Exception:  # noqa: BLE001 - what kind of photo it is must never be why it has no labels at all
        return ()
    return tuple(kind for kind in KINDS if kind in found)


def _found(format_: str, shot: Shot, seen: Image.Image, name: str, size: tuple[int, int]) -> Iterator[str]:
    if _is_screenshot(format_, shot, seen, name, size):
        yield "screenshot"
    elif look.is_page(seen):
        yield "document"
    else:
        if _is_panorama(shot, seen, size):
            yield "panorama"
        if look.is_colourless(seen):
            yield "black and white"
    if _FRONT.search(shot.lens) or "Photo Booth" in shot.software:
        yield "selfie"
    if shot.burst or b"BurstID" in shot.xmp or _BURST_NAME.search(name):
        yield "burst"
    if _is_night(shot, seen):
        yield "night"
    if shot.seconds is not None and shot.seconds >= _LONG_SECONDS:
        yield "long exposure"
    if shot.flash:
        yield "flash"


def _is_night(shot: Shot, seen: Image.Image) -> bool:
    value = shot.exposure_value
    if value is None or value > _NIGHTS[-1][0] or shot.flash:
        return False
    lightness = look.usual_lightness(seen)
    return any(value <= exposure and lightness < dark for exposure, dark in _NIGHTS)


def _is_screenshot(format_: str, shot: Shot, seen: Image.Image, name: str, size: tuple[int, int]) -> bool:
    if shot.camera:
        return False
    if shot.comment.casefold() == "screenshot" or _XMP_SCREENSHOT.search(shot.xmp):
        return True
    if _SCREENSHOT_PROGRAMS.search(shot.software) or (format_ == "PNG" and _ANDROID.search(shot.software)):
        return True
    if any(word in folded(name) for word in SCREENSHOT_NAMES):
        return True
    # Pictures of a screen's size are wallpapers and films, too: a screenshot has areas of one colour.
    return is_screen(size, lossless=format_ in ("PNG", "BMP")) and look.is_drawn(seen)


def _is_panorama(shot: Shot, seen: Image.Image, size: tuple[int, int]) -> bool:
    if b"ns.google.com/photos/1.0/panorama" in shot.xmp and b"ProjectionType" in shot.xmp:
        return True
    if shot.rendering == _APPLE_PANORAMA and shot.camera.startswith("Apple"):
        return True
    # Without a camera's word, upright ones are long screenshots and strips of pictures, and drawn ones are banners.
    width, height = sorted(size, reverse=True) if shot.camera else size
    long = width >= _PANORAMA_PROPORTIONS * height and width >= _PANORAMA_PIXELS
    return long and (bool(shot.camera) or not look.is_drawn(seen))
