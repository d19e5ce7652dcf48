"""The one rule by which names are compared: of files and folders, labels, keywords, taught labels."""

from __future__ import annotations

import re
import unicodedata

# Turkish has two letters i, of which each is the other's capital elsewhere: here all four are one. And what cannot be
# seen (soft hyphen, joiners, byte order mark, variation selectors) makes no other name.
_SAME = {0x131: "i", **dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xFE0E, 0xFE0F))}
# Letters with a stroke or joined ones, which Unicode does not take apart.
LETTERS = {"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"}
_STROKES = str.maketrans(LETTERS)
# Only European accents: without their marks, Japanese syllables are others.
ACCENTS = re.compile("[\u0300-\u036f]")
# How letters are spelt where a keyboard lacks them.
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_DOTTED_I = re.compile("i\u0307+")
# Unicode's general categories of control characters, halves of pairs, private and unknown ones; and the directions of
# those that turn the text around them (Unicode 15, sections 4.5 and 4.4).
_STRANGE = frozenset(("Cc", "Cs", "Co", "Cn", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))


def folded(name: str) -> str:
    """A name in the form in which names are compared; equal for two that a person takes for the same.

    Case does not matter (Unicode's full case folding: Straße is STRASSE), nor how letters are put together (NFC, or NFD
    as macOS writes it), nor their width or form (NFKC: full-width digits, ligatures, narrow spaces). Accents do matter.
    """
    if name.isascii():
        return name.lower()
    # Unicode 15, section 3.13: caseless matching. Folded twice, because decomposition may bring capitals forth.
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", name).casefold())
    seen = unicodedata.normalize("NFKD", decomposed.casefold()).translate(_SAME)
    return unicodedata.normalize("NFKC", _DOTTED_I.sub("i", seen))


def unaccented(name: str) -> str:
    """A name folded, and without its accents."""
    plain = folded(name)
    if plain.isascii():
        return plain
    parts = unicodedata.normalize("NFKD", plain.translate(_STROKES))
    return unicodedata.normalize("NFC", ACCENTS.sub("", parts))


def spellings(name: str) -> frozenset[str]:
    """How a name may be typed: without its accents, and with its umlauts spelt out (Muenchen, Aarhus).

    Two names that have one of these in common are spellings of one.
    """
    plain = folded(name)
    return frozenset((plain,)) if plain.isascii() else frozenset(map(unaccented, (plain, plain.translate(_SPELT_OUT))))


def same(one: str, other: str) -> bool:
    """Whether two names are the same by this rule."""
    return folded(one) == folded(other)


def single_spaced(name: str, most: int) -> str:
    """A name that somebody gives to something, as it is stored: in NFC, with single spaces. Empty if it can be none.

    None has no letter that can be seen, more than `most` characters, control characters, or ones that turn the text
    around them. What joins letters cannot be seen either, and belongs to names in many languages, and to emoji.
    """
    words = " ".join(unicodedata.normalize("NFC", name).split())
    kinds = {unicodedata.category(char) for char in words} | {unicodedata.bidirectional(char) for char in words}
    return "" if kinds & _STRANGE or len(words) > most or not folded(words).strip() else words


def exact(keyword: str) -> str:
    """The form in which tagger's keywords are recognised: NFC, because other programs may normalise them."""
    return unicodedata.normalize("NFC", keyword).strip()
