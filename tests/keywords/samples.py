"""Metadata made for tests: JPEG files from any segments, XMP packets from any properties, and hypothesis for both."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from tagger.keywords.from_labels import Keyword
from tagger.keywords.metadata.fields import asked_for
from tagger.keywords.metadata.jpeg_photo import JpegPhoto
from tagger.keywords.metadata.metadata_file import FieldError, Found
from tagger.keywords.metadata.splices import Splice, apply, reverse, unpacked
from tagger.keywords.plan import Plan, plan_undo, plan_write

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
# A frame header of 16 x 8 pixels and one component; a scan's header.
SOF = (0xC0, b"\x08\x00\x08\x00\x10\x01\x01\x11\x00")
SOS = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"


def jpeg(
    segments: Sequence[tuple[int, bytes]], scan: bytes = b"\x12\x34", trailer: bytes = b"", fill: int = 0
) -> bytes:
    """A JPEG's bytes; `fill` fill bytes stand before each marker."""
    body = b"".join(
        b"\xff" * fill + bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data for marker, data in segments
    )
    return SOI + body + b"\xff" * fill + SOS + scan + EOI + trailer


def iptc(
    keywords: Sequence[bytes], *, charset: bytes | None = b"\x1b%G", digest: bool = False, more: bytes = b""
) -> bytes:
    """The payload of an APP13 segment."""
    iim = b"" if charset is None else b"\x1c\x01\x5a" + struct.pack(">H", len(charset)) + charset
    iim += b"\x1c\x02\x00\x00\x02\x00\x04\x1c\x02\x05\x00\x05title"
    iim += b"".join(b"\x1c\x02\x19" + struct.pack(">H", len(word)) + word for word in keywords)
    iim += b"\x1c\x02\x50\x00\x06author"
    found = resource(0x03ED, b"\0" * 16) + resource(0x0404, iim) + more
    if digest:
        found += resource(0x0425, hashlib.md5(iim).digest())
    return PHOTOSHOP + found


def resource(number: int, data: bytes, name: bytes = b"\0\0") -> bytes:
    return b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)


def tiff(entries: Sequence[tuple[int, int, int, bytes]], order: str = "<", tail: bytes = b"") -> bytes:
    """A TIFF block: IFD0 with entries (tag, type, count, value), sorted; then what `tail` says."""
    entries = sorted(entries)
    start = 8
    after = start + 2 + 12 * len(entries) + 4
    table, values = b"", b""
    for tag, kind, count, value in entries:
        if len(value) <= 4:
            field = value.ljust(4, b"\0")
        else:
            field = struct.pack(order + "I", after + len(values))
            values += value + b"\0" * (len(value) % 2)
        table += struct.pack(order + "HHI", tag, kind, count) + field
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return (
        mark
        + struct.pack(order + "I", start)
        + struct.pack(order + "H", len(entries))
        + table
        + b"\0\0\0\0"
        + values
        + tail
    )


NS = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "acme": "urn:acme/",
}


def packet(*descriptions: str, prefix: str = "rdf", wrap: bool = True, padding: int = 0) -> bytes:
    spaces = "".join(f" xmlns:{name}={quoteattr(uri)}" for name, uri in NS.items())
    inner = "\n".join(descriptions)
    rdf = f'<{prefix}:RDF xmlns:{prefix}="http://www.w3.org/1999/02/22-rdf-syntax-ns#"{spaces}>{inner}</{prefix}:RDF>'
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Test">{rdf}</x:xmpmeta>'
    if wrap:
        text = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{text}\n{" " * padding}<?xpacket end="w"?>'
    return text.encode()


def array(name: str, texts: Sequence[str], kind: str = "Bag", gap: str = "\n  ") -> str:
    items = "".join(f"{gap}<rdf:li>{escape(text)}</rdf:li>" for text in texts)
    return f"<{name}>{gap}<rdf:{kind}>{items}{gap}</rdf:{kind}>{gap}</{name}>"


# --- what tagger does, in memory ----------------------------------------------------------------------------


def plan_for(found: Found, names: Sequence[str], targets: Sequence[str] = (), above: tuple[str, ...] = ()) -> Plan:
    """The plan that writes some keywords into a photo that nothing but its mark is known of."""
    return plan_write(found.states, found.owned_with({}), [Keyword(name, above) for name in names], asked_for(targets))


def splices_for(
    photo: JpegPhoto, names: Sequence[str], targets: Sequence[str] = (), above: tuple[str, ...] = ()
) -> list[Splice]:
    found = photo.found
    while True:
        plan = plan_for(found, names, targets, above)
        try:
            return photo.splices(plan) if plan else []
        except FieldError as error:
            found = found.closing(error)


def written(data: bytes, names: Sequence[str], targets: Sequence[str] = (), above: tuple[str, ...] = ()) -> bytes:
    splices = splices_for(JpegPhoto(data), names, targets, above)
    new = apply(data, splices)
    assert apply(new, unpacked(reverse(data, splices))) == data
    return new


def taken_back(data: bytes) -> bytes:
    """Everything of tagger's out of a photo, by its mark alone."""
    photo = JpegPhoto(data)
    return apply(
        data, photo.splices(plan_undo(photo.found.states, photo.found.owned_with({}), lambda _field, _keyword: True))
    )


# --- hypothesis ---------------------------------------------------------------------------------------------

KEYWORDS = (
    st.one_of(
        st.text(
            st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters=";|/\ufffe\uffff"),
            min_size=1,
            max_size=20,
        ),
        st.sampled_from(
            ["tiger", "Tiger", "TIGER", "café", "cafe\u0301", "тигр", "虎", "🐅", "a & b", "<b>", '"q"', "x" * 300]
        ),
    )
    .map(str.strip)
    .filter(lambda text: text and text == " ".join(text.split()))
)
WORDS = st.lists(KEYWORDS, max_size=5)


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """XMP packets with keywords in any of the usual forms, among properties of others."""
    descriptions = []
    for _ in range(draw(st.integers(0, 3))):
        inner = []
        attributes = ""
        for name, kind in (("dc:subject", "Bag"), ("lr:hierarchicalSubject", "Bag"), ("digiKam:TagsList", "Seq")):
            form = draw(st.sampled_from(["none", "none", "array", "array", "empty", "text"]))
            if any(f"<{name}" in text for text in descriptions):
                form = "none"
            if form == "array":
                inner.append(
                    array(
                        name,
                        draw(WORDS),
                        draw(st.sampled_from([kind, "Bag", "Seq"])),
                        draw(st.sampled_from(["", "\n  "])),
                    )
                )
            elif form == "empty":
                inner.append(
                    draw(st.sampled_from([f"<{name}/>", f"<{name}></{name}>", f"<{name}><rdf:Bag/></{name}>"]))
                )
            elif form == "text":
                inner.append(f"<{name}>{escape(draw(KEYWORDS))}</{name}>")
        if draw(st.booleans()):
            attributes = f" xmp:Rating={quoteattr(draw(KEYWORDS))}"
        if draw(st.booleans()):
            inner.append(f"<acme:thing rdf:parseType='Resource'><acme:a>{escape(draw(KEYWORDS))}</acme:a></acme:thing>")
        if draw(st.booleans()):
            inner.append(array("acme:list", draw(WORDS), "Seq") + "<!-- said -->")
        inner = draw(st.permutations(inner))
        descriptions.append(f'<rdf:Description rdf:about=""{attributes}>{"".join(inner)}</rdf:Description>')
    return packet(*descriptions, padding=draw(st.sampled_from([0, 0, 5, 2000])))


@st.composite
def exif_payloads(draw: st.DrawFn) -> bytes:
    order = draw(st.sampled_from("<>"))
    entries = [(0x010F, 2, 6, b"Acme\0\0"), (0x0112, 3, 1, struct.pack(order + "H", 1))]
    if draw(st.booleans()):
        value = ";".join(draw(WORDS)).encode("utf-16-le") + b"\0\0"
        entries.append((0x9C9E, 1, len(value), value))
    return b"Exif\0\0" + tiff(entries, order, draw(st.binary(max_size=40)))


@st.composite
def jpegs(draw: st.DrawFn) -> bytes:
    """JPEG files with segments of all kinds in many orders."""
    segments: list[tuple[int, bytes]] = []
    if draw(st.booleans()):
        segments.append((0xE0, b"JFIF\0\1\2\1\0\x48\0\x48\0\0"))
    if draw(st.booleans()):
        segments.append((0xE1, draw(exif_payloads())))
    rest: list[tuple[int, bytes]] = [(0xE2, b"ICC_PROFILE\0\1\1" + draw(st.binary(max_size=50)))]
    if draw(st.booleans()):
        rest.append((0xE1, XMP + draw(packets())))
    if draw(st.booleans()):
        words = [word.encode()[:64].decode(errors="ignore").encode() for word in draw(WORDS)]
        rest.append((0xED, iptc([word for word in words if word], digest=draw(st.booleans()))))
    if draw(st.booleans()):
        rest.append((0xE2, b"MPF\0" + draw(st.binary(min_size=8, max_size=40))))
    rest += draw(
        st.lists(st.tuples(st.sampled_from([0xE3, 0xE5, 0xEC, 0xEE, 0xFE]), st.binary(max_size=60)), max_size=3)
    )
    segments += draw(st.permutations(rest))
    segments += [(0xDB, b"\0" + bytes(64)), SOF]
    scan = draw(st.binary(max_size=40)).replace(b"\xff", b"\xff\0")
    return jpeg(segments, scan, draw(st.binary(max_size=60)), draw(st.integers(0, 2)))
