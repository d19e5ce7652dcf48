"""What decoders say of a damaged picture, in words for people.

Pillow, its plugins, libheif and LibRaw raise texts such as "decoder error -2" or "could not create decoder object", and
for malformed files any exception of Python. What they mean is one of a few things.
"""

from __future__ import annotations

import re

from tagger.core.sentences import Sentence

_CUT_OFF = Sentence("the file ends before the picture does; it was cut off, or not copied to its end")
_CHECKSUM = Sentence("its checksums do not fit its data")
_KIND = Sentence("it is of a kind that cannot be decoded, or its header is damaged")
_NOTHING = Sentence("there is no picture in it")
_TOO_MUCH = Sentence("its header asks for more than any picture needs")
_DATA = Sentence("its data cannot be decoded")

_MEANINGS = (
    (r"security limit|too many|too large|exceeds|decompressed data", _TOO_MUCH),
    (
        r"truncat|premature|not enough|unexpected end|end of (file|data|stream|input)|\beof\b|incomplete|"
        r"not large enough|too short|ran out|requires a buffer|buffer is smaller|ends? (early|before)",
        _CUT_OFF,
    ),
    (r"checksum|\bcrc\b", _CHECKSUM),
    (r"no (more )?(images?|pictures?|frames?|thumbnail|preview)|images? not found|no .*item", _NOTHING),
    (
        r"cannot identify|unsupported|not supported|unknown|not a |not an |bad magic|header|not available|"
        r"no decoder|not implemented|unrecognized|cannot handle|signature|compression|photometric|mode",
        _KIND,
    ),
)


def damage(error: BaseException) -> str:
    """What is wrong with a picture whose decoding raised this: a clause without a full stop."""
    text = str(error).lower()
    return next((meaning for pattern, meaning in _MEANINGS if re.search(pattern, text)), _DATA)
