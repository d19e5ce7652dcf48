from hypothesis import given
from hypothesis import strategies as st

from tagger.core.boxes import MOST_BOXES, OBJECTS, Box, boxes_from_bytes, boxes_to_bytes

SHARES = st.floats(0, 1)
BOXES = st.builds(Box, st.integers(0, len(OBJECTS) - 1), SHARES, SHARES, SHARES, SHARES, SHARES)


def test_the_objects_are_cocos_80_in_its_order() -> None:
    assert len(OBJECTS) == len(set(OBJECTS)) == 80
    assert (OBJECTS[0], OBJECTS[16], OBJECTS[41], OBJECTS[58], OBJECTS[79]) == (
        "person",
        "dog",
        "cup",
        "potted plant",
        "toothbrush",
    )


@given(st.lists(BOXES, max_size=40))
def test_boxes_come_back_within_half_a_step_the_surest_first(boxes: list[Box]) -> None:
    stored = boxes_to_bytes(boxes)
    found = boxes_from_bytes(stored)

    expected = sorted(boxes, key=lambda box: -box.score)[:MOST_BOXES]
    assert len(stored) == 6 * len(expected)
    assert [box.kind for box in found] == [box.kind for box in expected]
    for before, after in zip(expected, found, strict=True):
        for name in ("score", "left", "top", "right", "bottom"):
            assert abs(getattr(before, name) - getattr(after, name)) <= 0.5 / 255 + 1e-9
    assert boxes_to_bytes(found) == stored


def test_no_boxes_are_no_bytes() -> None:
    assert boxes_to_bytes([]) == b""
    assert boxes_from_bytes(b"") == ()


def test_a_box_outside_the_picture_is_kept_within_it() -> None:
    [found] = boxes_from_bytes(boxes_to_bytes([Box(0, 1.5, -0.2, 0.0, 1.1, 0.5)]))

    assert (found.score, found.left, found.top, found.right) == (1.0, 0.0, 0.0, 1.0)
    assert (found.name, round(found.area, 2)) == ("person", 0.5)


def test_what_is_stored_by_a_newer_version_or_cut_off_does_no_harm() -> None:
    stored = boxes_to_bytes([Box(3, 0.5, 0, 0, 1, 1)])

    assert boxes_from_bytes(bytes((200, 255, 0, 0, 9, 9)) + stored + b"\x01\x02") == boxes_from_bytes(stored)
