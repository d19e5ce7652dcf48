"""Decode a photo file to the input pixels of networks, oriented as a person sees the picture.

Runs in child processes, in several threads. Hostile files are contained by limits on bytes, pixels, memory and
seconds, and by trying only known formats. ICC colour profiles are ignored: they shift colours a little, but do not
change what is recognised.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import stat
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, TypeVar, cast

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tagger.core.config import LimitSettings
from tagger.core.formats import RAW_EXTENSIONS, SNIFF_BYTES, extension, sniff
from tagger.core.hashing import content_hash, content_hash_of_parts
from tagger.core.paths import is_object
from tagger.core.photo import Fingerprint, PhotoFacts
from tagger.core.sentences import Sentence
from tagger.imaging import exif, jpeg_scans
from tagger.imaging.errors import DecodeError, DecodeFault
from tagger.imaging.faults import decode_errors, os_fault
from tagger.imaging.file_kinds import kinds_of
from tagger.imaging.inputs import NetworkInput, input_pixels
from tagger.imaging.limits import Deadline, TooSlowError, budget
from tagger.imaging.metadata_free import without_metadata
from tagger.imaging.needs import Needs, check, in_strips, needs_of
from tagger.imaging.normalize import as_seen, seen_smaller, upright
from tagger.imaging.raw_preview import raw_preview
from tagger.imaging.truncated import readable_share
from tagger.system.objects import open_object

# With thumbnails: `Image.draft` may then choose the one that a HEIC file carries.
pillow_heif.register_heif_opener(thumbnails=True)
# tagger's own limit names its setting. Pillow's would print a warning first.
Image.MAX_IMAGE_PIXELS = None
# Loads all plugins, because `formats=` below looks them up. Only the formats named there are tried.
Image.init()
warnings.simplefilter("ignore")

# Never Image.open() with all of Pillow's formats: EPS runs an interpreter, and many others have had security faults.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "DIB", "HEIF", "AVIF")
# Files up to this size are read once, and decoded from memory.
_KEEP_BYTES = 64 << 20
_CHUNK = 1 << 20
_MAX_SCANS = 100
# A thumbnail may be so much smaller than the network's input: enlarging it by a tenth costs no truth.
_THUMBNAIL_SHARE = 0.9
# What was decoded for the first input may be so much smaller than what another one needs; else it is decoded again.
_LEAST_SHARE = 0.7
_STRIP_ROWS = 64

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded photo. `pixels`: of the first input, RGB, uint8 (views, size, size, 3), each view oriented.

    `others`: of the further inputs. `content_hash` is that of the file's bytes, `pixel_hash` is BLAKE2b (16 bytes) of
    `pixels`.
    """

    pixels: NDArray[np.uint8]
    others: tuple[NDArray[np.uint8], ...]
    facts: PhotoFacts
    fingerprint: Fingerprint
    content_hash: bytes
    pixel_hash: bytes


class OpenPhoto:
    """An open photo file; see `open_photo`."""

    def __init__(self, name: str, file: IO[bytes], fingerprint: Fingerprint) -> None:
        self.name = name
        self.file = file
        self.fingerprint = fingerprint
        self.content_hash: bytes | None = None
        self.data: bytes | None = None
        # Of an object: nobody else can change it.
        self.is_copy = False


@contextmanager
def open_photo(path: str, name: str = "") -> Iterator[OpenPhoto]:
    """Open a regular file, never blocking on a pipe or a device, or read an object. Raises DecodeError.

    `name`: the file's name, if the path does not end with it.
    """
    if is_object(path):
        with _read_object(path, name) as photo:
            yield photo
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise os_fault(error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DecodeError(DecodeFault.UNREADABLE, Sentence("it is not a regular file"))
        file = open(descriptor, "rb", buffering=0, closefd=False)  # noqa: SIM115 - a descriptor, closed below
        yield OpenPhoto(name or path, file, _fingerprint(status))
    finally:
        os.close(descriptor)


@contextmanager
def _read_object(address: str, name: str) -> Iterator[OpenPhoto]:
    with ExitStack() as stack:
        try:
            descriptor, fingerprint = stack.enter_context(open_object(address))
        except OSError as error:
            raise os_fault(error) from error
        file = stack.enter_context(open(descriptor, "rb", buffering=0, closefd=False))
        photo = OpenPhoto(name or address, file, fingerprint)
        photo.is_copy = True
        yield photo


def in_memory(name: str, content: bytes) -> OpenPhoto:
    """A photo whose bytes are in memory, such as an archive's member."""
    photo = OpenPhoto(name, io.BytesIO(content), Fingerprint(len(content), 0))
    photo.data, photo.content_hash = content, content_hash(content)
    return photo


def hash_content(photo: OpenPhoto, *, limits: LimitSettings) -> bytes:
    """Hash the file's bytes, keeping those of small files in memory for `decode`. Raises DecodeError."""
    size = photo.fingerprint.size
    if size == 0:
        raise DecodeError(DecodeFault.BROKEN, Sentence("the file is empty"))
    if size > limits.file_mb << 20:
        raise _too_large(photo, limits)
    try:
        if size <= _KEEP_BYTES:
            photo.data = photo.file.read()
            photo.content_hash = content_hash(photo.data)
        else:
            photo.content_hash = content_hash_of_parts(iter(lambda: photo.file.read(_CHUNK), b""))
    except OSError as error:
        raise os_fault(error) from error
    if not photo.is_copy and _fingerprint(os.fstat(photo.file.fileno())) != photo.fingerprint:
        raise DecodeError(DecodeFault.CHANGED, Sentence("the file changed while it was read"))
    if photo.data is not None and len(photo.data) != size:
        raise DecodeError(DecodeFault.CHANGED, Sentence("the file changed while it was read"))
    return photo.content_hash


def decode(photo: OpenPhoto, inputs: Sequence[NetworkInput], *, limits: LimitSettings) -> Decoded:
    """Decode an open photo, once for all inputs. Whatever the file holds, raises only DecodeError.

    The first input decides at which scale; its pixels are the same whatever the others are.
    """
    content_hash = photo.content_hash or hash_content(photo, limits=limits)
    with decode_errors(limits):
        [pixels, *others], facts = _tried(photo, lambda tried: _decode(tried, inputs, limits))
    pixel_hash = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
    return Decoded(pixels, tuple(others), facts, photo.fingerprint, content_hash, pixel_hash)


def _decode(
    photo: OpenPhoto, inputs: Sequence[NetworkInput], limits: LimitSettings
) -> tuple[list[NDArray[np.uint8]], PhotoFacts]:
    first = inputs[0]
    # Whole pictures are decoded as ever, because other pixels would make another model of it.
    enough = 2 * first.size if first.views == "whole" else first.size
    thumbnail = math.ceil(_THUMBNAIL_SHARE * first.size) if first.views == "squares" else 0
    with _loaded(photo, enough, limits, thumbnail, fit=first.views == "letterbox") as found:
        width, height = found.size[::-1] if found.orientation >= 5 else found.size
        share = found.picture.width / found.size[0]
        small = {each for each in inputs[1:] if share < min(1.0, _LEAST_SHARE * each.share(*found.size))}
        seen = _seen(found.picture, enough)
        made = {each: input_pixels(seen, found.size, found.orientation, each) for each in inputs}
        kinds = kinds_of(found.opened, seen, photo.name, (width, height))
        facts = PhotoFacts(found.kind, width, height, found.taken, kinds)
    if small:
        # Only where the first network sees far smaller pictures than the others, as one that was trained here may.
        made |= _larger(photo, small, limits)
    return [made[each] for each in inputs], facts


def _larger(
    photo: OpenPhoto, inputs: Collection[NetworkInput], limits: LimitSettings
) -> dict[NetworkInput, NDArray[np.uint8]]:
    """Inputs from the picture decoded again at a larger scale; none if it cannot be, because smaller ones will do."""
    enough = max(each.size for each in inputs)
    try:
        with _loaded(photo, enough, limits) as found:
            seen = _seen(found.picture, enough)
            return {each: input_pixels(seen, found.size, found.orientation, each) for each in inputs}
    except Exception as error:  # noqa: BLE001 - as in `decode_errors`: decoding raises anything
        print(f"{photo.name}: not decoded a second time: {error}", file=sys.stderr, flush=True)
        return {}


def small_copy(photo: OpenPhoto, *, longest: int, limits: LimitSettings) -> bytes:
    """Scale a photo down to a JPEG, upright, its longer side at most `longest` pixels. Raises only DecodeError.

    Of the photo's metadata it keeps only the colour profile, for display.
    """
    # Raises for files that are empty, too large or being written.
    hash_content(photo, limits=limits)
    with decode_errors(limits):
        return _tried(photo, lambda tried: _small_copy(tried, longest, limits))


def _small_copy(photo: OpenPhoto, longest: int, limits: LimitSettings) -> bytes:
    with _loaded(photo, longest, limits, fit=True) as found:
        picture = _seen(found.picture, longest)
        share = min(1.0, longest / max(picture.size))
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        picture = upright(picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0), found.orientation)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=82, optimize=True, icc_profile=found.profile)
        return out.getvalue()


def _tried(photo: OpenPhoto, decoding: Callable[[OpenPhoto], _Found]) -> _Found:
    """Decode a photo; if that fails, once more without its metadata, because a fault in them is none of the picture."""
    try:
        return decoding(photo)
    except MemoryError:
        raise
    except Exception as error:
        storage = isinstance(error, OSError) and error.errno is not None
        limit = isinstance(error, TooSlowError) or (
            isinstance(error, DecodeError) and error.fault is not DecodeFault.BROKEN
        )
        plain = None if storage or limit or photo.data is None else without_metadata(photo.data)
        if plain is None:
            raise
        again = OpenPhoto(photo.name, io.BytesIO(plain), photo.fingerprint)
        again.data = plain
        try:
            return decoding(again)
        except Exception:  # noqa: BLE001 - what was wrong at first is what is told
            raise error from None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A decoded picture before orientation. `size`: of the picture in the file, also before orientation.

    `opened`: what `picture` was decoded from, with its metadata.
    """

    opened: Image.Image
    picture: Image.Image
    kind: str
    size: tuple[int, int]
    orientation: int
    taken: str | None
    profile: bytes | None


@contextmanager
def _loaded(
    photo: OpenPhoto, enough: int, limits: LimitSettings, thumbnail: int = 0, *, fit: bool = False
) -> Iterator[_Loaded]:
    """Decode an open photo within all limits. A JPEG is scaled down as long as each side keeps `enough` pixels.

    `fit`: as long as its longer side keeps them. `thumbnail`: take a HEIC file's thumbnail if each of its sides has so
    many pixels and it is a small copy of the picture; 0 for never.
    """
    data = photo.data
    source: IO[bytes] = photo.file if data is None else io.BytesIO(data)
    source.seek(0)
    header = source.read(SNIFF_BYTES)
    source.seek(0)
    kind = sniff(header)
    if kind == "RAW" or (kind in (None, "TIFF") and extension(photo.name) in RAW_EXTENSIONS):
        data, kind = raw_preview(source), "RAW"
        source = io.BytesIO(data)
    elif kind is None:
        raise DecodeError(DecodeFault.BROKEN, Sentence("it is not a picture in any format that tagger knows"))
    deadline = Deadline(limits.decode_seconds)
    with _open(source, deadline) as picture:
        full = picture.size
        progressive = False
        if picture.format in ("JPEG", "MPO"):
            progressive = _check_scans(source)
            # Lets libjpeg scale by 1/2, 1/4 or 1/8 while it decodes.
            picture.draft(None, _sides(full, enough) if fit else (enough, enough))
        elif picture.format == "HEIF" and thumbnail:
            # Takes only one of the picture's proportions, crop, rotation and colours that can be decoded.
            picture.draft(None, (thumbnail, thumbnail))
        needs = needs_of(picture, full, photo.fingerprint.size, progressive=progressive)
        check(needs, limits)
        with budget(limits.memory_mb << 20).reserve(needs.memory):
            deadline.restart()
            loaded = _load(picture, source, deadline, limits)
            # Read after decoding: Pillow rotates some formats itself and removes the tag.
            orientation = exif.orientation(picture)
            # A CMYK or grey profile does not fit the RGB pixels made from them.
            profile = picture.info.get("icc_profile") if loaded.mode == "RGB" else None
            yield _Loaded(picture, loaded, kind, full, orientation, exif.taken(picture), profile)


def _sides(full: tuple[int, int], longest: int) -> tuple[int, int]:
    """The sides of a picture that is scaled until its longer side has so many pixels."""
    share = longest / max(full)
    return math.ceil(full[0] * share), math.ceil(full[1] * share)


def _open(source: IO[bytes], deadline: Deadline) -> Image.Image:
    try:
        return Image.open(cast(IO[bytes], deadline.watching(source)), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise DecodeError(
            DecodeFault.BROKEN, Sentence("its header is damaged or of a kind that cannot be decoded")
        ) from error


def _load(picture: Image.Image, source: IO[bytes], deadline: Deadline, limits: LimitSettings) -> Image.Image:
    """Decode the pixels. A truncated picture is accepted if enough of it is readable."""
    try:
        picture.load()
    except OSError as error:
        if error.errno is not None or "truncated" not in str(error):
            raise
        partial = _load_truncated(picture, source, deadline)
        share = readable_share(partial)
        if share < limits.readable_share:
            raise DecodeError(
                DecodeFault.BROKEN,
                Sentence("the file is truncated: only {share} of the picture is readable", share=f"{share:.0%}"),
            ) from error
        return partial
    return picture


def _load_truncated(picture: Image.Image, source: IO[bytes], deadline: Deadline) -> Image.Image:
    """The readable part of a truncated picture; the rest is one colour."""
    if picture.format not in ("JPEG", "MPO"):
        # Pillow keeps the part that it decoded before the data ended.
        return picture._new(picture.im)
    # libjpeg fills in the rest if the stream ends with an EOI marker (T.81 B.1.1.3).
    source.seek(0)
    ended = io.BytesIO(source.read() + b"\xff\xd9")
    with _open(ended, deadline) as again:
        again.draft(None, picture.size)
        again.load()
        return again.copy()


def _check_scans(source: IO[bytes]) -> bool:
    """Refuse a JPEG with too many scans. Returns whether it is progressive."""
    source.seek(0)
    scans = jpeg_scans.progressive_scans(source.read(_KEEP_BYTES))
    source.seek(0)
    if scans > _MAX_SCANS:
        many = Sentence("the JPEG has {number} scans, which would take minutes to decode", number=f"{scans:,}")
        raise DecodeError(DecodeFault.TOO_BIG, many)
    return scans > 0


def _seen(picture: Image.Image, enough: int) -> Image.Image:
    """The picture in RGB; where it is very large, smaller as well, its sides not below twice `enough` pixels."""
    if in_strips(picture):
        return seen_smaller(picture, max(1, min(picture.size) // (2 * enough)))
    return as_seen(picture)


def _too_large(photo: OpenPhoto, limits: LimitSettings) -> DecodeError:
    """Why a file with too many bytes is refused: with every other limit that it exceeds, as far as its header tells."""
    size = photo.fingerprint.size
    try:
        with _open(photo.file, Deadline(limits.decode_seconds)) as picture:
            full = picture.size
            picture.draft(None, (1, 1))
            needs = needs_of(picture, full, size, progressive="progressive" in picture.info)
    except Exception:  # noqa: BLE001 - whatever its header is, the file is too large
        needs = Needs(size, 0, 0, (0, 0))
    try:
        check(needs, limits)
    except DecodeError as error:
        return error
    return DecodeError(DecodeFault.TOO_BIG, "it is larger than limits.file_mb allows")


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return Fingerprint(status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
