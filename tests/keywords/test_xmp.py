from __future__ import annotations

import pytest
from hypothesis import given

from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.mark import MARK
from tagger.imaging.metadata.xmp_parse import Packet, XmpError, outline
from tagger.keywords.merge import exact, without
from tagger.keywords.metadata.xmp_edit import Edit, edited, new_packet
from tagger.keywords.metadata.xmp_fields import NAMES
from tests.keywords.samples import NS, WORDS, array, packet, packets

SUBJECT = NAMES[Field.SUBJECT]
ALL = (*NAMES.values(), MARK)


def edit(data: bytes, add: list[str], remove: list[str] | None = None) -> bytes:
    return edited(Packet(data), {SUBJECT: Edit(add, remove or [])})


@given(packets(), WORDS, WORDS)
def test_edits_change_what_they_say_and_nothing_else(data: bytes, add: list[str], others: list[str]) -> None:
    before = Packet(data)
    texts = before.texts(SUBJECT)
    remove = [*texts[::2], *others]
    new = edited(before, {SUBJECT: Edit(add, remove)})
    left = [text for position, text in enumerate(texts) if position not in without(texts, remove)]
    after = Packet(new)
    assert sorted(map(exact, after.texts(SUBJECT))) == sorted(map(exact, [*left, *add]))
    assert outline(new, ALL) == outline(data, ALL)
    for field in (Field.HIERARCHICAL, Field.TAGS_LIST):
        assert after.texts(NAMES[field]) == before.texts(NAMES[field])


@given(packets(), WORDS.filter(bool))
def test_adding_and_removing_says_the_same_as_before(data: bytes, add: list[str]) -> None:
    new = edit(data, add)
    back = edit(new, [], add)
    assert sorted(Packet(back).texts(SUBJECT)) == sorted(Packet(data).texts(SUBJECT))
    assert outline(back, ALL) == outline(data, ALL)


@given(packets())
def test_no_edit_changes_no_byte(data: bytes) -> None:
    assert edited(Packet(data), {}) == data
    assert edit(data, []) == data


def test_a_new_item_is_laid_out_like_the_one_before_it() -> None:
    data = packet(f'<rdf:Description rdf:about="">{array("dc:subject", ["beach"])}</rdf:Description>')
    new = edit(data, ["tiger & <cub>"])
    assert new == data.replace(
        b"<rdf:li>beach</rdf:li>", b"<rdf:li>beach</rdf:li>\n  <rdf:li>tiger &amp; &lt;cub&gt;</rdf:li>"
    )
    assert edit(new, [], ["tiger & <cub>"]) == data


@pytest.mark.parametrize(
    "form",
    [
        "<dc:subject>beach</dc:subject>",
        "<dc:subject><rdf:Seq><rdf:li>beach</rdf:li></rdf:Seq></dc:subject>",
        "<dc:subject><rdf:Bag><rdf:li xml:lang='x-default'>beach</rdf:li></rdf:Bag></dc:subject>",
        "<dc:subject><rdf:Bag><rdf:li><![CDATA[beach]]></rdf:li></rdf:Bag></dc:subject>",
        "<d:subject xmlns:d='http://purl.org/dc/elements/1.1/'><rdf:Bag><rdf:li>beach</rdf:li></rdf:Bag></d:subject>",
    ],
)
def test_every_form_of_an_array_is_read_and_extended(form: str) -> None:
    data = packet(
        '<rdf:Description rdf:about="" xmp:Rating="3"/>', f"<rdf:Description rdf:about=''>{form}</rdf:Description>"
    )
    assert Packet(data).texts(SUBJECT) == ["beach"]
    new = edit(data, ["tiger"])
    assert Packet(new).texts(SUBJECT) == ["beach", "tiger"]
    assert b'xmp:Rating="3"' in new


def test_the_attribute_form_becomes_an_array() -> None:
    data = packet("<rdf:Description rdf:about='' dc:subject='beach &amp; sea' dc:format=\"image/jpeg\"/>")
    assert Packet(data).texts(SUBJECT) == ["beach & sea"]
    new = edit(data, ["tiger"])
    assert Packet(new).texts(SUBJECT) == ["beach & sea", "tiger"]
    assert b'dc:format="image/jpeg"' in new


def test_other_prefixes_for_rdf_work() -> None:
    data = packet(
        "<r:Description r:about='uuid:7'><dc:subject><r:Bag><r:li>beach</r:li></r:Bag></dc:subject></r:Description>",
        prefix="r",
    )
    new = edited(Packet(data), {SUBJECT: Edit(["tiger"]), NAMES[Field.TAGS_LIST]: Edit(["animal/tiger"])})
    assert Packet(new).texts(SUBJECT) == ["beach", "tiger"]
    assert Packet(new).texts(NAMES[Field.TAGS_LIST]) == ["animal/tiger"]
    # A second Description must be about the same thing.
    assert b'rdf:about="uuid:7"' in new


def test_keywords_of_something_else_are_not_the_photos() -> None:
    ingredient = f"<acme:part rdf:parseType='Resource'>{array('dc:subject', ['pasted'])}</acme:part>"
    data = packet(f"<rdf:Description rdf:about=''>{ingredient}</rdf:Description>")
    assert Packet(data).texts(SUBJECT) == []
    new = edit(data, ["tiger"])
    assert Packet(new).texts(SUBJECT) == ["tiger"]
    assert array("dc:subject", ["pasted"]).encode() in new


def test_a_new_packet_goes_with_its_last_keyword() -> None:
    data = new_packet({SUBJECT: ["tiger"], MARK: ["dc:subject + tiger"]}, wrapped=True)
    left = edited(Packet(data), {SUBJECT: Edit([], ["tiger"]), MARK: Edit([], ["dc:subject + tiger"])})
    assert Packet(left).is_empty


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF", "not well-formed"),
        (b"<html/>", "no XMP packet"),
        (b"", "not well-formed"),
        (b"\xff\xfe<\0x\0", "not well-formed"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x:xmpmeta xmlns:x='adobe:ns:meta/'>&a;</x:xmpmeta>", "document type"),
        (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>", "document type"),
        (b"<a>" * 300 + b"</a>" * 300, "too deeply"),
    ],
)
def test_what_is_no_packet_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(XmpError, match=reason):
        Packet(data)


@pytest.mark.parametrize(
    "form",
    [
        "<dc:subject rdf:parseType='Resource'><dc:a>b</dc:a></dc:subject>",
        "<dc:subject rdf:resource='urn:x'/>",
        "<dc:subject><rdf:Bag><rdf:li><dc:a>b</dc:a></rdf:li></rdf:Bag></dc:subject>",
        "<dc:subject><rdf:Bag/><rdf:Bag/></dc:subject>",
    ],
)
def test_forms_that_are_not_understood_are_refused(form: str) -> None:
    with pytest.raises(XmpError, match="subject"):
        Packet(packet(f"<rdf:Description rdf:about=''>{form}</rdf:Description>")).texts(SUBJECT)


def test_zeros_after_the_packet_do_not_matter() -> None:
    data = packet(f"<rdf:Description rdf:about=''>{array('dc:subject', ['beach'])}</rdf:Description>") + b"\0" * 30
    new = edit(data, ["tiger"])
    assert new.endswith(b"\0" * 30)
    assert NS["dc"].encode() in new
