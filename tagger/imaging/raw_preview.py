"""The preview that a camera embedded in a RAW file."""

from __future__ import annotations

import io
from typing import IO, BinaryIO, cast

import numpy as np
from PIL import Image

from tagger.core.sentences import Sentence
from tagger.imaging.errors import DecodeError, DecodeFault


def raw_preview(source: IO[bytes]) -> bytes:
    """The preview as an encoded image. Raises DecodeError."""
    try:
        import rawpy
    except ImportError as error:
        raise DecodeError(
            DecodeFault.UNREADABLE, Sentence("RAW photos need one more package: pip install rawpy")
        ) from error
    try:
        with rawpy.imread(cast(BinaryIO, source)) as raw:
            preview = raw.extract_thumb()
    except rawpy.LibRawError as error:
        reason = Sentence("the RAW file has no preview that can be read")
        raise DecodeError(DecodeFault.BROKEN, reason, f"LibRaw: {error}") from error
    if preview.format == rawpy.ThumbFormat.JPEG:
        return bytes(preview.data)
    encoded = io.BytesIO()
    Image.fromarray(np.asarray(preview.data)).save(encoded, "BMP")
    return encoded.getvalue()
