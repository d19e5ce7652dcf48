"""Keywords in JPEG files made for the purpose: any layout of segments, and each thing that must not be touched."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.imaging.metadata.keyword_fields import Field
from tagger.keywords.merge import comparison_key
from tagger.keywords.metadata.fields import TARGETS
from tagger.keywords.metadata.iptc import Resources
from tagger.keywords.metadata.jpeg import Jpeg
from tagger.keywords.metadata.jpeg_photo import JpegPhoto
from tagger.keywords.metadata.metadata_file import DeclinedError
from tests.keywords.samples import (
    PHOTOSHOP,
    SOF,
    WORDS,
    XMP,
    array,
    iptc,
    jpeg,
    jpegs,
    packet,
    plan_for,
    resource,
    splices_for,
    taken_back,
    tiff,
    written,
)

JFIF = (0xE0, b"JFIF\0\1\2\1\0\x48\0\x48\0\0")
TARGET_LISTS = st.lists(st.sampled_from(sorted(TARGETS)), max_size=3)


def keywords(data: bytes) -> dict[Field, list[str]]:
    return {field: list(state.keywords) for field, state in JpegPhoto(data).found.states.items() if state.exists}


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(jpegs(), WORDS.filter(bool), TARGET_LISTS)
def test_any_layout_is_edited_without_loss_or_declined(data: bytes, names: list[str], targets: list[str]) -> None:
    try:
        before = keywords(data)
        new = written(data, names, targets)
    except DeclinedError:
        return
    after = keywords(new)
    # A name of which nothing can be seen is none.
    wanted = {comparison_key(name) for name in names} - {""}
    assert wanted <= {comparison_key(text) for text in after.get(Field.SUBJECT, [])}
    for field, texts in before.items():
        # What was there is there, in its order, first.
        assert after[field][: len(texts)] == texts
    old, edited = Jpeg(data), Jpeg(new)
    assert new[edited.scan :] == data[old.scan :]
    ours = (0xE1, 0xED)
    kept = [(s.marker, s.data) for s in old.segments if s.marker not in ours]
    assert [(s.marker, s.data) for s in edited.segments if s.marker not in ours] == kept
    # A second time there is nothing to do.
    assert not splices_for(JpegPhoto(new), names, targets)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(jpegs(), WORDS.filter(bool), TARGET_LISTS)
def test_taking_back_by_the_mark_alone_leaves_what_was_there(data: bytes, names: list[str], targets: list[str]) -> None:
    try:
        before = keywords(data)
        new = written(data, names, targets)
    except DeclinedError:
        return
    back = taken_back(new)
    left = keywords(back)
    assert {field: texts for field, texts in left.items() if texts} == {f: t for f, t in before.items() if t}
    assert not JpegPhoto(back).found.mark
    if Jpeg(data).xmp is None and not targets and Field.XP not in before and Field.IPTC not in before:
        assert back == data


def test_without_xmp_one_segment_is_put_in_and_the_rest_is_as_it_was() -> None:
    exif = (0xE1, b"Exif\0\0" + tiff([(0x010F, 2, 6, b"Acme\0\0")]))
    data = jpeg([JFIF, exif, (0xE2, b"ICC_PROFILE\0\1\1x"), SOF], trailer=b"MotionPhoto_Data" + bytes(50))
    new = written(data, ["tiger"])
    kinds = [(segment.marker, segment.data[:4]) for segment in Jpeg(new).segments]
    assert kinds == [(0xE0, b"JFIF"), (0xE1, b"Exif"), (0xE1, b"http"), (0xE2, b"ICC_"), (SOF[0], SOF[1][:4])]
    xmp = Jpeg(new).xmp
    assert xmp is not None
    assert new[: xmp.start] + new[xmp.end :] == data
    assert taken_back(new) == data


def test_padding_is_used_so_that_nothing_moves() -> None:
    text = f"<rdf:Description rdf:about=''>{array('dc:subject', ['beach'])}</rdf:Description>"
    data = jpeg([(0xE2, b"MPF\0" + bytes(20)), (0xE1, XMP + packet(text, padding=2000)), SOF])
    new = written(data, ["tiger"])
    assert len(new) == len(data)
    assert keywords(new)[Field.SUBJECT] == ["beach", "tiger"]
    assert taken_back(new) == data


def test_what_counts_from_an_mpf_header_is_not_moved() -> None:
    text = f"<rdf:Description rdf:about=''>{array('dc:subject', ['beach'])}</rdf:Description>"
    data = jpeg([(0xE2, b"MPF\0" + bytes(20)), (0xE1, XMP + packet(text)), SOF])
    with pytest.raises(DeclinedError, match="counting"):
        written(data, ["tiger"])
    # A new segment goes before it.
    fresh = written(jpeg([JFIF, (0xE2, b"MPF\0" + bytes(20)), SOF]), ["tiger"], ["windows", "photoprism"])
    assert [segment.data[:4] for segment in Jpeg(fresh).segments][-2:] == [b"MPF\0", SOF[1][:4]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n", "does not begin"),
        (jpeg([JFIF, SOF])[:30], "damaged|ends before"),
        (jpeg([JFIF])[:-20] + b"\x00\x01", "damaged|ends before"),
        (jpeg([(0xE1, XMP + packet()), (0xE1, XMP + packet()), SOF]), "2 XMP segments"),
        (jpeg([(0xE1, b"Exif\0\0" + tiff([(1, 3, 1, b"\0\0")])), (0xE1, b"Exif\0\0more"), SOF]), "2 EXIF segments"),
        (jpeg([(0xE1, XMP + b"<x"), SOF]), "not well-formed"),
        (
            jpeg([(0xE1, XMP + packet()), (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"<dc:subject>"), SOF]),
            "extended XMP",
        ),
    ],
)
def test_doubtful_files_are_declined_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DeclinedError, match=reason):
        written(data, ["tiger"])


def test_a_packet_that_would_not_fit_is_declined() -> None:
    big = f"<rdf:Description rdf:about='' xmp:Rating='{'x' * 64_800}'/>"
    with pytest.raises(DeclinedError, match="fit"):
        written(jpeg([(0xE1, XMP + packet(big)), SOF]), ["tiger"])


def test_extended_xmp_with_other_things_survives() -> None:
    extended = (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + b"<acme:depth>...</acme:depth>")
    data = jpeg([(0xE1, XMP + packet("<rdf:Description rdf:about=''/>")), extended, SOF])
    new = written(data, ["tiger"], ["photoprism"])
    assert extended[1] in new
    assert keywords(new)[Field.IPTC] == ["tiger"]


# --- IPTC ---------------------------------------------------------------------------------------------------


def with_iptc(payload: bytes) -> bytes:
    return jpeg([JFIF, (0xED, payload), SOF])


def resources(data: bytes) -> Resources:
    [segment] = Jpeg(data).photoshop
    return Resources(segment.data)


def test_iptc_keywords_are_extended_and_its_digest_kept_right() -> None:
    data = with_iptc(iptc([b"Strand", "größer".encode()], digest=True))
    new = written(data, ["tiger", "虎"])
    assert keywords(new)[Field.IPTC] == ["Strand", "größer", "tiger", "虎"]
    payload = Jpeg(new).photoshop[0].data
    iim = payload[payload.index(b"\x1c\x01\x5a") : payload.index(b"author") + 6]
    assert hashlib.md5(iim).digest() in payload
    assert resources(new).others() == resources(data).others()


def test_a_digest_that_was_wrong_stays_as_it_was() -> None:
    data = with_iptc(iptc([b"beach"], more=resource(0x0425, b"w" * 16)))
    assert b"w" * 16 in written(data, ["tiger"])


def test_latin_1_is_left_alone() -> None:
    payload = iptc(["größer".encode("latin-1")], charset=None)
    data = with_iptc(payload)
    new = written(data, ["tiger"])
    assert (0xED, payload) in [(segment.marker, segment.data) for segment in Jpeg(new).segments]
    assert keywords(new)[Field.SUBJECT] == ["größer", "tiger"]
    photo = JpegPhoto(data)
    assert any("not in UTF-8" in note for note in plan_for(photo.found, ["tiger"]).notes)


def test_plain_ascii_is_extended_and_declared_only_where_it_must_be() -> None:
    data = with_iptc(iptc([b"beach"], charset=None))
    assert b"\x1b%G" not in written(data, ["tiger"])
    new = written(data, ["тигр"])
    assert b"\x1c\x01\x5a\x00\x03\x1b%G" in new
    assert keywords(new)[Field.IPTC] == ["beach", "тигр"]


def test_what_is_too_long_for_iptc_is_in_xmp_only_and_said() -> None:
    data = with_iptc(iptc([b"beach"]))
    photo = JpegPhoto(data)
    plan = plan_for(photo.found, ["y" * 65, "tiger"])
    assert plan.changes[Field.IPTC].add == ("tiger",)
    assert plan.changes[Field.SUBJECT].add == ("beach", "y" * 65, "tiger")
    assert any("cannot hold" in note for note in plan.notes)


def test_iptc_is_not_made_where_it_would_hide_a_long_keyword() -> None:
    text = f"<rdf:Description rdf:about=''>{array('dc:subject', ['z' * 100])}</rdf:Description>"
    plan = plan_for(JpegPhoto(jpeg([(0xE1, XMP + packet(text)), SOF])).found, ["tiger"], ["photoprism"])
    assert not plan.changes[Field.IPTC]
    assert any("would hide" in note for note in plan.notes)


def test_damaged_resources_are_left_alone() -> None:
    for payload in (PHOTOSHOP + b"8BIM\x04\x04\0\0\0\0\xff\xff..", PHOTOSHOP + b"nonsense", iptc([])[:-40]):
        data = with_iptc(payload)
        new = written(data, ["tiger"], ["photoprism"])
        assert payload in new
        assert keywords(new)[Field.SUBJECT] == ["tiger"]


# --- EXIF ---------------------------------------------------------------------------------------------------


def xp(*words: str) -> tuple[int, int, int, bytes]:
    value = ";".join(words).encode("utf-16-le") + b"\0\0"
    return 0x9C9E, 1, len(value), value


@pytest.mark.parametrize("order", ["<", ">"])
def test_xpkeywords_are_extended_and_nothing_else_in_exif_moves(order: str) -> None:
    block = tiff([(0x010F, 2, 6, b"Acme\0\0"), xp("beach", "sea")], order, tail=b"MAKERNOTE" * 9)
    data = jpeg([(0xE1, b"Exif\0\0" + block), SOF])
    new = written(data, ["tiger"])
    assert keywords(new)[Field.XP] == ["beach", "sea", "tiger"]
    exif = Jpeg(new).exif
    assert exif is not None
    assert exif.data[6 + 8 : 6 + len(block)] == block[8:]
    # The next write takes the place of the last one.
    again = written(new, ["tiger", "sand"])
    longer = Jpeg(again).exif
    assert longer is not None
    assert len(longer.data) - len(exif.data) == len("; sand".replace(" ", "").encode("utf-16-le"))


def test_xpkeywords_are_made_only_for_windows() -> None:
    data = jpeg([(0xE1, b"Exif\0\0" + tiff([(0x010F, 2, 6, b"Acme\0\0")])), SOF])
    assert Field.XP not in keywords(written(data, ["tiger"]))
    assert keywords(written(data, ["tiger"], ["windows"]))[Field.XP] == ["tiger"]


def test_a_photo_without_exif_gets_a_block_of_its_own() -> None:
    new = written(jpeg([JFIF, SOF]), ["tiger", "a;b"], ["windows"])
    assert keywords(new)[Field.XP] == ["tiger", "a,b"]
    kinds = [segment.data[:4] for segment in Jpeg(new).segments]
    assert kinds[:3] == [b"JFIF", b"Exif", b"http"]


@pytest.mark.parametrize(
    "block",
    [
        b"II*\0\xff\xff\0\0" + bytes(20),
        b"II*\0\x08\0\0\0\xff\xff" + bytes(20),
        b"not a block",
        # The Exif pointer points at IFD0 itself.
        tiff([(0x010F, 2, 6, b"Acme\0\0"), (0x8769, 4, 1, struct.pack("<I", 8))]),
    ],
)
def test_exif_that_cannot_be_extended_is_left_alone_and_said(block: bytes) -> None:
    data = jpeg([(0xE1, b"Exif\0\0" + block), SOF])
    new = written(data, ["tiger"], ["windows"])
    assert b"Exif\0\0" + block in new
    assert keywords(new)[Field.SUBJECT] == ["tiger"]
    assert any("EXIF" in note for note in plan_for(JpegPhoto(data).found, ["tiger"], ["windows"]).notes)


def test_exif_without_room_for_more_is_not_written() -> None:
    block = tiff([(0x010F, 2, 6, b"Acme\0\0")], tail=bytes(65_480))
    data = jpeg([(0xE1, b"Exif\0\0" + block), SOF])
    new = written(data, ["tiger"], ["windows"])
    assert Field.XP not in keywords(new)
    assert keywords(new)[Field.SUBJECT] == ["tiger"]


@pytest.mark.parametrize("unseen", ["\u00ad", "\u200b\u200d", " \ufeff", "\ufe0f"])
def test_a_name_of_which_nothing_can_be_seen_is_not_written(unseen: str) -> None:
    bare = jpeg([JFIF, SOF])
    assert written(bare, [unseen], sorted(TARGETS)) == bare
    both = written(bare, [unseen, "tiger"], sorted(TARGETS))
    assert {text for texts in keywords(both).values() for text in texts} == {"tiger"}
