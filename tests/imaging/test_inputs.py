"""One decode serves several networks; the first one's pixels do not depend on the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.views import letterbox
from tests.cli.gallery import PHOTOS
from tests.imaging.large import grey_jpeg

LIMITS = LimitSettings()
SQUARES, BOXED = NetworkInput(260, "squares"), NetworkInput(320, "letterbox")
# What undoes each EXIF orientation (Exif 2.32, section 4.6.4), so that a picture stored so is upright again.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("first", [SQUARES, NetworkInput(224, "whole"), NetworkInput(32, "whole")])
def test_the_first_inputs_pixels_do_not_depend_on_the_others(first: NetworkInput) -> None:
    for path in sorted(PHOTOS.glob("*.jpg")):
        with open_photo(str(path)) as photo:
            alone = decode(photo, [first], limits=LIMITS)
        with open_photo(str(path)) as photo:
            beside = decode(photo, [first, BOXED, SQUARES], limits=LIMITS)

        assert alone.pixel_hash == beside.pixel_hash
        assert alone.others == ()
        assert [other.shape[1:] for other in beside.others] == [(320, 320, 3), (260, 260, 3)]
        assert len(beside.others[0]) == 1


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("size", [(400, 301), (301, 400), (999, 40)])
def test_a_letterboxed_picture_is_upright_and_where_the_frame_says(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    picture = Image.new("RGB", size, "white")
    # A quarter of the picture, at its lower left.
    ImageDraw.Draw(picture).rectangle((0, size[1] // 2, size[0] // 2, size[1]), "red")
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (picture if turn is None else picture.transpose(turn)).save(tmp_path / "a.png", exif=exif)

    with open_photo(str(tmp_path / "a.png")) as photo:
        [[found]] = decode(photo, [SQUARES, BOXED], limits=LIMITS).others

    frame = letterbox(*size, 320)
    inside = np.zeros((320, 320), bool)
    inside[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width] = True
    assert (found[~inside] == 0).all()
    assert (found[inside][:, 0] > 200).all()
    red = inside & (found[..., 1] < 128)
    rows, columns = np.nonzero(red)
    corner = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    shares = (np.array(corner) - frame.offset) / frame.extent
    np.testing.assert_allclose(shares, (0, 0.5, 0.5, 1), atol=1.5 / min(frame.width, frame.height))


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("size", "given"), [((400, 301), (400, 301)), ((1400, 700), (640, 320)), ((9, 1999), (3, 640))]
)
def test_a_whole_picture_is_upright_and_no_longer_than_wanted(
    tmp_path: Path, orientation: int, size: tuple[int, int], given: tuple[int, int]
) -> None:
    picture = Image.new("RGB", size, "white")
    picture.paste("red", (0, size[1] // 2, max(1, size[0] // 2), size[1]))
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (picture if turn is None else picture.transpose(turn)).save(tmp_path / "a.png", exif=exif)

    with open_photo(str(tmp_path / "a.png")) as photo:
        [[found]] = decode(photo, [SQUARES, NetworkInput(640, "picture")], limits=LIMITS).others

    assert found.shape == (given[1], given[0], 3)
    assert found[-1, 0].tolist() == [255, 0, 0]
    assert (found[0] == 255).all()


@given(st.integers(1, 70_000), st.integers(1, 70_000), st.sampled_from([32, 320, 416]))
def test_a_frame_is_within_its_square_and_fills_it_one_way(width: int, height: int, size: int) -> None:
    frame = letterbox(width, height, size)

    assert max(frame.width, frame.height) == size
    assert min(frame.width, frame.height) >= 1
    assert 0 <= frame.left == (size - frame.width) // 2
    assert 0 <= frame.top == (size - frame.height) // 2


def test_a_network_that_sees_little_does_not_make_the_others_see_less(tmp_path: Path) -> None:
    """Stripes of 4 pixels: an eighth of each side, which is enough for the first network, is grey all over."""
    stripes = np.where(np.arange(1600) // 4 % 2, 255, 0).astype(np.uint8)
    Image.fromarray(np.tile(stripes, (1600, 1)), "L").convert("RGB").save(tmp_path / "a.jpg", quality=95)

    with open_photo(str(tmp_path / "a.jpg")) as photo:
        [[found]] = decode(photo, [NetworkInput(8, "squares"), BOXED], limits=LIMITS).others

    assert found.std() > 15


def test_what_is_too_large_for_a_second_decode_is_seen_as_the_first_network_sees_it(tmp_path: Path) -> None:
    grey_jpeg(tmp_path / "a.jpg", 8000, 6000)
    # An eighth of each side has 0.75 megapixels, and fits; a fourth does not.
    limits = LimitSettings(megapixels=1)

    with open_photo(str(tmp_path / "a.jpg")) as photo:
        decoded = decode(photo, [NetworkInput(32, "whole"), NetworkInput(1100, "letterbox")], limits=limits)

    assert decoded.others[0].shape == (1, 1100, 1100, 3)
    assert (decoded.facts.width, decoded.facts.height) == (8000, 6000)
