"""Which of several photos that look the same is proposed, and what a person decided of them."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image, ImageFilter

from tagger.core.paths import PhotoPath
from tagger.core.photo import Fingerprint
from tagger.imaging.sharpness import sharpness
from tagger.search.best_copy import best_copy
from tagger.store.records import PhotoRecord
from tests.cli.gallery import PHOTOS


def photo(number: int, width: int = 4000, height: int = 3000, size: int = 5_000_000, **more: object) -> PhotoRecord:
    whole = PhotoRecord(
        id=number,
        path=PhotoPath("/photos", f"{number}.jpg"),
        fingerprint=Fingerprint(size, 0, None, None),
        content_hash=bytes([number]),
        format="JPEG",
        width=width,
        height=height,
        taken=None,
        added_at=0,
        labelled_at=1,
        labelled_by=1,
        missing_since=None,
        job_state=None,
        error=None,
    )
    return replace(whole, **more)  # type: ignore[arg-type]


def test_what_has_more_pixels_is_better_for_sure() -> None:
    found = best_copy([photo(1, 2000, 1500, 9_000_000), photo(2), photo(3, 3980, 2990, 4_000_000)], {})
    assert (found.photo_id, found.sure) == (2, False)
    assert found.why == ("It has the most pixels.", "Its file is the largest, so least was lost.")
    found = best_copy([photo(1, 2000, 1500, 9_000_000), photo(2)], {1: 5}, {1: 1.0, 2: 0.1})
    assert (found.photo_id, found.sure, found.why) == (2, True, ("It has the most pixels.",))


def test_of_a_burst_the_sharpest_is_better_but_a_person_should_look() -> None:
    burst = [photo(1), photo(2, size=5_050_000), photo(3)]
    found = best_copy(burst, {}, {1: 0.30, 2: 0.28, 3: 0.2})
    # Noise and another compression decide nothing: 1 and 2 are equally good, and the first stays.
    assert (found.photo_id, found.sure) == (1, False)
    assert found.why[0] == "It is the sharpest."
    assert found.why[-1] == "They are equally good. This one was in the library first."
    assert best_copy(burst, {2: 3, 3: 1}).photo_id == 2
    assert best_copy([*burst, photo(4, taken="2023-06-05T12:00:00")], {}).photo_id == 4
    same = [photo(7, content_hash=b"x"), photo(5, content_hash=b"x")]
    found = best_copy(same, {})
    assert (found.photo_id, found.sure) == (5, True)
    assert "byte for byte" in found.why[0]
    # Of what could not be opened nothing is known.
    unknown = [photo(1, content_hash=None, width=0), photo(2, content_hash=None, width=0)]
    assert not best_copy(unknown, {}).sure


def jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def test_sharpness_tells_blurred_and_small_ones_from_sharp_ones() -> None:
    whole = Image.open(PHOTOS / "coffee.jpg").convert("RGB")
    sharp = sharpness(jpeg(whole))
    dark = sharpness(jpeg(whole.point(lambda value: value * 0.5)))
    assert 0.8 < dark / sharp < 1.25
    measured = [sharpness(jpeg(whole.filter(ImageFilter.GaussianBlur(radius)))) for radius in (1, 3, 9)]
    assert sharp > 1.2 * measured[0] > measured[1] > measured[2]
    assert sharpness(jpeg(whole.resize((150, 100)))) < 0.7 * sharp
    assert sharpness(jpeg(Image.new("RGB", (300, 2), "red"))) == 0.0
